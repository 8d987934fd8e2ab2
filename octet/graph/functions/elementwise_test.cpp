#include "octet/graph/functions/elementwise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/graph/evaluate.h"
#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/graph.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr auto kMin32 = std::numeric_limits<std::int32_t>::min();
constexpr auto kMax32 = std::numeric_limits<std::int32_t>::max();
constexpr auto kMin64 = std::numeric_limits<std::int64_t>::min();
constexpr auto kMax64 = std::numeric_limits<std::int64_t>::max();

template <typename T>
Tensor tensor(Shape shape, const std::vector<T>& values) {
  Tensor result(dtype_of<T>(), std::move(shape));
  std::copy(values.begin(), values.end(), result.mutable_data<T>().begin());
  return result;
}
template <typename T>
Tensor row(const std::vector<T>& values) {
  return tensor<T>({static_cast<std::int64_t>(values.size())}, values);
}
template <typename T>
std::vector<T> elements(const Tensor& tensor) {
  return {tensor.data<T>().begin(), tensor.data<T>().end()};
}

using Inputs = std::vector<std::optional<Tensor>>;

/// The types that shape inference gives to `outputs` outputs of one node.
std::vector<TensorType> types_of(const Op& op, const Inputs& inputs, std::size_t outputs) {
  Graph graph;
  std::vector<std::optional<ValueId>> ids;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ids.emplace_back();
    if (!inputs[i]) continue;
    ids.back() = graph.add_input(std::string(i + 1, 'x'), inputs[i]->dtype(), inputs[i]->shape());
  }
  std::vector<ValueId> results;
  for (std::size_t i = 0; i < outputs; ++i) {
    results.push_back(graph.add_value(std::string(i + 1, 'y')));
    graph.add_output(results.back());
  }
  graph.add_node("node", op, ids, results);
  infer_shapes(graph);
  std::vector<TensorType> types;
  for (const ValueId id : results) types.push_back({graph.value(id).dtype, graph.value(id).shape});
  return types;
}

std::optional<std::vector<Tensor>> run_all(const Op& op, const Inputs& inputs,
                                           std::size_t outputs) {
  return apply(*function_of(op), inputs, types_of(op, inputs, outputs));
}

Tensor run(const Op& op, const Inputs& inputs) {
  const auto results = run_all(op, inputs, 1);
  EXPECT_TRUE(results.has_value()) << "not defined";
  return results ? results->front() : Tensor();
}

bool is_defined(const Op& op, const Inputs& inputs) { return run_all(op, inputs, 1).has_value(); }

