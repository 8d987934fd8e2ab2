#include "octet/quant/calibration.h"

#include <algorithm>
#include <cmath>

#include "octet/base/error.h"

namespace octet {

void RangeObserver::observe(std::span<const float> values) {
  Range batch;
  std::int64_t finite = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    batch.min = finite == 0 ? value : std::min(batch.min, value);
    batch.max = finite == 0 ? value : std::max(batch.max, value);
    ++finite;
  }
  non_finite_ += static_cast<std::int64_t>(values.size()) - finite;
  seen_ += finite;
  if (finite == 0) return;
  if (empty_) {
    range_ = batch;
    empty_ = false;
  } else if (method_ == CalibrationMethod::kMinMax) {
    range_.min = std::min(range_.min, batch.min);
    range_.max = std::max(range_.max, batch.max);
  } else {
    // The order of operations of torch.ao.quantization.MovingAverageMinMaxObserver.
    range_.min += averaging_ * (batch.min - range_.min);
    range_.max += averaging_ * (batch.max - range_.max);
  }
}

Range RangeObserver::range() const { return range_; }

Calibration calibrate(const Graph& graph, const QuantSpec& spec, const ActivationSource& source) {
  const std::vector<ValueId> points = activation_points(graph);
  std::map<ValueId, RangeObserver> observers;
  for (const ValueId point : points) observers.emplace(point, RangeObserver(spec.calibration));
  source(points, [&](ValueId value, std::span<const float> elements) {
    const auto observer = observers.find(value);
    if (observer == observers.end()) {
      fail(ErrorKind::kInternal, "calibration: value '", graph.value(value).name,
           "' was reported but not requested");
    }
    observer->second.observe(elements);
  });

  Calibration calibration;
  for (const auto& [value, observer] : observers) {
    if (observer.seen() == 0) {
      fail(ErrorKind::kBadData, "calibration: value '", graph.value(value).name, "' saw ",
           observer.non_finite(), " non-finite and no finite elements, accepted: at least one");
    }
    calibration.ranges[value] = observer.range();
    if (observer.non_finite() > 0) calibration.non_finite[value] = observer.non_finite();
  }
  return calibration;
}

}  // namespace octet
