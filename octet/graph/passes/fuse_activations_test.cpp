#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/graph/reference_run.h"

namespace octet {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// Fuses, checks that the outputs of a run stay bit for bit, and returns the printed graph.
std::string fused(Graph& graph, const Shape& input, bool expect_change = true) {
  const Tensor x = noise_tensor(input, 5);
  infer_shapes(graph);
  const std::vector<Tensor> before = reference_run(graph, x);
  EXPECT_EQ(fuse_activations(graph), expect_change);
  verify(graph);
  EXPECT_EQ(reference_run(graph, x), before);
  return to_string(graph);
}

TEST(FuseActivations, JoinsReluAndClipWithTheOpBefore) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2, 3, 3});
  const ValueId w = graph.add_constant("w", noise_tensor({2, 2, 1, 1}, 1));
  const ValueId conv = graph.add("conv", Conv2d{}, {x, w});
  const ValueId relu = graph.add("relu", Relu{}, {conv});
  const ValueId sum = graph.add("sum", Add{}, {relu, x});
  const ValueId relu6 = graph.add("relu6", Clip{{0, 0.5f}}, {sum});
  const ValueId flat = graph.add("flat", Flatten{}, {relu6});
  const ValueId v = graph.add_constant("v", noise_tensor({4, 18}, 2));
  const ValueId fc = graph.add("fc", Gemm{}, {flat, v});
  graph.add_output(graph.add("logits", Clip{{-kInf, 0.25f}}, {fc}));
  EXPECT_EQ(fused(graph, {2, 2, 3, 3}),
            "conv: Conv(x [N, 2, 3, 3], w) stride=1x1 pad=0,0,0,0 relu -> relu [N, 2, 3, 3]\n"
            "sum: Add(relu [N, 2, 3, 3], x [N, 2, 3, 3]) clamp=[0,0.5] -> relu6 [N, 2, 3, 3]\n"
            "flat: Flatten(relu6 [N, 2, 3, 3]) axis=1 -> [N, 18]\n"
            "fc: Gemm(flat [N, 18], v) transpose_b clamp=[-inf,0.25] -> logits [N, 4]\n");
}

TEST(FuseActivations, IntersectsClamps) {
  const auto fused_clamp = [](Clamp first, Clamp second) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 64});
    const ValueId sum = graph.add("sum", Add{.activation = first}, {x, x});
    graph.add_output(graph.add("clip", Clip{second}, {sum}));
    fused(graph, {4, 64});
    return std::get<Add>(graph.nodes().at(0).op).activation;
  };
  EXPECT_EQ(fused_clamp({0, kInf}, {-1, 1}), (Clamp{0, 1}));
  EXPECT_EQ(fused_clamp({-0.5f, 0.5f}, {0, kInf}), (Clamp{0, 0.5f}));
  EXPECT_EQ(fused_clamp({0, 1}, {0.25f, 0.5f}), (Clamp{0.25f, 0.5f}));
  EXPECT_EQ(fused_clamp({0, 0.5f}, {1, 2}), (Clamp{1, 1}));  // disjoint: a constant
}

TEST(FuseActivations, MergesConsecutiveClamps) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 64});
  const ValueId a = graph.add("a", Relu{}, {x});
  const ValueId b = graph.add("b", Clip{{-1, 0.5f}}, {a});
  graph.add_output(graph.add("c", Relu{}, {b}));
  EXPECT_EQ(fused(graph, {2, 64}), "a: Clip(x [N, 64]) low=0 high=0.5 -> c [N, 64]\n");
}

TEST(FuseActivations, StaysWhereTheResultBeforeIsReadElsewhere) {
  for (const bool is_output : {true, false}) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 8});
    const ValueId sum = graph.add("sum", Add{}, {x, x});
    graph.add_output(graph.add("relu", Relu{}, {sum}));
    graph.add_output(is_output ? sum : graph.add("twice", Mul{}, {sum, x}));
    infer_shapes(graph);
    const std::string before = to_string(graph);
    EXPECT_EQ(fused(graph, {2, 8}, false), before);
  }
}

TEST(FuseActivations, FusesInFrontOfAQuantizer) {
  Graph graph;
  const TensorQuantParams params{{0.1f}, {0}, std::nullopt, DType::kUInt8};
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2, 3, 3});
  const ValueId codes = graph.add_constant(
      "codes", Tensor::from<std::int8_t>({1, 2, 1, 1}, std::vector<std::int8_t>{50, -70}));
  const ValueId w = graph.add("w", DequantizeLinear{{{0.01f}, {0}, {}, DType::kInt8}}, {codes});
  const ValueId relu = graph.add("relu", Relu{}, {graph.add("conv", Conv2d{}, {x, w})});
  const ValueId q = graph.add("q", QuantizeLinear{params}, {relu});
  graph.add_output(graph.add("dq", DequantizeLinear{params}, {q}));
  EXPECT_EQ(fused(graph, {1, 2, 3, 3}),
            "w: DequantizeLinear(codes) scale=0.01 zero_point=0 -> [1, 2, 1, 1]\n"
            "conv: Conv(x [N, 2, 3, 3], w [1, 2, 1, 1]) stride=1x1 pad=0,0,0,0 relu -> relu "
            "[N, 1, 3, 3]\n"
            "q: QuantizeLinear(relu [N, 1, 3, 3]) scale=0.1 zero_point=0 -> uint8 [N, 1, 3, 3]\n"
            "dq: DequantizeLinear(q uint8 [N, 1, 3, 3]) scale=0.1 zero_point=0 -> "
            "[N, 1, 3, 3]\n");
}

}  // namespace
}  // namespace octet
