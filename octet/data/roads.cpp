#include <algorithm>
#include <array>
#include <cmath>

#include "octet/base/error.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

constexpr int kTrainRows = 4000, kValidationRows = 500, kTestRows = 1000;

// Shape of the counts, after the Toronto table: log-normal volumes, one direction often dominant,
// every eighth crossing a T-junction.
constexpr double kMedianVolume = 9500, kVolumeSpread = 0.7;
constexpr double kDirectionSpread = 0.17, kBalanceSpread = 0.05;
constexpr float kJunctionProbability = 0.125f;
constexpr double kPeakShare = 0.095, kPeakSpread = 0.02;

// Difficulty: the label is that of a load measured with this relative error. The thresholds cut the
// classes into about equal thirds.
constexpr double kLoadError = 0.04;
constexpr double kQuietBelow = 390, kBusyFrom = 720;

/// Irwin-Hall: the sum of twelve uniform draws less 6 has mean 0 and variance 1, and unlike a
/// logarithm or cosine it is the same on every machine.
double draw_normal(Rng& rng) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += rng.uniform();
  return sum;
}

/// (1 + x / 32)^32: nearly exp(x), by multiplication alone.
double growth(double x) {
  double power = 1 + x / 32;
  for (int i = 0; i < 5; ++i) power *= power;
  return power;
}

double draw_share(Rng& rng, double mean, double spread, double low, double high) {
  return std::clamp(mean + spread * draw_normal(rng), low, high);
}

struct Crossing {
  std::array<float, 7> counts;  ///< total, am peak, pm peak, north, east, south, west
  std::int32_t label;
};

/// The load of a crossing is its critical volume in the busiest hour: the larger of the opposing
/// approaches of each direction, summed, times the peak hour's share of the day. Traffic engineers
/// size signals by it; no single column gives it away.
Crossing draw_crossing(Rng& rng) {
  const double volume = kMedianVolume * growth(kVolumeSpread * draw_normal(rng));
  const double north_south = volume * draw_share(rng, 0.5, kDirectionSpread, 0.05, 0.95);
  const double to_north = draw_share(rng, 0.5, kBalanceSpread, 0.3, 0.7);
  const double to_east = draw_share(rng, 0.5, kBalanceSpread, 0.3, 0.7);
  std::array<double, 4> approach = {north_south * to_north, (volume - north_south) * to_east,
                                    north_south * (1 - to_north),
                                    (volume - north_south) * (1 - to_east)};
  if (rng.uniform() < kJunctionProbability) approach[rng.below(4)] = 0;
  for (double& count : approach) count = std::floor(count);
  const double total = approach[0] + approach[1] + approach[2] + approach[3];
  const double am = std::floor(total * draw_share(rng, kPeakShare * 0.92, kPeakSpread, 0.03, 0.2));
  const double pm = std::floor(total * draw_share(rng, kPeakShare * 1.08, kPeakSpread, 0.03, 0.2));

  const double critical = std::max(approach[0], approach[2]) + std::max(approach[1], approach[3]);
  const double load = std::max(am, pm) * critical / total;
  const double measured = load * (1 + kLoadError * draw_normal(rng));
  Crossing crossing;
  const std::array<double, 7> counts = {total,       am,          pm,         approach[0],
                                        approach[1], approach[2], approach[3]};
  std::ranges::transform(counts, crossing.counts.begin(),
                         [](double count) { return static_cast<float>(count); });
  crossing.label = measured < kQuietBelow ? 0 : measured < kBusyFrom ? 1 : 2;
  return crossing;
}

Dataset generate(Rng& rng, std::int64_t count) {
  Dataset data = make_dataset("roads", {7}, DType::kFloat32, count, {"quiet", "medium", "busy"});
  const std::span<float> values = data.samples.mutable_data<float>();
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const Crossing crossing = draw_crossing(rng);
    std::ranges::copy(crossing.counts, values.begin() + static_cast<std::ptrdiff_t>(7 * i));
    data.labels[i] = crossing.label;
  }
  return data;
}

}  // namespace

DataSplits load_roads(const std::string&, const DataOptions& options) {
  // One stream, cut in three: the rows of the parts are different draws.
  Rng rng(options.seed);
  DataSplits splits;
  splits.train = generate(rng, kTrainRows);
  splits.test = generate(rng, kTestRows);
  splits.validation = generate(rng, options.validation_fraction > 0 ? kValidationRows : 0);
  splits.train.preprocessing = measure_preprocessing(splits.train, 1.0f);
  splits.test.preprocessing = splits.train.preprocessing;
  splits.validation.preprocessing = splits.train.preprocessing;
  return splits;
}

}  // namespace octet
