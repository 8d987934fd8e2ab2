#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kGap = 3;  // unwritten floats between two rows of c

struct Problem {
  int rows, depth, n, block, bits;
  std::vector<float> a;             // [rows][depth]
  std::vector<std::uint8_t> codes;  // [n][depth]
  std::vector<float> scale;         // [n][blocks]
  std::vector<std::uint8_t> zero;   // [n][blocks]
  bool common_zero;                 // every zero point is that of the first
  std::vector<float> bias;
  float low = -kInfinity, high = kInfinity;

  int blocks() const { return (depth - 1) / block + 1; }
};

Problem random_problem(int rows, int depth, int n, int block, int bits, bool common_zero,
                       std::mt19937& rng) {
  std::normal_distribution<float> normal;
  Problem p{.rows = rows,
            .depth = depth,
            .n = n,
            .block = block,
            .bits = bits,
            .a = {},
            .codes = {},
            .scale = {},
            .zero = {},
            .common_zero = common_zero,
            .bias = {}};
  const auto count = [](int a, int b) { return std::size_t(a) * std::size_t(b); };
  const unsigned levels = 1u << bits;
  for (std::size_t i = 0; i < count(rows, depth); ++i) p.a.push_back(normal(rng));
  for (std::size_t i = 0; i < count(n, depth); ++i) {
    p.codes.push_back(static_cast<std::uint8_t>(rng() % levels));
  }
  const auto common = static_cast<std::uint8_t>(rng() % levels);
  for (std::size_t i = 0; i < count(n, p.blocks()); ++i) {
    p.scale.push_back(std::abs(normal(rng)) + 1e-3f);
    p.zero.push_back(common_zero ? common : static_cast<std::uint8_t>(rng() % levels));
  }
  for (int i = 0; i < n; ++i) p.bias.push_back(normal(rng));
  return p;
}

/// [n][blocks] -> [panel][block][column].
template <typename T>
void pack_parameters(const GemmF32WqKernel& kernel, const Problem& p, const std::vector<T>& values,
                     T* packed) {
  for (int first = 0; first < p.n; first += kernel.nr) {
    const int width = kernel.panel_width(p.n, first);
    for (int j = 0; j < std::min(kernel.nr, p.n - first); ++j) {
      for (int b = 0; b < p.blocks(); ++b) {
        packed[b * width + j] = values[std::size_t((first + j) * p.blocks() + b)];
      }
    }
    packed += p.blocks() * width;
  }
}

/// The bits of c, the gaps between its rows included.
std::vector<std::uint32_t> run(const GemmF32WqKernel& kernel, const Problem& p) {
  EXPECT_LE(p.rows, kernel.mr);
  GuardedBuffer<float> a(p.a.size());
  std::copy(p.a.begin(), p.a.end(), a.data());
  std::vector<const float*> rows;
  for (int r = 0; r < p.rows; ++r) rows.push_back(a.data() + std::size_t(r) * p.depth);
  GuardedBuffer<std::uint32_t> codes(kernel.packed_words(p.depth, p.n), 0, 0);
  for (int first = 0; first < p.n; first += kernel.nr) {
    pack_wq_codes(kernel, p.depth, std::min(kernel.nr, p.n - first), kernel.panel_width(p.n, first),
                  p.codes.data() + std::size_t(first) * p.depth,
                  codes.data() + kernel.panel_words(p.depth) * std::size_t(first));
  }
  GuardedBuffer<float> scale(kernel.packed_parameters(p.blocks(), p.n), 0, 0);
  pack_parameters(kernel, p, p.scale, scale.data());
  GuardedBuffer<std::uint8_t> zero(kernel.packed_parameters(p.blocks(), p.n), 0, 0);
  pack_parameters(kernel, p, p.zero, zero.data());
  GuardedBuffer<float> bias((p.n + kernel.nr - 1) / kernel.nr * kernel.nr, 0, 0);
  std::copy(p.bias.begin(), p.bias.end(), bias.data());
  const int stride = p.n + kGap;
  GuardedBuffer<float> c(std::size_t(p.rows - 1) * stride + p.n);
  kernel.run({.rows = p.rows,
              .depth = p.depth,
              .n = p.n,
              .block = p.block,
              .a = rows.data(),
              .codes = codes.data(),
              .scale = scale.data(),
              .zero = p.common_zero ? nullptr : zero.data(),
              .common_zero = p.zero[0],
              .bias = bias.data(),
              .c = c.data(),
              .c_stride = stride,
              .low = p.low,
              .high = p.high});
  std::vector<std::uint32_t> bits;
  for (float x : c.span()) bits.push_back(std::bit_cast<std::uint32_t>(x));
  return bits;
}

/// DequantizeLinear, then the reference of gemm_f32.
std::vector<std::uint32_t> run_dequantized(const Problem& p) {
  std::vector<float> weights;
  for (int j = 0; j < p.n; ++j) {
    for (int k = 0; k < p.depth; ++k) {
      const auto at = std::size_t(j * p.blocks() + k / p.block);
      const int code = p.codes[std::size_t(j) * p.depth + k];
      weights.push_back(static_cast<float>(code - p.zero[at]) * p.scale[at]);
    }
  }
  const GemmF32Kernel& kernel = gemm_f32_kernels().back();
  const int stride = p.n + kGap;
  std::vector<std::uint32_t> bits(std::size_t(p.rows - 1) * stride + p.n, 0xa5a5a5a5u);
  for (int r = 0; r < p.rows; ++r) {
    const float* row = p.a.data() + std::size_t(r) * p.depth;
    std::vector<float> c(p.n);
    kernel.run(
        {1, 1, p.depth, p.n, &row, weights.data(), p.bias.data(), c.data(), p.n, p.low, p.high});
    for (int j = 0; j < p.n; ++j) {
      bits[std::size_t(r) * stride + j] = std::bit_cast<std::uint32_t>(c[j]);
    }
  }
  return bits;
}

