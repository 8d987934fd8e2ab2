#include "octet/runtime/kernels/eltwise/eltwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {

void PrintTo(const EltwiseKernel& kernel, std::ostream* out) { *out << kernel.name; }

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int kCounts[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 257};

const EltwiseKernel& reference() { return eltwise_kernels().back(); }

/// Scales and zero points of the two operands and the result.
struct Quantization {
  float a_scale, b_scale, c_scale;
  std::int32_t a_zero, b_zero, c_zero;
  float low = -kInf, high = kInf;
};

// Powers of two put many sums on ties; the last ones overflow float on the way.
const Quantization kQuantizations[] = {
    {0.5f, 0.5f, 1.0f, 0, 255, 127},
    {0.5f, 0.25f, 0.125f, 128, 129, 1},
    {0.0173f, 0.0211f, 0.0302f, 113, 127, 128},
    {0.0173f, 0.0211f, 0.0302f, 113, 127, 0, 0.0f, 6.0f},
    {0.1f, 0.3f, 0.0007f, 255, 0, 255, -1.0f, kInf},
    {1e-30f, 3e-30f, 2e-30f, 1, 127, 129},
    {3e38f, 3e38f, 1e-3f, 128, 128, 7},
};

class EltwiseKernelTest : public testing::TestWithParam<EltwiseKernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  std::mt19937 rng_{static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed())};
};

using RunU8 = void (*)(const EltwiseU8Args&) noexcept;
std::vector<std::uint8_t> run(RunU8 run, const Quantization& q, const std::vector<std::uint8_t>& a,
                              const std::vector<std::uint8_t>& b) {
  GuardedBuffer<std::uint8_t> in_a(a.size()), in_b(a.size()), out(a.size());
  std::ranges::copy(a, in_a.begin());
  std::ranges::copy(b, in_b.begin());
  run({static_cast<std::int64_t>(a.size()), in_a.data(), in_b.data(), out.data(), q.a_scale,
       q.b_scale, q.c_scale, q.a_zero, q.b_zero, q.c_zero, q.low, q.high});
  return {out.begin(), out.end()};
}

TEST(EltwiseReference, AddsAsDequantizeAddClipQuantizeWould) {
  // (10 - 4) / 2 + (3 - 1) / 4 = 3.5 steps of 1: a tie that goes to the even 4, then the zero
  // point.
  const Quantization q{0.5f, 0.25f, 1.0f, 4, 1, 9};
  EXPECT_EQ(run(reference().add_u8, q, {10, 8}, {3, 3}), (std::vector<std::uint8_t>{13, 11}));
  const Quantization relu6{1.0f, 1.0f, 0.5f, 128, 128, 10, 0.0f, 6.0f};
  EXPECT_EQ(run(reference().add_u8, relu6, {255, 0, 130}, {255, 0, 128}),
            (std::vector<std::uint8_t>{22, 10, 14}));
}

TEST(EltwiseReference, MultipliesWithOneCombinedScale) {
  // (6 - 1) * (10 - 3) = 35 steps of 0.5 * 0.5 / 1: 8.75.
  const Quantization q{0.5f, 0.5f, 1.0f, 1, 3, 20};
  EXPECT_EQ(run(reference().mul_u8, q, {6, 0}, {10, 5}), (std::vector<std::uint8_t>{29, 20}));
}

TEST_P(EltwiseKernelTest, AddsAndMultipliesEveryPairOfCodesAsTheReference) {
  std::vector<std::uint8_t> a(65536), b(65536);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<std::uint8_t>(i >> 8);
    b[i] = static_cast<std::uint8_t>(i);
  }
  for (const Quantization& q : kQuantizations) {
    ASSERT_EQ(run(GetParam().add_u8, q, a, b), run(reference().add_u8, q, a, b)) << q.c_scale;
    ASSERT_EQ(run(GetParam().mul_u8, q, a, b), run(reference().mul_u8, q, a, b)) << q.c_scale;
  }
}

TEST_P(EltwiseKernelTest, HandlesEveryCountAndZeroPointAroundTheVectorEdges) {
  for (const int count : kCounts) {
    for (const std::int32_t zero : {0, 1, 127, 128, 129, 255}) {
      std::vector<std::uint8_t> a(static_cast<std::size_t>(count)), b(a.size());
      for (std::uint8_t& code : a) code = static_cast<std::uint8_t>(rng_());
      for (std::uint8_t& code : b) code = static_cast<std::uint8_t>(rng_());
      const Quantization q{0.02f, 0.03f, 0.025f, zero, 255 - zero, zero};
      ASSERT_EQ(run(GetParam().add_u8, q, a, b), run(reference().add_u8, q, a, b)) << count;
      ASSERT_EQ(run(GetParam().mul_u8, q, a, b), run(reference().mul_u8, q, a, b)) << count;
    }
  }
}

