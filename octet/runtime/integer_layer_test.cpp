// Layers as other tools quantize them: weights with zero points, float biases, int8 activations.

#include "octet/runtime/integer_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/base/rng.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/quantize_bias.h"
#include "octet/runtime/plan.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr float kInScale = 0.02f, kOutScale = 0.11f;
constexpr int kInZero = 97, kOutZero = 120;

/// One layer between codes: x float -> Quantize -> Dequantize -> op -> Quantize -> y codes.
struct Layer {
  Op op;
  Shape input;
  Tensor weight;  ///< codes
  TensorQuantParams weight_params;
  std::optional<Tensor> bias = std::nullopt;  ///< float, or int32 codes with scale a x w
  DType activations = DType::kUInt8;

  TensorQuantParams params(float scale, int zero) const {
    const bool is_signed = activations == DType::kInt8;
    return {{scale}, {is_signed ? zero - 128 : zero}, std::nullopt, activations};
  }
  Graph graph() const {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, input);
    const TensorQuantParams in = params(kInScale, kInZero);
    const ValueId codes = graph.add("in_q", QuantizeLinear{in}, {x});
    const ValueId w = graph.add_constant("w", weight);
    std::vector<std::optional<ValueId>> inputs{
        graph.add("in_dq", DequantizeLinear{in}, {codes}),
        graph.add("w_dq", DequantizeLinear{weight_params}, {w})};
    if (bias) inputs.emplace_back(graph.add_constant("b", *bias));
    const ValueId sum = graph.add("layer", op, inputs);
    graph.add_output(graph.add("y", QuantizeLinear{params(kOutScale, kOutZero)}, {sum}));
    infer_shapes(graph);
    return graph;
  }
};

TensorQuantParams weight_params(std::vector<float> scale, std::vector<std::int32_t> zero,
                                DType dtype, std::optional<int> axis = std::nullopt) {
  return {std::move(scale), std::move(zero), axis, dtype};
}

template <typename T>
Tensor random_codes(const Shape& shape, std::uint32_t seed) {
  Tensor codes(std::is_signed_v<T> ? DType::kInt8 : DType::kUInt8, shape);
  Rng rng(seed);
  constexpr int kLow = std::numeric_limits<T>::min();
  for (T& code : codes.mutable_data<T>()) {
    code = static_cast<T>(kLow + static_cast<int>(rng.uniform(0.0f, 256.0f)));
  }
  return codes;
}

int code_of(const Tensor& tensor, std::int64_t index) {
  const auto at = static_cast<std::size_t>(index);
  return tensor.dtype() == DType::kInt8 ? tensor.data<std::int8_t>()[at]
                                        : tensor.data<std::uint8_t>()[at];
}

/// Numerics clauses 1, 3, 4 and 5 in 64-bit integers; `terms` lists, per output element, its output
/// channel and the pairs (input element, weight element).
struct Sum {
  std::int64_t channel = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> terms;
};
std::vector<int> expected_codes(const Layer& layer, const Tensor& x, const std::vector<Sum>& sums) {
  const TensorQuantParams in = layer.params(kInScale, kInZero);
  const TensorQuantParams out = layer.params(kOutScale, kOutZero);
  const Tensor a = quantize(x, in);
  const auto& params = layer.weight_params;
  std::vector<int> codes;
  for (const Sum& sum : sums) {
    const std::size_t channel = params.axis ? static_cast<std::size_t>(sum.channel) : 0;
    std::int64_t acc = 0;
    if (layer.bias) {
      const auto at = static_cast<std::size_t>(sum.channel);
      acc = std::llrint(layer.bias->data<float>()[at] / (double{kInScale} * params.scale[channel]));
    }
    for (const auto& [from, weight] : sum.terms) {
      acc += std::int64_t{code_of(a, from) - in.zero_point[0]} *
             (code_of(layer.weight, weight) - params.zero_point[channel]);
    }
    const auto m = static_cast<float>(double{kInScale} * params.scale[channel] / kOutScale);
    const float rounded = std::nearbyint(static_cast<float>(acc) * m);
    const int low = out.dtype == DType::kInt8 ? -128 : 0;
    const auto zero = static_cast<float>(out.zero_point[0]);
    codes.push_back(static_cast<int>(std::clamp(rounded, static_cast<float>(low) - zero,
                                                static_cast<float>(low + 255) - zero)) +
                    out.zero_point[0]);
  }
  return codes;
}

Tensor random_input(const Shape& shape, std::uint32_t seed) {
  Tensor x(DType::kFloat32, shape);
  Rng rng(seed);
  for (float& value : x.mutable_data<float>()) value = rng.normal();
  return x;
}

