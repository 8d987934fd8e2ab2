#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/graph/reference_run.h"

namespace octet {
namespace {

const TensorQuantParams kCodes{{0.02f}, {100}, std::nullopt, DType::kUInt8};
const TensorQuantParams kOther{{0.05f}, {3}, std::nullopt, DType::kUInt8};

/// x -> Quantize -> Dequantize
ValueId dequantized(Graph& graph, ValueId x, const std::string& name,
                    const TensorQuantParams& params = kCodes) {
  const ValueId codes = graph.add(name + "_q", QuantizeLinear{params}, {x});
  return graph.add(name + "_dq", DequantizeLinear{params}, {codes});
}

ValueId weight(Graph& graph, const Shape& shape, const std::string& name = "w") {
  Tensor codes(DType::kInt8, shape);
  std::int8_t next = 1;
  for (std::int8_t& code : codes.mutable_data<std::int8_t>()) code = next = next * 5 % 127;
  const ValueId constant = graph.add_constant(name, codes);
  TensorQuantParams params{{}, {}, 0, DType::kInt8};
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    params.scale.push_back(0.001f * static_cast<float>(i + 1));
    params.zero_point.push_back(0);
  }
  return graph.add(name + "_dq", DequantizeLinear{params}, {constant});
}

/// The graph as text after the pass, which must keep every bit and find nothing the second time.
std::string carried(Graph& graph, const Shape& input) {
  const Tensor x = noise_tensor(input, 3);
  infer_shapes(graph);
  const std::vector<Tensor> before = reference_run(graph, x);
  EXPECT_TRUE(carry_codes(graph));
  infer_shapes(graph);
  verify(graph);
  EXPECT_EQ(reference_run(graph, x), before);
  EXPECT_FALSE(carry_codes(graph)) << "the second run found something to do";
  remove_dead_nodes(graph);
  return to_string(graph);
}

/// The operators of the graph in order: "QuantizeLinear Conv ...".
std::string operators(const Graph& graph) {
  std::string names;
  for (const Node& node : graph.nodes()) {
    std::string name(op_name(node.op));
    if (name == "QuantizeLinear") name = "Q";
    if (name == "DequantizeLinear") name = "DQ";
    names += (names.empty() ? "" : " ") + name;
  }
  return names;
}

TEST(CarryCodes, AReluBehindThePairCutsBeforeIt) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 4, 4});
  const ValueId in = dequantized(graph, x, "in");
  const ValueId conv = graph.add("conv", Conv2d{}, {in, weight(graph, {3, 2, 1, 1})});
  const ValueId relu = graph.add("relu", Relu{}, {dequantized(graph, conv, "out", kOther)});
  graph.add_output(graph.add("gap", GlobalAveragePool{}, {relu}));
  EXPECT_EQ(
      carried(graph, {2, 2, 4, 4}),
      "in_q: QuantizeLinear(x [2, 2, 4, 4]) scale=0.02 zero_point=100 -> uint8 [2, 2, 4, 4]\n"
      "in_dq: DequantizeLinear(in_q uint8 [2, 2, 4, 4]) scale=0.02 zero_point=100 -> [2, 2, 4, 4]\n"
      "w_dq: DequantizeLinear(w) scales=3 axis=0 -> [3, 2, 1, 1]\n"
      "conv: Conv(in_dq [2, 2, 4, 4], w_dq [3, 2, 1, 1]) stride=1x1 pad=0,0,0,0 -> [2, 3, 4, 4]\n"
      "relu: Relu(conv [2, 3, 4, 4]) -> out_dq [2, 3, 4, 4]\n"
      "out_q: QuantizeLinear(out_dq [2, 3, 4, 4]) scale=0.05 zero_point=3 -> uint8 [2, 3, 4, 4]\n"
      "out_dq: DequantizeLinear(out_q uint8 [2, 3, 4, 4]) scale=0.05 zero_point=3 -> relu [2, 3, "
      "4, 4]\n"
      "gap: GlobalAveragePool(relu [2, 3, 4, 4]) -> [2, 3, 1, 1]\n");
}

TEST(CarryCodes, AReluOfSharedCodesGetsAPairOfItsOwn) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 4, 4});
  const ValueId in = dequantized(graph, x, "in");
  const ValueId relu = graph.add("relu", Relu{}, {in});
  graph.add_output(graph.add("sum", Add{}, {relu, in}));
  carried(graph, {2, 2, 4, 4});
  EXPECT_EQ(operators(graph), "Q DQ Relu Q DQ Add");
}

