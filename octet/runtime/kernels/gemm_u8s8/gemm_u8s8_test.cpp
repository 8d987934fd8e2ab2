#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "octet/base/aligned_buffer.h"
#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {
namespace {

struct Shape4 {
  int rows, taps, channels, n;
};

/// Unpacked operands; every kernel packs them its own way.
struct Problem {
  Shape4 shape;
  std::vector<std::uint8_t> a;  // [taps][rows][channels]
  std::vector<std::int8_t> w;   // [n][taps][channels]
  std::vector<std::int32_t> bias;
  std::vector<std::int32_t> row_bias;  // or none
  std::vector<float> multiplier;
  std::int32_t c_zero = 0, q_low = 0, q_high = 255;
};

struct Outputs {
  std::vector<std::uint8_t> c;
  std::vector<std::int32_t> acc;
  bool operator==(const Outputs&) const = default;
};

/// Rows of c and acc lie this many elements further apart than they are long.
constexpr int kGap = 3;
constexpr std::uint8_t kCanary = 0xa5;

Problem random_problem(const Shape4& shape, std::mt19937& rng) {
  const std::size_t k = std::size_t(shape.taps) * shape.channels;
  Problem p{.shape = shape};
  std::uniform_int_distribution<int> byte(0, 255);
  p.a.resize(shape.rows * k);
  p.w.resize(shape.n * k);
  for (auto& x : p.a) x = static_cast<std::uint8_t>(byte(rng));
  for (auto& x : p.w) x = static_cast<std::int8_t>(byte(rng) - 128);
  std::uniform_int_distribution<std::int32_t> bias(-100000, 100000);
  // Sums of k products are about 10^4 sqrt(k): most codes fall inside the limits.
  std::uniform_real_distribution<float> multiplier(1e-3f, 2e-2f);
  for (int j = 0; j < shape.n; ++j) {
    p.bias.push_back(bias(rng));
    p.multiplier.push_back(multiplier(rng) / std::sqrt(static_cast<float>(k)));
  }
  p.c_zero = byte(rng);
  p.q_low = byte(rng) / 8;
  p.q_high = 255 - byte(rng) / 8;
  return p;
}

void halve(std::vector<std::int8_t>& weights) {
  for (auto& x : weights) x = static_cast<std::int8_t>(x / 2);
}

std::size_t padded(std::size_t value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

Outputs run(const GemmU8S8Kernel& kernel, const Problem& p) {
  const auto [rows, taps, channels, n] = p.shape;
  EXPECT_LE(rows, kernel.mr);

  GuardedBuffer<std::uint8_t> a(p.a.size(), 64);
  std::copy(p.a.begin(), p.a.end(), a.data());
  std::vector<const std::uint8_t*> pointers;
  for (int i = 0; i < taps * rows; ++i) pointers.push_back(a.data() + std::size_t(i) * channels);

  const std::size_t packed_bytes = kernel.packed_bytes(taps, channels, n);
  GuardedBuffer<std::byte> packed(padded(packed_bytes, 64), 0, 0);
  kernel.pack(taps, channels, n, p.w.data(), packed.data());
  GuardedBuffer<std::byte> scratch(padded(kernel.scratch_bytes(taps, channels), 64));

  GuardedBuffer<std::int32_t> bias(padded(n, kernel.nr), 0, 0);
  GuardedBuffer<float> multiplier(padded(n, kernel.nr), 0, 0);
  std::copy(p.bias.begin(), p.bias.end(), bias.data());
  std::copy(p.multiplier.begin(), p.multiplier.end(), multiplier.data());

  const int stride = n + kGap;
  GuardedBuffer<std::uint8_t> c(std::size_t(rows - 1) * stride + n, 0, kCanary);
  GuardedBuffer<std::int32_t> acc(std::size_t(rows - 1) * stride + n, 0, kCanary);
  GemmU8S8Args args{.rows = rows,
                    .taps = taps,
                    .channels = channels,
                    .n = n,
                    .a = pointers.data(),
                    .weights = packed.data(),
                    .bias = bias.data(),
                    .multiplier = multiplier.data(),
                    .c = c.data(),
                    .c_stride = stride,
                    .c_zero = p.c_zero,
                    .q_low = p.q_low,
                    .q_high = p.q_high,
                    .acc = nullptr,
                    .acc_stride = 0,
                    .row_bias = p.row_bias.empty() ? nullptr : p.row_bias.data(),
                    .scratch = scratch.data()};
  kernel.run(args);
  args.acc = acc.data();
  args.acc_stride = stride;
  args.c = nullptr;
  args.multiplier = nullptr;
  kernel.run(args);
  return {{c.data(), c.data() + c.size()}, {acc.data(), acc.data() + acc.size()}};
}

const GemmU8S8Kernel& reference() { return gemm_u8s8_kernels().back(); }

/// The reference takes few rows at a time; its answer for any number of them.
Outputs run_reference(const Problem& p) {
  const auto [rows, taps, channels, n] = p.shape;
  Outputs all;
  for (int r = 0; r < rows; ++r) {
    Problem row = p;
    row.shape.rows = 1;
    if (!p.row_bias.empty()) row.row_bias = {p.row_bias[r]};
    row.a.clear();
    for (int t = 0; t < taps; ++t) {
      const auto begin = p.a.begin() + (std::ptrdiff_t(t) * rows + r) * channels;
      row.a.insert(row.a.end(), begin, begin + channels);
    }
    const Outputs out = run(reference(), row);
    if (r > 0) {
      all.c.insert(all.c.end(), kGap, kCanary);
      all.acc.insert(all.acc.end(), kGap, std::int32_t(0xa5a5a5a5));
    }
    all.c.insert(all.c.end(), out.c.begin(), out.c.end());
    all.acc.insert(all.acc.end(), out.acc.begin(), out.acc.end());
  }
  return all;
}

class GemmU8S8KernelTest : public testing::TestWithParam<GemmU8S8Kernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  /// Shrinks the weights if the kernel asks for it.
  void fit(Problem& p) const {
    const auto [rows, taps, channels, n] = p.shape;
    const GemmU8S8Kernel& kernel = GetParam();
    if (kernel.exact_for == nullptr) return;
    // Sums of 2 x run_length weights of at most 128 / (2 x run_length).
    for (int run = 1; run <= kernel.run_length; run *= 2) {
      if (kernel.exact_for(taps, channels, n, p.w.data())) return;
      halve(p.w);
    }
    ASSERT_TRUE(kernel.exact_for(taps, channels, n, p.w.data()));
  }
  void expect_matches(Problem p) {
    fit(p);
    const Outputs found = run(GetParam(), p);
    const Outputs expected = run_reference(p);
    const auto [rows, taps, channels, n] = p.shape;
    EXPECT_EQ(found.acc, expected.acc) << rows << "x" << taps << "x" << channels << "x" << n;
    EXPECT_EQ(found.c, expected.c) << rows << "x" << taps << "x" << channels << "x" << n;
  }
  std::mt19937 rng_{static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())};
};