class GemmF32WqKernelTest : public testing::TestWithParam<GemmF32WqKernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  Problem draw(int rows, int depth, int n, int block, bool common_zero) {
    return random_problem(rows, depth, n, block, GetParam().bits, common_zero, rng_);
  }
  void expect_equal(const Problem& p) {
    ASSERT_EQ(run(GetParam(), p), run_dequantized(p))
        << p.rows << "x" << p.depth << "x" << p.n << ", blocks of " << p.block
        << (p.common_zero ? ", one zero point" : "");
  }
  std::mt19937 rng_{static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())};
};

TEST_P(GemmF32WqKernelTest, EqualsDequantizeThenFloatGemmBitForBitAroundTileEdges) {
  const GemmF32WqKernel& kernel = GetParam();
  for (int rows = 1; rows <= kernel.mr; ++rows) {
    for (int n : {1, 7, 8, 9, 16, 17, 33, kernel.nr - 1, kernel.nr, kernel.nr + 1,
                  2 * kernel.nr + 3, 5 * kernel.nr, 7 * kernel.nr + 9}) {
      if (n < 1) continue;
      for (const bool common : {true, false}) {
        expect_equal(draw(rows, 40, n, 16, common));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(GemmF32WqKernelTest, EqualsDequantizeThenFloatGemmBitForBitForEveryDepthAndBlock) {
  const GemmF32WqKernel& kernel = GetParam();
  for (int depth : {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 256}) {
    for (int block : {8, 16, 24, 32, 128, 1 << 30}) {
      for (int rows : {1, kernel.mr}) {
        for (const bool common : {true, false}) {
          expect_equal(draw(rows, depth, kernel.nr + 5, block, common));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(GemmF32WqKernelTest, TakesEveryCodeAndZeroPoint) {
  const int levels = 1 << GetParam().bits;
  for (int zero = 0; zero < levels; zero += levels / 16) {
    for (const bool common : {true, false}) {
      Problem p = draw(1, levels, 3, 8, common);
      for (std::size_t i = 0; i < p.codes.size(); ++i) {
        p.codes[i] = static_cast<std::uint8_t>(i % std::size_t(levels));
      }
      std::fill(p.zero.begin(), p.zero.end(), static_cast<std::uint8_t>(zero));
      expect_equal(p);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(GemmF32WqKernelTest, RoundsTheWeightBeforeItIsMultiplied) {
  // (code - zero) * scale needs more than 24 bits; a kernel that moved the scale behind the sum,
  // or fused it into the product, would give another last place.
  Problem p = draw(1, 8, 1, 8, true);
  p.scale = {1.0f + 0x1p-23f};
  expect_equal(p);
  p.scale = {std::numeric_limits<float>::denorm_min()};
  expect_equal(p);
  p.scale = {std::numeric_limits<float>::max() / 1024};
  expect_equal(p);
}

TEST_P(GemmF32WqKernelTest, ClampsToBothLimits) {
  const GemmF32WqKernel& kernel = GetParam();
  for (const auto& [low, high] : {std::pair(0.0f, kInfinity), {0.0f, 6.0f}, {-1.0f, 1.0f}}) {
    Problem p = draw(kernel.mr, 24, kernel.nr + 1, 8, true);
    p.low = low;
    p.high = high;
    for (const std::uint32_t bits : run(kernel, p)) {
      if (bits == 0xa5a5a5a5u) continue;
      EXPECT_GE(std::bit_cast<float>(bits), low);
      EXPECT_LE(std::bit_cast<float>(bits), high);
    }
    expect_equal(p);
  }
}

INSTANTIATE_TEST_SUITE_P(, GemmF32WqKernelTest,
                         testing::ValuesIn(gemm_f32_wq_kernels().begin(),
                                           gemm_f32_wq_kernels().end()),
                         [](const auto& info) {
                           return std::string(info.param.name) + "_w" +
                                  std::to_string(info.param.bits);
                         });

TEST(GemmF32WqTableTest, SelectsByInstructionSetAndBits) {
  for (const int bits : {4, 8}) {
    EXPECT_EQ(select_gemm_f32_wq(Isa::kAvx2 | Isa::kAvx512, bits).name, "avx512");
    EXPECT_EQ(select_gemm_f32_wq(Isa::kAvx2, bits).name, "avx2");
    EXPECT_EQ(select_gemm_f32_wq(Isa::kBaseline, bits).name, "reference");
    EXPECT_EQ(select_gemm_f32_wq(Isa::kAvx2, bits).bits, bits);
  }
}

TEST(GemmF32WqTableTest, WeightsOfFourBitsTakeHalfAByteEach) {
  EXPECT_EQ(select_gemm_f32_wq(Isa::kBaseline, 4).packed_words(4096, 4096) * 4, 4096u * 4096u / 2);
  EXPECT_EQ(select_gemm_f32_wq(Isa::kAvx2, 4).packed_words(4096, 4096) * 4, 4096u * 4096u / 2);
  EXPECT_EQ(select_gemm_f32_wq(Isa::kAvx2, 8).packed_words(4096, 4096) * 4, 4096u * 4096u);
}

}  // namespace
}  // namespace octet
