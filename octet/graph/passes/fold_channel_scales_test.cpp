#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/graph/reference_run.h"

namespace octet {
namespace {

using testing::HasSubstr;

ValueId channels(Graph& graph, const std::string& name, const std::vector<float>& values) {
  return graph.add_constant(name, Tensor::from(Shape{1, 3, 1, 1}, values));
}

/// x [2, 2, 4, 4] -> Conv by int8 weights [3, 2, 1, 1] with one scale.
ValueId convolution(Graph& graph, const std::vector<std::int8_t>& codes, bool bias) {
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 2, 4, 4});
  const ValueId w = graph.add_constant("w", Tensor::from(Shape{3, 2, 1, 1}, codes));
  const TensorQuantParams params{{0.01f}, {0}, std::nullopt, DType::kInt8};
  std::vector<std::optional<ValueId>> inputs{x, graph.add("w_dq", DequantizeLinear{params}, {w})};
  if (bias) inputs.emplace_back(graph.add_constant("b", noise_tensor({3}, 8)));
  return graph.add("conv", Conv2d{}, inputs);
}

ValueId batch_norm(Graph& graph, ValueId x) {
  std::vector<std::optional<ValueId>> inputs{x};
  for (const char* name : {"scale", "shift", "mean"}) {
    inputs.emplace_back(graph.add_constant(name, noise_tensor({3}, inputs.size())));
  }
  inputs.emplace_back(
      graph.add_constant("variance", Tensor::from(Shape{3}, std::vector<float>{0.5f, 1.0f, 2.0f})));
  return graph.add("norm", BatchNorm{}, inputs);
}

std::string folded(Graph& graph) {
  const Tensor x = noise_tensor({2, 2, 4, 4}, 3);
  infer_shapes(graph);
  const std::vector<Tensor> before = reference_run(graph, x);
  EXPECT_TRUE(fold_channel_scales(graph));
  infer_shapes(graph);
  verify(graph);
  EXPECT_LT(max_difference(reference_run(graph, x)[0], before[0]), 2e-6f);
  EXPECT_FALSE(fold_channel_scales(graph)) << "the second run found something to do";
  remove_dead_nodes(graph);
  return to_string(graph);
}

TEST(FoldChannelScales, WhatPyTorchWritesBehindAConvBnBecomesScalesAndABias) {
  Graph graph;
  const ValueId conv = convolution(graph, {1, 2, -3, 40, 50, -127}, true);
  const ValueId divided =
      graph.add("div", Div{}, {conv, channels(graph, "g", {0.5f, -2.0f, 3.0f})});
  const ValueId sum = graph.add("add", Add{}, {divided, channels(graph, "c", {1, 2, 3})});
  graph.add_output(graph.add("relu", Relu{}, {batch_norm(graph, sum)}));
  EXPECT_EQ(
      folded(graph),
      "w_dq_scaled: DequantizeLinear(w_scaled) scales=3 axis=0 -> w_scaled_dequantized [3, 2, "
      "1, 1]\n"
      "conv: Conv(x [2, 2, 4, 4], w_scaled_dequantized [3, 2, 1, 1], w_bias) stride=1x1 "
      "pad=0,0,0,0 -> "
      "norm [2, 3, 4, 4]\n"
      "relu: Relu(norm [2, 3, 4, 4]) -> [2, 3, 4, 4]\n");
}

TEST(FoldChannelScales, OtherReadersOfTheWeightKeepTheirs) {
  Graph graph;
  const ValueId conv = convolution(graph, {1, 2, -3, 40, 50, -127}, false);
  const ValueId weights = *graph.nodes().back().inputs[1];
  const ValueId x = graph.inputs()[0];
  const ValueId scaled = graph.add("mul", Mul{}, {channels(graph, "g", {2, 3, 4}), conv});
  graph.add_output(graph.add("sum", Add{}, {scaled, graph.add("conv2", Conv2d{}, {x, weights})}));
  EXPECT_THAT(folded(graph), HasSubstr("conv2: Conv(x [2, 2, 4, 4], w_dq [3, 2, 1, 1])"));
}

TEST(FoldChannelScales, LeavesWhatIsNoScalePerChannel) {
  const auto stays = [](const std::function<ValueId(Graph&, ValueId)>& add,
                        std::vector<std::int8_t> codes = {1, 2, -3, 40, 50, -127}) {
    Graph graph;
    graph.add_output(add(graph, convolution(graph, codes, false)));
    infer_shapes(graph);
    return !fold_channel_scales(graph);
  };
  EXPECT_TRUE(stays([](Graph& graph, ValueId x) {
    return graph.add("add", Add{}, {x, channels(graph, "c", {1, 2, 3})});
  })) << "an addition alone is the business of fold-biases";
  EXPECT_TRUE(stays([](Graph& graph, ValueId x) {
    return graph.add("mul", Mul{}, {x, channels(graph, "c", {1, 0, 3})});
  })) << "a factor of 0 leaves no scale";
  EXPECT_TRUE(stays([](Graph& graph, ValueId x) {
    return graph.add("div", Div{}, {channels(graph, "c", {1, 2, 3}), x});
  }));
  EXPECT_TRUE(stays([](Graph& graph, ValueId x) {
    return graph.add(
        "mul", Mul{},
        {x, graph.add_constant("c", Tensor::from(Shape{4}, std::vector<float>{1, 2, 3, 4}))});
  })) << "along another axis";
  EXPECT_TRUE(stays(
      [](Graph& graph, ValueId x) {
        return graph.add("mul", Mul{}, {x, channels(graph, "c", {-1, 2, 3})});
      },
      {-128, 2, -3, 40, 50, -127}))
      << "-128 has no counterpart";
}

}  // namespace
}  // namespace octet