TEST(CarryCodes, OnlyAClipAtCodesCutsCodes) {
  const auto clipped = [](float high) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 4, 4});
    const ValueId clip = graph.add("clip", Clip{{0.0f, high}}, {dequantized(graph, x, "in")});
    graph.add_output(graph.add("gap", GlobalAveragePool{}, {clip}));
    infer_shapes(graph);
    return graph;
  };
  Graph at_a_code = clipped(50 * 0.02f), above_all = clipped(6.0f), between = clipped(0.51f);
  carried(at_a_code, {2, 2, 4, 4});
  carried(above_all, {2, 2, 4, 4});
  EXPECT_EQ(operators(at_a_code), "Clip Q DQ GlobalAveragePool");
  EXPECT_EQ(operators(above_all), "Clip Q DQ GlobalAveragePool");
  EXPECT_FALSE(carry_codes(between)) << "0.51 is no multiple of 0.02";
}

TEST(CarryCodes, MoversBehindAPairGetTheirOwn) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 4, 4});
  const ValueId in = dequantized(graph, x, "in");
  const ValueId pool = graph.add("pool", MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, {in});
  const ValueId flat = graph.add("flat", Flatten{}, {pool});
  graph.add_output(graph.add("fc", Gemm{}, {flat, weight(graph, {3, 8})}));
  carried(graph, {2, 2, 4, 4});
  EXPECT_EQ(operators(graph), "Q DQ MaxPool DQ Q DQ Flatten Q DQ Gemm");
}

TEST(CarryCodes, AMoverThatNoIntegerOperatorReadsStaysAsItIs) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 4, 4});
  const ValueId flat = graph.add("flat", Flatten{}, {dequantized(graph, x, "in")});
  graph.add_output(graph.add("softmax", Softmax{}, {flat}));
  const ValueId out = graph.add("out", Flatten{}, {dequantized(graph, x, "in2")});
  graph.add_output(out);
  infer_shapes(graph);
  EXPECT_FALSE(carry_codes(graph)) << to_string(graph);
}

TEST(CarryCodes, AConvolutionOfOneAxisComputesOnCodes) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 8});
  const ValueId in = graph.add("un", Unsqueeze{{2}}, {dequantized(graph, x, "in")});
  const ValueId w = graph.add("w_un", Unsqueeze{{2}}, {weight(graph, {3, 2, 3})});
  const ValueId conv = graph.add("conv", Conv2d{.padding = {0, 1, 0, 1}}, {in, w});
  const ValueId relu = graph.add("relu", Relu{}, {graph.add("sq", Squeeze{{2}}, {conv})});
  graph.add_output(dequantized(graph, relu, "out", kOther));
  const std::string text = carried(graph, {2, 2, 8});
  EXPECT_THAT(
      text, testing::HasSubstr("w_un: DequantizeLinear(w_moved) scales=3 axis=0 -> [3, 2, 1, 3]"));
  EXPECT_THAT(text, testing::HasSubstr("relu: Relu(conv [2, 3, 1, 8])"));
  for (const Node& node : graph.nodes()) {
    if (!std::holds_alternative<Unsqueeze>(node.op) && !std::holds_alternative<Squeeze>(node.op)) {
      continue;
    }
    const auto producer = producers(graph)[static_cast<std::size_t>(*node.inputs[0])];
    EXPECT_TRUE(std::holds_alternative<DequantizeLinear>(graph.node(*producer).op)) << node.name;
  }
}

TEST(CarryCodes, AMaxPoolOfBareCodesIsOneOfNumbers) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 4, 4});
  const ValueId codes = graph.add("q", QuantizeLinear{kCodes}, {x});
  const ValueId pool = graph.add("pool", MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, {codes});
  graph.add_output(graph.add("dq", DequantizeLinear{kCodes}, {pool}));
  carried(graph, {2, 2, 4, 4});
  EXPECT_EQ(operators(graph), "Q DQ MaxPool Q DQ");
}

TEST(CarryCodes, TheAxisOfTheScalesFollowsATransposedWeight) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 4});
  const ValueId w = graph.add("t", Transpose{{1, 0}}, {weight(graph, {3, 4})});
  graph.add_output(graph.add("product", Gemm{.transpose_b = false}, {x, w}));
  EXPECT_THAT(carried(graph, {2, 4}),
              testing::HasSubstr("t: DequantizeLinear(w_moved) scales=3 axis=1 -> [4, 3]"));
}

TEST(CarryCodes, AChainOfManyMoversTakesOneSweepEach) {
  Graph graph;
  ValueId x = graph.add_input("x", DType::kFloat32, {2, 4});
  x = dequantized(graph, x, "in");
  for (int i = 0; i < 20000; ++i) x = graph.add("relu", Relu{}, {x});
  graph.add_output(graph.add("sum", Add{}, {x, x}));
  infer_shapes(graph);
  EXPECT_TRUE(carry_codes(graph));
  EXPECT_FALSE(carry_codes(graph));
}

}  // namespace
}  // namespace octet
