#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"
#include "octet/graph/graph.h"

namespace octet {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kBatch = kDynamicDim;

std::optional<ValueId> floats(Graph& graph, const std::string& name, Shape shape) {
  return graph.add_constant(name, Tensor(DType::kFloat32, std::move(shape)));
}

std::optional<ValueId> integers(Graph& graph, const std::string& name,
                                const std::vector<std::int64_t>& values) {
  return graph.add_constant(name,
                            Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values));
}

/// The inferred shape of `op` on an input of shape `x` and constants of the other shapes.
Shape shape_of(Op op, Shape x, std::vector<Shape> constants = {}) {
  Graph graph;
  std::vector<std::optional<ValueId>> inputs{graph.add_input("x", DType::kFloat32, std::move(x))};
  for (Shape& shape : constants) {
    inputs.push_back(floats(graph, graph.unique_value_name("c"), std::move(shape)));
  }
  const ValueId y = graph.add("node", std::move(op), inputs);
  graph.add_output(y);
  infer_shapes(graph);
  verify(graph);
  return graph.value(y).shape;
}

std::string error_of(Op op, Shape x, std::vector<Shape> constants = {}) {
  try {
    const Shape shape = shape_of(std::move(op), std::move(x), std::move(constants));
    return "no error: " + to_string(shape);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("node 'node'"));
    EXPECT_NE(error.kind(), ErrorKind::kInternal);
    return error.what();
  }
}

TEST(InferShapes, FollowsOnnxForConvolutions) {
  EXPECT_EQ(shape_of(Conv2d{.padding = {1, 1, 1, 1}}, {kBatch, 3, 32, 32}, {{16, 3, 3, 3}, {16}}),
            (Shape{kBatch, 16, 32, 32}));
  EXPECT_EQ(shape_of(Conv2d{.stride = {2, 3}, .dilation = {2, 1}, .padding = {0, 1, 2, 3}},
                     {5, 3, 17, 20}, {{4, 3, 3, 5}}),
            (Shape{5, 4, 8, 7}));
  EXPECT_EQ(shape_of(Conv2d{.groups = 6}, {kBatch, 6, 5, 5}, {{12, 1, 5, 5}}),
            (Shape{kBatch, 12, 1, 1}));
}

TEST(InferShapes, RefusesAKernelThatNoFileMayHaveAlsoOverAnUnknownInput) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kBatch, 1, kUnknownDim, kUnknownDim});
  const ValueId w = graph.add_input("w", DType::kFloat32, {1, 1, 1, 65536});
  graph.add_output(graph.add("conv", Conv2d{}, {x, w}));
  try {
    infer_shapes(graph);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), HasSubstr("kernel 65536, accepted: up to 65535"));
  }
}

TEST(InferShapes, NamesTheNodeOfAMalformedConvolution) {
  const Shape x{kBatch, 3, 8, 8}, w{4, 3, 3, 3};
  EXPECT_THAT(error_of(Conv2d{.stride = {0, 1}}, x, {w}), HasSubstr("stride 0"));
  EXPECT_THAT(error_of(Conv2d{.stride = {1, -1}}, x, {w}), HasSubstr("stride -1"));
  EXPECT_THAT(error_of(Conv2d{.dilation = {0, 1}}, x, {w}), HasSubstr("dilation 0"));
  EXPECT_THAT(error_of(Conv2d{.dilation = {1 << 30, 1}}, x, {w}), HasSubstr("window"));
  EXPECT_THAT(error_of(Conv2d{.padding = {0, 0, -1, 0}}, x, {w}), HasSubstr("padding -1"));
  EXPECT_THAT(error_of(Conv2d{.groups = 0}, x, {w}), HasSubstr("group 0"));
  EXPECT_THAT(error_of(Conv2d{.groups = 2}, x, {w}), HasSubstr("group 2 does not divide"));
  EXPECT_THAT(error_of(Conv2d{}, x, {{4, 4, 3, 3}}), HasSubstr("input channels 3"));
  EXPECT_THAT(error_of(Conv2d{}, x, {{4, 3, 9, 3}}), HasSubstr("fits its input"));
  EXPECT_THAT(error_of(Conv2d{}, x, {{4, 3, 3}}), HasSubstr("rank 4"));
  EXPECT_THAT(error_of(Conv2d{}, {kBatch, 3, 8}, {w}), HasSubstr("rank 4"));
  EXPECT_THAT(error_of(Conv2d{}, x, {w, {5}}), HasSubstr("bias [5]"));
  EXPECT_THAT(error_of(Conv2d{}, x, {}), HasSubstr("1 inputs"));
  EXPECT_THAT(error_of(Conv2d{.activation = {1, 0}}, x, {w}), HasSubstr("low <= high"));
}

