#include "octet/graph/quant_params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/base/error.h"

namespace octet {
namespace {

TEST(Quantize, RoundsHalfToEvenBeforeTheZeroPointIsAdded) {
  const QuantParams odd{.scale = 1.0f, .zero_point = 3, .bits = 8, .is_signed = false};
  EXPECT_EQ(quantize(0.5f, odd), 3);  // round(0.5) = 0; round(0.5 + 3) would be 4
  EXPECT_EQ(quantize(1.5f, odd), 5);
  EXPECT_EQ(quantize(2.5f, odd), 5);
  EXPECT_EQ(quantize(-0.5f, odd), 3);
  EXPECT_EQ(quantize(-1.5f, odd), 1);
}

TEST(Quantize, DividesByTheScale) {
  // Near a tie x / s and x * (1 / s) may round to different integers.
  int differences = 0;
  for (int step = 1; step < 100; ++step) {
    const QuantParams params{
        .scale = 0.001f * static_cast<float>(step), .zero_point = 0, .bits = 8, .is_signed = true};
    for (int k = -127; k < 127; ++k) {
      const float x = (static_cast<float>(k) + 0.5f) * params.scale;
      const auto expected = static_cast<std::int32_t>(std::nearbyint(x / params.scale));
      ASSERT_EQ(quantize(x, params), expected) << x;
      differences += expected != static_cast<std::int32_t>(std::nearbyint(x * (1 / params.scale)));
    }
  }
  EXPECT_GT(differences, 0) << "the cases do not tell the two formulas apart";
}

TEST(Quantize, SaturatesWhereAConversionToIntegerWouldOverflow) {
  const float inf = std::numeric_limits<float>::infinity();
  const QuantParams params{.scale = 0.5f, .zero_point = 7, .bits = 8, .is_signed = false};
  EXPECT_EQ(quantize(1e30f, params), 255);
  EXPECT_EQ(quantize(inf, params), 255);
  EXPECT_EQ(quantize(-1e30f, params), 0);
  EXPECT_EQ(quantize(-inf, params), 0);
  EXPECT_EQ(quantize(std::numeric_limits<float>::quiet_NaN(), params), 7);
}

TEST(Quantize, HonoursEveryBitWidth) {
  for (int bits = 2; bits <= 8; ++bits) {
    for (bool is_signed : {false, true}) {
      const QuantParams params{.scale = 1, .zero_point = 0, .bits = bits, .is_signed = is_signed};
      EXPECT_EQ(quantize(1e6f, params), params.q_max());
      EXPECT_EQ(quantize(-1e6f, params), params.q_min());
    }
  }
}

TEST(Quantize, GivesBackEveryCodeThatDequantizeMade) {
  const QuantParams params{.scale = 0.037f, .zero_point = 131, .bits = 8, .is_signed = false};
  for (int q = 0; q <= 255; ++q) EXPECT_EQ(quantize(dequantize(q, params), params), q);
}

TEST(QuantizeTensor, UsesOneScalePerIndexOfTheAxis) {
  const Tensor x = Tensor::from<float>({2, 2, 2}, std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4});
  const TensorQuantParams params{{1.0f, 0.5f}, {0, 1}, 1, DType::kInt8};
  const Tensor expected =
      Tensor::from<std::int8_t>({2, 2, 2}, std::vector<std::int8_t>{1, 2, 7, 9, 1, 2, 7, 9});
  EXPECT_EQ(quantize(x, params), expected);
  EXPECT_EQ(dequantize(expected, params), x);
}

TEST(QuantizeTensor, SaturatesInt32AtItsLimits) {
  const Tensor x = Tensor::from<float>({3}, std::vector<float>{3e9f, -3e9f, 16777217.0f});
  const Tensor q = quantize(x, {{1.0f}, {0}, std::nullopt, DType::kInt32});
  EXPECT_EQ(q.data<std::int32_t>()[0], std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(q.data<std::int32_t>()[1], std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(q.data<std::int32_t>()[2], 16777216);
}

TEST(QuantizeTensor, RefusesParametersThatDoNotFit) {
  const Tensor x(DType::kFloat32, {2, 3});
  EXPECT_THROW(quantize(x, {{1.0f, 1.0f}, {0, 0}, 1, DType::kInt8}), Error);
  EXPECT_THROW(quantize(x, {{1.0f, 1.0f}, {0, 0}, std::nullopt, DType::kInt8}), Error);
  EXPECT_THROW(quantize(x, {{1.0f, 1.0f}, {0}, 0, DType::kInt8}), Error);
  EXPECT_THROW(quantize(x, {{1.0f}, {0}, std::nullopt, DType::kInt64}), Error);
  EXPECT_THROW(dequantize(x, {}), Error);
}

}  // namespace
}  // namespace octet
