#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

// What a core can multiply at most: for each kind of product the instructions that add it to a sum,
// over registers alone, with enough sums in flight to hide their latency. No kernel can be faster;
// how near it comes says what is left to gain (Williams et al. 2009, Roofline).

namespace octet {

struct PeakMix {
  std::string_view name;  ///< the instructions, e.g. "vpmaddwd+vpaddd ymm"
  Isa needs;
  std::int64_t macs_per_iteration;
  void (*run)(std::int64_t iterations) noexcept;
};

std::span<const PeakMix> peak_mixes();

/// The mix of a layer's kernel as `PlanLayer::kernel` names it ("conv2d_u8s8/avx2_maddwd"); null
/// for kernels that do not multiply, or not with one of these mixes.
const PeakMix* peak_mix_of(std::string_view kernel);

}  // namespace octet
