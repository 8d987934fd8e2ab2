#include "octet/runtime/kernels/depthwise/depthwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {

void PrintTo(const DepthwiseU8S8Kernel& kernel, std::ostream* out) { *out << kernel.name; }
void PrintTo(const DepthwiseF32Kernel& kernel, std::ostream* out) { *out << kernel.name; }

namespace {

constexpr int kTaps[] = {1, 2, 3, 4, 5, 9, 25};
constexpr int kChannels[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 257};
constexpr std::size_t kGap = 5;  // between two output pixels; nothing may be written there

/// Pixels that share input rows, as neighbouring windows of a convolution do.
template <typename T>
struct Problem {
  int pixels, taps, channels;
  std::vector<T> rows;      // [taps + 3][channels]
  std::vector<int> row_of;  // [pixels][taps]
  std::size_t row_count() const { return static_cast<std::size_t>(taps + 3); }
  std::size_t c_stride() const { return static_cast<std::size_t>(channels) + kGap; }
  std::size_t output_size() const {
    return static_cast<std::size_t>(pixels - 1) * c_stride() + static_cast<std::size_t>(channels);
  }

  Problem(int pixels, int taps, int channels, std::mt19937& rng)
      : pixels(pixels),
        taps(taps),
        channels(channels),
        rows(row_count() * static_cast<std::size_t>(channels)),
        row_of(static_cast<std::size_t>(pixels * taps)) {
    for (int& row : row_of) row = static_cast<int>(rng() % row_count());
    row_of.back() = static_cast<int>(row_count()) - 1;  // the row before the guard
  }

  std::vector<const T*> pointers(const T* base) const {
    std::vector<const T*> a;
    for (const int row : row_of) a.push_back(base + row * channels);
    return a;
  }
};

// ---- u8 s8 ----

struct U8S8Problem : Problem<std::uint8_t> {
  using Problem::Problem;
  std::vector<std::int8_t> weights;  // [taps][channels]
  std::vector<std::int32_t> bias;    // [channels]
  std::vector<float> multiplier;     // [channels]
  std::int32_t c_zero = 0, q_low = 0, q_high = 255;
};

U8S8Problem random_u8s8(int pixels, int taps, int channels, std::mt19937& rng) {
  U8S8Problem p(pixels, taps, channels, rng);
  std::uniform_real_distribution<float> multiplier(0.0001f, 0.01f);
  for (std::uint8_t& code : p.rows) code = static_cast<std::uint8_t>(rng());
  p.weights.resize(static_cast<std::size_t>(taps * channels));
  for (std::int8_t& weight : p.weights) weight = static_cast<std::int8_t>(rng());
  for (int c = 0; c < channels; ++c) {
    p.bias.push_back(static_cast<std::int32_t>(rng() % 20001) - 10000);
    // Powers of two make ties.
    p.multiplier.push_back(c % 3 == 0 ? 1.0f / 512 : multiplier(rng));
  }
  constexpr std::int32_t kZeros[] = {0, 1, 127, 128, 129, 255};
  p.c_zero = kZeros[rng() % 6];
  if (rng() % 2 == 0) p.q_low = p.c_zero;  // a fused ReLU
  if (rng() % 2 == 0) p.q_high = std::max(p.q_low, 200);
  return p;
}

/// All bytes from the first output to the last, gaps included.
std::vector<std::uint8_t> run(const DepthwiseU8S8Kernel& kernel, const U8S8Problem& p) {
  GuardedBuffer<std::uint8_t> rows(p.rows.size(), 64);
  std::ranges::copy(p.rows, rows.begin());
  const std::vector<const std::uint8_t*> a = p.pointers(rows.data());
  GuardedBuffer<std::uint8_t> packed(kernel.packed_bytes(p.taps, p.channels), 0, 0);
  kernel.pack(p.taps, p.channels, p.weights.data(), packed.data());
  // What lies in the readable rest must not matter: it stays the fill pattern.
  GuardedBuffer<std::int32_t> bias(p.bias.size(), 64 * sizeof(std::int32_t));
  std::ranges::copy(p.bias, bias.begin());
  GuardedBuffer<float> multiplier(p.multiplier.size(), 64 * sizeof(float));
  std::ranges::copy(p.multiplier, multiplier.begin());
  GuardedBuffer<std::uint8_t> c(p.output_size(), 0, 0xCD);
  kernel.run({p.pixels, p.taps, p.channels, a.data(), packed.data(), bias.data(), multiplier.data(),
              c.data(), static_cast<std::ptrdiff_t>(p.c_stride()), p.c_zero, p.q_low, p.q_high});
  return {c.begin(), c.end()};
}

const DepthwiseU8S8Kernel& u8s8_reference() { return depthwise_u8s8_kernels().back(); }

TEST(DepthwiseU8S8Reference, IsTheEquation) {
  std::mt19937 rng(1);
  U8S8Problem p(1, 2, 2, rng);
  p.rows = {10, 20, 1, 2, 3, 4, 5, 6, 7, 8};
  p.row_of = {0, 3};
  p.weights = {2, -3, 4, 1};
  p.bias = {3, 0};
  p.multiplier = {0.5f, 0.25f};
  p.c_zero = 100;
  // (3 + 10 * 2 + 5 * 4) / 2 = 21.5 -> 22;  (20 * -3 + 6 * 1) / 4 = -13.5 -> -14
  EXPECT_EQ(run(u8s8_reference(), p), (std::vector<std::uint8_t>{122, 86}));
  p.q_low = 100;
  p.q_high = 110;
  EXPECT_EQ(run(u8s8_reference(), p), (std::vector<std::uint8_t>{110, 100}));
}

class DepthwiseU8S8Test : public testing::TestWithParam<DepthwiseU8S8Kernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  std::mt19937 rng_{static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed())};
};

