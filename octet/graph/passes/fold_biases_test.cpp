#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/graph/reference_run.h"

namespace octet {
namespace {

/// Folds and checks that a run's outputs stay equal but for the rounding of one more addition.
std::string folded(Graph& graph, const Shape& input, bool expect_change = true) {
  const Tensor x = noise_tensor(input, 5);
  infer_shapes(graph);
  const std::vector<Tensor> before = reference_run(graph, x);
  EXPECT_EQ(fold_biases(graph), expect_change);
  infer_shapes(graph);
  verify(graph);
  EXPECT_LE(max_difference(reference_run(graph, x).at(0), before.at(0)), 1e-5f);
  return to_string(graph);
}

TEST(FoldBiases, MakesMatMulAndAddAGemm) {
  for (const Shape& shape : {Shape{4}, Shape{1, 4}}) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3});
    const ValueId w = graph.add_constant("w", noise_tensor({3, 4}, 1));
    const ValueId b = graph.add_constant("b", noise_tensor(shape, 2));
    const ValueId product = graph.add("product", MatMul{}, {x, w});
    graph.add_output(graph.add("y", Add{}, {b, product}));
    EXPECT_EQ(folded(graph, {2, 3}), shape.rank() == 1
                                         ? "product: Gemm(x [N, 3], w, b) -> y [N, 4]\n"
                                         : "product: Gemm(x [N, 3], w, b_vector) -> y [N, 4]\n");
  }
}

TEST(FoldBiases, GivesAConvItsBias) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2, 3, 3});
  const ValueId w = graph.add_constant("w", noise_tensor({5, 2, 1, 1}, 1));
  const ValueId b = graph.add_constant("b", noise_tensor({5, 1, 1}, 2));
  const ValueId conv = graph.add("conv", Conv2d{}, {x, w});
  graph.add_output(graph.add("y", Add{}, {conv, b}));
  EXPECT_EQ(folded(graph, {2, 2, 3, 3}),
            "conv: Conv(x [N, 2, 3, 3], w, b_vector) stride=1x1 pad=0,0,0,0 -> y [N, 5, 3, 3]\n");
}

TEST(FoldBiases, LeavesWhatIsNoBias) {
  struct Case {
    const char* what;
    Shape added;
    bool read_twice, has_bias;
  };
  for (const Case& c : {Case{"one row per sample", {2, 4}, false, false},
                        Case{"a number for all", {}, false, false},
                        Case{"the sum is needed itself", {4}, true, false},
                        Case{"there is a bias already", {4}, false, true}}) {
    SCOPED_TRACE(c.what);
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {2, 3});
    const ValueId w = graph.add_constant("w", noise_tensor({4, 3}, 1));
    std::vector<std::optional<ValueId>> inputs{x, w};
    if (c.has_bias) inputs.emplace_back(graph.add_constant("bias", noise_tensor({4}, 3)));
    const ValueId product = graph.add("product", Gemm{}, inputs);
    const ValueId b = graph.add_constant("b", noise_tensor(c.added, 2));
    graph.add_output(graph.add("y", Add{}, {product, b}));
    if (c.read_twice) graph.add_output(product);
    folded(graph, {2, 3}, false);
  }
}

TEST(FoldBiases, LeavesProductsOfActivationsAndOfHigherRank) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 3, 3});
  const ValueId w = graph.add_constant("w", noise_tensor({3, 3}, 1));
  const ValueId product = graph.add("product", MatMul{}, {x, w});
  graph.add_output(graph.add("square", MatMul{}, {product, product}));
  folded(graph, {2, 3, 3}, false);
}

}  // namespace
}  // namespace octet
