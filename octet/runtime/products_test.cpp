// Convolutions and matrix products of shapes that cut their loops in every way: few channels, whose
// rows of taps are one tap; weights that no cache holds, which are taken in blocks; several
// threads. Each is held against its equation, bit for bit.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "octet/base/rng.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

struct Problem {
  std::int64_t batch, channels, h, w, outputs;
  std::array<int, 2> kernel{3, 3}, stride{1, 1};
  std::array<int, 4> padding{1, 1, 1, 1};  ///< top, left, bottom, right
  std::array<int, 2> dilation{1, 1};
  int groups = 1;
};

// Outputs beyond a panel, blocks beyond a cache, windows that end in padding on either side.
const Problem kProblems[] = {
    {2, 3, 9, 11, 7, {3, 3}, {2, 2}},
    {1, 3, 17, 13, 40, {7, 7}, {2, 2}, {3, 3, 3, 3}},
    {2, 1, 6, 5, 33, {5, 5}, {1, 1}, {2, 2, 2, 2}},
    {1, 1, 6, 5, 1, {3, 3}},
    {1, 4, 7, 9, 17, {2, 3}, {1, 2}, {0, 0, 0, 0}},
    {1, 4, 7, 9, 17, {3, 2}, {1, 3}, {1, 0, 0, 4}},
    {1, 2, 3, 1, 5, {1, 3}, {1, 10}, {0, 5, 0, 0}},
    {1, 3, 8, 8, 9, {3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 1}},
    {1, 3, 8, 8, 9, {3, 3}, {1, 1}, {2, 2, 2, 2}, {1, 2}},
    {1, 4, 8, 8, 8, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 2},
    {3, 5, 7, 7, 50, {3, 3}},
    {1, 160, 9, 9, 150, {3, 3}},
    {2, 640, 6, 5, 70, {1, 1}, {1, 1}, {0, 0, 0, 0}},
    {1, 1300, 3, 4, 130, {1, 1}, {1, 1}, {0, 0, 0, 0}},
    {1, 120, 5, 5, 200, {5, 5}, {1, 1}, {2, 2, 2, 2}, {1, 1}, 2},
};

Tensor random_tensor(const Shape& shape, std::uint32_t seed) {
  Tensor tensor(DType::kFloat32, shape);
  Rng rng(seed);
  for (float& value : tensor.mutable_data<float>()) value = rng.normal();
  return tensor;
}

Tensor random_codes(const Shape& shape, std::uint32_t seed) {
  Tensor codes(DType::kInt8, shape);
  Rng rng(seed);
  for (std::int8_t& code : codes.mutable_data<std::int8_t>()) {
    code = static_cast<std::int8_t>(static_cast<int>(rng.uniform(0.0f, 255.0f)) - 127);
  }
  return codes;
}

std::int64_t out_size(const Problem& p, int axis) {
  const auto a = static_cast<std::size_t>(axis);
  const std::int64_t in = axis == 0 ? p.h : p.w;
  return (in + p.padding[a] + p.padding[a + 2] - p.dilation[a] * (p.kernel[a] - 1) - 1) /
             p.stride[a] +
         1;
}

/// Calls visit(output index, output channel, input index or -1 for padding, weight index) for every
/// product, taps outermost and channels innermost, as numerics clause 13 orders them.
template <typename Begin, typename Visit, typename End>
void for_each_product(const Problem& p, Begin begin, Visit visit, End end) {
  const std::int64_t oh = out_size(p, 0), ow = out_size(p, 1);
  const std::int64_t depth = p.channels / p.groups, per_group = p.outputs / p.groups;
  for (std::int64_t n = 0; n < p.batch; ++n) {
    for (std::int64_t o = 0; o < p.outputs; ++o) {
      for (std::int64_t at = 0; at < oh * ow; ++at) {
        begin(o);
        for (int ky = 0; ky < p.kernel[0]; ++ky) {
          for (int kx = 0; kx < p.kernel[1]; ++kx) {
            const std::int64_t y = at / ow * p.stride[0] - p.padding[0] + ky * p.dilation[0];
            const std::int64_t x = at % ow * p.stride[1] - p.padding[1] + kx * p.dilation[1];
            const bool inside = y >= 0 && y < p.h && x >= 0 && x < p.w;
            for (std::int64_t c = 0; c < depth; ++c) {
              const std::int64_t channel = o / per_group * depth + c;
              visit(inside ? ((n * p.channels + channel) * p.h + y) * p.w + x : -1,
                    ((o * depth + c) * p.kernel[0] + ky) * p.kernel[1] + kx);
            }
          }
        }
        end((n * p.outputs + o) * oh * ow + at, o);
      }
    }
  }
}