TEST(InferShapes, FollowsOnnxForPools) {
  const Shape x{kBatch, 2, 7, 7};
  EXPECT_EQ(shape_of(MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, x), (Shape{kBatch, 2, 3, 3}));
  EXPECT_EQ(shape_of(MaxPool{{.kernel = {2, 2}, .stride = {2, 2}, .ceil_mode = true}}, x),
            (Shape{kBatch, 2, 4, 4}));
  // A window that would start in the end padding is left out.
  EXPECT_EQ(
      shape_of(
          AveragePool{
              {.kernel = {2, 2}, .stride = {3, 3}, .padding = {1, 1, 1, 1}, .ceil_mode = true}},
          {1, 1, 4, 4}),
      (Shape{1, 1, 2, 2}));
  EXPECT_EQ(shape_of(MaxPool{{.kernel = {3, 3}, .dilation = {2, 2}}}, x), (Shape{kBatch, 2, 3, 3}));
  EXPECT_EQ(shape_of(GlobalAveragePool{}, x), (Shape{kBatch, 2, 1, 1}));
}

TEST(InferShapes, RefusesMalformedPools) {
  const Shape x{kBatch, 2, 7, 7};
  EXPECT_THAT(error_of(MaxPool{{.kernel = {0, 1}}}, x), HasSubstr("kernel 0"));
  EXPECT_THAT(error_of(MaxPool{{.stride = {0, 1}}}, x), HasSubstr("stride 0"));
  EXPECT_THAT(error_of(AveragePool{{.kernel = {2, 2}, .padding = {0, 2, 0, 0}}}, x),
              HasSubstr("padding 2"));
  EXPECT_THAT(error_of(MaxPool{{.kernel = {8, 1}}}, x), HasSubstr("fits its input"));
  EXPECT_THAT(error_of(GlobalAveragePool{}, {kBatch, 2}), HasSubstr("rank 3"));
}

TEST(InferShapes, CarriesTheBatchThroughReshapes) {
  const Shape x{kBatch, 64, 1, 1};
  const Shape expected{kBatch, 64};
  EXPECT_EQ(shape_of(Flatten{}, x), expected);
  EXPECT_EQ(shape_of(Reshape{{0, -1}}, x), expected);
  EXPECT_EQ(shape_of(Reshape{{-1, 64}}, x), expected);
  EXPECT_EQ(shape_of(Reshape{{0, 64}}, x), expected);
  EXPECT_EQ(shape_of(Squeeze{{2, 3}}, x), expected);
  EXPECT_EQ(shape_of(Squeeze{{-1, -2}}, x), expected);
  EXPECT_EQ(shape_of(Reshape{{0, 2, -1, 4, 1}}, x), (Shape{kBatch, 2, 8, 4, 1}));
  EXPECT_EQ(shape_of(Unsqueeze{{0, -1}}, {kBatch, 7}), (Shape{1, kBatch, 7, 1}));
  EXPECT_EQ(shape_of(Transpose{{1, 0, 2}}, {kBatch, 2, 3}), (Shape{2, kBatch, 3}));
  EXPECT_EQ(shape_of(Transpose{}, {kBatch, 2, 3}), (Shape{3, 2, kBatch}));
}

