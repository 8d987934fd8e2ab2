#include "octet/graph/functions/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/functions/run_function.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor ramp(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.num_elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
  return tensor(shape, values);
}

TEST(WindowTest, ConvolvesOneAxisWithStrideDilationAndPads) {
  const Op conv = conv_function({.window = {.stride = {2}, .dilation = {2}, .pads = {1, 2}}});
  const Tensor y = run_one(conv, {ramp({1, 1, 5}), tensor({1, 1, 2}, std::vector{1.0f, 10.0f}),
                                  tensor({1}, std::vector{0.5f})});
  // 0 1 2 3 4 5 0 0, pairs two apart from places 0, 2 and 4.
  EXPECT_THAT(elements<float>(y), ElementsAre(20.5f, 42.5f, 4.5f));
}

TEST(WindowTest, GroupsSeeTheirOwnChannels) {
  const Op conv = conv_function({.groups = 2});
  const Tensor y =
      run_one(conv, {ramp({1, 2, 1, 1, 2}), tensor({2, 1, 1, 1, 1}, std::vector{1.0f, 10.0f})});
  EXPECT_THAT(elements<float>(y), ElementsAre(1, 2, 30, 40));
}

TEST(WindowTest, ATypedConvClampsByItsActivation) {
  const Tensor y = run_one(Conv2d{.activation = {0.0f, 6.0f}},
                           {tensor({1, 1, 1, 3}, std::vector{-4.0f, 2.0f, 9.0f}),
                            tensor({1, 1, 1, 1}, std::vector{1.0f})});
  EXPECT_THAT(elements<float>(y), ElementsAre(0, 2, 6));
}

TEST(WindowTest, TransposedConvolutionSpreadsEachInput) {
  const Tensor x = tensor({1, 1, 2}, std::vector{1.0f, 2.0f});
  const Tensor w = tensor({1, 1, 3}, std::vector{1.0f, 10.0f, 100.0f});
  const auto run = [&](const ConvTransposeOptions& options) {
    return elements<float>(run_one(conv_transpose_function(options), {x, w}));
  };
  EXPECT_THAT(run({.window = {.stride = {2}}}), ElementsAre(1, 10, 102, 20, 200));
  EXPECT_THAT(run({.window = {.stride = {2}}, .output_padding = {1}}),
              ElementsAre(1, 10, 102, 20, 200, 0));
  EXPECT_THAT(run({.window = {.stride = {2}, .pads = {1, 1}}}), ElementsAre(10, 102, 20));
  EXPECT_THAT(run({.window = {.stride = {2}, .auto_pad = AutoPad::kSameUpper}}),
              ElementsAre(1, 10, 102, 20));
  EXPECT_THAT(run({.window = {.stride = {2}, .auto_pad = AutoPad::kSameLower}}),
              ElementsAre(10, 102, 20, 200));
  EXPECT_THAT(run({.window = {.stride = {2}}, .output_shape = {7}}),
              ElementsAre(1, 10, 102, 20, 200, 0, 0));
}

TEST(WindowTest, TransposedGroupsHaveTheirOwnOutputs) {
  const Tensor y = run_one(conv_transpose_function({.groups = 2}),
                           {ramp({1, 2, 1}), tensor({2, 2, 1}, std::vector{1.f, 2.f, 3.f, 4.f})});
  EXPECT_THAT(elements<float>(y), ElementsAre(1, 2, 6, 8));
}

TEST(WindowTest, MaxPoolTellsThePlacesInBothOrders) {
  const WindowOptions window{.kernel = {2, 2}};
  const Tensor x = ramp({1, 1, 2, 3});
  for (const bool column_major : {false, true}) {
    const auto results = run_function(max_pool_function(window, column_major), {x}, 2);
    ASSERT_TRUE(results);
    EXPECT_THAT(elements<float>((*results)[0]), ElementsAre(5, 6));
    if (column_major) {
      EXPECT_THAT(elements<std::int64_t>((*results)[1]), ElementsAre(3, 5));
    } else {
      EXPECT_THAT(elements<std::int64_t>((*results)[1]), ElementsAre(4, 5));
    }
  }
}

TEST(WindowTest, PadsMayExceedTheWindow) {
  const WindowOptions window{.kernel = {2}, .stride = {2}, .pads = {3, 1}};
  const Tensor x = tensor({1, 1, 2}, std::vector<std::int8_t>{-5, -7});
  const auto results = run_function(max_pool_function(window, false), {x}, 2);
  ASSERT_TRUE(results);
  EXPECT_THAT(elements<std::int8_t>((*results)[0]), ElementsAre(-128, -5, -7));
  EXPECT_THAT(elements<std::int64_t>((*results)[1]), ElementsAre(-1, 0, 1));
  const Tensor mean =
      run_one(average_pool_function(window, false), {tensor({1, 1, 2}, std::vector{4.0f, 8.0f})});
  EXPECT_THAT(elements<float>(mean), ElementsAre(0, 4, 8));
}

TEST(WindowTest, AverageCountsPaddingButNothingBehindIt) {
  const WindowOptions window{.kernel = {3}, .stride = {2}, .pads = {1, 1}, .ceil_mode = true};
  const Tensor x = tensor({1, 1, 4}, std::vector{3.0f, 6.0f, 9.0f, 12.0f});
  EXPECT_THAT(elements<float>(run_one(average_pool_function(window, true), {x})),
              ElementsAre(3, 9, 6));
  EXPECT_THAT(elements<float>(run_one(average_pool_function(window, false), {x})),
              ElementsAre(4.5f, 9, 12));
}

TEST(WindowTest, RefusesFormsThatContradictThemselves) {
  const Tensor x = ramp({1, 2, 4, 4}), w = ramp({2, 2, 3, 3});
  const auto conv = [&](const ConvOptions& options, const Tensor& weight) {
    return error_of_types(ErrorKind::kBadData, conv_function(options), {x, weight});
  };
  EXPECT_THAT(conv({.groups = 2}, w), HasSubstr("group"));
  EXPECT_THAT(conv({}, ramp({2, 2, 5, 3})), HasSubstr("fits its input"));
  EXPECT_THAT(conv({.window = {.stride = {0, 1}}}, w), HasSubstr("stride"));
  EXPECT_THAT(conv({.window = {.stride = {1}}}, w), HasSubstr("stride"));
  EXPECT_THAT(conv({.window = {.pads = {0, 0, 0, -1}}}, w), HasSubstr("padding"));
  EXPECT_THAT(conv({.window = {.kernel = {2, 2}}}, w), HasSubstr("kernel_shape"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData,
                             conv_transpose_function({.window = {.pads = {9, 9, 9, 9}}}), {x, w}),
              HasSubstr("1 or more"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, max_pool_function({}, false), {x}),
              HasSubstr("kernel_shape"));
}

}  // namespace
}  // namespace octet
