#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kGap = 3;  // unwritten floats between two rows of c

struct Problem {
  int rows, taps, channels, n;
  std::vector<float> a;  // [taps][rows][channels]
  std::vector<float> w;  // [n][taps][channels]
  std::vector<float> bias;
  float low = -kInfinity, high = kInfinity;
};

Problem random_problem(int rows, int taps, int channels, int n, std::mt19937& rng) {
  std::normal_distribution<float> normal;
  const std::size_t k = std::size_t(taps) * channels;
  Problem p{rows,
            taps,
            channels,
            n,
            std::vector<float>(rows * k),
            std::vector<float>(n * k),
            std::vector<float>(n)};
  for (auto* values : {&p.a, &p.w, &p.bias}) {
    for (float& x : *values) x = normal(rng);
  }
  return p;
}

/// The bits of c, the gaps between its rows included. The taps from `cut` on are a call of their
/// own.
std::vector<std::uint32_t> run(const GemmF32Kernel& kernel, const Problem& p, int cut = 0) {
  EXPECT_LE(p.rows, kernel.mr);
  GuardedBuffer<float> a(p.a.size());
  std::copy(p.a.begin(), p.a.end(), a.data());
  std::vector<const float*> pointers;
  for (int i = 0; i < p.taps * p.rows; ++i) {
    pointers.push_back(a.data() + std::size_t(i) * p.channels);
  }
  const std::size_t bytes = kernel.packed_bytes(p.taps, p.channels, p.n);
  GuardedBuffer<std::byte> packed((bytes + 63) / 64 * 64, 0, 0);
  auto* weights = reinterpret_cast<float*>(packed.data());
  kernel.pack(p.taps, p.channels, p.n, p.w.data(), weights);
  GuardedBuffer<float> bias((p.n + kernel.nr - 1) / kernel.nr * kernel.nr, 0, 0);
  std::copy(p.bias.begin(), p.bias.end(), bias.data());
  const int stride = p.n + kGap;
  GuardedBuffer<float> c(std::size_t(p.rows - 1) * stride + p.n);
  GemmF32Args args{.rows = p.rows,
                   .taps = p.taps,
                   .channels = p.channels,
                   .n = p.n,
                   .a = pointers.data(),
                   .weights = weights,
                   .bias = bias.data(),
                   .c = c.data(),
                   .c_stride = stride,
                   .low = p.low,
                   .high = p.high};
  if (cut > 0) {
    EXPECT_LE(p.n, kernel.nr) << "weights of a cut depth are apart in every panel";
    args.taps = cut;
    args.low = -kInfinity;
    args.high = kInfinity;
    kernel.run(args);
    args.taps = p.taps - cut;
    args.a += cut * p.rows;
    args.weights += kernel.packed_bytes(cut, p.channels, p.n) / sizeof(float);
    args.low = p.low;
    args.high = p.high;
    args.continues = true;
  }
  kernel.run(args);
  std::vector<std::uint32_t> bits;
  for (float x : c.span()) bits.push_back(std::bit_cast<std::uint32_t>(x));
  return bits;
}

const GemmF32Kernel& reference() { return gemm_f32_kernels().back(); }

std::vector<std::uint32_t> run_reference(const Problem& p) {
  std::vector<std::uint32_t> all;
  for (int r = 0; r < p.rows; ++r) {
    Problem row = p;
    row.rows = 1;
    row.a.clear();
    for (int t = 0; t < p.taps; ++t) {
      const auto begin = p.a.begin() + (std::ptrdiff_t(t) * p.rows + r) * p.channels;
      row.a.insert(row.a.end(), begin, begin + p.channels);
    }
    const auto bits = run(reference(), row);
    if (r > 0) all.insert(all.end(), kGap, 0xa5a5a5a5u);
    all.insert(all.end(), bits.begin(), bits.end());
  }
  return all;
}

class GemmF32KernelTest : public testing::TestWithParam<GemmF32Kernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  void expect_matches(const Problem& p) {
    EXPECT_EQ(run(GetParam(), p), run_reference(p))
        << p.rows << "x" << p.taps << "x" << p.channels << "x" << p.n;
  }
  std::mt19937 rng_{static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())};
};