TEST(InferShapes, RefusesReshapesThatDoNotFit) {
  const Shape x{kBatch, 4, 8};
  EXPECT_THAT(error_of(Reshape{{-1, -1}}, x), HasSubstr("two dimensions are -1"));
  EXPECT_THAT(error_of(Reshape{{0, -2}}, x), HasSubstr("dimension -2"));
  EXPECT_THAT(error_of(Reshape{{0, 5, -1}}, x), HasSubstr("does not fill"));
  EXPECT_THAT(error_of(Reshape{{1, 32}}, x), HasSubstr("does not fill"));
  EXPECT_THAT(error_of(Reshape{{0, -1, 1, 0}}, x), HasSubstr("none there"));
  EXPECT_THAT(error_of(Reshape{{std::int64_t{1} << 40, 1 << 30}}, x), HasSubstr("2^40"));
  EXPECT_THAT(error_of(Flatten{4}, x), HasSubstr("axis 4"));
  EXPECT_THAT(error_of(Transpose{{0, 1, 1}}, x), HasSubstr("each axis of the input once"));
  EXPECT_THAT(error_of(Transpose{{0, 1}}, x), HasSubstr("perm of 2"));
  EXPECT_THAT(error_of(Squeeze{{1}}, x), HasSubstr("axis 1"));
  EXPECT_THAT(error_of(Unsqueeze{{0, 0}}, x), HasSubstr("twice"));
  EXPECT_THAT(error_of(Softmax{3}, x), HasSubstr("axis 3"));
}

TEST(InferShapes, FollowsOnnxForSlicePadConcatGather) {
  const std::int64_t max = std::numeric_limits<std::int64_t>::max();
  const std::int64_t min = std::numeric_limits<std::int64_t>::min();
  const Shape x{kBatch, 3, 9};
  EXPECT_EQ(shape_of(Slice{{0}, {max}, {2}, {2}}, x), (Shape{kBatch, 3, 5}));
  EXPECT_EQ(shape_of(Slice{{-1}, {min}, {-1}, {-1}}, x), (Shape{kBatch, 3, 9}));
  EXPECT_EQ(shape_of(Slice{{-3}, {-1}, {2}, {1}}, x), (Shape{kBatch, 3, 2}));
  EXPECT_EQ(shape_of(Slice{{5}, {2}, {2}, {1}}, x), (Shape{kBatch, 3, 0}));
  EXPECT_EQ(shape_of(Slice{{8}, {min}, {2}, {min}}, x), (Shape{kBatch, 3, 1}));
  EXPECT_EQ(shape_of(Slice{{0, 1}, {max, 2}, {0, 1}, {1, 1}}, x), (Shape{kBatch, 1, 9}));
  EXPECT_EQ(shape_of(Pad{{0, 1, 0, 0, 2, -4}, 0}, x), (Shape{kBatch, 6, 5}));
  EXPECT_EQ(shape_of(Concat{2}, {4, 3, 9}, {{4, 3, 1}, {4, 3, 2}}), (Shape{4, 3, 12}));

  EXPECT_THAT(error_of(Slice{{0}, {1}, {2}, {0}}, x), HasSubstr("step 0"));
  EXPECT_THAT(error_of(Slice{{0}, {1}, {3}, {1}}, x), HasSubstr("axis 3"));
  EXPECT_THAT(error_of(Slice{{0, 0}, {1, 1}, {2, -1}, {1, 1}}, x), HasSubstr("twice"));
  EXPECT_THAT(error_of(Pad{{0, min, 0, 0, 0, 0}, 0}, x), HasSubstr("pads"));
  EXPECT_THAT(error_of(Pad{{0, 0, 0, 0, 0, max}, 0}, x), HasSubstr("pads"));
  EXPECT_THAT(error_of(Pad{{0, 0}, 0}, x), HasSubstr("2 pads"));
  EXPECT_THAT(error_of(Concat{77}, x, {x.with_batch(1)}), HasSubstr("axis 77"));
  EXPECT_THAT(error_of(Concat{1}, {2, 2}, {{2, 2, 2}}), HasSubstr("equal sizes"));
}

TEST(InferShapes, BroadcastsAndMultiplies) {
  EXPECT_EQ(shape_of(Add{}, {kBatch, 3, 1, 5}, {{4, 1}}), (Shape{kBatch, 3, 4, 5}));
  EXPECT_EQ(shape_of(Mul{}, {kBatch, 3}, {Shape{}}), (Shape{kBatch, 3}));
  EXPECT_EQ(shape_of(Gemm{}, {kBatch, 7}, {{64, 7}, {64}}), (Shape{kBatch, 64}));
  EXPECT_EQ(shape_of(Gemm{.transpose_b = false}, {kBatch, 7}, {{7, 64}}), (Shape{kBatch, 64}));
  EXPECT_EQ(shape_of(MatMul{}, {kBatch, 7, 3}, {{3, 4}}), (Shape{kBatch, 7, 4}));
  EXPECT_THAT(error_of(Add{}, {kBatch, 3}, {{5, 3}}), HasSubstr("[N, 3] and [5, 3]"));
  EXPECT_THAT(error_of(Gemm{}, {kBatch, 7}, {{64, 8}}), HasSubstr("inner sizes"));
  EXPECT_THAT(error_of(MatMul{}, {kBatch, 7}, {{3, 4}}), HasSubstr("inner sizes"));
  EXPECT_THAT(error_of(Gemm{}, {kBatch, 7}, {{64, 7}, {1, 64}}), HasSubstr("bias [1, 64]"));
  EXPECT_THAT(error_of(BatchNorm{}, {kBatch, 7}, {{7}, {7}, {6}, {7}}), HasSubstr("accepted: [7]"));
}

