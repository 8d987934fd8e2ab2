#include "octet/runtime/kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {

void PrintTo(const QuantizeKernel& kernel, std::ostream* out) { *out << kernel.name; }

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr std::int32_t kZeros[] = {0, 1, 127, 128, 129, 255};
constexpr float kScales[] = {1.0f, 0.1f, 0.007843138f, 3.0517578e-05f, 17.3f, 1e-30f};
constexpr int kCounts[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 257};

const QuantizeKernel& reference() { return quantize_kernels().back(); }

/// Values around every rounding tie and bound of this quantization, then the special ones.
std::vector<float> hard_values(float scale) {
  std::vector<float> values = {0.0f,   -0.0f,   kInf,   -kInf,   kNaN,       1e30f,      -1e30f,
                               1e-40f, -1e-40f, 2.1e9f, -2.2e9f, 3.4028e38f, -3.4028e38f};
  for (int k = -300; k <= 300; ++k) {
    const float tie = static_cast<float>(k) * scale + scale / 2;
    values.insert(values.end(), {tie, std::nextafter(tie, -kInf), std::nextafter(tie, kInf),
                                 static_cast<float>(k) * scale});
  }
  return values;
}

class QuantizeKernelTest : public testing::TestWithParam<QuantizeKernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  std::mt19937 rng_{static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed())};
};

std::vector<std::uint8_t> run(const QuantizeKernel& kernel, const std::vector<float>& x,
                              float scale, std::int32_t zero, std::int32_t low, std::int32_t high) {
  GuardedBuffer<float> in(x.size());
  std::ranges::copy(x, in.begin());
  GuardedBuffer<std::uint8_t> out(x.size());
  kernel.quantize(
      {static_cast<std::int64_t>(x.size()), in.data(), out.data(), scale, zero, low, high});
  return {out.begin(), out.end()};
}

TEST(QuantizeReference, DividesRoundsHalfToEvenThenAddsTheZeroPoint) {
  // 0.5, 1.5, 2.5 steps go to 0, 2, 2 whatever the parity of the zero point.
  EXPECT_EQ(run(reference(), {0.5f, 1.5f, 2.5f, -0.5f, -1.5f}, 1.0f, 127, 0, 255),
            (std::vector<std::uint8_t>{127, 129, 129, 127, 125}));
  // x * (1 / 0.1f) would be 15.5 and 32.500004 steps, and so 16 and 33.
  EXPECT_EQ(run(reference(), {1.54999995f, 3.25000024f}, 0.1f, 0, 0, 255),
            (std::vector<std::uint8_t>{15, 32}));
}

TEST(QuantizeReference, ClampsInFloatAndSendsNaNToTheZeroPoint) {
  EXPECT_EQ(run(reference(), {kInf, 1e30f, -kInf, -1e30f, kNaN}, 0.5f, 3, 0, 255),
            (std::vector<std::uint8_t>{255, 255, 0, 0, 3}));
  EXPECT_EQ(run(reference(), {kInf, -kInf}, 0.5f, 3, 1, 100), (std::vector<std::uint8_t>{100, 1}));
}

TEST_P(QuantizeKernelTest, QuantizesTiesBoundsAndSpecialValuesAsTheReference) {
  for (const float scale : kScales) {
    for (const std::int32_t zero : kZeros) {
      const std::vector<float> x = hard_values(scale);
      for (const auto& [low, high] : {std::pair{0, 255}, {zero, 255}, {0, 127}}) {
        ASSERT_EQ(run(GetParam(), x, scale, zero, low, high),
                  run(reference(), x, scale, zero, low, high))
            << "scale " << scale << " zero " << zero << " in " << low << ".." << high;
      }
    }
  }
}

TEST_P(QuantizeKernelTest, QuantizesEveryCountAroundTheVectorEdges) {
  std::normal_distribution<float> normal(0.0f, 2.0f);
  for (const int count : kCounts) {
    std::vector<float> x(static_cast<std::size_t>(count));
    for (float& value : x) value = normal(rng_);
    ASSERT_EQ(run(GetParam(), x, 0.03f, 113, 0, 255), run(reference(), x, 0.03f, 113, 0, 255))
        << count;
  }
}

TEST_P(QuantizeKernelTest, QuantizesImagesToNhwcAsTheReference) {
  std::normal_distribution<float> normal(0.0f, 2.0f);
  for (const int channels : {1, 2, 3, 4, 16, 17}) {
    for (const int pixels : kCounts) {
      const std::size_t size = static_cast<std::size_t>(channels * pixels);
      GuardedBuffer<float> x(size);
      for (float& value : x) value = normal(rng_);
      if (size > 5) x[5] = kNaN;
      GuardedBuffer<std::uint8_t> actual(size), expected(size);
      QuantizeNhwcArgs args{channels, pixels, x.data(), actual.data(), 0.02f, 129, 0, 255};
      GetParam().quantize_nhwc(args);
      args.c = expected.data();
      reference().quantize_nhwc(args);
      ASSERT_EQ(std::vector(actual.begin(), actual.end()),
                std::vector(expected.begin(), expected.end()))
          << channels << " channels, " << pixels << " pixels";
    }
  }
}

