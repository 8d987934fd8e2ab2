#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/quant/quant_assignment.h"

namespace octet {

/// Streaming range of one tensor; memory does not grow with the data.
class RangeObserver {
 public:
  /// `averaging`: the weight of a new batch in a moving average.
  explicit RangeObserver(CalibrationMethod method, float averaging = 0.01f)
      : method_(method), averaging_(averaging) {}
  /// One batch. Non-finite elements are skipped and counted.
  void observe(std::span<const float> values);
  Range range() const;
  /// Finite elements so far; the range means nothing while there are none.
  std::int64_t seen() const { return seen_; }
  std::int64_t non_finite() const { return non_finite_; }

 private:
  CalibrationMethod method_;
  float averaging_;
  Range range_;
  bool empty_ = true;
  std::int64_t seen_ = 0;
  std::int64_t non_finite_ = 0;
};

/// Receives a value of the graph and its elements (NCHW order) for one batch.
using ActivationSink = std::function<void(ValueId, std::span<const float>)>;
/// Runs the float graph over the calibration data, batch by batch, and reports every requested
/// value. The runtime or the float executor supplies it; quant does not know how a graph runs.
using ActivationSource =
    std::function<void(std::span<const ValueId> requested, const ActivationSink& sink)>;

struct Calibration {
  std::map<ValueId, Range> ranges;
  std::map<ValueId, std::int64_t> non_finite;  ///< only values where some were found
};

/// One streaming pass. Error(kBadData) if a value saw no finite element.
Calibration calibrate(const Graph& graph, const QuantSpec& spec, const ActivationSource& source);

}  // namespace octet