TEST(InferShapes, SetsTheTypesOfQuantizedTensors) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kBatch, 4});
  const ValueId q = graph.add("q", QuantizeLinear{{{0.1f}, {-3}, std::nullopt, DType::kInt8}}, {x});
  const ValueId back =
      graph.add("dq", DequantizeLinear{{{0.1f}, {-3}, std::nullopt, DType::kInt8}}, {q});
  const ValueId codes = graph.add_value("codes"), scale = graph.add_value("scale"),
                zero = graph.add_value("zero");
  graph.add_node("dynamic", DynamicQuantizeLinear{}, {back}, {codes, scale, zero});
  const ValueId weight = graph.add_constant("weight", Tensor(DType::kInt8, {4, 6}));
  const ValueId weight_zero = graph.add_constant("weight_zero", Tensor(DType::kInt8, {}));
  const ValueId product = graph.add("product", MatMulInteger{}, {codes, weight, zero, weight_zero});
  const ValueId result = graph.add("cast", Cast{DType::kFloat32}, {product});
  graph.add_output(result);
  infer_shapes(graph);
  verify(graph);
  EXPECT_EQ(graph.value(q).dtype, DType::kInt8);
  EXPECT_EQ(graph.value(back).dtype, DType::kFloat32);
  EXPECT_EQ(graph.value(codes).dtype, DType::kUInt8);
  EXPECT_EQ(graph.value(codes).shape, (Shape{kBatch, 4}));
  EXPECT_EQ(graph.value(scale).shape, Shape{});
  EXPECT_EQ(graph.value(zero).dtype, DType::kUInt8);
  EXPECT_EQ(graph.value(product).dtype, DType::kInt32);
  EXPECT_EQ(graph.value(result).shape, (Shape{kBatch, 6}));
}

TEST(InferShapes, SeesThroughShapeArithmeticOnTheBatch) {
  Graph graph;  // x.view(x.size(0), -1)
  const ValueId x = graph.add_input("x", DType::kFloat32, {kBatch, 3, 2});
  const ValueId shape = graph.add("shape", ShapeOf{}, {x});
  const ValueId zero = graph.add_constant("zero", Tensor::scalar<std::int64_t>(0));
  const ValueId batch = graph.add("batch", Gather{0}, {shape, zero});
  const ValueId batch_1 = graph.add("batch_1", Unsqueeze{}, {batch, integers(graph, "axes", {0})});
  const ValueId target = graph.add("target", Concat{0}, {batch_1, integers(graph, "rest", {-1})});
  const ValueId y = graph.add("y", Reshape{}, {x, target});
  graph.add_output(y);
  infer_shapes(graph);
  EXPECT_EQ(graph.value(shape).dtype, DType::kInt64);
  EXPECT_EQ(graph.value(batch).shape, Shape{});
  EXPECT_EQ(graph.value(target).shape, Shape{2});
  EXPECT_EQ(graph.value(y).shape, (Shape{kBatch, 6}));
}

constexpr std::int64_t kAny = kUnknownDim;

TEST(InferShapes, CallsUnknownWhatIsNeitherANumberNorTheBatch) {
  const Shape x{kBatch, 4, 8};
  EXPECT_EQ(shape_of(Reshape{{-1, 8}}, x), (Shape{kAny, 8}));
  EXPECT_EQ(shape_of(Flatten{2}, x), (Shape{kAny, 8}));
  EXPECT_EQ(shape_of(Slice{{0}, {1}, {0}, {1}}, x), (Shape{kAny, 4, 8}));
  EXPECT_EQ(shape_of(Pad{{1, 0, 0, 0, 0, 0}, 0}, x), (Shape{kAny, 4, 8}));
  EXPECT_EQ(shape_of(Concat{0}, x, {{2, 4, 8}}), x.with_batch(kAny));
}

