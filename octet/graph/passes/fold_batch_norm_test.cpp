#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/graph/reference_run.h"

namespace octet {
namespace {

ValueId constant(Graph& graph, const std::string& name, Tensor tensor) {
  return graph.add_constant(graph.unique_value_name(name), std::move(tensor));
}

ValueId batch_norm(Graph& graph, const std::string& name, ValueId x, std::int64_t channels,
                   std::uint32_t seed) {
  Tensor variance = noise_tensor({channels}, seed + 3);
  for (float& v : variance.mutable_data<float>()) v = v * v + 0.01f;
  return graph.add(name, BatchNorm{},
                   {x, constant(graph, name + ".weight", noise_tensor({channels}, seed)),
                    constant(graph, name + ".bias", noise_tensor({channels}, seed + 1)),
                    constant(graph, name + ".mean", noise_tensor({channels}, seed + 2)),
                    constant(graph, name + ".var", std::move(variance))});
}

/// Folds, checks the outputs of a run, drops dead constants and returns the printed graph.
std::string folded(Graph& graph, const Shape& input, bool expect_change = true) {
  const Tensor x = noise_tensor(input, 99);
  infer_shapes(graph);
  const std::vector<Tensor> before = reference_run(graph, x);
  EXPECT_EQ(fold_batch_norm(graph), expect_change);
  verify(graph);
  const std::vector<Tensor> after = reference_run(graph, x);
  for (std::size_t i = 0; i < after.size(); ++i) {
    // Folded weights are rounded once more; the outputs are of the order of 10.
    EXPECT_LT(max_difference(after[i], before[i]), expect_change ? 1e-4f : 1e-30f);
  }
  return to_string(graph);
}

TEST(FoldBatchNorm, GoesIntoTheConvolutionAndCreatesItsBias) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4, 5, 5});
  const ValueId w = constant(graph, "conv.weight", noise_tensor({6, 2, 3, 3}, 1));
  const ValueId y = graph.add("conv", Conv2d{.padding = {1, 1, 1, 1}, .groups = 2}, {x, w});
  graph.add_output(batch_norm(graph, "bn", y, 6, 10));
  EXPECT_EQ(folded(graph, {2, 4, 5, 5}),
            "conv: Conv(x [N, 4, 5, 5], conv.weight, conv.bias) stride=1x1 pad=1,1,1,1 groups=2 "
            "-> bn [N, 6, 5, 5]\n");
}

TEST(FoldBatchNorm, ScalesABiasThatIsThere) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3, 4, 4});
  const ValueId w = constant(graph, "w", noise_tensor({5, 3, 1, 1}, 1));
  const ValueId b = constant(graph, "b", noise_tensor({5}, 2));
  graph.add_output(batch_norm(graph, "bn", graph.add("conv", Conv2d{}, {x, w, b}), 5, 20));
  EXPECT_EQ(folded(graph, {1, 3, 4, 4}),
            "conv: Conv(x [N, 3, 4, 4], w, b) stride=1x1 pad=0,0,0,0 -> bn [N, 5, 4, 4]\n");
}

TEST(FoldBatchNorm, GoesIntoBothLayoutsOfGemm) {
  for (const bool transpose_b : {true, false}) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3});
    const ValueId w =
        constant(graph, "w", noise_tensor(transpose_b ? Shape{4, 3} : Shape{3, 4}, 1));
    const ValueId y = graph.add("fc", Gemm{.transpose_b = transpose_b}, {x, w});
    graph.add_output(batch_norm(graph, "bn", y, 4, 30));
    EXPECT_EQ(folded(graph, {5, 3}), std::string("fc: Gemm(x [N, 3], w, w.bias)") +
                                         (transpose_b ? " transpose_b" : "") + " -> bn [N, 4]\n");
  }
}

TEST(FoldBatchNorm, KeepsAWeightThatAnotherNodeReads) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3, 4, 4});
  const ValueId w = constant(graph, "w", noise_tensor({5, 3, 1, 1}, 1));
  graph.add_output(batch_norm(graph, "bn", graph.add("a", Conv2d{}, {x, w}), 5, 20));
  graph.add_output(graph.add("b", Conv2d{}, {x, w}));
  EXPECT_EQ(folded(graph, {1, 3, 4, 4}),
            "a: Conv(x [N, 3, 4, 4], w_1, w.bias) stride=1x1 pad=0,0,0,0 -> bn [N, 5, 4, 4]\n"
            "b: Conv(x [N, 3, 4, 4], w) stride=1x1 pad=0,0,0,0 -> [N, 5, 4, 4]\n");
}

TEST(FoldBatchNorm, StaysWhereTheConvolutionHasOtherReaders) {
  for (const bool is_output : {true, false}) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3, 4, 4});
    const ValueId w = constant(graph, "w", noise_tensor({5, 3, 1, 1}, 1));
    const ValueId y = graph.add("conv", Conv2d{}, {x, w});
    graph.add_output(batch_norm(graph, "bn", y, 5, 20));
    graph.add_output(is_output ? y : graph.add("relu", Relu{}, {y}));
    infer_shapes(graph);
    const std::string before = to_string(graph);
    EXPECT_EQ(folded(graph, {1, 3, 4, 4}, false), before);
  }
}

TEST(FoldBatchNorm, LeavesQuantizedWeightsAndFusedActivationsAlone) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2, 4, 4});
  const ValueId codes = constant(graph, "codes", Tensor(DType::kInt8, {3, 2, 1, 1}));
  const ValueId w = graph.add("w", DequantizeLinear{{{0.5f}, {0}, {}, DType::kInt8}}, {codes});
  graph.add_output(batch_norm(graph, "bn", graph.add("quantized", Conv2d{}, {x, w}), 3, 20));
  const ValueId v = constant(graph, "v", noise_tensor({3, 2, 1, 1}, 1));
  const ValueId y = graph.add("fused", Conv2d{.activation = {0, 6}}, {x, v});
  graph.add_output(batch_norm(graph, "bn2", y, 3, 40));
  infer_shapes(graph);
  const std::string before = to_string(graph);
  EXPECT_EQ(folded(graph, {1, 2, 4, 4}, false), before);
}

TEST(FoldBatchNorm, ComputesInDouble) {
  // 1 / sqrt(1e-12 + 0) = 1e6: float intermediates lose the offset 0.25 under mean * factor.
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1, 1});
  const auto one = [&](const std::string& name, float value) {
    return constant(graph, name, Tensor::from(Shape{1}, std::vector{value}));
  };
  const ValueId w = constant(graph, "w", Tensor::from(Shape{1, 1}, std::vector{1.0f}));
  const ValueId y = graph.add("fc", Gemm{}, {x, w, one("b", 3.0f)});
  graph.add_output(graph.add("bn", BatchNorm{.epsilon = 0},
                             {y, one("scale", 1.0f), one("shift", 0.25f), one("mean", 3.0f),
                              one("variance", 1.0f / (1 << 30) / (1 << 10))}));
  infer_shapes(graph);
  EXPECT_TRUE(fold_batch_norm(graph));
  EXPECT_EQ(graph.value(*graph.find_value("b")).constant->data<float>()[0], 0.25f);
}

}  // namespace
}  // namespace octet
