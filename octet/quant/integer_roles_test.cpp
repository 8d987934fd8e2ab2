#include "octet/quant/integer_roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/functions/normalization.h"
#include "octet/graph/functions/reduction.h"
#include "octet/quant/quant_points.h"
#include "octet/quant/test_graphs.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using namespace testing_graphs;

constexpr auto kFloat = IntegerRole::kFloat;
constexpr auto kCompute = IntegerRole::kCompute;
constexpr auto kBias = IntegerRole::kBias;
constexpr auto kRequantize = IntegerRole::kRequantize;
constexpr auto kCarry = IntegerRole::kCarry;

IntegerRole role_of(const Graph& graph, const char* node) {
  return IntegerRoles(graph).of(graph.node(*graph.find_node(node)));
}

ValueId constant(Graph& graph, const std::string& name, const Shape& shape) {
  Rng rng(1);
  return graph.add_constant(name, random_tensor(shape, rng));
}
ValueId scalar(Graph& graph, const std::string& name, float value) {
  return graph.add_constant(name, Tensor::from<float>(Shape{}, {value}));
}

/// x [N, 6, 8] -> q, k, v -> softmax(q k / 2 + mask) v -> linear layer
Graph attention() {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 6, 8});
  const auto linear = [&](const std::string& name, ValueId input) {
    const ValueId product =
        graph.add(name + ".product", MatMul{}, {input, constant(graph, name + ".w", {8, 8})});
    return graph.add(name, Add{}, {product, constant(graph, name + ".b", {8})});
  };
  const ValueId keys = graph.add("keys", Transpose{{0, 2, 1}}, {linear("k", x)});
  const ValueId scores = graph.add("scores", MatMul{}, {linear("q", x), keys});
  const ValueId scaled = graph.add("scaled", Mul{}, {scores, scalar(graph, "scale", 0.5f)});
  const ValueId masked = graph.add("masked", Add{}, {scaled, constant(graph, "mask", {1, 6, 6})});
  const ValueId shares = graph.add("shares", Softmax{-1}, {masked});
  const ValueId mixed = graph.add("mixed", MatMul{}, {shares, linear("v", x)});
  graph.add_output(linear("out", mixed));
  infer_shapes(graph);
  return graph;
}

TEST(IntegerRoles, AttentionIsIntegerButForSoftmaxAndItsMask) {
  const Graph graph = attention();
  for (const char* node : {"q.product", "k.product", "v.product", "out.product"}) {
    EXPECT_EQ(role_of(graph, node), kCompute) << node;
  }
  for (const char* node : {"q", "k", "v", "out"}) EXPECT_EQ(role_of(graph, node), kBias) << node;
  EXPECT_EQ(role_of(graph, "scores"), kRequantize);
  EXPECT_EQ(role_of(graph, "mixed"), kRequantize);
  EXPECT_EQ(role_of(graph, "keys"), kCarry);
  for (const char* node : {"scaled", "masked", "shares"}) {
    EXPECT_EQ(role_of(graph, node), kFloat) << node;
  }
  // Between a product and its bias, and around what is float, nothing is rounded.
  EXPECT_THAT(names_of(graph, activation_points(graph)),
              ElementsAre("x", "k", "q", "scores", "shares", "v", "mixed", "out"));
  EXPECT_THAT(names_of(graph, weight_points(graph)), ElementsAre("k.w", "q.w", "v.w", "out.w"));
  EXPECT_TRUE(constant_points(graph).empty());
}

TEST(IntegerRoles, TheSharesOfAFloatSoftmaxHaveTheRangeZeroToOne) {
  const Graph graph = attention();
  Rng rng(2);
  const QuantAssignment assignment = assign(graph, random_ranges(graph, rng), QuantSpec{});
  EXPECT_FLOAT_EQ(assignment.activations.at(*graph.find_value("shares")).scale, 1.0f / 255.0f);
  EXPECT_EQ(assignment.weights.at(*graph.find_value("q.w")).axis, 1);
}

TEST(IntegerRoles, ABiasIsAVectorThatNothingElseSees) {
  struct Case {
    Shape addend;
    bool is_read_twice;
    IntegerRole role;
  };
  for (const Case& test :
       {Case{{8}, false, kBias}, Case{{1, 1, 8}, false, kBias}, Case{{1}, false, kRequantize},
        Case{{6, 1}, false, kRequantize}, Case{{6, 8}, false, kRequantize},
        Case{{1, 1, 1, 8}, false, kRequantize}, Case{{8}, true, kRequantize}}) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {2, 6, 8});
    const ValueId y = graph.add("y", MatMul{}, {x, constant(graph, "w", {8, 8})});
    graph.add_output(graph.add("sum", Add{}, {y, constant(graph, "b", test.addend)}));
    if (test.is_read_twice) graph.add_output(y);
    infer_shapes(graph);
    EXPECT_EQ(role_of(graph, "sum"), test.role) << to_string(test.addend);
    EXPECT_EQ(IntegerRoles(graph).added_bias(graph.nodes()[0]).has_value(), test.role == kBias);
  }
}