TEST_P(DepthwiseU8S8Test, MatchesTheReferenceAroundTapGroupsAndVectorEdges) {
  for (const int pixels : {1, 2, 7}) {
    for (const int taps : kTaps) {
      for (const int channels : kChannels) {
        const U8S8Problem p = random_u8s8(pixels, taps, channels, rng_);
        ASSERT_EQ(run(GetParam(), p), run(u8s8_reference(), p))
            << pixels << " pixels, " << taps << " taps, " << channels << " channels";
      }
    }
  }
}

TEST_P(DepthwiseU8S8Test, ExtremeCodesAndWeightsDoNotSaturate) {
  for (const int taps : kTaps) {
    for (const int weight : {-128, -127, 127}) {
      U8S8Problem p = random_u8s8(2, taps, 65, rng_);
      std::ranges::fill(p.rows, std::uint8_t{255});
      std::ranges::fill(p.weights, static_cast<std::int8_t>(weight));
      std::ranges::fill(p.bias, 0);
      std::ranges::fill(p.multiplier, 1.0f / (255.0f * 128.0f * static_cast<float>(taps)) * 120.0f);
      p.c_zero = 128;
      p.q_low = 0;
      p.q_high = 255;
      const std::vector<std::uint8_t> actual = run(GetParam(), p);
      ASSERT_EQ(actual, run(u8s8_reference(), p)) << taps << " taps of " << weight;
      ASSERT_EQ(actual[0], weight < 0 ? (weight == -128 ? 8 : 9) : 247) << taps << " taps";
    }
  }
}

TEST_P(DepthwiseU8S8Test, MultipliersOfEveryMagnitudeClampInFloat) {
  for (const float multiplier : {1e-9f, 0.5f, 255.0f, 1e6f}) {
    U8S8Problem p = random_u8s8(2, 9, 65, rng_);
    std::ranges::fill(p.multiplier, multiplier);
    ASSERT_EQ(run(GetParam(), p), run(u8s8_reference(), p)) << multiplier;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, DepthwiseU8S8Test,
                         testing::ValuesIn(depthwise_u8s8_kernels().begin(),
                                           depthwise_u8s8_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

// ---- f32 ----

struct F32Problem : Problem<float> {
  using Problem::Problem;
  std::vector<float> weights, bias;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

F32Problem random_f32(int pixels, int taps, int channels, std::mt19937& rng) {
  F32Problem p(pixels, taps, channels, rng);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  p.weights.resize(static_cast<std::size_t>(taps * channels));
  p.bias.resize(static_cast<std::size_t>(channels));
  for (float& x : p.rows) x = normal(rng);
  for (float& x : p.weights) x = normal(rng);
  for (float& x : p.bias) x = normal(rng);
  if (rng() % 2 == 0) p.low = 0.0f;
  if (rng() % 2 == 0) p.high = 1.5f;
  return p;
}

/// All bytes from the first output to the last, gaps included.
std::vector<std::uint8_t> run(const DepthwiseF32Kernel& kernel, const F32Problem& p) {
  constexpr std::size_t kReadable = 16 * sizeof(float);
  GuardedBuffer<float> rows(p.rows.size(), kReadable), weights(p.weights.size(), kReadable),
      bias(p.bias.size(), kReadable), c(p.output_size(), 0, 0xCD);
  std::ranges::copy(p.rows, rows.begin());
  std::ranges::copy(p.weights, weights.begin());
  std::ranges::copy(p.bias, bias.begin());
  const std::vector<const float*> a = p.pointers(rows.data());
  kernel.run({p.pixels, p.taps, p.channels, a.data(), weights.data(), bias.data(), c.data(),
              static_cast<std::ptrdiff_t>(p.c_stride()), p.low, p.high});
  std::vector<std::uint8_t> bytes(p.output_size() * sizeof(float));
  std::memcpy(bytes.data(), c.data(), bytes.size());
  return bytes;
}

const DepthwiseF32Kernel& f32_reference() { return depthwise_f32_kernels().back(); }

class DepthwiseF32Test : public testing::TestWithParam<DepthwiseF32Kernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  std::mt19937 rng_{static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed())};
};

TEST_P(DepthwiseF32Test, HasTheBytesOfTheReferenceAroundVectorEdges) {
  for (const int pixels : {1, 3, 4, 9}) {
    for (const int taps : kTaps) {
      for (const int channels : kChannels) {
        const F32Problem p = random_f32(pixels, taps, channels, rng_);
        ASSERT_EQ(run(GetParam(), p), run(f32_reference(), p))
            << pixels << " pixels, " << taps << " taps, " << channels << " channels";
      }
    }
  }
}

TEST_P(DepthwiseF32Test, NaNIsNotHiddenByTheClamp) {
  F32Problem p = random_f32(1, 9, 33, rng_);
  std::ranges::fill(p.rows, std::numeric_limits<float>::quiet_NaN());
  p.low = 0.0f;
  p.high = 6.0f;
  const std::vector<std::uint8_t> bytes = run(GetParam(), p);
  for (std::size_t i = 0; i < 33; ++i) {
    float x;
    std::memcpy(&x, bytes.data() + i * sizeof x, sizeof x);
    EXPECT_TRUE(x != x) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, DepthwiseF32Test,
                         testing::ValuesIn(depthwise_f32_kernels().begin(),
                                           depthwise_f32_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace octet
