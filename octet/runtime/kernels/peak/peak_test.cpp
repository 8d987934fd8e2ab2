#include "octet/runtime/kernels/peak/peak.h"

#include <gtest/gtest.h>

#include "octet/runtime/kernels/depthwise/depthwise.h"
#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"

namespace octet {
namespace {

TEST(Peak, EveryMixThatTheHostHasRuns) {
  for (const PeakMix& mix : peak_mixes()) {
    EXPECT_GT(mix.macs_per_iteration, 0) << mix.name;
    if (contains(host_isa(), mix.needs)) mix.run(1000);
  }
}

/// A kernel can be no faster than a mix only if the mix needs no more than the kernel.
void expect_mix(const std::string& family, std::string_view variant, Isa needs) {
  const PeakMix* mix = peak_mix_of(family + "/" + std::string(variant));
  ASSERT_NE(mix, nullptr) << family << "/" << variant;
  EXPECT_TRUE(contains(needs, mix->needs)) << family << "/" << variant << ": " << mix->name;
}

TEST(Peak, EveryVectorizedProductHasItsMix) {
  for (const auto& kernel : gemm_f32_kernels()) {
    if (kernel.needs != Isa::kBaseline) expect_mix("conv2d_f32", kernel.name, kernel.needs);
  }
  for (const auto& kernel : gemm_u8s8_kernels()) {
    if (kernel.needs != Isa::kBaseline) expect_mix("conv2d_u8s8", kernel.name, kernel.needs);
  }
  for (const auto& kernel : depthwise_u8s8_kernels()) {
    if (kernel.needs != Isa::kBaseline) expect_mix("depthwise_u8s8", kernel.name, kernel.needs);
  }
}

TEST(Peak, WhatDoesNotMultiplyHasNone) {
  for (const char* kernel : {"", "copy", "pool_u8/avx2", "gemm_f32/reference", "quantize/avx512"}) {
    EXPECT_EQ(peak_mix_of(kernel), nullptr) << kernel;
  }
}

}  // namespace
}  // namespace octet