std::string error_of(ErrorKind kind, const Op& op, const Inputs& inputs) {
  try {
    types_of(op, inputs, 1);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

std::vector<float> floats_of(UnaryFunction function, const std::vector<float>& x) {
  const auto attributes = unary_attributes(function);
  return elements<float>(
      run(unary(function, attributes[0].value, attributes[1].value), {row<float>(x)}));
}

TEST(ElementwiseTest, UnaryFunctionsHaveTheirValues) {
  using enum UnaryFunction;
  struct Case {
    UnaryFunction function;
    std::vector<float> x, y;
  };
  const Case cases[] = {
      {kAbs, {-2, 0, 3}, {2, 0, 3}},
      {kNeg, {-2, 0, 3}, {2, -0.0f, -3}},
      {kSign, {-2, 0, 3}, {-1, 0, 1}},
      {kErf, {-1, 0, 0.5f}, {-0.842700793f, 0, 0.520499878f}},
      {kExp, {-1, 0, 1}, {0.367879441f, 1, 2.718281828f}},
      {kLog, {1, 10}, {0, 2.302585093f}},
      {kSqrt, {4, 2}, {2, 1.414213562f}},
      {kReciprocal, {4, -2}, {0.25f, -0.5f}},
      {kFloor, {-1.5f, 1.5f}, {-2, 1}},
      {kCeil, {-1.5f, 1.5f}, {-1, 2}},
      {kRound, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.4f}, {0, 2, 2, -0.0f, -2, 2}},
      {kSin, {1}, {0.841470985f}},
      {kCos, {1}, {0.540302306f}},
      {kTan, {1}, {1.557407725f}},
      {kAsin, {0.5f}, {0.523598776f}},
      {kAcos, {0.5f}, {1.047197551f}},
      {kAtan, {1}, {0.785398163f}},
      {kSinh, {1}, {1.175201194f}},
      {kCosh, {1}, {1.543080635f}},
      {kAsinh, {1}, {0.881373587f}},
      {kAcosh, {2}, {1.316957897f}},
      {kAtanh, {0.5f}, {0.549306144f}},
      {kElu, {-1, 2}, {-0.632120559f, 2}},
      {kCelu, {-1, 2}, {-0.632120559f, 2}},
      {kSelu, {-1, 0, 2}, {-1.111330738f, 0, 2.101402044f}},
      {kLeakyRelu, {-1, 2}, {-0.01f, 2}},
      {kThresholdedRelu, {-1, 1, 1.5f}, {0, 0, 1.5f}},
      {kSoftplus, {-200, 0, 1, 200}, {0, 0.693147181f, 1.313261688f, 200}},
      {kSoftsign, {-1, 3}, {-0.5f, 0.75f}},
      {kMish, {1, 100}, {0.865098388f, 100}},
      {kGelu, {-1, 0, 1}, {-0.158655254f, 0, 0.841344746f}},
      {kGeluTanh, {-1, 0, 1}, {-0.158808009f, 0, 0.841191991f}},
      {kIdentity, {-1, 2}, {-1, 2}},
      {kSigmoid, {-1, 0}, {0.268941421f, 0.5f}},
      {kTanh, {1}, {0.761594156f}},
      {kHardSigmoid, {-5, 0, 1, 5}, {0, 0.5f, 0.7f, 1}},
      {kHardSwish, {-4, 1, 4}, {0, 0.666666667f, 4}},
  };
  for (const Case& test : cases) {
    EXPECT_THAT(floats_of(test.function, test.x), Pointwise(FloatNear(2e-6f), test.y))
        << op_name(unary(test.function));
  }
}

TEST(ElementwiseTest, UnaryFunctionsTakeTheirAttributes) {
  const auto x = row<float>({-1, 2});
  EXPECT_THAT(elements<float>(run(unary(UnaryFunction::kElu, 2), {x})),
              ElementsAre(FloatNear(-1.264241118f, 1e-6f), 2));
  EXPECT_THAT(elements<float>(run(unary(UnaryFunction::kCelu, 2), {x})),
              ElementsAre(FloatNear(-0.786938681f, 1e-6f), 2));
  EXPECT_THAT(elements<float>(run(unary(UnaryFunction::kSelu, 2, 3), {x})),
              ElementsAre(FloatNear(-3.792723353f, 1e-5f), 6));
  EXPECT_THAT(elements<float>(run(unary(UnaryFunction::kLeakyRelu, 0.5f), {x})),
              ElementsAre(-0.5f, 2));
  EXPECT_THAT(elements<float>(run(unary(UnaryFunction::kThresholdedRelu, 2), {x})),
              ElementsAre(0, 0));
}

TEST(ElementwiseTest, UnaryFunctionsOfIntegersWrap) {
  EXPECT_THAT(
      elements<std::int8_t>(run(unary(UnaryFunction::kAbs), {row<std::int8_t>({-128, -5, 5})})),
      ElementsAre(-128, 5, 5));
  EXPECT_THAT(
      elements<std::int64_t>(run(unary(UnaryFunction::kNeg), {row<std::int64_t>({kMin64, -5, 5})})),
      ElementsAre(kMin64, 5, -5));
  EXPECT_THAT(
      elements<std::uint8_t>(run(unary(UnaryFunction::kSign), {row<std::uint8_t>({0, 255})})),
      ElementsAre(0, 1));
  EXPECT_THAT(
      elements<std::int32_t>(run(unary(UnaryFunction::kSign), {row<std::int32_t>({kMin32, 0, 7})})),
      ElementsAre(-1, 0, 1));
  EXPECT_THAT(
      elements<std::int32_t>(run(unary(UnaryFunction::kErf), {row<std::int32_t>({-9, 0, 9})})),
      ElementsAre(-1, 0, 1));
}

TEST(ElementwiseTest, NaNAndTruthHaveTheirOwnDtypes) {
  EXPECT_THAT(elements<bool>(run(unary(UnaryFunction::kIsNaN), {row<float>({kNan, kInf, 0})})),
              ElementsAre(true, false, false));
  EXPECT_THAT(elements<bool>(run(unary(UnaryFunction::kNot), {row<bool>({true, false})})),
              ElementsAre(false, true));
  EXPECT_TRUE(std::isnan(floats_of(UnaryFunction::kSign, {kNan})[0]));
}

TEST(ElementwiseTest, UnaryFunctionsNameTheDtypesTheyAccept) {
  const Inputs ints{row<std::int32_t>({1})};
  EXPECT_THAT(error_of(ErrorKind::kBadData, unary(UnaryFunction::kExp), ints),
              testing::HasSubstr("int32, accepted: float32"));
  error_of(ErrorKind::kBadData, unary(UnaryFunction::kNot), ints);
  error_of(ErrorKind::kBadData, unary(UnaryFunction::kNeg), {row<std::uint8_t>({1})});
  error_of(ErrorKind::kBadData, unary(UnaryFunction::kAbs), {row<bool>({true})});
}

template <typename T>
std::vector<T> pairs(BinaryFunction function, const std::vector<T>& a, const std::vector<T>& b) {
  return elements<T>(run(binary(function), {row<T>(a), row<T>(b)}));
}

TEST(ElementwiseTest, IntegerArithmeticWraps) {
  using enum BinaryFunction;
  EXPECT_THAT(pairs<std::uint8_t>(kAdd, {250, 1}, {10, 2}), ElementsAre(4, 3));
  EXPECT_THAT(pairs<std::int8_t>(kSub, {-128, 1}, {1, 2}), ElementsAre(127, -1));
  EXPECT_THAT(pairs<std::int32_t>(kMul, {kMax32, -3}, {2, 7}), ElementsAre(-2, -21));
  EXPECT_THAT(pairs<std::int64_t>(kMul, {kMin64, kMax64}, {-1, kMax64}), ElementsAre(kMin64, 1));
  EXPECT_THAT(pairs<std::int64_t>(kAdd, {kMax64}, {1}), ElementsAre(kMin64));
}

TEST(ElementwiseTest, IntegerDivisionTruncates) {
  using enum BinaryFunction;
  EXPECT_THAT(pairs<std::int32_t>(kDiv, {-7, 7, -7, kMin32}, {2, -2, -2, -1}),
              ElementsAre(-3, -3, 3, kMin32));
  EXPECT_THAT(pairs<std::int64_t>(kDiv, {kMin64, kMin64}, {-1, 2}),
              ElementsAre(kMin64, kMin64 / 2));
  EXPECT_THAT(pairs<std::int8_t>(kDiv, {-128, 100}, {-1, 7}), ElementsAre(-128, 14));
  EXPECT_THAT(pairs<std::uint8_t>(kDiv, {255, 254}, {255, 255}), ElementsAre(1, 0));
}

TEST(ElementwiseTest, RemaindersHaveTheSignOfDivisorOrDividend) {
  using enum BinaryFunction;
  EXPECT_THAT(pairs<std::int32_t>(kMod, {-4, 7, 5, 4, -7, -8, kMin32}, {2, -3, 8, -2, 3, 5, -1}),
              ElementsAre(0, -2, 5, 0, 2, 2, 0));
  EXPECT_THAT(pairs<std::int32_t>(kFmod, {-4, 7, 5, -7, kMin32}, {2, -3, 8, 3, -1}),
              ElementsAre(0, 1, 5, -1, 0));
  EXPECT_THAT(pairs<std::int64_t>(kMod, {kMin64}, {-1}), ElementsAre(0));
  EXPECT_THAT(pairs<std::uint8_t>(kMod, {255}, {16}), ElementsAre(15));
  EXPECT_THAT(pairs<float>(kFmod, {-4.5f, 5.0f}, {2.0f, -3.0f}), ElementsAre(-0.5f, 2.0f));
  EXPECT_THAT(error_of(ErrorKind::kBadData, binary(kMod), {row<float>({1}), row<float>({1})}),
              testing::HasSubstr("fmod"));
}

TEST(ElementwiseTest, DivisionOfIntegersByZeroIsNotDefined) {
  using enum BinaryFunction;
  for (const BinaryFunction function : {kDiv, kMod, kFmod}) {
    EXPECT_FALSE(
        is_defined(binary(function), {row<std::int32_t>({1, 2}), row<std::int32_t>({1, 0})}));
  }
  EXPECT_THAT(pairs<float>(kDiv, {1, -1}, {0, 0}), ElementsAre(kInf, -kInf));
}

TEST(ElementwiseTest, PowersKeepTheDtypeOfTheBase) {
  const Op power = binary(BinaryFunction::kPow);
  EXPECT_THAT(pairs<float>(BinaryFunction::kPow, {2, 9, 2}, {3, 0.5f, -1}),
              ElementsAre(8, 3, 0.5f));
  EXPECT_THAT(elements<float>(run(power, {row<float>({1.5f, 2}), row<std::int64_t>({2, -2})})),
              ElementsAre(2.25f, 0.25f));
  EXPECT_THAT(elements<std::int32_t>(
                  run(power, {row<std::int32_t>({2, 9, -2}), row<float>({-0.5f, 0.5f, 3})})),
              ElementsAre(0, 3, -8));
  EXPECT_THAT(elements<std::int64_t>(run(power, {row<std::int64_t>({3, -3, 2, 2, 7}),
                                                 row<std::uint8_t>({39, 3, 63, 64, 0})})),
              ElementsAre(4052555153018976267, -27, kMin64, 0, 1));
  EXPECT_THAT(elements<std::int32_t>(run(
                  power, {row<std::int32_t>({1, -1, -1, 5}), row<std::int8_t>({-3, -3, -4, -1})})),
              ElementsAre(1, -1, 1, 0));
  EXPECT_FALSE(is_defined(power, {row<std::int32_t>({0}), row<std::int32_t>({-1})}));
  error_of(ErrorKind::kBadData, power, {row<std::int8_t>({1}), row<std::int8_t>({1})});
}

TEST(ElementwiseTest, MinAndMaxPassNaNOn) {
  using enum BinaryFunction;
  for (const BinaryFunction function : {kMin, kMax}) {
    const auto result = pairs<float>(function, {kNan, 1, 2}, {1, kNan, 2});
    EXPECT_TRUE(std::isnan(result[0]) && std::isnan(result[1]));
    EXPECT_EQ(result[2], 2);
  }
  EXPECT_THAT(pairs<std::uint8_t>(kMax, {200, 1}, {100, 2}), ElementsAre(200, 2));
  EXPECT_THAT(pairs<std::int64_t>(kMin, {kMin64, 1}, {0, 2}), ElementsAre(kMin64, 1));
}

TEST(ElementwiseTest, ComparisonsGiveTruthValues) {
  using enum BinaryFunction;
  const Inputs inputs{row<float>({1, 2, 3, kNan}), row<float>({2, 2, 2, kNan})};
  const auto compare = [&](BinaryFunction function) {
    return elements<bool>(run(binary(function), inputs));
  };
  EXPECT_THAT(compare(kLess), ElementsAre(true, false, false, false));
  EXPECT_THAT(compare(kLessOrEqual), ElementsAre(true, true, false, false));
  EXPECT_THAT(compare(kGreater), ElementsAre(false, false, true, false));
  EXPECT_THAT(compare(kGreaterOrEqual), ElementsAre(false, true, true, false));
  EXPECT_THAT(compare(kEqual), ElementsAre(false, true, false, false));
  EXPECT_THAT(
      elements<bool>(run(binary(kGreater), {row<std::uint8_t>({200}), row<std::uint8_t>({100})})),
      ElementsAre(true));
  error_of(ErrorKind::kBadData, binary(kLess), {row<float>({1}), row<std::int32_t>({1})});
}

TEST(ElementwiseTest, LogicIsOfTruthValuesAlone) {
  using enum BinaryFunction;
  const std::vector<bool> a{false, false, true, true}, b{false, true, false, true};
  EXPECT_THAT(pairs<bool>(kAnd, a, b), ElementsAre(false, false, false, true));
  EXPECT_THAT(pairs<bool>(kOr, a, b), ElementsAre(false, true, true, true));
  EXPECT_THAT(pairs<bool>(kXor, a, b), ElementsAre(false, true, true, false));
  EXPECT_THAT(pairs<bool>(kEqual, a, b), ElementsAre(true, false, false, true));
  EXPECT_THAT(pairs<std::int8_t>(kBitwiseAnd, {-1}, {12}), ElementsAre(12));
  EXPECT_THAT(pairs<std::uint8_t>(kBitwiseOr, {1}, {12}), ElementsAre(13));
  EXPECT_THAT(pairs<std::int64_t>(kBitwiseXor, {5}, {-1}), ElementsAre(-6));
  error_of(ErrorKind::kBadData, binary(kAnd), {row<float>({1}), row<float>({1})});
  error_of(ErrorKind::kBadData, binary(kBitwiseOr), {row<float>({1}), row<float>({1})});
}

TEST(ElementwiseTest, BroadcastsAsNumpyDoes) {
  const Op subtract = binary(BinaryFunction::kSub);
  const Tensor column = tensor<float>({2, 1}, {10, 20});
  const Tensor line = row<float>({1, 2, 3});
  const Tensor result = run(subtract, {column, line});
  EXPECT_EQ(result.shape(), (Shape{2, 3}));
  EXPECT_THAT(elements<float>(result), ElementsAre(9, 8, 7, 19, 18, 17));
  EXPECT_EQ(run(subtract, {Tensor::scalar(1.0f), Tensor::scalar(2.0f)}).shape(), Shape{});
  EXPECT_EQ(run(subtract, {Tensor::scalar(1.0f), row<float>({2})}).shape(), (Shape{1}));
  EXPECT_EQ(run(subtract, {Tensor(DType::kFloat32, {0, 3}), line}).shape(), (Shape{0, 3}));
  EXPECT_EQ(run(subtract, {Tensor(DType::kFloat32, {2, 0}), column}).shape(), (Shape{2, 0}));
  EXPECT_THAT(error_of(ErrorKind::kBadData, subtract, {line, row<float>({1, 2})}),
              testing::HasSubstr("accepted: equal sizes or 1"));
  // Two of eight axes, apart from each other.
  const Tensor deep = tensor<float>({1, 1, 2, 1, 1, 1, 2, 1}, {1, 2, 3, 4});
  EXPECT_THAT(elements<float>(run(subtract, {deep, Tensor::scalar(1.0f)})),
              ElementsAre(0, 1, 2, 3));
}

TEST(ElementwiseTest, UnknownSizesBecomeTheOtherOne) {
  const auto broadcast = [](const Shape& a, const Shape& b) {
    return broadcast_shape(Node{"node", Add{}, {}, {}}, a, b);
  };
  EXPECT_EQ(broadcast({kUnknownDim, kUnknownDim, 3}, {kUnknownDim, 5, 1}),
            (Shape{kUnknownDim, 5, 3}));
  EXPECT_EQ(broadcast({kUnknownDim, 2}, {kDynamicDim, kUnknownDim}), (Shape{kUnknownDim, 2}));
  EXPECT_EQ(broadcast({1, 0}, {kUnknownDim, kUnknownDim}), (Shape{kUnknownDim, 0}));
  EXPECT_EQ(broadcast({kDynamicDim, 1}, {kDynamicDim, 4}), (Shape{kDynamicDim, 4}));
  EXPECT_THROW(broadcast({kDynamicDim}, {4}), Error);
}

TEST(ElementwiseTest, SizesThatDoNotFitAfterAllAreNotDefined) {
  const Tensor a = row<float>({1, 2, 3}), b = row<float>({1, 2});
  const TensorType type{DType::kFloat32, {3}};
  const Inputs inputs{a, b};
  for (const BinaryFunction function : {BinaryFunction::kAdd, BinaryFunction::kPow}) {
    const auto definition = std::get<Function>(binary(function)).definition;
    EXPECT_FALSE(apply(*definition, inputs, std::span(&type, 1)).has_value());
  }
  const auto copy = std::get<Function>(unary(UnaryFunction::kIdentity)).definition;
  EXPECT_FALSE(apply(*copy, std::span(inputs).subspan(1), std::span(&type, 1)).has_value());
}

/// [2, 3, 4, 5] stored channels-last.
Tensor channels_last(const Tensor& x) {
  Tensor result(x.dtype(), x.shape());
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 3; ++c)
      for (int i = 0; i < 20; ++i) {
        result.mutable_data<float>()[static_cast<std::size_t>(n * 60 + i * 3 + c)] =
            x.data<float>()[static_cast<std::size_t>(n * 60 + c * 20 + i)];
      }
  return result;
}

