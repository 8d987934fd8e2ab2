#include "octet/runtime/kernels/peak/peak.h"

#include <algorithm>

#include "octet/runtime/kernels/peak/peak_loops.h"

namespace octet {
namespace {

constexpr PeakMix kMixes[] = {
    {"vfmadd231ps zmm", Isa::kAvx512, kPeakSums * 16, peak_fma_avx512},
    {"vfmadd231ps ymm", Isa::kAvx2, kPeakSums * 8, peak_fma_avx2},
    {"vpdpbusd zmm", Isa::kAvx512Vnni, kPeakSums * 64, peak_dpbusd_avx512vnni},
    {"vpmaddwd+vpaddd zmm", Isa::kAvx512, kPeakSums * 32, peak_maddwd_avx512},
    {"vpmaddubsw+vpmaddwd+vpaddd ymm", Isa::kAvx2, kPeakSums * 32, peak_maddubs_avx2},
    {"2 x vpmaddubsw, vpmaddwd+vpaddd ymm", Isa::kAvx2, kPeakSums * 64, peak_maddubs_x2_avx2},
    {"vpmaddwd+vpaddd ymm", Isa::kAvx2, kPeakSums * 16, peak_maddwd_avx2},
};

/// Which mix a kernel's variant multiplies with.
struct Use {
  bool is_float;
  std::string_view variant, mix;
};
constexpr Use kUses[] = {
    {true, "avx512", "vfmadd231ps zmm"},
    {true, "avx2", "vfmadd231ps ymm"},
    {false, "avx512vnni", "vpdpbusd zmm"},
    {false, "avx512", "vpmaddwd+vpaddd zmm"},
    {false, "avx2_maddubs", "vpmaddubsw+vpmaddwd+vpaddd ymm"},
    {false, "avx2_maddubs_x2", "2 x vpmaddubsw, vpmaddwd+vpaddd ymm"},
    {false, "avx2_maddwd", "vpmaddwd+vpaddd ymm"},
    {false, "avx2", "vpmaddwd+vpaddd ymm"},
};

}  // namespace

std::span<const PeakMix> peak_mixes() { return kMixes; }

const PeakMix* peak_mix_of(std::string_view kernel) {
  const std::size_t slash = kernel.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const std::string_view family = kernel.substr(0, slash), variant = kernel.substr(slash + 1);
  const bool is_float = family.find("f32") != std::string_view::npos;
  if (!is_float && family.find("u8s8") == std::string_view::npos) return nullptr;
  const Use* const use = std::ranges::find_if(
      kUses, [&](const Use& u) { return u.is_float == is_float && u.variant == variant; });
  if (use == std::end(kUses)) return nullptr;
  return std::ranges::find(kMixes, use->mix, &PeakMix::name);
}

}  // namespace octet
