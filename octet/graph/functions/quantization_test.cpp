#include "octet/graph/functions/quantization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "octet/graph/functions/run_function.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;
using SignedBytes = std::vector<std::int8_t>;

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(QuantizationTest, RoundsHalfToEvenAndSaturates) {
  const Tensor x = tensor({6}, std::vector{1.0f, 3.0f, -999.0f, kInf, std::nanf(""), 5.0f});
  const Tensor y =
      run_one(quantize_function({}), {x, Tensor::scalar(2.0f), Tensor::scalar(std::uint8_t{3})});
  EXPECT_THAT(elements<std::uint8_t>(y), ElementsAre(3, 5, 0, 255, 3, 5));
}

TEST(QuantizationTest, AScaleOfZeroIsDefined) {
  const Tensor y = run_one(quantize_function({}),
                           {tensor({3}, std::vector{-1.0f, 0.0f, 1.0f}), Tensor::scalar(0.0f)});
  EXPECT_THAT(elements<std::uint8_t>(y), ElementsAre(0, 0, 255));
}

TEST(QuantizationTest, BlocksNeedNotDivideTheAxis) {
  const LinearQuantizationOptions options{.axis = 1, .block_size = 2, .opset = 21};
  const Tensor scale = tensor({2, 2}, std::vector{1.0f, 2.0f, 4.0f, 8.0f});
  const Tensor q = tensor({2, 3}, SignedBytes{1, 2, 3, 4, 5, 6});
  EXPECT_THAT(elements<float>(run_one(dequantize_function(options), {q, scale})),
              ElementsAre(1, 2, 6, 16, 20, 48));
  const Tensor zero = tensor({2, 2}, SignedBytes{1, 0, 0, -1});
  EXPECT_THAT(elements<float>(run_one(dequantize_function(options), {q, scale, zero})),
              ElementsAre(0, 1, 6, 16, 20, 56));
}

TEST(QuantizationTest, NegativeAxesCountFromTheEnd) {
  const Tensor x = tensor({2, 2}, std::vector{1.0f, 1.0f, 2.0f, 2.0f});
  const Tensor scale = tensor({2}, std::vector{1.0f, 0.5f});
  EXPECT_THAT(elements<std::uint8_t>(run_one(quantize_function({.axis = -1}), {x, scale})),
              ElementsAre(1, 2, 2, 4));
  EXPECT_THAT(elements<std::uint8_t>(run_one(quantize_function({.axis = -2}), {x, scale})),
              ElementsAre(1, 1, 4, 4));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, quantize_function({.axis = 2}), {x, scale}),
              HasSubstr("axis 2"));
}

TEST(QuantizationTest, DynamicRangesIncludeZero) {
  const auto results =
      run_function(DynamicQuantizeLinear{}, {tensor({2}, std::vector{-51.0f, 204.0f})}, 3);
  ASSERT_TRUE(results);
  EXPECT_THAT(elements<std::uint8_t>((*results)[0]), ElementsAre(0, 255));
  EXPECT_THAT(elements<float>((*results)[1]), ElementsAre(1.0f));
  EXPECT_THAT(elements<std::uint8_t>((*results)[2]), ElementsAre(51));
}

TEST(QuantizationTest, IntegerProductsTakeZeroPointsPerRowAndColumn) {
  const Tensor a = tensor({2, 2}, Bytes{1, 2, 3, 4}), b = tensor({2, 2}, SignedBytes{5, 6, 7, -8});
  const Tensor y =
      run_one(MatMulInteger{}, {a, b, tensor({2}, Bytes{1, 3}), tensor({2}, SignedBytes{0, 2})});
  EXPECT_THAT(elements<std::int32_t>(y), ElementsAre(7, -10, 7, -10));
}

TEST(QuantizationTest, QLinearMatMulBroadcastsStacks) {
  const Tensor a = tensor({2, 1, 2}, Bytes{1, 2, 3, 4}), b = tensor({2, 1}, Bytes{1, 1});
  const Tensor one = Tensor::scalar(1.0f), zero = Tensor::scalar(std::uint8_t{0});
  const Tensor y =
      run_one(qlinear_matmul_function(), {a, one, zero, b, one, zero, Tensor::scalar(2.0f), zero});
  EXPECT_EQ(y.shape(), (Shape{2, 1, 1}));
  EXPECT_THAT(elements<std::uint8_t>(y), ElementsAre(2, 4)) << "1.5 and 3.5 round to even";
}

TEST(QuantizationTest, PaddingOfIntegersIsTheZeroPoint) {
  const Tensor x = tensor({1, 1, 2}, Bytes{5, 7}), w = tensor({2, 1, 2}, Bytes{2, 3, 4, 5});
  const Op conv = conv_integer_function({.window = {.pads = {1, 0}}});
  const Tensor y = run_one(conv, {x, w, Tensor::scalar(std::uint8_t{4}), tensor({2}, Bytes{1, 2})});
  EXPECT_THAT(elements<std::int32_t>(y), ElementsAre(2, 7, 3, 11));
}

TEST(QuantizationTest, QLinearConvHasAScalePerOutputChannel) {
  const Tensor x = tensor({1, 1, 1}, Bytes{10}), w = tensor({2, 1, 1}, SignedBytes{3, -3});
  const Tensor zero = Tensor::scalar(std::uint8_t{0});
  const OptionalTensors inputs{x,
                               Tensor::scalar(1.0f),
                               zero,
                               w,
                               tensor({2}, std::vector{1.0f, 2.0f}),
                               tensor({2}, SignedBytes{0, 0}),
                               Tensor::scalar(2.0f),
                               Tensor::scalar(std::uint8_t{100}),
                               tensor({2}, std::vector<std::int32_t>{1, 2})};
  // (30 + 1) * 1 / 2 = 15.5 -> 16, (-30 + 2) * 2 / 2 = -28
  EXPECT_THAT(elements<std::uint8_t>(run_one(qlinear_conv_function({}), inputs)),
              ElementsAre(116, 72));
}

}  // namespace
}  // namespace octet
