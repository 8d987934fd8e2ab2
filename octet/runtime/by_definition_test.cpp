// Forms of typed operators that have no fast kernel run by their definition.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "octet/base/rng.h"
#include "octet/graph/tensor_function.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

Tensor random_tensor(const Shape& shape, std::uint32_t seed) {
  Tensor tensor(DType::kFloat32, shape);
  Rng rng(seed);
  for (float& value : tensor.mutable_data<float>()) value = rng.normal();
  return tensor;
}

/// op on graph inputs, with a ReLU before each of rank 4 so that it arrives channels-last, held
/// against the definition on dense tensors.
void expect_as_defined(const Op& op, std::vector<Tensor> inputs) {
  Graph graph;
  std::vector<std::optional<ValueId>> ids;
  std::vector<std::optional<Tensor>> dense;
  for (Tensor& input : inputs) {
    for (float& value : input.mutable_data<float>()) value = std::abs(value);
    std::string name = "x";
    name += std::to_string(ids.size());
    const ValueId x = graph.add_input(name, input.dtype(), input.shape());
    ids.emplace_back(graph.add(name + "_relu", Relu{}, {x}));
    dense.emplace_back(input);
  }
  const ValueId y = graph.add("node", op, ids);
  graph.add_output(graph.add("after", Relu{}, {y}));
  infer_shapes(graph);
  const TensorType type{DType::kFloat32, graph.value(y).shape};
  Tensor expected = apply(*function_of(op), dense, std::span(&type, 1))->front();
  for (float& value : expected.mutable_data<float>()) value = std::max(value, 0.0f);

  Session session(graph);
  const std::vector<Tensor> found = session.run(inputs);
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(found[0].shape(), expected.shape());
  EXPECT_THAT(found[0].data<float>(),
              testing::Pointwise(testing::FloatNear(1e-5f), expected.data<float>()))
      << op_name(op);
}

TEST(ByDefinition, ProductsOfActivations) {
  expect_as_defined(MatMul{}, {random_tensor({5, 7}, 1), random_tensor({7, 3}, 2)});
  expect_as_defined(MatMul{}, {random_tensor({2, 3, 5, 7}, 1), random_tensor({2, 3, 7, 4}, 2)});
  expect_as_defined(MatMul{}, {random_tensor({2, 1, 5, 7}, 1), random_tensor({3, 7, 4}, 2)});
  expect_as_defined(MatMul{}, {random_tensor({7}, 1), random_tensor({2, 7, 4}, 2)});
  expect_as_defined(Gemm{}, {random_tensor({5, 7}, 1), random_tensor({3, 7}, 2)});
  expect_as_defined(Gemm{.transpose_b = false, .activation = {0.5f, 2.0f}},
                    {random_tensor({5, 7}, 1), random_tensor({7, 3}, 2), random_tensor({3}, 3)});
}

TEST(ByDefinition, SoftmaxOverAnyAxis) {
  for (const int axis : {0, 1, 2, 3}) {
    expect_as_defined(Softmax{axis}, {random_tensor({2, 3, 4, 5}, 1)});
  }
  expect_as_defined(Softmax{0}, {random_tensor({6}, 1)});
  expect_as_defined(Softmax{1}, {random_tensor({2, 3, 4}, 1)});
}

TEST(ByDefinition, GlobalAveragePoolOfAnyRank) {
  for (const Shape& shape : {Shape{2, 3, 5}, Shape{2, 3, 5, 4}, Shape{2, 3, 2, 2, 2}}) {
    expect_as_defined(GlobalAveragePool{}, {random_tensor(shape, 1)});
  }
}

TEST(ByDefinition, BatchNormThatNothingAbsorbs) {
  expect_as_defined(BatchNorm{},
                    {random_tensor({2, 3, 4, 5}, 1), random_tensor({3}, 2), random_tensor({3}, 3),
                     random_tensor({3}, 4), random_tensor({3}, 5)});
}

/// x -> QuantizeLinear -> DequantizeLinear, in steps of 1/16.
ValueId rounded(Graph& graph, const std::string& name, ValueId x) {
  const TensorQuantParams codes{{0.0625f}, {128}, std::nullopt, DType::kUInt8};
  const ValueId q = graph.add(name + "_q", QuantizeLinear{codes}, {x});
  return graph.add(name + "_dq", DequantizeLinear{codes}, {q});
}

TEST(ByDefinition, OfDequantizedActivations) {
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{2, 3, 2, 2, 1}}) {
    Graph graph;
    const ValueId x = rounded(graph, "x", graph.add_input("x", DType::kFloat32, shape));
    const ValueId y = graph.add("pool", GlobalAveragePool{}, {x});
    graph.add_output(rounded(graph, "y", y));
    Tensor input(DType::kFloat32, shape);
    for (std::size_t i = 0; i < 24; ++i) {
      input.mutable_data<float>()[i] = static_cast<float>(i) * 0.25f - 3.0f;
    }
    const Tensor found = Session(graph).run({&input, 1})[0];
    for (std::size_t i = 0; i < 6; ++i) {  // the mean of four steps of 1/4, on the grid of 1/16
      EXPECT_FLOAT_EQ(found.data<float>()[i], static_cast<float>(i) - 2.625f);
    }
  }
}

TEST(ByDefinition, ProductOfTwoDequantizedActivations) {
  Graph graph;
  const ValueId a = rounded(graph, "a", graph.add_input("a", DType::kFloat32, {1, 1, 2, 2}));
  const ValueId b = rounded(graph, "b", graph.add_input("b", DType::kFloat32, {1, 1, 2, 2}));
  graph.add_output(rounded(graph, "y", graph.add("product", MatMul{}, {a, b})));
  const auto matrix = [](std::vector<float> values) {
    return Tensor::from(Shape{1, 1, 2, 2}, values);
  };
  const std::vector<Tensor> inputs{matrix({1, 2, -1, 0.5f}), matrix({0.25f, 1, 1, -2})};
  EXPECT_EQ(Session(graph).run(inputs)[0], matrix({2.25f, -3, 0.25f, -2}));
}

TEST(ByDefinition, OfIntegers) {
  Graph graph;
  const ValueId a = graph.add_input("a", DType::kInt32, {1, 2});
  const ValueId b =
      graph.add_constant("b", Tensor::from(Shape{2, 2}, std::vector<std::int32_t>{1, 2, 3, 4}));
  graph.add_output(graph.add("y", MatMul{}, {a, b}));
  const Tensor x = Tensor::from(Shape{1, 2}, std::vector<std::int32_t>{10, 1});
  EXPECT_EQ(Session(graph).run({&x, 1})[0],
            Tensor::from(Shape{1, 2}, std::vector<std::int32_t>{13, 24}));
}

}  // namespace
}  // namespace octet
