#include "octet/quant/layer_integers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/graph/quantize_bias.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A linear layer [n, k] with weights and biases by hand.
struct Layer {
  Graph graph;
  QuantAssignment assignment;
  QuantSpec spec;

  Layer(Shape shape, std::vector<float> weight, std::vector<float> bias, QuantSpec spec_in = {},
        bool transpose = true)
      : spec(spec_in) {
    const int outputs = transpose ? 0 : 1;
    const std::int64_t k = shape[1 - outputs];
    const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, k});
    const ValueId w = graph.add_constant("w", Tensor::from(shape, weight));
    std::vector<std::optional<ValueId>> inputs{x, w};
    if (!bias.empty()) {
      inputs.emplace_back(graph.add_constant("b", Tensor::from(Shape{shape[outputs]}, bias)));
    }
    graph.add_output(graph.add("fc", Gemm{.transpose_b = transpose}, inputs));
    assignment.weights[w] = choose_weight_params(*graph.value(w).constant, spec, outputs);
    assignment.weight_bits[w] = effective_weight_bits(spec);
  }
  LayerIntegers integers(float input_scale) const {
    return quantize_layer(graph, graph.nodes()[0], input_scale, assignment, spec);
  }
};

std::vector<std::int32_t> bias_codes(const LayerIntegers& layer) {
  const std::span<const std::int32_t> data = layer.bias->data<std::int32_t>();
  return {data.begin(), data.end()};
}
std::vector<std::int8_t> weight_codes(const LayerIntegers& layer) {
  const std::span<const std::int8_t> data = layer.weight.data<std::int8_t>();
  return {data.begin(), data.end()};
}

TEST(QuantizeBias, RoundsTheQuotientHalfToEven) {
  const Tensor bias = Tensor::from<float>(Shape{4}, {0.25f, 0.75f, -1.25f, 10.0f});
  const Tensor codes = quantize_bias(bias, 0.5f, std::vector<float>{1.0f});
  EXPECT_THAT(std::vector<std::int32_t>(codes.data<std::int32_t>().begin(),
                                        codes.data<std::int32_t>().end()),
              ElementsAre(0, 2, -2, 20));
}