TEST(InferShapes, PropagatesUnknownSizes) {
  const Shape x{kBatch, kAny, 8};
  EXPECT_EQ(shape_of(Relu{}, x), x);
  EXPECT_EQ(shape_of(Transpose{{0, 2, 1}}, x), (Shape{kBatch, 8, kAny}));
  EXPECT_EQ(shape_of(Reshape{{0, 0, 2, -1}}, x), (Shape{kBatch, kAny, 2, 4}));
  EXPECT_EQ(shape_of(Reshape{{0, -1}}, x), (Shape{kBatch, kAny}));
  EXPECT_EQ(shape_of(Reshape{{-1, 3}}, x), (Shape{kAny, 3}));
  EXPECT_EQ(shape_of(Reshape{{2, 3, 8}}, x), (Shape{2, 3, 8}));
  EXPECT_EQ(shape_of(Flatten{1}, x), (Shape{kBatch, kAny}));
  EXPECT_EQ(shape_of(Squeeze{{1}}, x), (Shape{kBatch, 8}));
  EXPECT_EQ(shape_of(Slice{{0, 1}, {4, 3}, {1, 2}, {1, 1}}, x), (Shape{kBatch, kAny, 2}));
  EXPECT_EQ(shape_of(Pad{{0, 1, 1, 0, 1, 1}, 0}, x), (Shape{kBatch, kAny, 10}));
  EXPECT_EQ(shape_of(Concat{2}, {2, kAny, 8}, {{2, 3, 1}}), (Shape{2, 3, 9}));
  EXPECT_EQ(shape_of(Concat{1}, {2, kAny, 8}, {{2, 3, 8}}), (Shape{2, kAny, 8}));
  EXPECT_EQ(shape_of(Add{}, x, {{5, 8}}), (Shape{kBatch, 5, 8}));
  EXPECT_EQ(shape_of(Add{}, x, {{1, 8}}), x);
  EXPECT_EQ(shape_of(MatMul{}, {kBatch, 4, kAny}, {{8, 3}}), (Shape{kBatch, 4, 3}));
  EXPECT_EQ(shape_of(Gemm{}, {kAny, kAny}, {{64, 7}, {64}}), (Shape{kAny, 64}));
  EXPECT_EQ(shape_of(BatchNorm{}, {kBatch, kAny}, {{7}, {7}, {7}, {7}}), (Shape{kBatch, kAny}));
  const Shape image{kBatch, kAny, kAny, 9};
  EXPECT_EQ(shape_of(Conv2d{}, image, {{4, 3, 3, 3}}), (Shape{kBatch, 4, kAny, 7}));
  EXPECT_EQ(shape_of(MaxPool{{.kernel = {3, 3}}}, image), (Shape{kBatch, kAny, kAny, 7}));
  EXPECT_EQ(shape_of(GlobalAveragePool{}, image), (Shape{kBatch, kAny, 1, 1}));
  EXPECT_THAT(error_of(Add{}, x, {{5, 7}}), HasSubstr("equal sizes"));
  EXPECT_THAT(error_of(Squeeze{}, x), HasSubstr("unknown rank"));
  EXPECT_THAT(error_of(Slice{{0}, {1}, {3}, {1}}, x), HasSubstr("axis 3"));
}

/// The inferred shape of `op` on x and integers of this shape that only the caller knows.
Shape shape_with_input(Op op, Shape x, const Shape& input) {
  Graph graph;
  const ValueId data = graph.add_input("x", DType::kFloat32, std::move(x));
  const ValueId target = graph.add_input("target", DType::kInt64, input);
  const ValueId y = graph.add("y", std::move(op), {data, target});
  graph.add_output(y);
  infer_shapes(graph);
  verify(graph);
  return graph.value(y).shape;
}

