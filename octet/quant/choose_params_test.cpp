#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/quant/quant_assignment.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

QuantSpec spec_with(int weight_bits, int activation_bits, bool per_channel = true) {
  QuantSpec spec;
  spec.weight_bits = weight_bits;
  spec.activation_bits = activation_bits;
  spec.per_channel = per_channel;
  return spec;
}

QuantSpec torch_spec(bool per_channel = true) {
  QuantSpec spec = spec_with(8, 8, per_channel);
  spec.torch_compat = true;
  return spec;
}

std::vector<std::int8_t> codes(const Tensor& tensor) {
  const std::span<const std::int8_t> data = tensor.data<std::int8_t>();
  return {data.begin(), data.end()};
}

// Numerics clause 3: s = (max - min) / 255, zp = round_half_even(-min / s).
TEST(ActivationParams, AsymmetricRangeByHand) {
  const QuantParams params = choose_activation_params({-1.0f, 4.1f}, spec_with(8, 8));
  EXPECT_FLOAT_EQ(params.scale, 0.02f);
  EXPECT_EQ(params.zero_point, 50);
  EXPECT_FALSE(params.is_signed);
  EXPECT_EQ(params.bits, 8);
}

TEST(ActivationParams, ZeroPointTiesRoundToEven) {
  // -min / s = 127.5 exactly: the even neighbour is 128.
  EXPECT_EQ(choose_activation_params({-1.0f, 1.0f}, spec_with(8, 8)).zero_point, 128);
  // 15 levels of 4 bits: -min / s = 7.5 -> 8; 2.5 -> 2.
  EXPECT_EQ(choose_activation_params({-1.0f, 1.0f}, spec_with(8, 4)).zero_point, 8);
  EXPECT_EQ(choose_activation_params({-2.5f, 12.5f}, spec_with(8, 4)).zero_point, 2);
}

TEST(ActivationParams, ZeroIsAlwaysInTheRange) {
  const QuantParams positive = choose_activation_params({2.0f, 5.1f}, spec_with(8, 8));
  EXPECT_FLOAT_EQ(positive.scale, 0.02f);
  EXPECT_EQ(positive.zero_point, 0);
  const QuantParams negative = choose_activation_params({-5.1f, -2.0f}, spec_with(8, 8));
  EXPECT_FLOAT_EQ(negative.scale, 0.02f);
  EXPECT_EQ(negative.zero_point, 255);
}

TEST(ActivationParams, FewerBitsHaveFewerLevels) {
  for (int bits = 4; bits <= 8; ++bits) {
    const QuantParams params = choose_activation_params({0.0f, 6.0f}, spec_with(8, bits));
    EXPECT_FLOAT_EQ(params.scale, 6.0f / static_cast<float>((1 << bits) - 1));
    EXPECT_EQ(params.bits, bits);
  }
}

TEST(ActivationParams, EmptyRangeHasScaleOne) {
  EXPECT_EQ(choose_activation_params({0.0f, 0.0f}, spec_with(8, 8)), QuantParams{});
  EXPECT_EQ(choose_activation_params({0.0f, 0.0f}, torch_spec()), QuantParams{});
}

TEST(ActivationParams, ScalesAreFlooredAtTheSmallestNormalFloat) {
  const QuantParams params = choose_activation_params({0.0f, 1e-42f}, spec_with(8, 8));
  EXPECT_EQ(params.scale, FLT_MIN);
  EXPECT_EQ(params.zero_point, 0);
}

TEST(ActivationParams, TheWidestRangeDoesNotOverflow) {
  const QuantParams params = choose_activation_params({-FLT_MAX, FLT_MAX}, spec_with(8, 8));
  EXPECT_TRUE(std::isfinite(params.scale));
  EXPECT_EQ(params.zero_point, 128);
}

TEST(ActivationParams, RefusesRangesThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (const Range range :
       {Range{nan, 1}, Range{0, nan}, Range{-inf, 0}, Range{0, inf}, Range{1, -1}}) {
    EXPECT_THROW(choose_activation_params(range, spec_with(8, 8)), Error);
    EXPECT_THROW(choose_activation_params(range, torch_spec()), Error);
  }
}

