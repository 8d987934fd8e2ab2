#include "octet/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
    return error.what();
  }
}

ValueId input(Graph& graph) { return graph.add_input("x", DType::kFloat32, {kDynamicDim, 4}); }

TEST(Graph, MakesNodeNamesUnique) {
  Graph graph;
  const ValueId x = input(graph);
  graph.add("relu", Relu{}, {x});
  graph.add("relu", Relu{}, {x});
  graph.add_output(graph.add("relu", Relu{}, {x}));
  EXPECT_EQ(graph.nodes()[1].name, "relu_1");
  EXPECT_EQ(graph.nodes()[2].name, "relu_2");
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "relu_2");
  EXPECT_EQ(graph.find_node("relu_1"), NodeId{1});
  EXPECT_EQ(graph.find_value("x"), x);
  EXPECT_EQ(graph.find_value("y"), std::nullopt);
  EXPECT_EQ(graph.unique_value_name("x"), "x_1");
}

TEST(Graph, NamesManyUnnamedNodesQuickly) {
  Graph graph;
  const ValueId x = input(graph);
  for (int i = 0; i < 50'000; ++i) graph.add("", Relu{}, {x});
  EXPECT_EQ(graph.nodes()[0].name, "");
  EXPECT_EQ(graph.nodes()[49'999].name, "_49999");
}

TEST(Graph, RefusesTwoValuesOfOneName) {
  Graph graph;
  input(graph);
  EXPECT_THAT(error_of([&] { graph.add_value("x"); }), HasSubstr("value 'x' is defined twice"));
}

TEST(Graph, FindsNodesAfterOthersWereErased) {
  Graph graph;
  const ValueId x = input(graph);
  graph.add("a", Relu{}, {x});
  graph.add("b", Relu{}, {x});
  graph.nodes().erase(graph.nodes().begin());
  EXPECT_EQ(graph.find_node("b"), NodeId{0});
  EXPECT_EQ(graph.find_node("a"), std::nullopt);
}

TEST(Graph, ReplacesUsesInNodesAndOutputs) {
  Graph graph;
  const ValueId x = input(graph);
  const ValueId a = graph.add("a", Relu{}, {x});
  const ValueId b = graph.add("b", Add{}, {a, a});
  graph.add_output(a);
  graph.add_output(b);
  graph.replace_uses(a, x);
  EXPECT_THAT(graph.nodes()[1].inputs, ElementsAre(x, x));
  EXPECT_THAT(graph.outputs(), ElementsAre(x, b));
}

TEST(Graph, CopiesAreIndependent) {
  Graph graph;
  const ValueId w = graph.add_constant("w", Tensor(DType::kFloat32, {2}));
  Graph copy = graph;
  copy.value(w).constant->mutable_data<float>()[0] = 1.0f;
  EXPECT_EQ(graph.value(w).constant->data<float>()[0], 0.0f);
}

TEST(Graph, SortsStably) {
  Graph graph;
  const ValueId x = input(graph);
  const ValueId late = graph.add_value("late");
  graph.add("reader", Relu{}, {late});
  graph.add("independent", Relu{}, {x});
  graph.add_node("producer", Relu{}, {x}, {late});
  graph.add_output(late);
  EXPECT_THAT(error_of([&] { verify(graph); }), HasSubstr("not produced before this node"));
  graph.sort();
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("independent", "producer", "reader"));
  EXPECT_EQ(graph.find_node("reader"), NodeId{2});
  infer_shapes(graph);
  verify(graph);
}

TEST(Graph, NamesANodeOnACycle) {
  Graph graph;
  const ValueId x = input(graph);
  const ValueId loop = graph.add_value("loop");
  const ValueId a = graph.add("a", Add{}, {x, loop});
  graph.add_node("b", Relu{}, {a}, {loop});
  graph.add("behind", Relu{}, {loop});
  const std::string message = error_of([&] { graph.sort(); });
  EXPECT_THAT(message, HasSubstr("lies on a cycle"));
  EXPECT_THAT(message, testing::AnyOf(HasSubstr("node 'a'"), HasSubstr("node 'b'")));
}

TEST(Graph, CompactsToWhatIsRead) {
  Graph graph;
  graph.add_constant("unused", Tensor(DType::kFloat32, {2}));
  const ValueId x = input(graph);
  graph.add_value("orphan");
  graph.add_output(graph.add("y", Relu{}, {x}));
  graph.compact();
  EXPECT_EQ(graph.values().size(), 2u);
  EXPECT_EQ(graph.find_value("unused"), std::nullopt);
  EXPECT_EQ(graph.find_value("y"), graph.outputs()[0]);
  EXPECT_EQ(graph.nodes()[0].inputs[0], graph.inputs()[0]);
  verify(graph);
}

TEST(Graph, ListsProducersAndConsumers) {
  Graph graph;
  const ValueId x = input(graph);
  const ValueId y = graph.add("y", Add{}, {x, x});
  graph.add_output(y);
  EXPECT_THAT(producers(graph), ElementsAre(std::nullopt, NodeId{0}));
  EXPECT_THAT(consumers(graph), ElementsAre(ElementsAre(NodeId{0}, NodeId{0}), ElementsAre()));
  EXPECT_TRUE(is_graph_output(graph, y));
  EXPECT_FALSE(is_graph_output(graph, x));
}

TEST(Verify, RefusesBrokenStructure) {
  const auto broken = [](const std::function<void(Graph&)>& damage) {
    Graph graph;
    const ValueId x = input(graph);
    const ValueId y = graph.add("y", Relu{}, {x});
    graph.add("z", Add{}, {x, y});
    graph.add_output(y);
    infer_shapes(graph);
    verify(graph);
    damage(graph);
    return error_of([&] { verify(graph); });
  };
  EXPECT_THAT(broken([](Graph& g) { g.nodes()[0].inputs[0] = ValueId{99}; }),
              HasSubstr("value id 99"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes()[0].outputs[0] = ValueId{99}; }),
              HasSubstr("value id 99"));
  EXPECT_THAT(broken([](Graph& g) { g.outputs()[0] = ValueId{99}; }), HasSubstr("value id 99"));
  EXPECT_THAT(broken([](Graph& g) { g.outputs().clear(); }), HasSubstr("no output"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes()[1].name = "y"; }), HasSubstr("unique names"));
  EXPECT_THAT(broken([](Graph& g) { g.value(ValueId{1}).name = "x"; }),
              HasSubstr("two values are named 'x'"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes()[1].outputs = g.nodes()[0].outputs; }),
              HasSubstr("one producer per value"));
  EXPECT_THAT(broken([](Graph& g) { std::swap(g.nodes()[0], g.nodes()[1]); }),
              HasSubstr("topological order"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes()[1].inputs.pop_back(); }), HasSubstr("1 inputs"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes()[1].inputs[1].reset(); }),
              HasSubstr("input 1 is absent"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes()[1].outputs.clear(); }), HasSubstr("0 outputs"));
}

