#include <gtest/gtest.h>

#include "octet/base/error.h"
#include "octet/base/nibbles.h"
#include "octet/graph/functions/quantization.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/reference_run.h"

namespace octet {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

ValueId integers(Graph& graph, const std::vector<std::int64_t>& values) {
  return graph.add_constant(graph.unique_value_name("constant"),
                            Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values));
}

ValueId integer(Graph& graph, std::int64_t value) {
  return graph.add_constant(graph.unique_value_name("scalar"), Tensor::scalar(value));
}

/// Folds, checks that the outputs of a run stay, and returns the printed graph.
std::string folded(Graph& graph, const Shape& input) {
  const Tensor x = noise_tensor(input, 7);
  const std::vector<Tensor> before = reference_run(graph, x);
  run_passes(graph, import_passes());
  EXPECT_EQ(reference_run(graph, x), before);
  return to_string(graph);
}

// F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 8, 8)) as PyTorch exports it at opset 13.
TEST(FoldConstants, FoldsTheExportedShortcutOfAResNet) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 16, 6, 6});
  const ValueId rows = graph.add("rows", Slice{},
                                 {x, integers(graph, {0}), integers(graph, {kMax}),
                                  integers(graph, {2}), integers(graph, {2})});
  const ValueId columns = graph.add("columns", Slice{},
                                    {rows, integers(graph, {0}), integers(graph, {kMax}),
                                     integers(graph, {3}), integers(graph, {2})});
  const ValueId torch_pads = integers(graph, {0, 0, 0, 0, 8, 8});
  const ValueId length = graph.add("length", ShapeOf{}, {torch_pads});
  const ValueId count = graph.add("count", Gather{0}, {length, integers(graph, {0})});
  const ValueId twice = graph.add("twice", Mul{}, {integer(graph, 4), integer(graph, 2)});
  const ValueId missing = graph.add("missing", Sub{}, {twice, count});
  const ValueId given = graph.add("given", Cast{DType::kInt64}, {torch_pads});
  const Tensor zero = Tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{0});
  const ValueId zeros = graph.add("zeros", ConstantOfShape{zero}, {missing});
  const ValueId all = graph.add("all", Concat{0}, {given, zeros});
  const ValueId pairs = graph.add("pairs", Reshape{}, {all, integers(graph, {-1, 2})});
  const ValueId flipped = graph.add("flipped", Slice{},
                                    {pairs, integers(graph, {-1}), integers(graph, {-kMax}),
                                     integers(graph, {0}), integers(graph, {-1})});
  const ValueId transposed = graph.add("transposed", Transpose{{1, 0}}, {flipped});
  const ValueId flat = graph.add("flat", Reshape{}, {transposed, integers(graph, {-1})});
  const ValueId pads = graph.add("pads", Cast{DType::kInt64}, {flat});
  const ValueId value = graph.add_constant("value", Tensor::scalar(0.0f));
  graph.add_output(graph.add("padded", Pad{}, {columns, pads, value}));

  EXPECT_EQ(folded(graph, {2, 16, 6, 6}),
            "rows: Slice(x [N, 16, 6, 6]) axes=2 starts=0 ends=9223372036854775807 steps=2 -> "
            "[N, 16, 3, 6]\n"
            "columns: Slice(rows [N, 16, 3, 6]) axes=3 starts=0 ends=9223372036854775807 steps=2 "
            "-> [N, 16, 3, 3]\n"
            "padded: Pad(columns [N, 16, 3, 3]) pads=0,8,0,0,0,8,0,0 value=0 -> [N, 32, 3, 3]\n");
}

TEST(FoldConstants, TurnsAViewOfTheBatchIntoReshapeDims) {
  Graph graph;  // x.view(x.size(0), -1)
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 6, 1, 1});
  const ValueId shape = graph.add("shape", ShapeOf{}, {x});
  const ValueId batch = graph.add("batch", Gather{0}, {shape, integer(graph, 0)});
  const ValueId first = graph.add("first", Unsqueeze{}, {batch, integers(graph, {0})});
  const ValueId second =
      graph.add("second", Unsqueeze{}, {integer(graph, -1), integers(graph, {0})});
  const ValueId target = graph.add("target", Concat{0}, {first, second});
  graph.add_output(graph.add("y", Reshape{}, {x, target}));
  EXPECT_EQ(folded(graph, {3, 6, 1, 1}), "y: Reshape(x [N, 6, 1, 1]) dims=0,-1 -> [N, 6]\n");
}

TEST(FoldConstants, InfersABatchThatMoved) {
  Graph graph;  // x.transpose(0, 1).reshape(-1 = batch)
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 1, 5});
  const ValueId shape = graph.add("shape", ShapeOf{}, {x});
  const ValueId batch = graph.add("batch", Slice{{0}, {1}, {0}, {1}}, {shape});
  const ValueId target = graph.add("target", Concat{0}, {integers(graph, {5}), batch});
  const ValueId moved = graph.add("moved", Transpose{{2, 1, 0}}, {x});
  graph.add_output(graph.add("y", Reshape{}, {moved, target}));
  EXPECT_EQ(folded(graph, {3, 1, 5}),
            "moved: Transpose(x [N, 1, 5]) perm=2,1,0 -> [5, 1, N]\n"
            "y: Reshape(moved [5, 1, N]) dims=5,-1 -> [5, N]\n");
}