// The input of PyTorch's default static recipe on CIFAR-10 normalized images: 127 levels.
TEST(ActivationParams, TorchCompatScalesFor127Levels) {
  const QuantParams params = choose_activation_params({-1.9888f, 2.12716f}, torch_spec());
  EXPECT_NEAR(params.scale, 4.11596 / 127, 1e-7);
  EXPECT_EQ(params.zero_point, 61);
  EXPECT_EQ(params.bits, 8);
  EXPECT_EQ(choose_activation_params({-5.0f, 0.0f}, torch_spec()).zero_point, 127);
  EXPECT_EQ(choose_activation_params({0.0f, 1e-9f}, torch_spec()).scale, FLT_EPSILON);
}

TEST(ActivationParams, CodesOfRandomRangesStayInsideAndZeroIsExact) {
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    const float magnitude = std::pow(10.0f, rng.uniform(-20.0f, 20.0f));
    const float a = rng.uniform(-1.0f, 1.0f) * magnitude, b = rng.uniform(-1.0f, 1.0f) * magnitude;
    const Range range{std::min(a, b), std::max(a, b)};
    const QuantParams params =
        choose_activation_params(range, spec_with(8, 4 + static_cast<int>(rng.below(5))));
    ASSERT_GE(params.scale, FLT_MIN);
    ASSERT_GE(params.zero_point, params.q_min());
    ASSERT_LE(params.zero_point, params.q_max());
    // Both ends lie within half a step of a code.
    for (const float end : {range.min, range.max}) {
      const double code = double{end} / params.scale + params.zero_point;
      ASSERT_GE(code, params.q_min() - 0.501) << range.min << ' ' << range.max;
      ASSERT_LE(code, params.q_max() + 0.501) << range.min << ' ' << range.max;
    }
  }
}

TEST(WeightParams, PerChannelByHand) {
  const Tensor weight = Tensor::from<float>(Shape{3, 2}, {1.0f, -1.27f, 0.0f, 0.0f, 6.35f, 1.0f});
  const TensorQuantParams params = choose_weight_params(weight, spec_with(8, 8));
  EXPECT_EQ(params.axis, 0);
  EXPECT_EQ(params.dtype, DType::kInt8);
  EXPECT_THAT(params.zero_point, ElementsAre(0, 0, 0));
  ASSERT_EQ(params.scale.size(), 3u);
  EXPECT_FLOAT_EQ(params.scale[0], 0.01f);
  EXPECT_EQ(params.scale[1], 1.0f);  // an all-zero channel
  EXPECT_FLOAT_EQ(params.scale[2], 0.05f);
  EXPECT_THAT(codes(quantize_weight(weight, params, 8, false)),
              ElementsAre(100, -127, 0, 0, 127, 20));
}

TEST(WeightParams, PerTensorUsesTheLargestWeightOfAll) {
  const Tensor weight = Tensor::from<float>(Shape{2, 2}, {1.0f, -12.7f, 0.05f, 0.15f});
  const TensorQuantParams params = choose_weight_params(weight, spec_with(8, 8, false));
  EXPECT_FALSE(params.axis);
  ASSERT_EQ(params.scale.size(), 1u);
  EXPECT_FLOAT_EQ(params.scale[0], 0.1f);
  EXPECT_THAT(codes(quantize_weight(weight, params, 8, false)), ElementsAre(10, -127, 0, 2));
}

TEST(WeightParams, ASecondAxisIsTheColumnOfAMatrix) {
  const Tensor weight = Tensor::from<float>(Shape{2, 3}, {1.27f, 0.0f, -2.54f, 0.5f, 0.0f, 1.0f});
  const TensorQuantParams params = choose_weight_params(weight, spec_with(8, 8), 1);
  EXPECT_EQ(params.axis, 1);
  ASSERT_EQ(params.scale.size(), 3u);
  EXPECT_FLOAT_EQ(params.scale[0], 0.01f);
  EXPECT_EQ(params.scale[1], 1.0f);
  EXPECT_FLOAT_EQ(params.scale[2], 0.02f);
  EXPECT_THAT(codes(quantize_weight(weight, params, 8, false)),
              ElementsAre(127, 0, -127, 50, 0, 50));
}

