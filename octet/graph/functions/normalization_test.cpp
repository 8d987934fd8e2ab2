#include "octet/graph/functions/normalization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/graph/functions/run_function.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor numbers(const Shape& shape, unsigned seed = 1) {
  return small_numbers(DType::kFloat32, shape, seed);
}

struct Statistics {
  double mean, variance;
};
Statistics statistics(const std::vector<float>& x) {
  double sum = 0.0, squares = 0.0;
  for (const float v : x) sum += v;
  const auto count = static_cast<double>(x.size());
  for (const float v : x) squares += (v - sum / count) * (v - sum / count);
  return {sum / count, squares / count};
}

void expect_near(const Tensor& found, const std::vector<float>& expected) {
  EXPECT_THAT(elements<float>(found), Pointwise(FloatNear(2e-6f), expected));
}

TEST(SoftmaxFunction, RunsOverAnyAxis) {
  const Tensor x = numbers({2, 3, 4});
  for (const int axis : {0, 1, 2, -1, -3}) {
    const Tensor y = run_one(Softmax{axis}, {x}), log_y = run_one(log_softmax(axis), {x});
    const int from_front = axis < 0 ? axis + 3 : axis;
    const std::size_t step = from_front == 0 ? 12 : from_front == 1 ? 4 : 1;
    const auto count = static_cast<std::size_t>(x.shape()[from_front]);
    for (std::size_t i = 0; i < 24; ++i) {
      const std::size_t first = i - i / step % count * step;
      double sum = 0.0;
      for (std::size_t j = 0; j < count; ++j) {
        sum += std::exp(double{x.data<float>()[first + j * step]});
      }
      const double expected = std::exp(double{x.data<float>()[i]}) / sum;
      EXPECT_NEAR(y.data<float>()[i], expected, 1e-6 * expected) << axis << " at " << i;
      EXPECT_NEAR(log_y.data<float>()[i], std::log(expected), 1e-5) << axis << " at " << i;
    }
  }
}

TEST(SoftmaxFunction, StandsLargeNumbersAndEmptyTensors) {
  const Tensor x = tensor<float>({3}, {1e4f, 1e4f, -kInf});
  EXPECT_EQ(run_one(Softmax{0}, {x}), tensor<float>({3}, {0.5f, 0.5f, 0.0f}));
  EXPECT_THAT(elements<float>(run_one(log_softmax(0), {x})),
              ElementsAre(FloatEq(-std::log(2.0f)), FloatEq(-std::log(2.0f)), -kInf));
  EXPECT_EQ(run_one(Softmax{1}, {Tensor(DType::kFloat32, {2, 0})}).shape(), (Shape{2, 0}));
  EXPECT_EQ(run_one(log_softmax(1), {Tensor(DType::kFloat32, {0, 2})}).shape(), (Shape{0, 2}));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, log_softmax(1), {x}), HasSubstr("axis 1"));
}

TEST(LayerNormFunction, NormalizesAllAxesFromOneOn) {
  const Tensor x = numbers({2, 3, 4});
  for (const int axis : {0, 1, 2, -2}) {
    const int first = axis < 0 ? axis + 3 : axis;
    const std::vector<std::int64_t> dims(x.shape().dims().begin() + first, x.shape().dims().end());
    const Tensor scale = numbers(Shape(dims), 2), bias = numbers(Shape(dims), 3);
    const auto y = run_function(layer_norm({.axis = axis, .epsilon = 0.25f}), {x, scale, bias}, 3);
    ASSERT_TRUE(y);
    const auto size = static_cast<std::size_t>(scale.num_elements());
    EXPECT_EQ((*y)[1].num_elements(), static_cast<std::int64_t>(24 / size));
    EXPECT_EQ((*y)[1].shape().rank(), 3);
    for (std::size_t row = 0; row < 24 / size; ++row) {
      const auto part = x.data<float>().subspan(row * size, size);
      const Statistics s = statistics({part.begin(), part.end()});
      const double inverse = 1.0 / std::sqrt(s.variance + 0.25);
      EXPECT_FLOAT_EQ((*y)[1].data<float>()[row], static_cast<float>(s.mean));
      EXPECT_FLOAT_EQ((*y)[2].data<float>()[row], static_cast<float>(inverse));
      for (std::size_t i = 0; i < size; ++i) {
        const double expected =
            (part[i] - s.mean) * inverse * scale.data<float>()[i] + bias.data<float>()[i];
        EXPECT_NEAR((*y)[0].data<float>()[row * size + i], expected, 1e-5);
      }
    }
  }
}

TEST(LayerNormFunction, BroadcastsScaleAndBiasAndNeedsNoBias) {
  const Tensor x = tensor<float>({2, 2}, {-1, 1, -3, 3});
  const Op op = layer_norm({.axis = -1, .epsilon = 0.0f});
  expect_near(run_one(op, {x, Tensor::scalar(2.0f)}), {-2, 2, -2, 2});
  expect_near(run_one(op, {x, tensor<float>({2, 1}, {1, 10}), tensor<float>({1}, {5})}),
              {4, 6, -5, 15});
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, op, {x, tensor<float>({3}, {1, 1, 1})}),
              HasSubstr("broadcasts to x [2, 2]"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, op, {x, numbers({1, 1, 2})}),
              HasSubstr("broadcasts"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, layer_norm({.axis = 2}), {x, x}),
              HasSubstr("axis 2"));
}