/// Runs on integers for every instruction set, and gives the expected codes.
void expect_codes(const Layer& layer, const std::vector<Sum>& sums, std::string_view kernel) {
  const Graph graph = layer.graph();
  const Tensor x = random_input(layer.input, 7);
  const std::vector<int> expected = expected_codes(layer, x, sums);
  for (const Isa isa : testable_isas()) {
    const Plan plan = compile(graph, {.isa = isa});
    const auto step = std::ranges::find(plan.layers(), "layer", &PlanLayer::name);
    ASSERT_NE(step, plan.layers().end());
    EXPECT_THAT(step->kernel, StartsWith(std::string(kernel)));
    EXPECT_EQ(step->why_float, "");
    Session session(graph, {.isa = isa});
    const Tensor y = session.run(std::vector<Tensor>{x})[0];
    ASSERT_EQ(y.num_elements(), static_cast<std::int64_t>(expected.size()));
    std::vector<int> found;
    for (std::int64_t i = 0; i < y.num_elements(); ++i) found.push_back(code_of(y, i));
    EXPECT_EQ(found, expected) << to_string(isa);
  }
}

std::vector<Sum> linear_sums(std::int64_t m, std::int64_t k, std::int64_t n, bool transposed) {
  std::vector<Sum> sums;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      Sum& sum = sums.emplace_back(Sum{j, {}});
      for (std::int64_t p = 0; p < k; ++p) {
        sum.terms.emplace_back(i * k + p, transposed ? j * k + p : p * n + j);
      }
    }
  }
  return sums;
}

/// 3 x 3, padding 1, stride 1; `groups` as in ONNX.
std::vector<Sum> conv_sums(const Shape& x, std::int64_t outputs, std::int64_t groups) {
  const std::int64_t in_per_group = x[1] / groups, out_per_group = outputs / groups;
  std::vector<Sum> sums;
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t oy = 0; oy < x[2]; ++oy) {
      for (std::int64_t ox = 0; ox < x[3]; ++ox) {
        Sum& sum = sums.emplace_back(Sum{o, {}});
        for (std::int64_t c = 0; c < in_per_group; ++c) {
          for (std::int64_t t = 0; t < 9; ++t) {
            const std::int64_t y = oy + t / 3 - 1, z = ox + t % 3 - 1;
            if (y < 0 || y >= x[2] || z < 0 || z >= x[3]) continue;
            const std::int64_t channel = o / out_per_group * in_per_group + c;
            sum.terms.emplace_back((channel * x[2] + y) * x[3] + z, (o * in_per_group + c) * 9 + t);
          }
        }
      }
    }
  }
  return sums;
}

/// Why the layer runs in float.
std::string why_float(const Layer& layer) {
  const Plan plan = compile(layer.graph());
  for (const PlanLayer& step : plan.layers()) {
    if (step.name == "layer") return step.why_float;
  }
  return "no such layer";
}

TEST(IntegerLayer, Uint8WeightsWithAZeroPointAreExact) {
  // 128: the codes fit int8 once moved. 113 and 3: they do not. 0: 255 takes three summands.
  for (const int zero : {128, 113, 3, 0}) {
    SCOPED_TRACE(zero);
    Layer layer{Gemm{},
                {5, 37},
                random_codes<std::uint8_t>({19, 37}, 1),
                weight_params({0.003f}, {zero}, DType::kUInt8)};
    layer.weight.mutable_data<std::uint8_t>()[0] = 255;
    layer.weight.mutable_data<std::uint8_t>()[1] = 0;
    expect_codes(layer, linear_sums(5, 37, 19, true), "gemm_u8s8/");
  }
}

TEST(IntegerLayer, WeightsOfEveryOutputHaveTheirOwnZeroPoint) {
  TensorQuantParams params = weight_params({}, {}, DType::kInt8, 1);
  for (int j = 0; j < 19; ++j) {
    params.scale.push_back(0.001f * static_cast<float>(j + 1));
    params.zero_point.push_back(j * 7 - 60);
  }
  const Layer layer{Gemm{.transpose_b = false},
                    {5, 37},
                    random_codes<std::int8_t>({37, 19}, 2),
                    params,
                    random_input({19}, 3)};
  expect_codes(layer, linear_sums(5, 37, 19, false), "gemm_u8s8/");
}

TEST(IntegerLayer, ConvolutionsTakeWeightsBeyondInt8) {
  const Shape x{1, 6, 5, 4};
  for (const std::int64_t groups : {1, 2, 6}) {
    SCOPED_TRACE(groups);
    const std::int64_t outputs = 6;
    const Layer layer{Conv2d{.padding = {1, 1, 1, 1}, .groups = static_cast<int>(groups)}, x,
                      random_codes<std::uint8_t>({outputs, 6 / groups, 3, 3}, 4),
                      weight_params({0.002f}, {71}, DType::kUInt8), random_input({outputs}, 5)};
    expect_codes(layer, conv_sums(x, outputs, groups),
                 groups == 6 ? "depthwise_u8s8/" : "conv2d_u8s8/");
  }
}