TEST(WeightParams, FewerBitsKeepTheSymmetricRange) {
  const Tensor weight = Tensor::from<float>(Shape{1, 3}, {-1.0f, 1.0f, 0.3f});
  for (int bits = 2; bits <= 8; ++bits) {
    const int limit = (1 << (bits - 1)) - 1;
    const TensorQuantParams params = choose_weight_params(weight, spec_with(bits, 8));
    EXPECT_FLOAT_EQ(params.scale[0], 1.0f / static_cast<float>(limit));
    EXPECT_THAT(codes(quantize_weight(weight, params, bits, false)),
                ElementsAre(-limit, limit, static_cast<int>(std::nearbyint(0.3 * limit))));
  }
}

TEST(WeightParams, ReduceRangeKeepsWeightsOn7Bits) {
  QuantSpec spec = spec_with(8, 8);
  spec.reduce_range = true;
  EXPECT_EQ(effective_weight_bits(spec), 7);
  const Tensor weight = Tensor::from<float>(Shape{1, 2}, {-6.3f, 3.15f});
  const TensorQuantParams params = choose_weight_params(weight, spec);
  EXPECT_FLOAT_EQ(params.scale[0], 0.1f);
  EXPECT_EQ(codes(quantize_weight(weight, params, 7, false))[0], -63);
  spec.weight_bits = 4;
  EXPECT_EQ(effective_weight_bits(spec), 4);
}

TEST(WeightParams, TorchCompatDividesByHalfTheRangeAndUsesTheLowestCode) {
  const Tensor weight = Tensor::from<float>(Shape{2, 2}, {-1.275f, 1.275f, 0.0f, 0.0f});
  const TensorQuantParams params = choose_weight_params(weight, torch_spec());
  EXPECT_FLOAT_EQ(params.scale[0], 0.01f);
  EXPECT_EQ(params.scale[1], FLT_EPSILON);
  const Tensor quantized = quantize_weight(weight, params, 8, true);
  EXPECT_GE(codes(quantized)[0], -128);
  EXPECT_LE(codes(quantized)[0], -127);
  EXPECT_EQ(codes(quantized)[1], 127);
  // Beyond the range on both sides: -128 is a code here and is none in the symmetric range.
  const Tensor large = Tensor::from<float>(Shape{2, 2}, {-9.0f, 9.0f, 0.0f, 0.0f});
  EXPECT_THAT(codes(quantize_weight(large, params, 8, true)), ElementsAre(-128, 127, 0, 0));
  EXPECT_THAT(codes(quantize_weight(large, params, 8, false)), ElementsAre(-127, 127, 0, 0));
}

TEST(WeightParams, TinyWeightsHaveTheSmallestNormalScale) {
  const Tensor weight = Tensor::from<float>(Shape{1, 1}, {1e-40f});
  EXPECT_EQ(choose_weight_params(weight, spec_with(8, 8)).scale[0], FLT_MIN);
}

TEST(WeightParams, TiesOfWeightsRoundToEven) {
  const Tensor weight = Tensor::from<float>(Shape{1, 4}, {127.0f, 0.5f, 1.5f, -2.5f});
  const TensorQuantParams params = choose_weight_params(weight, spec_with(8, 8));
  ASSERT_EQ(params.scale[0], 1.0f);
  EXPECT_THAT(codes(quantize_weight(weight, params, 8, false)), ElementsAre(127, 0, 2, -2));
}

TEST(WeightParams, NonFiniteWeightsAreRefusedByIndex) {
  Tensor weight(DType::kFloat32, Shape{2, 2});
  weight.mutable_data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  try {
    choose_weight_params(weight, spec_with(8, 8));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), HasSubstr("element 3"));
  }
}

TEST(WeightParams, RandomWeightsAreWithinHalfAStep) {
  Rng rng(11);
  for (const bool per_channel : {true, false}) {
    for (int bits = 2; bits <= 8; ++bits) {
      Tensor weight(DType::kFloat32, Shape{5, 3, 3, 3});
      for (float& value : weight.mutable_data<float>()) value = rng.normal();
      const TensorQuantParams params =
          choose_weight_params(weight, spec_with(bits, 8, per_channel));
      const Tensor quantized = quantize_weight(weight, params, bits, false);
      for (std::size_t i = 0; i < 135; ++i) {
        const float scale = params.scale[per_channel ? i / 27 : 0];
        const float error = std::fabs(weight.data<float>()[i] -
                                      static_cast<float>(quantized.data<std::int8_t>()[i]) * scale);
        ASSERT_LE(error, scale * 0.50001f);
      }
    }
  }
}

}  // namespace
}  // namespace octet