TEST(QuantizeBias, SaturatesInsteadOfWrapping) {
  const Tensor bias = Tensor::from<float>(Shape{2}, {1e30f, -1e30f});
  const Tensor codes = quantize_bias(bias, 1.0f, std::vector<float>{1.0f, 1.0f});
  EXPECT_EQ(codes.data<std::int32_t>()[0], std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(codes.data<std::int32_t>()[1], std::numeric_limits<std::int32_t>::min());
}

TEST(QuantizeLayer, PerChannelByHand) {
  const Layer layer(Shape{2, 2}, {1.27f, -0.5f, 0.254f, 0.1f}, {0.3f, -0.05f});
  const LayerIntegers integers = layer.integers(0.5f);
  EXPECT_THAT(weight_codes(integers), ElementsAre(127, -50, 127, 50));
  EXPECT_THAT(bias_codes(integers), ElementsAre(60, -50));  // / 0.005, / 0.001
  ASSERT_EQ(integers.bias_params.scale.size(), 2u);
  EXPECT_EQ(integers.bias_params.scale[0], 0.5f * integers.weight_params.scale[0]);
  EXPECT_EQ(integers.bias_params.scale[1], 0.5f * integers.weight_params.scale[1]);
  EXPECT_EQ(integers.bias_params.axis, 0);
  EXPECT_EQ(integers.bias_params.dtype, DType::kInt32);
  EXPECT_THAT(integers.bias_params.zero_point, ElementsAre(0, 0));
  EXPECT_EQ(integers.raised_scales, 0);
}

TEST(QuantizeLayer, PerTensorHasOneBiasScale) {
  QuantSpec spec;
  spec.per_channel = false;
  const Layer layer(Shape{2, 2}, {1.27f, -0.5f, 0.254f, 0.1f}, {0.3f, -0.05f}, spec);
  const LayerIntegers integers = layer.integers(0.5f);
  EXPECT_THAT(weight_codes(integers), ElementsAre(127, -50, 25, 10));
  EXPECT_THAT(bias_codes(integers), ElementsAre(60, -10));
  EXPECT_EQ(integers.bias_params.scale.size(), 1u);
  EXPECT_FALSE(integers.bias_params.axis);
}

TEST(QuantizeLayer, ALayerWithoutBiasHasNone) {
  const Layer layer(Shape{1, 1}, {1.0f}, {});
  EXPECT_FALSE(layer.integers(0.5f).bias);
}

TEST(QuantizeLayer, TheBiasOfAMatrixOfColumnsHasAxis0) {
  const Layer layer(Shape{1, 2}, {1.27f, 0.254f}, {0.3f, -0.05f}, {}, false);
  const LayerIntegers integers = layer.integers(0.5f);
  EXPECT_EQ(integers.weight_params.axis, 1);
  EXPECT_EQ(integers.bias_params.axis, 0);
  EXPECT_THAT(bias_codes(integers), ElementsAre(60, -50));
}

// ONNX Runtime's own case of a weight scale so small that the bias saturates.
TEST(QuantizeLayer, RaisesAWeightScaleThatWouldSaturateTheBias) {
  const Layer layer(Shape{2, 2}, {1e-9f, -1e-9f, 1.27f, 0.5f}, {5.0f, 5.0f});
  const LayerIntegers integers = layer.integers(0.01f);
  EXPECT_EQ(integers.raised_scales, 1);
  EXPECT_GT(integers.weight_params.scale[0], 1e-9f / 127);
  EXPECT_FLOAT_EQ(integers.weight_params.scale[1], 0.01f);
  EXPECT_NEAR(bias_codes(integers)[0], 1 << 30, 1 << 7);
  EXPECT_LE(bias_codes(integers)[0], 1 << 30);
  for (int channel = 0; channel < 2; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    EXPECT_NEAR(bias_codes(integers)[c] * double{integers.bias_params.scale[c]}, 5.0, 1e-3);
  }
  // The weights of the raised channel are requantized on the new scale.
  EXPECT_THAT(weight_codes(integers), ElementsAre(0, 0, 127, 50));
}

TEST(QuantizeLayer, RaisesAScaleWhoseProductWouldBeSubnormal) {
  const Layer layer(Shape{1, 1}, {1e-20f}, {0.0f});
  const LayerIntegers integers = layer.integers(1e-20f);
  EXPECT_EQ(integers.raised_scales, 1);
  EXPECT_GE(integers.bias_params.scale[0], FLT_MIN);
}

TEST(QuantizeLayer, AnAllZeroChannelKeepsItsBias) {
  const Layer layer(Shape{2, 1}, {0.0f, 1.27f}, {0.013f, 0.2f});
  const LayerIntegers integers = layer.integers(0.5f);
  EXPECT_EQ(integers.raised_scales, 0);
  EXPECT_THAT(weight_codes(integers), ElementsAre(0, 127));
  EXPECT_NEAR(bias_codes(integers)[0] * double{integers.bias_params.scale[0]}, 0.013, 0.013e-6);
  const Layer unbiased(Shape{2, 1}, {0.0f, 1.27f}, {0.0f, 0.2f});
  EXPECT_EQ(unbiased.integers(0.5f).weight_params.scale[0], 1.0f);
}

TEST(QuantizeLayer, RefusesWhatNoInt32CanHold) {
  const Layer infinite(Shape{1, 1}, {1.0f}, {std::numeric_limits<float>::infinity()});
  EXPECT_THROW(infinite.integers(0.5f), Error);
  const Layer huge(Shape{1, 1}, {1e-30f}, {FLT_MAX});
  EXPECT_THROW(huge.integers(FLT_MIN), Error);
  try {
    Layer wrong_axis(Shape{2, 2}, {1, 1, 1, 1}, {});
    wrong_axis.assignment.weights.begin()->second.axis = 1;
    wrong_axis.integers(0.5f);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'fc'"));
  }
}

TEST(QuantizeLayer, NoBiasExceedsHalfOfInt32AndScalesMultiplyExactly) {
  Rng rng(static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1);
  for (int round = 0; round < 300; ++round) {
    std::vector<float> weight, bias;
    for (int i = 0; i < 12; ++i)
      weight.push_back(rng.normal() * std::pow(10.0f, rng.uniform(-25.0f, 5.0f)));
    for (int i = 0; i < 4; ++i)
      bias.push_back(rng.normal() * std::pow(10.0f, rng.uniform(-5.0f, 5.0f)));
    QuantSpec spec;
    spec.per_channel = rng.below(2) == 0;
    spec.weight_bits = 2 + static_cast<int>(rng.below(7));
    const Layer layer(Shape{4, 3}, weight, bias, spec);
    const float input_scale = std::pow(10.0f, rng.uniform(-12.0f, 3.0f));
    const LayerIntegers integers = layer.integers(input_scale);
    for (std::size_t c = 0; c < 4; ++c) {
      const std::size_t s = spec.per_channel ? c : 0;
      ASSERT_LE(std::abs(std::int64_t{bias_codes(integers)[c]}), 1 << 30);
      const double product = double{input_scale} * integers.weight_params.scale[s];
      ASSERT_NEAR(integers.bias_params.scale[s] / product, 1.0, 0x1p-20);
      ASSERT_GE(integers.bias_params.scale[s], FLT_MIN);
      ASSERT_NEAR(bias_codes(integers)[c] * product, bias[c], product * 0.5001);
    }
  }
}

}  // namespace
}  // namespace octet