/// A weight [4, 2] of int4 codes in blocks of 2 rows, dequantized.
ValueId packed_weight(Graph& graph) {
  const Tensor codes = pack_nibbles(
      Tensor::from(Shape{4, 2}, std::vector<std::int8_t>{1, -8, 2, 7, 3, 0, 4, -1}), DType::kInt4);
  const Tensor scales = Tensor::from(Shape{2, 2}, std::vector<float>{1, 2, 10, 20});
  return graph.add("w", dequantize_function({.axis = 0, .block_size = 2, .opset = 21}),
                   {graph.add_constant("codes", codes), graph.add_constant("scales", scales)});
}

TEST(FoldConstants, LeavesAPackedWeightThatProductsReadPacked) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  const ValueId w = packed_weight(graph);
  graph.add_output(graph.add("y", MatMul{}, {x, w}));
  infer_shapes(graph);
  EXPECT_FALSE(fold_constants(graph));
  EXPECT_EQ(graph.nodes().size(), 2u);
  EXPECT_EQ(constant_bytes(graph), 4 + 16);
}

TEST(FoldConstants, MakesFloatsOfAPackedConstantThatOthersRead) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  const ValueId w = packed_weight(graph);
  graph.add_output(graph.add("y", MatMul{}, {x, w}));
  graph.add_output(graph.add("turned", Transpose{{1, 0}}, {w}));
  infer_shapes(graph);
  EXPECT_TRUE(fold_constants(graph));
  EXPECT_EQ(*graph.value(w).constant,
            Tensor::from(Shape{4, 2}, std::vector<float>{1, -16, 2, 14, 30, 0, 40, -20}));
}

TEST(FoldConstants, ComputesFloatSubgraphsOfConstants) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2});
  const auto constant = [&](const std::string& name, std::vector<float> values) {
    return graph.add_constant(name, Tensor::from(Shape{2, 2}, values));
  };
  const ValueId a = constant("a", {1, 2, 3, 4}), b = constant("b", {10, 20, 30, 40});
  const ValueId sum = graph.add("sum", Add{}, {a, b});  // 11 22 33 44
  const ValueId half = graph.add_constant("half", Tensor::scalar(0.5f));
  const ValueId scaled = graph.add("scaled", Mul{}, {sum, half});  // 5.5 11 16.5 22
  const ValueId turned = graph.add("turned", Transpose{{1, 0}}, {scaled});
  const ValueId same = graph.add("same", Identity{}, {turned});
  graph.add_output(graph.add("y", Gemm{.transpose_b = false}, {x, same}));
  EXPECT_EQ(folded(graph, {3, 2}), "y: Gemm(x [N, 2], same) -> [N, 2]\n");
  EXPECT_EQ(*graph.value(*graph.find_value("same")).constant,
            Tensor::from(Shape{2, 2}, std::vector<float>{5.5f, 16.5f, 11, 22}));
}

TEST(FoldConstants, LeavesQuantizedWeightsInteger) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2});
  const ValueId codes = graph.add_constant(
      "codes", Tensor::from<std::int8_t>({1, 2}, std::vector<std::int8_t>{3, -5}));
  const ValueId weight =
      graph.add("weight", DequantizeLinear{{{0.5f}, {0}, std::nullopt, DType::kInt8}}, {codes});
  graph.add_output(graph.add("y", Gemm{}, {x, weight}));
  const std::string before = (infer_shapes(graph), to_string(graph));
  EXPECT_FALSE(fold_constants(graph));
  EXPECT_EQ(folded(graph, {3, 2}), before);
}

TEST(FoldConstants, LeavesWhatHasNoDefinedValue) {
  Graph graph;
  const ValueId zero = integer(graph, 0);
  const ValueId nan =
      graph.add_constant("nan", Tensor::scalar(std::numeric_limits<float>::quiet_NaN()));
  graph.add_output(graph.add("quotient", Div{}, {zero, zero}));
  graph.add_output(graph.add("cast", Cast{DType::kInt32}, {nan}));
  EXPECT_FALSE(fold_constants(graph));
  EXPECT_EQ(graph.nodes().size(), 2u);
}

TEST(FoldConstants, StopsBeforeASmallFileFillsTheMemory) {
  Graph graph;
  const ValueId shape = integers(graph, {6, 1 << 20});  // 24 MiB each
  for (int i = 0; i < 5; ++i) graph.add_output(graph.add("filled", ConstantOfShape{}, {shape}));
  EXPECT_TRUE(fold_constants(graph));
  EXPECT_EQ(graph.nodes().size(), 3u);
  EXPECT_FALSE(graph.value(graph.outputs()[2]).constant);
}

TEST(FoldConstants, LeavesAProductThatWouldTakeMinutes) {
  for (const std::int64_t size : {16, 4096}) {
    Graph graph;
    const ValueId shape = integers(graph, {size, size});
    const ValueId matrix =
        graph.add("matrix", ConstantOfShape{Tensor(DType::kUInt8, Shape{1})}, {shape});
    const ValueId scale = graph.add_constant("scale", Tensor::scalar(1.0f));
    const ValueId zero = graph.add_constant("zero", Tensor::scalar<std::uint8_t>(0));
    graph.add_output(graph.add("product", qlinear_matmul_function(),
                               {matrix, scale, zero, matrix, scale, zero, scale, zero}));
    infer_shapes(graph);
    EXPECT_TRUE(fold_constants(graph)) << "at least the matrix";
    EXPECT_EQ(graph.nodes().size(), size == 16 ? 0u : 1u);
  }
}

TEST(FoldConstants, LeavesAResultAbove64MiB) {
  for (const std::int64_t rows : {16, 17}) {
    Graph graph;
    graph.add_output(graph.add("filled", ConstantOfShape{}, {integers(graph, {rows, 1 << 20})}));
    EXPECT_EQ(fold_constants(graph), rows == 16);
  }
}

}  // namespace
}  // namespace octet