TEST(Verify, RefusesAnUnknownDimensionThatIsNotTheBatch) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1, 3, kDynamicDim});
  graph.add_output(graph.add("y", Relu{}, {x}));
  EXPECT_THROW(verify(graph), Error);
}

TEST(Verify, RefusesWrongDTypes) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kInt8, {kDynamicDim, 4});
  const ValueId w = graph.add_constant("w", Tensor(DType::kFloat32, {2, 4}));
  graph.add_output(graph.add("fc", Gemm{}, {x, w}));
  EXPECT_EQ(error_of([&] { verify(graph); }),
            "node 'fc' (Gemm): input 'x' is int8, accepted: float32, int64, int32");
}

TEST(Verify, RefusesQuantizationThatMeansNothing) {
  const auto refusal = [](TensorQuantParams params) {
    Graph graph;
    graph.add_output(graph.add("q", QuantizeLinear{std::move(params)}, {input(graph)}));
    return error_of([&] { infer_shapes(graph); });
  };
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (float scale : {0.0f, -1.0f, inf, nan}) {
    EXPECT_THAT(refusal({{scale}, {0}, {}, DType::kUInt8}), HasSubstr("positive and finite"));
  }
  EXPECT_THAT(refusal({{1}, {256}, {}, DType::kUInt8}), HasSubstr("zero point 256"));
  EXPECT_THAT(refusal({{1}, {-129}, {}, DType::kInt8}), HasSubstr("zero point -129"));
  EXPECT_THAT(refusal({{1, 1}, {0, 0}, {}, DType::kInt8}), HasSubstr("without an axis"));
  EXPECT_THAT(refusal({{1, 1}, {0}, 1, DType::kInt8}), HasSubstr("2 scales and 1 zero points"));
  EXPECT_THAT(refusal({{1, 1}, {0, 0}, 1, DType::kInt8}), HasSubstr("along axis 1"));
  EXPECT_THAT(refusal({{1, 1}, {0, 0}, -1, DType::kInt8}), HasSubstr("along axis -1"));
  EXPECT_THAT(refusal({{1}, {0}, {}, DType::kInt32}), HasSubstr("int32"));
}