TEST_P(EltwiseKernelTest, FloatResultsHaveTheBytesOfTheReference) {
  using RunF32 = void (*)(const EltwiseF32Args&) noexcept;
  const std::pair<RunF32, RunF32> runs[] = {
      {GetParam().add_f32, reference().add_f32},
      {GetParam().mul_f32, reference().mul_f32},
      {GetParam().clamp_f32, reference().clamp_f32},
  };
  const float special[] = {0.0f, -0.0f, kInf, -kInf, kNaN, 1e30f, 3e38f, 1e-40f, 6.0f, -1.0f};
  std::normal_distribution<float> normal(0.0f, 3.0f);
  for (const int count : kCounts) {
    for (const auto& [low, high] : {std::pair{-kInf, kInf}, {0.0f, 6.0f}, {-0.0f, kInf}}) {
      GuardedBuffer<float> a(static_cast<std::size_t>(count)), b(a.size()), actual(a.size()),
          expected(a.size());
      for (float& x : a) x = rng_() % 3 == 0 ? special[rng_() % 10] : normal(rng_);
      for (float& x : b) x = rng_() % 3 == 0 ? special[rng_() % 10] : normal(rng_);
      for (const auto& [run, expect] : runs) {
        run({count, a.data(), b.data(), actual.data(), low, high});
        expect({count, a.data(), b.data(), expected.data(), low, high});
        for (std::size_t i = 0; i < a.size(); ++i) {
          // The sign of a NaN that two NaN operands give depends on their order in the instruction.
          if (actual[i] != actual[i] && expected[i] != expected[i]) continue;
          ASSERT_EQ(std::memcmp(&actual[i], &expected[i], sizeof(float)), 0)
              << a[i] << " and " << b[i] << " in " << low << ".." << high << ": " << actual[i]
              << " not " << expected[i];
        }
      }
    }
  }
}

TEST_P(EltwiseKernelTest, HardFunctionsHaveTheBytesOfTheReference) {
  const float special[] = {0.0f, -0.0f, kInf, -kInf, kNaN, 3.0f, -3.0f, 1e-40f, 3e38f, -2.5f};
  std::normal_distribution<float> normal(0.0f, 3.0f);
  for (const int count : kCounts) {
    GuardedBuffer<float> a(static_cast<std::size_t>(count)), actual(a.size()), expected(a.size());
    for (float& x : a) x = rng_() % 3 == 0 ? special[rng_() % 10] : normal(rng_);
    for (const auto& [alpha, beta] : {std::pair{1.0f / 6.0f, 0.5f}, {0.2f, 0.5f}, {-1.0f, -0.0f}}) {
      for (const bool times_input : {false, true}) {
        GetParam().hard_f32({count, a.data(), actual.data(), alpha, beta, times_input});
        reference().hard_f32({count, a.data(), expected.data(), alpha, beta, times_input});
        for (std::size_t i = 0; i < a.size(); ++i) {
          if (actual[i] != actual[i] && expected[i] != expected[i]) continue;
          ASSERT_EQ(std::memcmp(&actual[i], &expected[i], sizeof(float)), 0)
              << a[i] << ": " << actual[i] << " not " << expected[i];
        }
      }
    }
  }
}

TEST(EltwiseReference, HardSwishIsItsDefinition) {
  const float a[] = {-4.0f, -3.0f, -1.5f, 0.0f, 1.5f, 3.0f, 4.0f};
  const float swish[] = {0.0f, 0.0f, -0.375f, 0.0f, 1.125f, 3.0f, 4.0f};
  float c[7];
  reference().hard_f32({7, a, c, 1.0f / 6.0f, 0.5f, true});
  for (int i = 0; i < 7; ++i) EXPECT_FLOAT_EQ(c[i], swish[i]);
}

TEST_P(EltwiseKernelTest, NaNIsNotHiddenByAClamp) {
  std::vector<float> a(33, kNaN), b(33, 1.0f), c(33);
  GetParam().add_f32({33, a.data(), b.data(), c.data(), 0.0f, 6.0f});
  for (const float x : c) EXPECT_TRUE(x != x);
  GetParam().clamp_f32({33, a.data(), nullptr, c.data(), 0.0f, 6.0f});
  for (const float x : c) EXPECT_TRUE(x != x);
}

TEST_P(EltwiseKernelTest, TheResultMayReplaceAnOperand) {
  std::vector<std::uint8_t> a(77), b(77);
  for (std::uint8_t& code : a) code = static_cast<std::uint8_t>(rng_());
  for (std::uint8_t& code : b) code = static_cast<std::uint8_t>(rng_());
  const Quantization& q = kQuantizations[2];
  const std::vector<std::uint8_t> expected = run(reference().add_u8, q, a, b);
  GetParam().add_u8({77, a.data(), b.data(), b.data(), q.a_scale, q.b_scale, q.c_scale, q.a_zero,
                     q.b_zero, q.c_zero, q.low, q.high});
  EXPECT_EQ(b, expected);
}

INSTANTIATE_TEST_SUITE_P(Kernels, EltwiseKernelTest,
                         testing::ValuesIn(eltwise_kernels().begin(), eltwise_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace octet
