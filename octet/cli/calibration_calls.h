#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "octet/cli/global_options.h"
#include "octet/graph/graph.h"
#include "octet/quant/calibration.h"

namespace octet::cli {

/// What calibrates a network that takes several inputs, sizes known only at run time or a state.
struct CallsRequest {
  /// NAME=FILE: a tensor for every call or, with one more dimension in front, one for each; or
  /// "normal": the float inputs without file are drawn from N(0, 1).
  std::vector<std::string> inputs;
  std::vector<std::string>
      feedback;                   ///< OUTPUT=INPUT: an output of each call is an input of the next
  std::vector<std::string> dims;  ///< sizes of what is drawn, see ModelInputs
  int samples = 256;              ///< at most so many calls
};

/// The inputs of a network, call by call. A state that is fed back starts from its file, else from
/// zeros.
class CalibrationCalls {
 public:
  /// Error(kUsage) or Error(kBadData) for a name that the network does not have, an input that
  /// nothing gives, a tensor that does not fit.
  CalibrationCalls(const Graph& graph, const CallsRequest& request, std::uint32_t seed);

  int count() const { return count_; }
  /// The outputs that go round, and the inputs that they are of the next call.
  const std::vector<std::pair<std::string, std::string>>& feedback() const { return feedback_; }
  /// In the order of the graph's inputs. `fed`: by input, what the call before gave; empty for the
  /// first.
  std::vector<Tensor> inputs(int call, const std::map<std::string, Tensor>& fed) const;

 private:
  /// Where an input comes from.
  struct Source {
    std::string name;
    Tensor tensor;          ///< of every call, or with one more dimension of all
    bool per_call = false;  ///< the first dimension of `tensor` counts the calls
    bool drawn = false;     ///< `tensor` has only the shape
  };

  bool is_fed(const std::string& input) const;
  void add_file(const Value& input, Tensor tensor);
  /// An input without file, of this shape.
  void add_other(const Value& input, bool draws, const Shape& shape);

  std::vector<Source> sources_;
  std::vector<std::pair<std::string, std::string>> feedback_;
  std::uint32_t seed_;
  int count_;
};

/// What a network did in the calls: what every call was fed, and which branch of each Conditional
/// of the graph it chose.
struct CallRecord {
  std::vector<std::map<std::string, Tensor>> fed;
  std::map<std::string, std::vector<bool>> conditions;  ///< by node name
};
CallRecord record_calls(const Graph& graph, const CalibrationCalls& calls,
                        const GlobalOptions& global);

/// Runs the calls and reports every requested value; only those for which `chosen`, if there is
/// one, says so. All refer to what they are given.
ActivationSource calls_source(const Graph& graph, const CalibrationCalls& calls,
                              const CallRecord& record, const GlobalOptions& global,
                              const std::function<bool(int call)>& chosen = {});

}  // namespace octet::cli
