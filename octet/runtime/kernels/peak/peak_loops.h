#pragma once

#include <cstdint>

// The contract between the table and the instruction-set files of this family.

namespace octet {

constexpr int kPeakSums = 12;  // in flight: latency of up to 6 at two per cycle

void peak_fma_avx2(std::int64_t iterations) noexcept;
void peak_maddubs_avx2(std::int64_t iterations) noexcept;
void peak_maddubs_x2_avx2(std::int64_t iterations) noexcept;
void peak_maddwd_avx2(std::int64_t iterations) noexcept;
void peak_fma_avx512(std::int64_t iterations) noexcept;
void peak_maddwd_avx512(std::int64_t iterations) noexcept;
void peak_dpbusd_avx512vnni(std::int64_t iterations) noexcept;

}  // namespace octet
