#include "octet/graph/functions/reduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "octet/graph/functions/run_function.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ints = std::vector<std::int64_t>;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr Reduction kReductions[] = {
    Reduction::kSum,       Reduction::kMean,     Reduction::kMax, Reduction::kMin,
    Reduction::kProd,      Reduction::kL1,       Reduction::kL2,  Reduction::kLogSum,
    Reduction::kLogSumExp, Reduction::kSumSquare};

Tensor axes_tensor(const Ints& axes) {
  return tensor(Shape{static_cast<std::int64_t>(axes.size())}, axes);
}

/// The reduction of a list of numbers by its equation.
double by_equation(Reduction reduction, const std::vector<double>& x) {
  const auto sum = [&](auto term) {
    double total = 0.0;
    for (const double value : x) total += term(value);
    return total;
  };
  double product = 1.0;
  for (const double value : x) product *= value;
  const auto itself = [](double v) { return v; };
  const auto square = [](double v) { return v * v; };
  switch (reduction) {
    case Reduction::kSum:
      return sum(itself);
    case Reduction::kMean:
      return sum(itself) / static_cast<double>(x.size());
    case Reduction::kMax:
      return *std::ranges::max_element(x);
    case Reduction::kMin:
      return *std::ranges::min_element(x);
    case Reduction::kProd:
      return product;
    case Reduction::kL1:
      return sum([](double v) { return std::abs(v); });
    case Reduction::kL2:
      return std::sqrt(sum(square));
    case Reduction::kLogSum:
      return std::log(sum(itself));
    case Reduction::kLogSumExp:
      return std::log(sum([](double v) { return std::exp(v); }));
    case Reduction::kSumSquare:
      return sum(square);
  }
  return 0.0;
}

double element_as_double(const Tensor& x, std::size_t i) {
  if (x.dtype() == DType::kFloat32) return x.data<float>()[i];
  if (x.dtype() == DType::kInt32) return x.data<std::int32_t>()[i];
  return static_cast<double>(x.data<std::int64_t>()[i]);
}

/// What each element of the result of a reduction of x [2, 3, 4] over `axes` comes from, in order.
std::vector<std::vector<double>> groups_of(const Tensor& x, unsigned axes) {
  std::vector<std::vector<double>> groups;
  std::map<std::array<int, 3>, std::size_t> places;
  std::size_t linear = 0;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k, ++linear) {
        const std::array place{axes & 1u ? 0 : i, axes & 2u ? 0 : j, axes & 4u ? 0 : k};
        const auto [found, is_new] = places.emplace(place, groups.size());
        if (is_new) groups.emplace_back();
        groups[found->second].push_back(element_as_double(x, linear));
      }
    }
  }
  return groups;
}

TEST(Reduce, IsItsEquationOverAnyAxesOfAnyNumbers) {
  for (const Reduction reduction : kReductions) {
    for (const DType dtype : {DType::kFloat32, DType::kInt32, DType::kInt64}) {
      for (unsigned subset = 1; subset < 8; ++subset) {
        Tensor x = small_numbers(dtype, {2, 3, 4}, subset);
        if (reduction == Reduction::kLogSum) {  // a sum that has a logarithm
          x = run_one(reduce({Reduction::kL1, true, true}), {x});
          for (std::size_t i = 0; i < 24 && dtype == DType::kFloat32; ++i) {
            x.mutable_data<float>()[i] += 1.0f;
          }
          if (dtype != DType::kFloat32) continue;
        }
        Ints axes;
        for (int axis = 2; axis >= 0; --axis) {
          if (subset >> axis & 1u) axes.push_back(axis == 1 ? -2 : axis);
        }
        const auto groups = groups_of(x, subset);
        for (const bool keep : {false, true}) {
          const Tensor y = run_one(reduce({reduction, keep}), {x, axes_tensor(axes)});
          ASSERT_EQ(y.shape().rank(), keep ? 3 : 3 - std::ssize(axes));
          ASSERT_EQ(y.num_elements(), std::ssize(groups));
          ASSERT_EQ(y.dtype(), dtype);
          for (std::size_t i = 0; i < groups.size(); ++i) {
            const double exact = by_equation(reduction, groups[i]);
            const double expected = dtype == DType::kFloat32 ? exact : std::trunc(exact);
            EXPECT_NEAR(element_as_double(y, i), expected, 1e-6 * std::abs(expected))
                << onnx_name(reduction) << " " << to_string(dtype) << " axes " << subset;
          }
        }
      }
    }
  }
}