TEST(QuantizeReference, NhwcIsQuantizeOfTheTransposedImage) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};  // 3 channels of 2 pixels
  std::vector<std::uint8_t> c(6);
  reference().quantize_nhwc({3, 2, x.data(), c.data(), 1.0f, 0, 0, 255});
  EXPECT_EQ(c, (std::vector<std::uint8_t>{1, 3, 5, 2, 4, 6}));
}

TEST_P(QuantizeKernelTest, DequantizesEveryCodeAsTheReference) {
  for (const float scale : kScales) {
    for (const std::int32_t zero : kZeros) {
      for (const int count : {0, 1, 7, 15, 16, 17, 33, 256}) {
        GuardedBuffer<std::uint8_t> q(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i)
          q[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
        GuardedBuffer<float> actual(q.size()), expected(q.size());
        GetParam().dequantize({count, q.data(), actual.data(), scale, zero});
        reference().dequantize({count, q.data(), expected.data(), scale, zero});
        ASSERT_EQ(std::memcmp(actual.data(), expected.data(), q.size() * sizeof(float)), 0)
            << "scale " << scale << " zero " << zero << " count " << count;
      }
    }
  }
}

TEST_P(QuantizeKernelTest, DequantizesSumsAsTheReference) {
  std::uniform_int_distribution<std::int32_t> any(INT32_MIN, INT32_MAX);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  for (const int n : {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65}) {
    for (const int rows : {0, 1, 3}) {
      for (const bool with_bias : {false, true}) {
        const std::size_t size = static_cast<std::size_t>(rows * n);
        GuardedBuffer<std::int32_t> acc(size);
        for (std::int32_t& value : acc) value = any(rng_) >> (rng_() % 31);
        GuardedBuffer<float> scale(static_cast<std::size_t>(n)), bias(scale.size());
        for (float& value : scale) value = std::abs(normal(rng_)) * 1e-4f;
        for (float& value : bias) value = normal(rng_);
        bias[0] = kNaN;
        GuardedBuffer<float> actual(size), expected(size);
        DequantizeSumsArgs args{
            rows,          n,     acc.data(), scale.data(), with_bias ? bias.data() : nullptr,
            actual.data(), -2.0f, 60.0f};
        GetParam().dequantize_sums(args);
        args.y = expected.data();
        reference().dequantize_sums(args);
        ASSERT_EQ(std::memcmp(actual.data(), expected.data(), size * sizeof(float)), 0)
            << rows << 'x' << n << " bias " << with_bias;
      }
    }
  }
}

TEST_P(QuantizeKernelTest, FindsTheRangeWithZeroAndWithoutNaN) {
  std::normal_distribution<float> normal(0.0f, 2.0f);
  for (const int count : kCounts) {
    for (const float shift : {-100.0f, 0.0f, 100.0f}) {
      GuardedBuffer<float> x(static_cast<std::size_t>(count));
      for (float& value : x) value = normal(rng_) + shift;
      for (std::size_t i = 0; i < x.size(); i += 5) x[i] = kNaN;
      if (count > 3) x[3] = -0.0f;
      float range[2], expected[2];
      GetParam().min_max(count, x.data(), &range[0], &range[1]);
      reference().min_max(count, x.data(), &expected[0], &expected[1]);
      ASSERT_EQ(std::memcmp(range, expected, sizeof range), 0) << count << " shift " << shift;
    }
  }
}

TEST_P(QuantizeKernelTest, FindsAnExtremeAtEveryPosition) {
  for (std::size_t at = 0; at < 67; ++at) {
    std::vector<float> x(67, 1.0f);
    x[at] = at % 2 == 0 ? kInf : -5.0f;
    float min = kNaN, max = kNaN;
    GetParam().min_max(67, x.data(), &min, &max);
    EXPECT_EQ(min, at % 2 == 0 ? 0.0f : -5.0f) << at;
    EXPECT_EQ(max, at % 2 == 0 ? kInf : 1.0f) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, QuantizeKernelTest,
                         testing::ValuesIn(quantize_kernels().begin(), quantize_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SelectQuantize, TakesTheFastestKernelTheMachineHas) {
  EXPECT_EQ(select_quantize(Isa::kBaseline).name, "reference");
  EXPECT_EQ(select_quantize(Isa::kAvx2).name, "avx2");
  EXPECT_EQ(select_quantize(Isa::kAvx2 | Isa::kAvx512).name, "avx512");
}

}  // namespace
}  // namespace octet