Shape weight_shape(const Problem& p) {
  return {p.outputs, p.channels / p.groups, p.kernel[0], p.kernel[1]};
}
Conv2d conv_of(const Problem& p) {
  return {.stride = p.stride, .dilation = p.dilation, .padding = p.padding, .groups = p.groups};
}

/// The graph gives these bytes on every instruction set, with one thread and with two.
void expect_bytes(const Graph& graph, const Tensor& x, const Tensor& expected) {
  for (const Isa isa : testable_isas()) {
    for (const int threads : {1, 2}) {
      Session session(graph, {.isa = isa, .threads = threads});
      const Tensor found = session.run(std::vector<Tensor>{x})[0];
      ASSERT_EQ(found.shape(), expected.shape());
      EXPECT_TRUE(found == expected) << to_string(isa) << ", " << threads << " threads";
    }
  }
}

TEST(Products, FloatConvolutionsAreTheirChainsOfSums) {
  for (const Problem& p : kProblems) {
    SCOPED_TRACE(p.channels * 1000 + p.outputs);
    const Tensor x = random_tensor({p.batch, p.channels, p.h, p.w}, 1);
    const Tensor weight = random_tensor(weight_shape(p), 2), bias = random_tensor({p.outputs}, 3);
    Tensor expected(DType::kFloat32, {p.batch, p.outputs, out_size(p, 0), out_size(p, 1)});
    float sum = 0;
    for_each_product(
        p, [&](std::int64_t o) { sum = bias.data<float>()[static_cast<std::size_t>(o)]; },
        [&](std::int64_t from, std::int64_t w) {
          const float a = from < 0 ? 0.0f : x.data<float>()[static_cast<std::size_t>(from)];
          sum = std::fma(a, weight.data<float>()[static_cast<std::size_t>(w)], sum);
        },
        [&](std::int64_t to, std::int64_t) {
          expected.mutable_data<float>()[static_cast<std::size_t>(to)] = std::max(sum, 0.0f);
        });
    Graph graph;
    const ValueId in = graph.add_input("x", DType::kFloat32, x.shape());
    const ValueId y = graph.add(
        "conv", conv_of(p), {in, graph.add_constant("w", weight), graph.add_constant("b", bias)});
    graph.add_output(graph.add("relu", Relu{}, {y}));
    infer_shapes(graph);
    expect_bytes(graph, x, expected);
    if (HasFailure()) return;
  }
}

constexpr float kInScale = 0.02f, kWeightScale = 0.004f;
constexpr int kInZero = 97, kOutZero = 120;

/// Codes of sums whose largest are about `range`: scales of the output that use the codes.
struct Output {
  TensorQuantParams params;
  float multiplier;
};
Output output_for(std::int64_t depth) {
  const float scale = 0.02f * std::sqrt(static_cast<float>(depth) + 1.0f);
  return {{{scale}, {kOutZero}, std::nullopt, DType::kUInt8},
          static_cast<float>(double{kInScale} * kWeightScale / scale)};
}
std::uint8_t requantized(std::int64_t sum, float multiplier) {
  const float rounded = std::nearbyint(static_cast<float>(sum) * multiplier);
  return static_cast<std::uint8_t>(
      static_cast<int>(std::clamp(rounded, -float{kOutZero}, 255.0f - kOutZero)) + kOutZero);
}

/// x -> Quantize -> Dequantize -> op with dequantized weights -> Quantize.
Graph quantized_graph(const Op& op, const Shape& shape, const Tensor& weight,
                      const TensorQuantParams& out) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, shape);
  const TensorQuantParams in{{kInScale}, {kInZero}, std::nullopt, DType::kUInt8};
  const TensorQuantParams w{{kWeightScale}, {0}, std::nullopt, DType::kInt8};
  const ValueId codes = graph.add("in_q", QuantizeLinear{in}, {x});
  const ValueId y =
      graph.add("layer", op,
                {graph.add("in_dq", DequantizeLinear{in}, {codes}),
                 graph.add("w_dq", DequantizeLinear{w}, {graph.add_constant("w", weight)})});
  graph.add_output(graph.add("y", QuantizeLinear{out}, {y}));
  infer_shapes(graph);
  return graph;
}

