#pragma once

#include <array>
#include <span>

#include "octet/base/rng.h"

namespace octet {

/// 95 % percentile bootstrap interval of the median (Efron 1979). REQUIRES: values not empty.
std::array<double, 2> median_interval(std::span<const double> values, Rng& rng);

}  // namespace octet