TEST(InferShapes, ChecksTheBoundsOfASliceAlsoWhereTheyAreInputs) {
  const auto slice = [](const std::vector<std::int64_t>& axes,
                        const std::vector<std::int64_t>& steps) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {4, 5});
    graph.add_output(graph.add("y", Slice{},
                               {x, integers(graph, "starts", {0}), integers(graph, "ends", {3}),
                                integers(graph, "axes", axes), integers(graph, "steps", steps)}));
    infer_shapes(graph);
    return graph.value(graph.outputs()[0]).shape;
  };
  EXPECT_EQ(slice({1}, {1}), (Shape{4, 3}));
  EXPECT_THROW(slice({0, 1}, {1}), Error);
  EXPECT_THROW(slice({0}, {1, 1}), Error);
  EXPECT_THROW(slice({0}, {}), Error);
  EXPECT_THROW(slice({0}, {0}), Error);
}

TEST(InferShapes, KnowsTheRankOfAShapeThatOnlyTheDataKnow) {
  EXPECT_EQ(shape_with_input(Reshape{}, {4}, {2}), (Shape{kAny, kAny}));
  EXPECT_EQ(shape_with_input(Reshape{}, {4}, {1}), Shape{kAny});
  EXPECT_EQ(shape_with_input(Squeeze{}, {4, 1}, {1}), Shape{kAny});
  EXPECT_EQ(shape_with_input(Unsqueeze{}, {4, 1}, {2}), (Shape{kAny, kAny, kAny, kAny}));
  EXPECT_EQ(shape_with_input(Pad{}, {4, 1}, {4}), (Shape{kAny, kAny}));
  EXPECT_THROW(shape_with_input(Reshape{}, {4}, {kAny}), Error);
  EXPECT_THROW(shape_with_input(Squeeze{}, {4, 1}, {3}), Error);
  EXPECT_THROW(shape_with_input(Unsqueeze{}, {4, 1}, {70}), Error);
}

TEST(InferShapes, KnowsSomeElementsOfAShape) {
  Graph graph;  // x.view(x.size(0), 3, x.size(1) + 1)
  const ValueId x = graph.add_input("x", DType::kFloat32, {kBatch, kAny});
  const ValueId shape = graph.add("shape", ShapeOf{}, {x});
  const ValueId batch = graph.add("batch", Gather{0}, {shape, integers(graph, "zero", {0})});
  const ValueId length = graph.add("length", Gather{0}, {shape, integers(graph, "one", {1})});
  const ValueId more = graph.add("more", Add{}, {length, integers(graph, "plus", {1})});
  const ValueId target =
      graph.add("target", Concat{0}, {batch, integers(graph, "three", {3}), more});
  const ValueId filled = graph.add("filled", ConstantOfShape{}, {target});
  const ValueId product = graph.add("product", Mul{}, {batch, length});
  const ValueId flat = graph.add("flat", ConstantOfShape{}, {product});
  graph.add_output(filled);
  graph.add_output(flat);
  infer_shapes(graph);
  EXPECT_EQ(graph.value(filled).shape, (Shape{kBatch, 3, kAny}));
  EXPECT_EQ(graph.value(flat).shape, Shape{kAny});
}

TEST(InferShapes, RefusesGatherOutOfRangeAndHugeConstants) {
  for (const std::int64_t index : {-4, 3}) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kBatch, 3});
    graph.add_output(graph.add("y", Gather{1}, {x, integers(graph, "index", {index})}));
    EXPECT_THROW(infer_shapes(graph), Error) << index;
  }
  for (const std::int64_t dim : {std::int64_t{1} << 41, std::int64_t{-1}}) {
    Graph graph;
    graph.add_output(graph.add("y", ConstantOfShape{}, {integers(graph, "shape", {dim})}));
    EXPECT_THROW(infer_shapes(graph), Error) << dim;
  }
}

TEST(InferShapes, AcceptsTensorsWithoutElements) {
  EXPECT_EQ(shape_of(Relu{}, {0, 4}), (Shape{0, 4}));
  EXPECT_EQ(shape_of(Gemm{}, {0, 4}, {{2, 4}}), (Shape{0, 2}));
  EXPECT_EQ(shape_of(Reshape{{0, 2, 2}}, {0, 4}), (Shape{0, 2, 2}));
  EXPECT_EQ(shape_of(Conv2d{}, {0, 3, 4, 4}, {{2, 3, 1, 1}}), (Shape{0, 2, 4, 4}));
}

}  // namespace
}  // namespace octet