TEST(Products, IntegerConvolutionsAreTheirSums) {
  for (const Problem& p : kProblems) {
    SCOPED_TRACE(p.channels * 1000 + p.outputs);
    const Tensor x = random_tensor({p.batch, p.channels, p.h, p.w}, 1);
    const Tensor codes = quantize(x, {{kInScale}, {kInZero}, std::nullopt, DType::kUInt8});
    const Tensor weight = random_codes(weight_shape(p), 2);
    const Output out = output_for(p.channels / p.groups * p.kernel[0] * p.kernel[1]);
    Tensor expected(DType::kUInt8, {p.batch, p.outputs, out_size(p, 0), out_size(p, 1)});
    std::int64_t sum = 0;
    for_each_product(
        p, [&](std::int64_t) { sum = 0; },
        [&](std::int64_t from, std::int64_t w) {
          const auto at = static_cast<std::size_t>(from);
          const int a = from < 0 ? 0 : codes.data<std::uint8_t>()[at] - kInZero;
          sum += a * weight.data<std::int8_t>()[static_cast<std::size_t>(w)];
        },
        [&](std::int64_t to, std::int64_t) {
          expected.mutable_data<std::uint8_t>()[static_cast<std::size_t>(to)] =
              requantized(sum, out.multiplier);
        });
    expect_bytes(quantized_graph(conv_of(p), x.shape(), weight, out.params), x, expected);
    if (HasFailure()) return;
  }
}

struct Matrix {
  std::int64_t m, k, n;
};
// One row, rows that one thread takes, weights of several passes over columns and depth.
const Matrix kMatrices[] = {
    {1, 3000, 300}, {37, 1500, 200}, {70, 700, 130}, {9, 40, 500}, {300, 400, 110}};

TEST(Products, FloatMatricesAreTheirChainsOfSums) {
  for (const auto& [m, k, n] : kMatrices) {
    SCOPED_TRACE(m);
    const Tensor x = random_tensor({m, k}, 1), weight = random_tensor({n, k}, 2);
    const Tensor bias = random_tensor({n}, 3);
    Tensor expected(DType::kFloat32, {m, n});
    for (std::int64_t i = 0; i < m * n; ++i) {
      float sum = bias.data<float>()[static_cast<std::size_t>(i % n)];
      const float* a = x.data<float>().data() + i / n * k;
      const float* w = weight.data<float>().data() + i % n * k;
      for (std::int64_t c = 0; c < k; ++c) sum = std::fma(a[c], w[c], sum);
      expected.mutable_data<float>()[static_cast<std::size_t>(i)] = std::clamp(sum, -1.0f, 6.0f);
    }
    Graph graph;
    const ValueId in = graph.add_input("x", DType::kFloat32, x.shape());
    graph.add_output(
        graph.add("gemm", Gemm{.transpose_b = true, .activation = {-1.0f, 6.0f}},
                  {in, graph.add_constant("w", weight), graph.add_constant("b", bias)}));
    infer_shapes(graph);
    expect_bytes(graph, x, expected);
    if (HasFailure()) return;
  }
}

TEST(Products, IntegerMatricesAreTheirSums) {
  for (const auto& [m, k, n] : kMatrices) {
    SCOPED_TRACE(m);
    const Tensor x = random_tensor({m, k}, 1), weight = random_codes({n, k}, 2);
    const Tensor codes = quantize(x, {{kInScale}, {kInZero}, std::nullopt, DType::kUInt8});
    const Output out = output_for(k);
    Tensor expected(DType::kUInt8, {m, n});
    for (std::int64_t i = 0; i < m * n; ++i) {
      std::int64_t sum = 0;
      const std::uint8_t* a = codes.data<std::uint8_t>().data() + i / n * k;
      const std::int8_t* w = weight.data<std::int8_t>().data() + i % n * k;
      for (std::int64_t c = 0; c < k; ++c) sum += (a[c] - kInZero) * w[c];
      expected.mutable_data<std::uint8_t>()[static_cast<std::size_t>(i)] =
          requantized(sum, out.multiplier);
    }
    expect_bytes(quantized_graph(Gemm{.transpose_b = true}, x.shape(), weight, out.params), x,
                 expected);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace octet
