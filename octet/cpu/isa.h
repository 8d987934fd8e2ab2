#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// A set of instruction-set extensions a kernel needs, or a machine has.
enum class Isa : std::uint32_t {
  kBaseline = 0,
  kAvx2 = 1u << 0,        ///< AVX2 and FMA
  kAvx512 = 1u << 1,      ///< AVX-512 F, BW, DQ, VL
  kAvx512Vnni = 1u << 2,  ///< AVX-512 VNNI
};
constexpr Isa operator|(Isa a, Isa b) {
  return static_cast<Isa>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr bool contains(Isa have, Isa needed) {
  return (static_cast<std::uint32_t>(have) & static_cast<std::uint32_t>(needed)) ==
         static_cast<std::uint32_t>(needed);
}

/// What this processor and operating system offer.
Isa host_isa();
/// "auto", "baseline", "avx2", "avx512", "avx512vnni". Error(kUsage) for another name,
/// Error(kUnsupported) if this machine lacks it.
Isa parse_isa(std::string_view name);
/// The name of the strongest level in `isa`, as parse_isa takes it.
std::string_view to_string(Isa isa);
/// Every level this machine can run, weakest first: what kernel tests iterate over.
std::vector<Isa> testable_isas();

}  // namespace octet