constexpr std::array<std::int64_t, kMaxViewRank> kLastStrides{60, 1, 15, 3};

TEST(ElementwiseTest, LayoutsMayDiffer) {
  std::vector<float> numbers(120);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  const Tensor a = tensor<float>({2, 3, 4, 5}, numbers);
  const Tensor b = tensor<float>({3, 1, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  const Op subtract = binary(BinaryFunction::kSub);
  const Tensor expected = run(subtract, {a, b});
  const Tensor a_last = channels_last(a);
  Tensor y(DType::kFloat32, a.shape());
  const auto definition = std::get<Function>(subtract).definition;
  for (const bool a_is_last : {false, true}) {
    for (const bool y_is_last : {false, true}) {
      ConstTensorView in[] = {view_of(a_is_last ? a_last : a), view_of(b)};
      TensorView out[] = {mutable_view_of(y)};
      if (a_is_last) in[0].strides = kLastStrides;
      if (y_is_last) out[0].strides = kLastStrides;
      ASSERT_TRUE(definition->compute(in, out, nullptr));
      EXPECT_TRUE(y == (y_is_last ? channels_last(expected) : expected));
    }
  }
}

TEST(ElementwiseTest, SlopesBroadcastToTheInputAlone) {
  const Op prelu = binary(BinaryFunction::kPRelu);
  const Tensor x = tensor<float>({2, 2}, {-1, 2, -3, -4});
  EXPECT_THAT(elements<float>(run(prelu, {x, row<float>({0.5f, 2})})),
              ElementsAre(-0.5f, 2, -1.5f, -8));
  EXPECT_THAT(pairs<std::int32_t>(BinaryFunction::kPRelu, {-3, 3}, {5, 5}), ElementsAre(-15, 3));
  EXPECT_THAT(error_of(ErrorKind::kBadData, prelu, {row<float>({1}), row<float>({1, 2})}),
              testing::HasSubstr("slope"));
  error_of(ErrorKind::kBadData, prelu, {row<float>({1}), x});
}

TEST(ElementwiseTest, WhereChoosesOfAnyDtype) {
  const Tensor condition = tensor<bool>({2, 1}, {true, false});
  const Tensor a = row<std::int64_t>({1, 2}), b = Tensor::scalar(std::int64_t{9});
  const Tensor result = run(where(), {condition, a, b});
  EXPECT_EQ(result.shape(), (Shape{2, 2}));
  EXPECT_THAT(elements<std::int64_t>(result), ElementsAre(1, 2, 9, 9));
  EXPECT_THAT(
      elements<bool>(run(where(), {condition, Tensor::scalar(true), Tensor::scalar(false)})),
      ElementsAre(true, false));
  error_of(ErrorKind::kBadData, where(), {a, a, b});
  error_of(ErrorKind::kBadData, where(), {condition, a, row<float>({1, 2})});
}

TEST(ElementwiseTest, ClipTakesBoundsOfItsOwnDtype) {
  const Tensor x = row<std::int64_t>({kMin64, 5, kMax64});
  const auto clip = [&](std::optional<Tensor> low, std::optional<Tensor> high) {
    return elements<std::int64_t>(run(clip_by_inputs(), {x, std::move(low), std::move(high)}));
  };
  // Beyond the integers that a float can hold.
  const Tensor large = Tensor::scalar(kMax64 - 1);
  EXPECT_THAT(clip(std::nullopt, large), ElementsAre(kMin64, 5, kMax64 - 1));
  EXPECT_THAT(clip(Tensor::scalar(std::int64_t{7}), std::nullopt), ElementsAre(7, 7, kMax64));
  EXPECT_THAT(clip(Tensor::scalar(std::int64_t{7}), Tensor::scalar(std::int64_t{3})),
              ElementsAre(3, 3, 3));
  EXPECT_THAT(clip(std::nullopt, std::nullopt), ElementsAre(kMin64, 5, kMax64));
  EXPECT_EQ(run(clip_by_inputs(), {Tensor::scalar(2.0f), row<float>({3})}).shape(), Shape{});
  error_of(ErrorKind::kBadData, clip_by_inputs(), {x, Tensor::scalar(1.0f)});
  EXPECT_THAT(error_of(ErrorKind::kBadData, clip_by_inputs(), {x, x}),
              testing::HasSubstr("one element"));
}

TEST(ElementwiseTest, ClampsOfIntegersKeepToTheRange) {
  EXPECT_THAT(elements<std::int8_t>(run(Relu{}, {row<std::int8_t>({-128, 0, 127})})),
              ElementsAre(0, 0, 127));
  EXPECT_THAT(elements<std::int32_t>(run(Clip{{-1.5f, 2.5f}}, {row<std::int32_t>({-3, 0, 9})})),
              ElementsAre(-1, 0, 2));
  EXPECT_THAT(elements<std::int64_t>(run(Clip{}, {row<std::int64_t>({kMin64, kMax64})})),
              ElementsAre(kMin64, kMax64));
  EXPECT_THAT(elements<std::uint8_t>(run(Clip{{-5, 300}}, {row<std::uint8_t>({0, 255})})),
              ElementsAre(0, 255));
  EXPECT_THAT(elements<std::int32_t>(
                  run(Add{{0, 6}}, {row<std::int32_t>({-3, 5}), row<std::int32_t>({1, 5})})),
              ElementsAre(0, 6));
  EXPECT_TRUE(std::isnan(elements<float>(run(Relu{}, {row<float>({kNan})}))[0]));
}

TEST(ElementwiseTest, CastsAreDefinedForEveryElement) {
  const Tensor x = row<float>({-1.9f, 1.9f, 300, -300, 1e30f, -kInf, kNan, 3e9f});
  EXPECT_THAT(elements<std::int64_t>(run(Cast{DType::kInt64}, {x})),
              ElementsAre(-1, 1, 300, -300, kMax64, kMin64, 0, 3000000000));
  EXPECT_THAT(elements<std::uint8_t>(run(Cast{DType::kUInt8}, {x})),
              ElementsAre(255, 1, 44, 212, 255, 0, 0, 0));
  EXPECT_THAT(elements<bool>(run(Cast{DType::kBool}, {row<float>({0, -0.0f, 0.1f, kNan})})),
              ElementsAre(false, false, true, true));
  EXPECT_THAT(elements<std::int8_t>(run(Cast{DType::kInt8}, {row<std::int64_t>({130, -129})})),
              ElementsAre(-126, 127));
  EXPECT_THAT(elements<float>(run(Cast{}, {row<bool>({true, false})})), ElementsAre(1, 0));
}

TEST(ElementwiseTest, CastsToFourBitsKeepTheLowOnes) {
  const Tensor x = row<float>({-9, -8, 7, 8, 15, 16, kNan, 9.7f});
  const Tensor signed_bits = run(Cast{DType::kInt4}, {x});
  EXPECT_THAT(elements<float>(run(Cast{}, {signed_bits})), ElementsAre(7, -8, 7, -8, -1, 0, 0, -7));
  const Tensor unsigned_bits = run(Cast{DType::kUInt4}, {x});
  EXPECT_THAT(elements<float>(run(Cast{}, {unsigned_bits})), ElementsAre(7, 8, 7, 8, 15, 0, 0, 9));
  // Folding constants must say the same.
  const Tensor whole = row<float>({9.7f});
  EXPECT_EQ(evaluate(Cast{DType::kInt4}, std::span(&whole, 1), whole.shape()),
            run(Cast{DType::kInt4}, {whole}));
  EXPECT_EQ(run(cast_like(), {x, signed_bits}), signed_bits);
}

TEST(ElementwiseTest, DropoutDrawsAsTheReference) {
  Tensor x(DType::kFloat32, {2, 3});
  std::fill_n(x.mutable_data<float>().data(), 6, 2.0f);
  const Tensor ratio = Tensor::scalar(0.5f), training = Tensor::scalar(true);
  const auto results = run_all(dropout(0), {x, ratio, training}, 2);
  ASSERT_TRUE(results);
  // numpy.random.RandomState(0).uniform(0, 1, 6): .549 .715 .603 .545 .424 .646
  EXPECT_THAT(elements<bool>((*results)[1]), ElementsAre(true, true, true, true, false, true));
  EXPECT_THAT(elements<float>((*results)[0]), ElementsAre(4, 4, 4, 4, 0, 4));
  EXPECT_EQ(*results, *run_all(dropout(0), {x, ratio, training}, 2)) << "the same in every run";
  EXPECT_EQ((*results)[0], run(dropout(0), {x, ratio, training})) << "with and without a mask";
  EXPECT_NE((*results)[1], (*run_all(dropout(1), {x, ratio, training}, 2))[1]);
}

TEST(ElementwiseTest, DropoutOutsideTrainingKeepsAll) {
  const Tensor x = row<float>({1, kNan});
  for (const Inputs& inputs :
       {Inputs{x}, Inputs{x, Tensor::scalar(0.9f)}, Inputs{x, {}, Tensor::scalar(false)}}) {
    const auto results = run_all(dropout({}), inputs, 2);
    ASSERT_TRUE(results);
    EXPECT_EQ((*results)[0], x);
    EXPECT_THAT(elements<bool>((*results)[1]), ElementsAre(true, true));
  }
  const Tensor training = Tensor::scalar(true);
  for (const float ratio : {1.0f, -0.1f, kNan}) {
    EXPECT_FALSE(is_defined(dropout({}), {x, Tensor::scalar(ratio), training}));
  }
  error_of(ErrorKind::kBadData, dropout({}), {x, x, training});
  error_of(ErrorKind::kBadData, dropout({}), {x, {}, Tensor::scalar(1.0f)});
}

TEST(ElementwiseTest, RefusesRanksThatViewsCannotHold) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape(std::vector<std::int64_t>(9, 1)));
  graph.add_output(graph.add("y", unary(UnaryFunction::kExp), {x}));
  EXPECT_THROW(infer_shapes(graph), Error);
}

}  // namespace
}  // namespace octet