TEST_P(GemmU8S8KernelTest, MatchesReferenceAroundTileEdges) {
  const GemmU8S8Kernel& kernel = GetParam();
  for (int rows = 1; rows <= kernel.mr; ++rows) {
    for (int n : {1, 7, 8, 9, 15, 16, 17, kernel.nr - 1, kernel.nr, kernel.nr + 1, 2 * kernel.nr,
                  2 * kernel.nr + 17}) {
      if (n < 1) continue;
      for (const auto& [taps, channels] : {std::pair(1, 1), {1, 5}, {3, 3}, {2, 33}}) {
        expect_matches(random_problem({rows, taps, channels, n}, rng_));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(GemmU8S8KernelTest, MatchesReferenceForEveryRemainderOfDepth) {
  const GemmU8S8Kernel& kernel = GetParam();
  for (int taps : {1, 3, 9}) {
    for (int channels : {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64}) {
      for (int n : {3, kernel.nr + 5}) {
        expect_matches(random_problem({kernel.mr, taps, channels, n}, rng_));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(GemmU8S8KernelTest, TakesAnyNumberOfPanels) {
  for (int panels = 1; panels <= 8; ++panels) {
    for (int more : {0, 3}) {
      const int n = panels * GetParam().nr + more;
      expect_matches(random_problem({1, 2, 7, n}, rng_));
    }
  }
}

TEST_P(GemmU8S8KernelTest, AddsABiasPerRow) {
  const GemmU8S8Kernel& kernel = GetParam();
  for (int rows = 1; rows <= kernel.mr; ++rows) {
    for (int n : {1, 15, kernel.nr, kernel.nr + 1, 3 * kernel.nr - 1}) {
      Problem p = random_problem({rows, 2, 21, n}, rng_);
      std::uniform_int_distribution<std::int32_t> bias(-100000, 100000);
      for (int r = 0; r < rows; ++r) p.row_bias.push_back(bias(rng_));
      expect_matches(p);
    }
  }
}

TEST_P(GemmU8S8KernelTest, IsExactForTheLargestActivationsAndWeights) {
  const GemmU8S8Kernel& kernel = GetParam();
  // Neighbours along K with equal signs are what a saturating pair sum gets wrong; each phase of
  // the pattern puts them in different lanes.
  const std::vector<std::vector<int>> patterns = {
      {127}, {-128}, {-127}, {127, -128}, {127, 127, -128, -128}, {1, 127, 127, 1}, {64, 65, 64}};
  for (const auto& pattern : patterns) {
    for (int phase = 0; phase < 4; ++phase) {
      Problem p = random_problem({kernel.mr, 3, 17, kernel.nr + 3}, rng_);
      std::fill(p.a.begin(), p.a.end(), 255);
      for (std::size_t i = 0; i < p.w.size(); ++i) {
        p.w[i] = static_cast<std::int8_t>(pattern[(i + phase) % pattern.size()]);
      }
      expect_matches(p);
    }
  }
}

TEST_P(GemmU8S8KernelTest, IsExactAtTheLimitOfItsProof) {
  const GemmU8S8Kernel& kernel = GetParam();
  for (const auto& [first, second] : {std::pair(127, 1),
                                      {1, 127},
                                      {64, 64},
                                      {127, -128},
                                      {-128, 127},
                                      {-128, 0},
                                      {0, -128},
                                      {-64, -64},
                                      {-127, -1}}) {
    for (int group = 0; group < kernel.run_length; ++group) {  // the one of a run that has weights
      Problem p = random_problem({kernel.mr, 2, 66, kernel.nr}, rng_);
      std::fill(p.a.begin(), p.a.end(), 255);
      for (std::size_t i = 0; i < p.w.size(); ++i) {
        const bool has_weights = static_cast<int>(i % 66 / 4) % kernel.run_length == group;
        p.w[i] = static_cast<std::int8_t>(!has_weights ? 0 : i % 2 == 0 ? first : second);
      }
      if (kernel.exact_for != nullptr) {
        EXPECT_TRUE(kernel.exact_for(2, 66, kernel.nr, p.w.data())) << first << ' ' << second;
      }
      expect_matches(p);
    }
  }
}

TEST_P(GemmU8S8KernelTest, IsExactWhereEveryWeightOfARunIsAtTheLimit) {
  const GemmU8S8Kernel& kernel = GetParam();
  const int limit = 128 / (2 * kernel.run_length);
  for (const int weight : {limit, -limit}) {
    Problem p = random_problem({kernel.mr, 2, 68, kernel.nr}, rng_);
    std::fill(p.a.begin(), p.a.end(), 255);
    std::fill(p.w.begin(), p.w.end(), static_cast<std::int8_t>(weight));
    if (kernel.exact_for != nullptr) {
      EXPECT_TRUE(kernel.exact_for(2, 68, kernel.nr, p.w.data()));
      std::vector<std::int8_t> beyond = p.w;
      beyond.back() = static_cast<std::int8_t>(weight > 0 ? 127 : -128);
      beyond[beyond.size() - 2] = beyond.back();
      EXPECT_FALSE(kernel.exact_for(2, 68, kernel.nr, beyond.data()));
    }
    expect_matches(p);
  }
}

TEST_P(GemmU8S8KernelTest, RoundsTiesToEvenAndClampsBeforeConversion) {
  const GemmU8S8Kernel& kernel = GetParam();
  const float kHuge = std::numeric_limits<float>::max();
  for (const float multiplier : {0.5f, 0.25f, 1.0f, 0x1p-32f, 255.0f, 3e9f, kHuge, -0.5f, -3e9f}) {
    for (const std::int32_t zero : {0, 1, 127, 128, 255}) {
      Problem p = random_problem({kernel.mr, 1, 1, 600}, rng_);
      std::fill(p.a.begin(), p.a.end(), 0);
      for (int j = 0; j < p.shape.n; ++j) p.bias[j] = j - 300;
      p.bias.front() = std::numeric_limits<std::int32_t>::min();
      p.bias.back() = std::numeric_limits<std::int32_t>::max();
      std::fill(p.multiplier.begin(), p.multiplier.end(), multiplier);
      p.c_zero = zero;
      for (const auto& [low, high] : {std::pair(0, 255), {zero, 255}, {3, 250}, {7, 7}}) {
        p.q_low = low;
        p.q_high = high;
        expect_matches(p);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, GemmU8S8KernelTest,
                         testing::ValuesIn(gemm_u8s8_kernels().begin(), gemm_u8s8_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(GemmU8S8ReferenceTest, EqualsTheEquationInWideIntegersAndDoubles) {
  std::mt19937 rng(testing::UnitTest::GetInstance()->random_seed());
  Problem p = random_problem({3, 3, 5, 7}, rng);
  p.row_bias = {17, -40'000, 90'001};
  const Outputs found = run(reference(), p);
  for (int r = 0; r < 3; ++r) {
    for (int j = 0; j < 7; ++j) {
      std::int64_t acc = p.bias[j] + p.row_bias[r];
      for (int t = 0; t < 3; ++t) {
        for (int c = 0; c < 5; ++c) acc += p.a[(t * 3 + r) * 5 + c] * p.w[(j * 3 + t) * 5 + c];
      }
      EXPECT_EQ(found.acc[r * (7 + kGap) + j], acc);
      // One float product of exact factors is the rounded double product.
      const auto product = static_cast<float>(static_cast<double>(acc) * p.multiplier[j]);
      const double code = std::clamp<double>(std::nearbyint(product) + p.c_zero, p.q_low, p.q_high);
      EXPECT_EQ(found.c[r * (7 + kGap) + j], code);
    }
  }
}

TEST(GemmU8S8ReferenceTest, RequantizesByHandComputedValues) {
  const float limit = std::numeric_limits<float>::max();
  struct Case {
    std::int32_t acc;
    float multiplier;
    std::int32_t zero, low, high;
    int expected;
  };
  for (const Case& c :
       {Case{1, 0.5f, 0, 0, 255, 0}, Case{3, 0.5f, 0, 0, 255, 2}, Case{5, 0.5f, 0, 0, 255, 2},
        Case{1, 0.5f, 1, 0, 255, 1}, Case{-1, 0.5f, 1, 0, 255, 1}, Case{-3, 0.5f, 10, 0, 255, 8},
        Case{1, limit, 7, 0, 255, 255}, Case{-1, limit, 7, 0, 255, 0}, Case{-1, limit, 7, 5, 9, 5},
        Case{1, limit, 7, 5, 9, 9}, Case{2147483647, 1.0f, 128, 0, 255, 255},
        Case{0, limit, 7, 0, 255, 7}}) {
    const Problem p{.shape = {1, 1, 1, 1},
                    .a = {0},
                    .w = {0},
                    .bias = {c.acc},
                    .multiplier = {c.multiplier},
                    .c_zero = c.zero,
                    .q_low = c.low,
                    .q_high = c.high};
    EXPECT_EQ(run(reference(), p).c[0], c.expected) << c.acc << " * " << c.multiplier;
  }
}

const GemmU8S8Kernel& kernel_named(std::string_view name) {
  return *std::ranges::find(gemm_u8s8_kernels(), name, &GemmU8S8Kernel::name);
}

TEST(GemmU8S8TableTest, MaddubsRefusesEveryPairThatCouldSaturateAndNoOther) {
  const auto exact_for = kernel_named("avx2_maddubs").exact_for;
  for (int first = -128; first <= 127; ++first) {
    for (int second = -128; second <= 127; ++second) {
      const std::int8_t pair[] = {static_cast<std::int8_t>(first),
                                  static_cast<std::int8_t>(second)};
      const int most = 255 * (std::max(first, 0) + std::max(second, 0));
      const int least = 255 * (std::min(first, 0) + std::min(second, 0));
      ASSERT_EQ(exact_for(1, 2, 1, pair), most <= 32767 && least >= -32768)
          << first << ' ' << second;
    }
  }
}

TEST(GemmU8S8TableTest, MaddubsPairsNeitherCrossTapsNorColumnsNorStartAtOddChannels) {
  const auto exact_for = kernel_named("avx2_maddubs").exact_for;
  const std::vector<std::int8_t> odd_pair = {0, 127, 127, 0};
  EXPECT_TRUE(exact_for(1, 4, 1, odd_pair.data()));       // pairs (0, 127) and (127, 0)
  EXPECT_FALSE(exact_for(1, 3, 1, odd_pair.data() + 1));  // (127, 127)
  const std::vector<std::int8_t> ends = {0, 0, 127, 127, 0, 0};
  EXPECT_TRUE(exact_for(2, 3, 1, ends.data()));   // 127 last of one tap, first of the next
  EXPECT_TRUE(exact_for(1, 3, 2, ends.data()));   // the same across columns
  EXPECT_FALSE(exact_for(1, 6, 1, ends.data()));  // a true pair
  std::vector<std::int8_t> late(7 * 3 * 10, 1);
  late[late.size() - 2] = late[late.size() - 1] = 127;
  EXPECT_FALSE(exact_for(3, 10, 7, late.data()));  // the very last pair
}

TEST(GemmU8S8TableTest, RunsOfSmallWeightsAreExactWhileTheirLanesFitInt16) {
  std::mt19937 rng(testing::UnitTest::GetInstance()->random_seed());
  for (const GemmU8S8Kernel& kernel : gemm_u8s8_kernels()) {
    if (kernel.exact_for == nullptr) continue;
    for (int trial = 0; trial < 2000; ++trial) {
      const int channels = 1 + static_cast<int>(rng() % 80);
      const int largest = 1 + static_cast<int>(rng() % (192 / kernel.run_length));
      std::vector<std::int8_t> weights(channels);
      for (auto& w : weights) {
        w = static_cast<std::int8_t>(
            std::clamp(static_cast<int>(rng() % (2 * largest + 1)) - largest, -128, 127));
      }
      bool fits = true;  // whatever the activations, whatever the order
      for (int run = 0; run < channels; run += 4 * kernel.run_length) {
        for (int lane = 0; lane < 2; ++lane) {
          int most = 0, least = 0;
          for (int c = run; c < std::min(channels, run + 4 * kernel.run_length); ++c) {
            if (c / 2 % 2 != lane) continue;
            (weights[c] > 0 ? most : least) += 255 * weights[c];
          }
          fits = fits && most <= 32767 && least >= -32768;
        }
      }
      ASSERT_EQ(kernel.exact_for(1, channels, 1, weights.data()), fits) << kernel.name;
    }
  }
}

TEST(GemmU8S8TableTest, SelectsTheFastestKernelThatIsExact) {
  const std::int8_t wild[] = {127, 127};
  const Isa vnni = Isa::kAvx2 | Isa::kAvx512 | Isa::kAvx512Vnni;
  EXPECT_EQ(select_gemm_u8s8(vnni, 1, 2, 1, wild).name, "avx512vnni");
  EXPECT_EQ(select_gemm_u8s8(Isa::kAvx2 | Isa::kAvx512, 1, 2, 1, wild).name, "avx2_maddwd");
  for (const auto& [largest, name] : {std::pair(64, "avx2_maddubs"), {32, "avx2_maddubs_x2"}}) {
    const std::vector<std::int8_t> weights(64, static_cast<std::int8_t>(largest));
    EXPECT_EQ(select_gemm_u8s8(Isa::kAvx2, 1, 64, 1, weights.data()).name, name);
  }
  EXPECT_EQ(select_gemm_u8s8(Isa::kAvx2, 1, 2, 1, wild).name, "avx2_maddwd");
  EXPECT_EQ(select_gemm_u8s8(Isa::kBaseline, 1, 2, 1, wild).name, "reference");
}

TEST(GemmU8S8TableTest, TheLastKernelNeedsNothingAndTakesAllWeights) {
  EXPECT_EQ(reference().needs, Isa::kBaseline);
  EXPECT_EQ(reference().exact_for, nullptr);
}

}  // namespace
}  // namespace octet
