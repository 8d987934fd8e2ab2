#include "octet/bench/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "octet/bench/latency.h"

namespace octet {
namespace {

constexpr int kResamples = 2000;

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

std::array<double, 2> median_interval(std::span<const double> values, Rng& rng) {
  std::vector<double> medians(kResamples), sample(values.size());
  for (double& resampled : medians) {
    for (double& value : sample)
      value = values[rng.below(static_cast<std::uint32_t>(values.size()))];
    resampled = median(sample);
  }
  return {percentile(medians, 0.025), percentile(medians, 0.975)};
}

double percentile(std::vector<double> values, double fraction) {
  std::ranges::sort(values);
  const double position = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double t = position - static_cast<double>(below);
  // numpy interpolates from the nearer end; so do we, to agree to the last bit.
  const double step = values[above] - values[below];
  return t < 0.5 ? values[below] + step * t : values[above] - step * (1 - t);
}

}  // namespace octet
