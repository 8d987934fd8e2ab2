#include "octet/runtime/kernels/quantize/quantize.h"

#include <algorithm>

namespace octet {

void quantize_reference(const QuantizeArgs& args) noexcept;
void dequantize_reference(const DequantizeArgs& args) noexcept;
void dequantize_sums_reference(const DequantizeSumsArgs& args) noexcept;
void quantize_nhwc_reference(const QuantizeNhwcArgs& args) noexcept;
void min_max_reference(std::int64_t count, const float* x, float* min, float* max) noexcept;

void quantize_avx2(const QuantizeArgs& args) noexcept;
void dequantize_avx2(const DequantizeArgs& args) noexcept;
void dequantize_sums_avx2(const DequantizeSumsArgs& args) noexcept;
void quantize_nhwc_avx2(const QuantizeNhwcArgs& args) noexcept;
void min_max_avx2(std::int64_t count, const float* x, float* min, float* max) noexcept;

void quantize_avx512(const QuantizeArgs& args) noexcept;
void dequantize_avx512(const DequantizeArgs& args) noexcept;
void dequantize_sums_avx512(const DequantizeSumsArgs& args) noexcept;
void quantize_nhwc_avx512(const QuantizeNhwcArgs& args) noexcept;
void min_max_avx512(std::int64_t count, const float* x, float* min, float* max) noexcept;

namespace {

constexpr QuantizeKernel kKernels[] = {
    {"avx512", Isa::kAvx2 | Isa::kAvx512, quantize_avx512, dequantize_avx512,
     dequantize_sums_avx512, quantize_nhwc_avx512, min_max_avx512},
    {"avx2", Isa::kAvx2, quantize_avx2, dequantize_avx2, dequantize_sums_avx2, quantize_nhwc_avx2,
     min_max_avx2},
    {"reference", Isa::kBaseline, quantize_reference, dequantize_reference,
     dequantize_sums_reference, quantize_nhwc_reference, min_max_reference},
};

}  // namespace

std::span<const QuantizeKernel> quantize_kernels() { return kKernels; }

const QuantizeKernel& select_quantize(Isa have) {
  return *std::ranges::find_if(
      kKernels, [=](const QuantizeKernel& kernel) { return contains(have, kernel.needs); });
}

}  // namespace octet