TEST(IntegerRoles, ADecomposedNormalizationStaysFloatInside) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 6, 8});
  const ValueId axes = graph.add_constant("axes", Tensor::from<std::int64_t>(Shape{1}, {-1}));
  const ValueId mean = graph.add("mean", reduce({.reduction = Reduction::kMean}), {x, axes});
  const ValueId centred = graph.add("centred", Sub{}, {x, mean});
  const ValueId squares = graph.add("squares", Mul{}, {centred, centred});
  const ValueId variance =
      graph.add("variance", reduce({.reduction = Reduction::kMean}), {squares, axes});
  const ValueId plus = graph.add("plus", Add{}, {variance, scalar(graph, "epsilon", 1e-5f)});
  const ValueId root = graph.add("root", unary(UnaryFunction::kSqrt), {plus});
  const ValueId normal = graph.add("normal", Div{}, {centred, root});
  const ValueId scaled = graph.add("scaled", Mul{}, {normal, constant(graph, "gamma", {8})});
  const ValueId shifted = graph.add("shifted", Add{}, {scaled, constant(graph, "beta", {8})});
  graph.add_output(graph.add("fc", MatMul{}, {shifted, constant(graph, "w", {8, 4})}));
  infer_shapes(graph);
  EXPECT_THAT(names_of(graph, activation_points(graph)), ElementsAre("shifted", "fc"));
}

TEST(IntegerRoles, TheInsideOfADecomposedGeluStaysFloat) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 8});
  const ValueId hidden = graph.add("fc1", Gemm{}, {x, constant(graph, "w1", {6, 8})});
  const ValueId y = decomposed_gelu(graph, "gelu", hidden);
  graph.add_output(graph.add("fc2", Gemm{}, {y, constant(graph, "w2", {4, 6})}));
  infer_shapes(graph);
  EXPECT_THAT(names_of(graph, activation_points(graph)), ElementsAre("x", "fc1", "gelu", "fc2"));
}

TEST(IntegerRoles, AFunctionOfOneTensorThatOnnxRuntimeFusesIsQuantizedInside) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 8});
  const ValueId hidden = graph.add("fc1", Gemm{}, {x, constant(graph, "w1", {6, 8})});
  const ValueId sigmoid = graph.add("sigmoid", Sigmoid{}, {hidden});
  graph.add_output(graph.add("swish", Mul{}, {hidden, sigmoid}));
  infer_shapes(graph);
  EXPECT_THAT(names_of(graph, activation_points(graph)),
              ElementsAre("x", "fc1", "sigmoid", "swish"));
}

TEST(IntegerRoles, WhatMovesElementsCarriesTheirCodes) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 4, 6, 6});
  const ValueId index = graph.add_constant("index", Tensor::from<std::int64_t>(Shape{}, {1}));
  const ValueId sizes = graph.add_constant("sizes", Tensor::from<std::int64_t>(Shape{2}, {1, 3}));
  const ValueId scales = graph.add_constant("scales", Tensor::from<float>(Shape{4}, {1, 1, 2, 2}));
  ResizeOptions options;
  graph.add("nearest", resize(options), {x, std::nullopt, scales});
  options.mode = ResizeMode::kLinear;
  graph.add("linear", resize(options), {x, std::nullopt, scales});
  options.mode = ResizeMode::kCubic;
  graph.add("cubic", resize(options), {x, std::nullopt, scales});
  graph.add("gather", Gather{1}, {x, index});
  graph.add("depth", depth_to_space(2, DepthOrder::kDepthColumnRow), {x});
  const ValueId a = graph.add_value("a"), b = graph.add_value("b");
  graph.add_node("split", split(1, 0), {x, sizes}, {a, b});
  const ValueId w = constant(graph, "w", {6, 6});
  graph.add_output(graph.add("fc", MatMul{}, {b, w}));
  graph.add_output(graph.add("rows", Gather{0}, {w, index}));
  infer_shapes(graph);
  for (const char* node : {"nearest", "linear", "gather", "depth", "split"}) {
    EXPECT_EQ(role_of(graph, node), kCarry) << node;
  }
  EXPECT_EQ(role_of(graph, "cubic"), kFloat);
  EXPECT_EQ(role_of(graph, "rows"), kFloat);  // of a constant
  EXPECT_EQ(code_sources(graph)[static_cast<std::size_t>(b)], x);
  EXPECT_THAT(names_of(graph, activation_points(graph)), ElementsAre("x", "fc"));
}

TEST(IntegerRoles, OfOperatorsByName) {
  EXPECT_EQ(integer_role_of_operator("ConvTranspose"), kCompute);
  EXPECT_EQ(integer_role_of_operator("MatMul"), kCompute);
  EXPECT_EQ(integer_role_of_operator("LeakyRelu"), kRequantize);
  EXPECT_EQ(integer_role_of_operator("Resize"), kCarry);
  EXPECT_EQ(integer_role_of_operator("LayerNormalization"), kFloat);
  EXPECT_EQ(integer_role_of_operator("Gelu"), kFloat);
}

}  // namespace
}  // namespace octet