TEST_P(GemmF32KernelTest, EqualsReferenceBitForBitAroundTileEdges) {
  const GemmF32Kernel& kernel = GetParam();
  for (int rows = 1; rows <= kernel.mr; ++rows) {
    for (int n : {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, kernel.nr - 1, kernel.nr, kernel.nr + 1,
                  2 * kernel.nr + 17}) {
      if (n < 1) continue;
      for (const auto& [taps, channels] : {std::pair(1, 1), {1, 5}, {3, 3}, {2, 33}}) {
        expect_matches(random_problem(rows, taps, channels, n, rng_));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(GemmF32KernelTest, EqualsReferenceBitForBitForEveryRemainderOfDepth) {
  const GemmF32Kernel& kernel = GetParam();
  for (int taps : {1, 3, 9}) {
    for (int channels : {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64}) {
      expect_matches(random_problem(kernel.mr, taps, channels, kernel.nr + 5, rng_));
      if (HasFailure()) return;
    }
  }
}

TEST_P(GemmF32KernelTest, TakesAnyNumberOfPanels) {
  for (int panels = 1; panels <= 8; ++panels) {
    for (int more : {0, 3}) {
      const int n = panels * GetParam().nr + more;
      expect_matches(random_problem(1, 2, 7, n, rng_));
    }
  }
}

TEST_P(GemmF32KernelTest, GoesOnFromTheSumsOfACallBefore) {
  const GemmF32Kernel& kernel = GetParam();
  for (int rows = 1; rows <= kernel.mr; ++rows) {
    for (int n = 1; n <= kernel.nr; ++n) {
      Problem p = random_problem(rows, 4, 5, n, rng_);
      p.low = -1.0f;
      p.high = 2.0f;
      p.bias[0] = std::numeric_limits<float>::quiet_NaN();
      const auto whole = run(kernel, p);
      for (int cut : {1, 3}) EXPECT_EQ(run(kernel, p, cut), whole) << rows << "x" << n;
    }
  }
}

TEST_P(GemmF32KernelTest, ClampsToBothLimits) {
  const GemmF32Kernel& kernel = GetParam();
  for (const auto& [low, high] :
       {std::pair(0.0f, kInfinity), {0.0f, 6.0f}, {-1.0f, 1.0f}, {-0.0f, 0.0f}}) {
    Problem p = random_problem(kernel.mr, 3, 9, kernel.nr + 1, rng_);
    p.low = low;
    p.high = high;
    for (const std::uint32_t bits : run(kernel, p)) {
      if (bits == 0xa5a5a5a5u) continue;
      EXPECT_GE(std::bit_cast<float>(bits), low);
      EXPECT_LE(std::bit_cast<float>(bits), high);
    }
    expect_matches(p);
  }
}

TEST_P(GemmF32KernelTest, KeepsNanThroughTheClampAndInItsOwnOutputOnly) {
  const GemmF32Kernel& kernel = GetParam();
  Problem p = random_problem(kernel.mr, 2, 3, kernel.nr + 1, rng_);
  p.low = 0.0f;
  p.high = 6.0f;
  p.bias[kernel.nr] = std::numeric_limits<float>::quiet_NaN();
  const auto c = run(kernel, p);
  for (int r = 0; r < p.rows; ++r) {
    for (int j = 0; j < p.n; ++j) {
      EXPECT_EQ(std::isnan(std::bit_cast<float>(c[r * (p.n + kGap) + j])), j == kernel.nr);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, GemmF32KernelTest,
                         testing::ValuesIn(gemm_f32_kernels().begin(), gemm_f32_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(GemmF32ReferenceTest, EqualsExactSumsOfSmallIntegers) {
  std::mt19937 rng(testing::UnitTest::GetInstance()->random_seed());
  std::uniform_int_distribution<int> small(-20, 20);
  Problem p = random_problem(2, 3, 4, 5, rng);
  for (auto* values : {&p.a, &p.w, &p.bias}) {
    for (float& x : *values) x = static_cast<float>(small(rng));
  }
  p.low = -500.0f;
  p.high = 400.0f;
  const auto found = run(reference(), p);
  for (int r = 0; r < 2; ++r) {
    for (int j = 0; j < 5; ++j) {
      double acc = p.bias[j];
      for (int t = 0; t < 3; ++t) {
        for (int c = 0; c < 4; ++c) acc += p.a[(t * 2 + r) * 4 + c] * p.w[(j * 3 + t) * 4 + c];
      }
      EXPECT_EQ(std::bit_cast<float>(found[r * (5 + kGap) + j]), std::clamp(acc, -500.0, 400.0));
    }
  }
}

TEST(GemmF32ReferenceTest, FusesEachProductIntoTheSum) {
  // (1 + 2^-12)^2 - 1 - 2^-11 = 2^-24 exactly; a rounded product would lose it.
  const float x = 1.0f + 0x1p-12f;
  const Problem p{1, 1, 1, 1, {x}, {x}, {-1.0f - 0x1p-11f}};
  EXPECT_EQ(std::bit_cast<float>(run(reference(), p)[0]), 0x1p-24f);
}

TEST(GemmF32TableTest, SelectsByInstructionSet) {
  EXPECT_EQ(select_gemm_f32(Isa::kAvx2 | Isa::kAvx512).name, "avx512");
  EXPECT_EQ(select_gemm_f32(Isa::kAvx2).name, "avx2");
  EXPECT_EQ(select_gemm_f32(Isa::kBaseline).name, "reference");
}

}  // namespace
}  // namespace octet