TEST(Reduce, WithoutAxesReducesAllOrNothing) {
  const Tensor x = tensor<float>({2, 2}, {1, -2, 3, -4});
  const Tensor none = axes_tensor({});
  EXPECT_EQ(run_one(reduce({Reduction::kSum, false}), {x}), Tensor::scalar(-2.0f));
  EXPECT_EQ(run_one(reduce({Reduction::kSum, true}), {x, none}), tensor<float>({1, 1}, {-2}));
  EXPECT_EQ(run_one(reduce({Reduction::kSum, false, true}), {x}), x);
  EXPECT_EQ(run_one(reduce({Reduction::kSum, false, true}), {x, none}), x);
  EXPECT_EQ(run_one(reduce({Reduction::kSumSquare, false, true}), {x}),
            tensor<float>({2, 2}, {1, 4, 9, 16}));
}

TEST(Reduce, OfAScalarIsTheReductionOfOneElement) {
  EXPECT_EQ(run_one(reduce({Reduction::kL1}), {Tensor::scalar(-3.0f)}), Tensor::scalar(3.0f));
}

TEST(Reduce, OverNoElementGivesTheIdentity) {
  const Tensor x(DType::kFloat32, {2, 0});
  const auto over_nothing = [&](Reduction reduction) {
    return elements<float>(run_one(reduce({reduction, false}), {x, axes_tensor({1})}));
  };
  for (const Reduction zero :
       {Reduction::kSum, Reduction::kL1, Reduction::kL2, Reduction::kSumSquare}) {
    EXPECT_THAT(over_nothing(zero), ElementsAre(0.0f, 0.0f)) << onnx_name(zero);
  }
  for (const Reduction low : {Reduction::kMax, Reduction::kLogSum, Reduction::kLogSumExp}) {
    EXPECT_THAT(over_nothing(low), ElementsAre(-kInf, -kInf)) << onnx_name(low);
  }
  EXPECT_THAT(over_nothing(Reduction::kMin), ElementsAre(kInf, kInf));
  EXPECT_THAT(over_nothing(Reduction::kProd), ElementsAre(1.0f, 1.0f));
  EXPECT_TRUE(std::isnan(over_nothing(Reduction::kMean)[0]));
  EXPECT_EQ(run_one(reduce({Reduction::kSum, false}), {x, axes_tensor({0})}).shape(), (Shape{0}));
  const Tensor integers(DType::kInt64, {0});
  EXPECT_EQ(run_one(reduce({Reduction::kMax, false}), {integers}),
            Tensor::scalar(std::numeric_limits<std::int64_t>::min()));
  EXPECT_FALSE(run_function(reduce({Reduction::kMean, false}), {integers}));
  EXPECT_FALSE(run_function(reduce({Reduction::kLogSum, false}), {integers}));
}

TEST(Reduce, ExtremesOfBytesAndBools) {
  const auto max = [](const Tensor& x) { return run_one(reduce({Reduction::kMax, false}), {x}); };
  const auto min = [](const Tensor& x) { return run_one(reduce({Reduction::kMin, false}), {x}); };
  const Tensor bytes = tensor<std::uint8_t>({3}, {7, 200, 9});
  const Tensor codes = tensor<std::int8_t>({3}, {7, -100, 9});
  EXPECT_EQ(max(bytes), Tensor::scalar(std::uint8_t{200}));
  EXPECT_EQ(min(codes), Tensor::scalar(std::int8_t{-100}));
  EXPECT_EQ(max(bools({2}, {0, 1})), Tensor::scalar(true));
  EXPECT_EQ(min(bools({2}, {0, 1})), Tensor::scalar(false));
  EXPECT_EQ(max(bools({0}, {})), Tensor::scalar(false));
  EXPECT_EQ(min(bools({0}, {})), Tensor::scalar(true));
}

TEST(Reduce, KeepsNaN) {
  for (const auto& values : {std::vector<float>{kNan, 1, 2}, {1, kNan, 2}, {1, 2, kNan}}) {
    for (const Reduction reduction : kReductions) {
      const Tensor y = run_one(reduce({reduction, false}), {tensor<float>({3}, values)});
      EXPECT_TRUE(std::isnan(y.data<float>()[0])) << onnx_name(reduction);
    }
  }
}