TEST(Normalization, KeepsItsDigitsWhereTheMeanIsLarge) {
  const Tensor x = tensor<float>({1, 4}, {10'000'000, 10'000'001, 10'000'002, 10'000'003});
  const Op op = layer_norm({.axis = -1, .epsilon = 0.0f});
  const float step = 1.0f / std::sqrt(1.25f);
  expect_near(run_one(op, {x, Tensor::scalar(1.0f)}),
              {-1.5f * step, -0.5f * step, 0.5f * step, 1.5f * step});
}

TEST(GroupNormFunction, NormalizesGroupsOfChannels) {
  const Tensor x = numbers({2, 4, 3});
  const Tensor scale = numbers({4}, 2), bias = numbers({4}, 3);
  for (const std::int64_t groups : {1, 2, 4}) {
    const Tensor y = run_one(group_norm({.groups = groups, .epsilon = 0.5f}), {x, scale, bias});
    const auto size = static_cast<std::size_t>(12 / groups);
    for (std::size_t i = 0; i < 24; ++i) {
      const auto part = x.data<float>().subspan(i / size * size, size);
      const Statistics s = statistics({part.begin(), part.end()});
      const std::size_t channel = i / 3 % 4;
      const double expected = (x.data<float>()[i] - s.mean) / std::sqrt(s.variance + 0.5) *
                                  scale.data<float>()[channel] +
                              bias.data<float>()[channel];
      EXPECT_NEAR(y.data<float>()[i], expected, 1e-5) << groups;
    }
    if (groups == 4) {
      EXPECT_EQ(run_one(instance_norm(0.5f), {x, scale, bias}), y);
    }
  }
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, group_norm({.groups = 3}), {x, scale, bias}),
              HasSubstr("4 channels in 3 groups"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, instance_norm(0), {x, numbers({3}), bias}),
              HasSubstr("one number per channel"));
}

TEST(BatchNormFunction, UsesTheGivenStatistics) {
  const Tensor x = tensor<float>({1, 2, 2}, {1, 3, 4, 8});
  const Tensor scale = tensor<float>({2}, {1, 2}), bias = tensor<float>({2}, {0, 1});
  const Tensor mean = tensor<float>({2}, {1, 4}), variance = tensor<float>({2}, {0.75f, 3.75f});
  expect_near(run_one(BatchNorm{.epsilon = 0.25f}, {x, scale, bias, mean, variance}), {0, 2, 1, 5});
  EXPECT_EQ(
      run_one(BatchNorm{}, {Tensor(DType::kFloat32, {0, 2}), scale, bias, mean, variance}).shape(),
      (Shape{0, 2}));
}

TEST(BatchNormFunction, InTrainingUsesTheBatchAndUpdatesTheStatistics) {
  const Tensor x = tensor<float>({2, 2, 1}, {1, 10, 3, 30});  // channels {1, 3} and {10, 30}
  const Tensor scale = tensor<float>({2}, {1, 2}), bias = tensor<float>({2}, {0, 1});
  const Tensor mean = tensor<float>({2}, {4, 0}), variance = tensor<float>({2}, {9, 0});
  const auto y = run_function(batch_norm_training({.epsilon = 0.0f, .momentum = 0.75f}),
                              {x, scale, bias, mean, variance}, 3);
  ASSERT_TRUE(y);
  expect_near((*y)[0], {-1, -1, 1, 3});
  expect_near((*y)[1], {0.75f * 4 + 0.25f * 2, 0.25f * 20});
  expect_near((*y)[2], {0.75f * 9 + 0.25f * 1, 0.25f * 100});
}

TEST(LocalResponseNormFunction, LooksOneChannelFurtherUpWhereTheWindowIsEven) {
  const Tensor x = tensor<float>({1, 4, 1}, {1, 2, 3, 4});
  const auto run = [&](std::int64_t size) {
    return run_one(local_response_norm({static_cast<float>(size), 1.0f, 1.0f, size}), {x});
  };
  expect_near(run(1), {1 / 2.0f, 2 / 5.0f, 3 / 10.0f, 4 / 17.0f});
  expect_near(run(2), {1 / 6.0f, 2 / 14.0f, 3 / 26.0f, 4 / 17.0f});
  expect_near(run(3), {1 / 6.0f, 2 / 15.0f, 3 / 30.0f, 4 / 26.0f});
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  const Tensor y = run_one(local_response_norm({1.0f, 1.0f, 1.0f, huge}), {x});
  expect_near(y, {1, 2, 3, 4});  // alpha / size is next to nothing
}

TEST(MeanVarianceFunction, NormalizesOverItsAxes) {
  const Tensor x = tensor<float>({2, 2}, {1, 5, 3, 5});
  expect_near(run_one(mean_variance_norm({0}), {x}), {-1, 0, 1, 0});
  expect_near(run_one(mean_variance_norm({-1}), {x}), {-1, 1, -1, 1});
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, mean_variance_norm({0, 2}), {x}),
              HasSubstr("axis 2"));
}

}  // namespace
}  // namespace octet