TEST(Verify, RefusesANegativeVariance) {
  const auto refusal = [](float variance, float epsilon) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 1});
    const ValueId one = graph.add_constant("one", Tensor(DType::kFloat32, {1}));
    const ValueId var = graph.add_constant("var", Tensor::from(Shape{1}, std::vector{variance}));
    graph.add_output(graph.add("bn", BatchNorm{.epsilon = epsilon}, {x, one, one, one, var}));
    return error_of([&] { verify(graph); });
  };
  EXPECT_EQ(refusal(0, 1e-5f), "no error");
  EXPECT_THAT(refusal(-0.1f, 1.0f), HasSubstr("variance -0.1"));
  EXPECT_THAT(refusal(0, 0), HasSubstr("variance 0"));
  EXPECT_THAT(refusal(std::numeric_limits<float>::quiet_NaN(), 1), HasSubstr("variance nan"));
}

/// A 1x1 convolution with bias, a linear layer and a dense product with its bias.
Graph counted(std::int64_t batch) {
  Graph graph;
  const auto constant = [&](const std::string& name, Shape shape) {
    return graph.add_constant(name, Tensor(DType::kFloat32, std::move(shape)));
  };
  const ValueId x = graph.add_input("x", DType::kFloat32, {batch, 3, 4, 4});
  ValueId y = graph.add("conv", Conv2d{.groups = 3},
                        {x, constant("cw", {6, 1, 2, 2}), constant("cb", {6})});
  y = graph.add(
      "bn", BatchNorm{},
      {y, constant("s", {6}), constant("b", {6}), constant("m", {6}), constant("v", {6})});
  y = graph.add("flat", Flatten{}, {y});
  y = graph.add("fc", Gemm{}, {y, constant("fw", {10, 54})});
  y = graph.add("product", MatMul{}, {y, constant("pw", {10, 5})});
  y = graph.add("bias", Add{}, {y, constant("pb", {5})});
  graph.add_output(y);
  for (float& variance : graph.value(*graph.find_value("v")).constant->mutable_data<float>())
    variance = 1;
  infer_shapes(graph);
  verify(graph);
  return graph;
}

TEST(Count, CountsParametersMacsAndBytes) {
  for (std::int64_t batch : {kDynamicDim, std::int64_t{1}, std::int64_t{8}}) {
    const Graph graph = counted(batch);
    EXPECT_EQ(count_parameters(graph), (24 + 6) + 12 + 540 + 50 + 5);
    EXPECT_EQ(count_macs(graph, graph.nodes()[0]), 6 * 3 * 3 * 4) << batch;
    EXPECT_EQ(count_macs(graph), 6 * 3 * 3 * 4 + 540 + 50) << batch;
    EXPECT_EQ(constant_bytes(graph), 4 * (30 + 24 + 540 + 50 + 5));
  }
}