TEST(Reduce, LogSumExpNeitherOverflowsNorMeetsInfinityMinusInfinity) {
  const auto result = [](const std::vector<float>& values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return run_one(reduce({Reduction::kLogSumExp, false}), {tensor<float>({count}, values)})
        .data<float>()[0];
  };
  EXPECT_FLOAT_EQ(result({1000.0f, 1000.0f}), 1000.0f + std::log(2.0f));
  EXPECT_FLOAT_EQ(result({-1000.0f, -1000.0f}), -1000.0f + std::log(2.0f));
  EXPECT_EQ(result({-kInf, 3.0f, -kInf}), 3.0f);
  EXPECT_EQ(result({-kInf, -kInf}), -kInf);
  EXPECT_EQ(result({1.0f, kInf, kInf}), kInf);
}

TEST(Reduce, SumsFloatsInDouble) {
  std::vector<float> values(10'000, 0.1f);
  values[0] = 1e7f;  // in float each further 0.1 would be lost or rounded to 0 or 1
  const Tensor y = run_one(reduce({Reduction::kSum, false}), {tensor({10'000}, values)});
  EXPECT_FLOAT_EQ(y.data<float>()[0], 1e7f + 999.9f);
}

TEST(Reduce, IntegersWrapAndMeansGoTowardsZero) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::int32_t kMin32 = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(run_one(reduce({Reduction::kSum, false}), {tensor<std::int64_t>({2}, {kMax, 1})}),
            Tensor::scalar(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(run_one(reduce({Reduction::kL1, false}), {tensor<std::int32_t>({1}, {kMin32})}),
            Tensor::scalar(kMin32));
  EXPECT_EQ(run_one(reduce({Reduction::kMean, false}), {tensor<std::int32_t>({2}, {-3, -4})}),
            Tensor::scalar(std::int32_t{-3}));
  EXPECT_EQ(
      run_one(reduce({Reduction::kMean, false}), {tensor<std::int32_t>({2}, {kMin32, kMin32})}),
      Tensor::scalar(kMin32));
  // log of a negative sum is no integer.
  EXPECT_FALSE(run_function(reduce({Reduction::kLogSum}), {tensor<std::int32_t>({1}, {-1})}));
}

TEST(Reduce, SaysWhatItDoesNotAccept) {
  const Tensor x = small_numbers(DType::kFloat32, {2, 3}, 1);
  const Op sum = reduce({Reduction::kSum});
  const auto refusal = [&](const Tensor& axes) {
    return error_of_types(ErrorKind::kBadData, sum, {x, axes});
  };
  EXPECT_THAT(refusal(axes_tensor({2})), HasSubstr("axis 2 of a tensor of rank 2"));
  EXPECT_THAT(refusal(axes_tensor({-3})), HasSubstr("accepted: -2 to 1"));
  EXPECT_THAT(refusal(axes_tensor({1, -1})), HasSubstr("axis -1 is named twice"));
  EXPECT_THAT(refusal(tensor<std::int64_t>({}, {1})), HasSubstr("rank 1"));
  EXPECT_THAT(refusal(tensor<float>({1}, {1})), HasSubstr("accepted: int64"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, sum, {tensor<std::uint8_t>({1}, {1})}),
              HasSubstr("uint8"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, sum, {bools({1}, {1})}), HasSubstr("bool"));
  const Tensor deep(DType::kFloat32, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_THAT(error_of_types(ErrorKind::kUnsupported, sum, {deep}), HasSubstr("rank 9"));
}

TEST(Reduce, InfersWhatItCanFromAxesThatAreNotKnown) {
  const std::pair x{DType::kFloat32, Shape{kDynamicDim, 1, 4}};
  const auto axes = [](std::int64_t count) { return std::pair{DType::kInt64, Shape{count}}; };
  const Op keep = reduce({Reduction::kSum, true}), drop = reduce({Reduction::kSum, false});
  EXPECT_EQ(inferred_shape(keep, {x, axes(1)}), (Shape{kUnknownDim, 1, kUnknownDim}));
  EXPECT_EQ(inferred_shape(keep, {x, axes(kDynamicDim)}), (Shape{kUnknownDim, 1, kUnknownDim}));
  EXPECT_EQ(inferred_shape(drop, {x, axes(1)}), (Shape{kUnknownDim, kUnknownDim}));
  EXPECT_EQ(inferred_shape(drop, {x, axes(3)}), (Shape{}));
  EXPECT_EQ(inferred_shape(drop, {x, axes(0)}), (Shape{}));
  EXPECT_EQ(inferred_shape(keep, {x}), (Shape{1, 1, 1}));
  EXPECT_THROW(inferred_shape(drop, {x, axes(kDynamicDim)}), Error);
  EXPECT_THROW(inferred_shape(drop, {x, axes(4)}), Error);
}

TEST(Reduce, IsNotDefinedForAxesThatDoNotFitAtRunTime) {
  const auto function = function_of(reduce({Reduction::kSum, false}));
  const Tensor x = small_numbers(DType::kFloat32, {2, 3}, 1);
  const TensorType two{DType::kFloat32, {2}};
  const auto run = [&](const Ints& axes) {
    const OptionalTensors inputs{x, axes_tensor(axes)};
    return apply(*function, inputs, std::span(&two, 1));
  };
  EXPECT_TRUE(run({1}));
  EXPECT_FALSE(run({0}));  // three elements would come out
  EXPECT_FALSE(run({2}));
  EXPECT_FALSE(run({1, 1}));
  EXPECT_FALSE(run({0, 1}));
  EXPECT_FALSE(run({std::numeric_limits<std::int64_t>::min()}));
  EXPECT_FALSE(run({}));
}

TEST(ArgExtreme, FindsTheFirstOrTheLast) {
  const Tensor x = tensor<float>({2, 3}, {2, 1, 2, 3, 3, 10});
  const auto indices = [&](const ArgExtreme& options) {
    return elements<std::int64_t>(run_one(arg_extreme(options), {x}));
  };
  EXPECT_THAT(indices({.axis = 1}), ElementsAre(0, 2));
  EXPECT_THAT(indices({.axis = -1, .select_last_index = true}), ElementsAre(2, 2));
  EXPECT_THAT(indices({.axis = 0}), ElementsAre(1, 1, 1));
  EXPECT_THAT(indices({.of_max = false, .axis = 1}), ElementsAre(1, 0));
  EXPECT_THAT(indices({.of_max = false, .axis = 1, .select_last_index = true}), ElementsAre(1, 1));
  EXPECT_EQ(run_one(arg_extreme({.axis = 1}), {x}).shape(), (Shape{2, 1}));
  EXPECT_EQ(run_one(arg_extreme({.axis = 1, .keep_dims = false}), {x}).shape(), (Shape{2}));
}

TEST(ArgExtreme, TakesANaNForTheMostExtreme) {
  const Tensor x = tensor<float>({4}, {1, kNan, kInf, kNan});
  for (const bool of_max : {true, false}) {
    EXPECT_THAT(elements<std::int64_t>(run_one(arg_extreme({.of_max = of_max}), {x})),
                ElementsAre(1));
    EXPECT_THAT(elements<std::int64_t>(
                    run_one(arg_extreme({.of_max = of_max, .select_last_index = true}), {x})),
                ElementsAre(3));
  }
}

TEST(ArgExtreme, OfIntegersAndOfNothing) {
  EXPECT_EQ(run_one(arg_extreme({.keep_dims = false}), {tensor<std::int8_t>({3}, {-5, 4, 3})}),
            Tensor::scalar(std::int64_t{1}));
  const Tensor empty(DType::kFloat32, {2, 0});
  EXPECT_EQ(run_one(arg_extreme({.axis = 0}), {empty}).shape(), (Shape{1, 0}));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, arg_extreme({.axis = 1}), {empty}),
              HasSubstr("no element"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, arg_extreme({.axis = 2}), {empty}),
              HasSubstr("axis 2"));
}

TEST(GlobalPool, ReducesAllAxesFromTheThirdOn) {
  const Tensor x = tensor<float>({1, 2, 1, 3}, {1, 5, 3, -4, -6, -5});
  EXPECT_EQ(run_one(global_pool(true), {x}), tensor<float>({1, 2, 1, 1}, {5, -4}));
  EXPECT_EQ(run_one(GlobalAveragePool{}, {x.reshaped({1, 2, 3})}),
            tensor<float>({1, 2, 1}, {3, -5}));
  EXPECT_EQ(run_one(global_pool(true), {x.reshaped({1, 2, 1, 3, 1})}).shape(),
            (Shape{1, 2, 1, 1, 1}));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, global_pool(true), {x.reshaped({2, 3})}),
              HasSubstr("rank 3 or more"));
}

}  // namespace
}  // namespace octet
