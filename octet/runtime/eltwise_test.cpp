// Elementwise operators in every form that compile() meets: with and without a kernel.

#include <gtest/gtest.h>

#include <numeric>

#include "octet/base/error.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/tensor_function.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

template <typename T>
Tensor counted(const Shape& shape) {
  Tensor tensor(dtype_of<T>(), shape);
  std::iota(tensor.mutable_data<T>().begin(), tensor.mutable_data<T>().end(), T{1});
  return tensor;
}

/// One node between tensors that are computed, so that they lie as the runtime stores them.
Graph one_op(const Op& op, const std::vector<Tensor>& inputs, Shape first_shape) {
  Graph graph;
  std::vector<std::optional<ValueId>> ids;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape shape = i == 0 ? first_shape : inputs[i].shape();
    const ValueId x = graph.add_input(std::string(i + 1, 'x'), inputs[i].dtype(), shape);
    ids.emplace_back(graph.add("same", Mul{}, {x, x}));
  }
  const ValueId y = graph.add("op", op, ids);
  graph.add_output(graph.add("after", Sub{}, {y, y}));
  graph.add_output(y);
  return graph;
}

Tensor squared(const Tensor& x) {
  const std::optional<Tensor> twice[] = {x, x};
  const TensorType type{x.dtype(), x.shape()};
  return apply(*function_of(Mul{}), twice, std::span(&type, 1))->front();
}

void expect_as_defined(const Op& op, const std::vector<Tensor>& inputs, const Shape& shape,
                       const Shape& first_shape) {
  SCOPED_TRACE(to_string(inputs[0].shape()) + " and " + to_string(inputs[1].shape()));
  std::vector<std::optional<Tensor>> squares;
  for (const Tensor& input : inputs) squares.emplace_back(squared(input));
  const TensorType type{inputs[0].dtype(), shape};
  const auto expected = apply(*function_of(op), squares, std::span(&type, 1));
  ASSERT_TRUE(expected);
  Session session(one_op(op, inputs, first_shape));
  const std::vector<Tensor> results = session.run(inputs);
  EXPECT_EQ(results[1], expected->front());
  EXPECT_EQ(results[0], Tensor(type.dtype, shape));
}

TEST(EltwiseTest, BroadcastsBetweenAnyRanks) {
  struct Case {
    Shape a, b, c;
  };
  const Case cases[] = {{{2, 3, 4, 5}, {2, 3, 4, 5}, {2, 3, 4, 5}},
                        {{2, 3, 4, 5}, {4, 5}, {2, 3, 4, 5}},
                        {{2, 3, 4, 5}, {5}, {2, 3, 4, 5}},
                        {{2, 3, 4, 5}, {}, {2, 3, 4, 5}},
                        {{5000}, {1}, {5000}},
                        {{}, {3, 2000}, {3, 2000}},
                        {{1, 1, 1}, {1}, {1, 1, 1}},
                        {{3, 1, 1}, {2, 3, 4, 5}, {2, 3, 4, 5}},
                        {{2, 3, 1, 1}, {1, 1, 4, 5}, {2, 3, 4, 5}},
                        {{2, 3, 4, 5}, {6, 1, 3, 1, 5}, {6, 2, 3, 4, 5}},
                        {{2, 2, 3, 4, 5}, {2, 3, 4, 5}, {2, 2, 3, 4, 5}},
                        {{3, 1}, {1, 4}, {3, 4}},
                        {{}, {}, {}},
                        {{0, 3}, {3}, {0, 3}},
                        {{2, 3, 4, 1}, {2, 1, 1, 5}, {2, 3, 4, 5}},
                        {{1, 1, 2, 1, 2, 2}, {2, 1, 1, 2}, {1, 1, 2, 1, 2, 2}}};
  for (const Case& test : cases) {
    const std::vector<Tensor> inputs{counted<float>(test.a), counted<float>(test.b)};
    for (const Op& op :
         {Op(Add{}), Op(Mul{}), Op(Sub{}), Op(Div{}), binary(BinaryFunction::kMax)}) {
      expect_as_defined(op, inputs, test.c, test.a);
    }
    const std::vector<Tensor> ints{counted<std::int32_t>(test.a), counted<std::int32_t>(test.b)};
    for (const Op& op : {Op(Add{{2, 9}}), Op(Mul{}), Op(Sub{}), Op(Div{})}) {
      expect_as_defined(op, ints, test.c, test.a);
    }
  }
}

TEST(EltwiseTest, TheBatchMayBeOpen) {
  const std::vector<Tensor> inputs{counted<float>({2, 3, 4, 5}), counted<float>({3, 4, 1})};
  const Shape open{kDynamicDim, 3, 4, 5};
  for (const Op& op : {Op(Add{}), Op(Div{})}) {
    Graph graph = one_op(op, inputs, open);
    const std::vector<Tensor> fixed = Session(one_op(op, inputs, {2, 3, 4, 5})).run(inputs);
    Plan plan = compile(graph, {.max_batch = 4});
    const void* in[] = {inputs[0].raw(), inputs[1].raw()};
    Tensor after(DType::kFloat32, {2, 3, 4, 5}), y = after;
    void* out[] = {after.mutable_raw(), y.mutable_raw()};
    plan.run(in, out, 2);
    EXPECT_EQ(y, fixed[1]);
  }
}

TEST(EltwiseTest, ActivationsOfIntegersAreDefined) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kInt32, {1, 2, 2, 2});
  const ValueId sum = graph.add("sum", Add{}, {x, x});
  const ValueId relu = graph.add("relu", Relu{}, {sum});
  const ValueId clip = graph.add("clip", Clip{{-3.0f, 5.0f}}, {x});
  graph.add_output(relu);
  graph.add_output(graph.add("same", Identity{}, {clip}));
  graph.add_output(graph.add("bytes", Cast{DType::kInt8}, {clip}));
  Tensor input(DType::kInt32, {1, 2, 2, 2});
  std::iota(input.mutable_data<std::int32_t>().begin(), input.mutable_data<std::int32_t>().end(),
            -4);
  const std::vector<Tensor> results = Session(graph).run(std::span(&input, 1));
  const auto ints = [](std::vector<std::int32_t> values) {
    return Tensor::from(Shape{1, 2, 2, 2}, values);
  };
  EXPECT_EQ(results[0], ints({0, 0, 0, 0, 0, 2, 4, 6}));
  EXPECT_EQ(results[1], ints({-3, -3, -2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(results[2],
            Tensor::from(Shape{1, 2, 2, 2}, std::vector<std::int8_t>{-3, -3, -2, -1, 0, 1, 2, 3}));
}

TEST(EltwiseTest, SaysWhichNodeDividedByZero) {
  Graph graph;
  const ValueId a = graph.add_input("a", DType::kInt64, {2});
  const ValueId b = graph.add_input("b", DType::kInt64, {2});
  graph.add_output(graph.add("ratio", Div{}, {a, b}));
  const Tensor inputs[] = {counted<std::int64_t>({2}), Tensor(DType::kInt64, {2})};
  try {
    Session(graph).run(inputs);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_NE(std::string(error.what()).find("'ratio'"), std::string::npos);
  }
}

}  // namespace
}  // namespace octet