TEST(Count, StopsAtTheLargestNumber) {
  Graph graph;
  const std::int64_t size = 1 << 20;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1, size, size});
  ValueId y = x;
  for (int i = 0; i < 9; ++i) y = graph.add("y", MatMul{}, {y, x});
  graph.add_output(y);
  infer_shapes(graph);
  EXPECT_EQ(count_macs(graph, graph.nodes()[0]), std::int64_t{1} << 60);
  EXPECT_EQ(count_macs(graph), std::numeric_limits<std::int64_t>::max());
}

TEST(Count, CountsNoProductsOfASumOfUnknownLength) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, kUnknownDim});
  const ValueId w = graph.add_input("w", DType::kFloat32, {3, kUnknownDim});
  const ValueId y = graph.add("gemm", Gemm{}, {x, w});
  graph.add_output(graph.add("product", MatMul{}, {y, graph.add("t", Transpose{}, {y})}));
  infer_shapes(graph);
  EXPECT_EQ(count_macs(graph, graph.nodes()[0]), 0);
  EXPECT_EQ(count_macs(graph), 2 * 2 * 3 / 2) << "of the first sample";
}

TEST(Count, CountsIntegerWeightsOnce) {
  Graph graph;
  const TensorQuantParams params{{0.5f}, {0}, std::nullopt, DType::kInt8};
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  const ValueId codes = graph.add_constant("codes", Tensor(DType::kInt8, {4, 4}));
  const ValueId bias_codes = graph.add_constant("bias_codes", Tensor(DType::kInt32, {4}));
  const ValueId w = graph.add("w", DequantizeLinear{params}, {codes});
  const ValueId b =
      graph.add("b", DequantizeLinear{{{0.5f}, {0}, {}, DType::kInt32}}, {bias_codes});
  const ValueId y = graph.add("fc1", Gemm{}, {x, w, b});
  graph.add_output(graph.add("fc2", Gemm{}, {y, w}));
  infer_shapes(graph);
  EXPECT_EQ(count_parameters(graph), 16 + 4);
  EXPECT_EQ(constant_bytes(graph), 16 + 16);
  EXPECT_EQ(count_macs(graph), 32);
}

TEST(Print, ShowsOneLinePerNode) {
  const Graph graph = counted(kDynamicDim);
  EXPECT_EQ(to_string(graph),
            "conv: Conv(x [N, 3, 4, 4], cw, cb) stride=1x1 pad=0,0,0,0 groups=3 -> [N, 6, 3, 3]\n"
            "bn: BatchNormalization(conv [N, 6, 3, 3], s, b, m, v) epsilon=1e-05 -> [N, 6, 3, 3]\n"
            "flat: Flatten(bn [N, 6, 3, 3]) axis=1 -> [N, 54]\n"
            "fc: Gemm(flat [N, 54], fw) transpose_b -> [N, 10]\n"
            "product: MatMul(fc [N, 10], pw) -> [N, 5]\n"
            "bias: Add(product [N, 5], pb) -> [N, 5]\n");
}

TEST(Print, ShowsTypesAndAbsentInputs) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kUInt8, {2, 4});
  const ValueId w = graph.add_constant("w", Tensor(DType::kInt8, {4, 3}));
  const ValueId z = graph.add_constant("z", Tensor(DType::kInt8, {}));
  graph.add_output(graph.add("y", MatMulInteger{}, {x, w, std::nullopt, z}));
  infer_shapes(graph);
  EXPECT_EQ(to_string(graph), "y: MatMulInteger(x uint8 [2, 4], w, -, z) -> int32 [2, 3]\n");
}

}  // namespace
}  // namespace octet