TEST(IntegerLayer, AMatrixOfUint8IsALinearLayer) {
  const Layer layer{MatMul{},
                    {5, 37},
                    random_codes<std::uint8_t>({37, 19}, 8),
                    weight_params({0.003f}, {113}, DType::kUInt8)};
  expect_codes(layer, linear_sums(5, 37, 19, false), "gemm_u8s8/");
}

TEST(IntegerLayer, ATransposedConvolutionTakesCodesThatFitInt8) {
  const Shape x{1, 4, 3, 3};
  std::vector<Sum> sums;
  for (std::int64_t o = 0; o < 6; ++o) {
    for (std::int64_t pixel = 0; pixel < 9; ++pixel) {
      Sum& sum = sums.emplace_back(Sum{o % 3, {}});
      for (std::int64_t c = o / 3 * 2; c < o / 3 * 2 + 2; ++c) {
        sum.terms.emplace_back(c * 9 + pixel, c * 3 + o % 3);
      }
    }
  }
  Layer layer{conv_transpose_function({.window = {.kernel = {1, 1}}, .groups = 2}), x,
              random_codes<std::uint8_t>({4, 3, 1, 1}, 9),
              weight_params({0.01f, 0.02f, 0.03f}, {128, 128, 128}, DType::kUInt8, 1)};
  expect_codes(layer, sums, "conv_transpose_u8s8/");
  layer.weight.mutable_data<std::uint8_t>()[0] = 255;
  layer.weight_params.zero_point = {100, 128, 128};
  EXPECT_EQ(why_float(layer), "the weights less their zero points do not fit int8");
}

TEST(IntegerLayer, Int8ActivationsAndAFloatBias) {
  const Shape x{1, 3, 5, 4};
  TensorQuantParams params = weight_params({}, {}, DType::kInt8, 0);
  for (int j = 0; j < 8; ++j) {
    params.scale.push_back(0.002f * static_cast<float>(j + 1));
    params.zero_point.push_back(0);
  }
  const Layer layer{Conv2d{.padding = {1, 1, 1, 1}},
                    x,
                    random_codes<std::int8_t>({8, 3, 3, 3}, 6),
                    params,
                    random_input({8}, 7),
                    DType::kInt8};
  expect_codes(layer, conv_sums(x, 8, 1), "conv2d_u8s8/");
}

Layer with_bias(const std::vector<float>& bias, float weight_scale = 0.01f) {
  Layer layer{Gemm{},
              {1, 2},
              Tensor::from(Shape{2, 2}, std::vector<std::int8_t>{0, 0, 1, 2}),
              weight_params({weight_scale}, {0}, DType::kInt8)};
  layer.bias = Tensor::from(Shape{2}, bias);
  return layer;
}

TEST(IntegerLayer, ABiasThatDoesNotFitRunsInFloatAndSaysWhy) {
  // Output 1 has weights; 2^30 steps of 0.02 x 0.01 are 214748.
  EXPECT_EQ(why_float(with_bias({0, 214000})), "");
  EXPECT_THAT(why_float(with_bias({0, 215000})),
              HasSubstr("the bias of output 1 is 215000.000000, more than 2^30 steps"));
  EXPECT_THAT(why_float(with_bias({0, 1}, 1e-38f)), HasSubstr("more than 2^30 steps"));
  EXPECT_THAT(why_float(with_bias({0, std::nanf("")})), HasSubstr("the bias of output 1 is"));
}

TEST(IntegerLayer, AnOutputWithoutWeightsKeepsItsBias) {
  // PyTorch gives such a channel a scale of 1.2e-7 or less.
  Layer layer = with_bias({3.5f, 1.0f});
  layer.weight_params = weight_params({1e-30f, 0.01f}, {0, 0}, DType::kInt8, 0);
  const Graph graph = layer.graph();
  EXPECT_EQ(why_float(layer), "");
  Session session(graph);
  const Tensor y = session.run(std::vector<Tensor>{Tensor(DType::kFloat32, {1, 2})})[0];
  EXPECT_EQ(code_of(y, 0), kOutZero + 32) << "3.5 / 0.11 = 31.8";
  EXPECT_EQ(code_of(y, 1), kOutZero + 9) << "1 / 0.11 = 9.1";
}

TEST(IntegerLayer, ScalesPerInputRunInFloatAndSayWhy) {
  Layer layer = with_bias({0, 0});
  layer.weight_params = weight_params({0.1f, 0.2f}, {0, 0}, DType::kInt8, 1);
  EXPECT_EQ(why_float(layer), "the weights have a scale per index of axis 1, not per output");
}

}  // namespace
}  // namespace octet
