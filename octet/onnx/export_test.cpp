#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/files.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using octet_onnx::ModelProto;
using octet_onnx::NodeProto;
using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

ModelProto proto_of(const Graph& graph) {
  const std::vector<std::byte> bytes = to_onnx(graph);
  ModelProto proto;
  EXPECT_TRUE(proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return proto;
}

std::vector<std::string> op_types(const ModelProto& proto) {
  std::vector<std::string> types;
  for (const NodeProto& node : proto.graph().node()) types.push_back(node.op_type());
  return types;
}

std::vector<std::string> initializer_names(const ModelProto& proto) {
  std::vector<std::string> names;
  for (const auto& initializer : proto.graph().initializer()) names.push_back(initializer.name());
  return names;
}

/// x -> op -> y, with constants as further inputs.
Graph one_op(Op op, const Shape& input, const std::vector<Tensor>& constants = {}) {
  Graph graph;
  std::vector<std::optional<ValueId>> inputs{graph.add_input("x", DType::kFloat32, input)};
  for (const Tensor& tensor : constants) {
    inputs.emplace_back(
        graph.add_constant(numbered("c", static_cast<std::int64_t>(inputs.size())), tensor));
  }
  graph.add_output(graph.add("node", std::move(op), std::move(inputs)));
  infer_shapes(graph);
  return graph;
}

TEST(ExportTest, EveryFloatOpSurvivesTheRoundTrip) {
  const Shape image{kDynamicDim, 4, 8, 8};
  const PoolWindow window{{3, 2}, {2, 1}, {1, 1}, {1, 0, 1, 1}, true};
  const std::vector<Tensor> conv{ramp({6, 2, 3, 3}), ramp({6})};
  expect_round_trip(one_op(Conv2d{{2, 1}, {1, 2}, {1, 2, 3, 4}, 2, {}}, image, conv));
  for (const Clamp clamp : {Clamp{0, kInfinity}, Clamp{0, 6}, Clamp{-kInfinity, 1}, Clamp{-1, 1},
                            Clamp{kInfinity, kInfinity}, Clamp{-kInfinity, -kInfinity}}) {
    expect_round_trip(one_op(Conv2d{.groups = 2, .activation = clamp}, image, conv));
    expect_round_trip(one_op(Clip{clamp}, image));
    expect_round_trip(one_op(Add{clamp}, image, {ramp({4, 1, 1})}));
  }
  expect_round_trip(one_op(Gemm{true, {}}, {kDynamicDim, 3}, {ramp({5, 3}), ramp({5})}));
  expect_round_trip(one_op(Gemm{false, {0, 6}}, {2, 3}, {ramp({3, 5})}));
  expect_round_trip(one_op(MatMul{}, {2, 3}, {ramp({3, 5})}));
  expect_round_trip(one_op(Mul{}, image, {ramp({1, 4, 1, 1})}));
  expect_round_trip(one_op(Sub{}, image, {ramp({1})}));
  expect_round_trip(one_op(Div{}, image, {ramp({1})}));
  expect_round_trip(
      one_op(BatchNorm{1e-3f, 0.1f}, image, {ramp({4}), ramp({4}), ramp({4}), ramp({4})}));
  expect_round_trip(one_op(Relu{}, image));
  expect_round_trip(one_op(Sigmoid{}, image));
  expect_round_trip(one_op(Tanh{}, image));
  expect_round_trip(one_op(HardSigmoid{1.0f / 6.0f, 0.5f}, image));
  expect_round_trip(one_op(HardSwish{}, image));
  expect_round_trip(one_op(Softmax{1}, image));
  expect_round_trip(one_op(Softmax{-1}, {2, 3, 4}));
  expect_round_trip(one_op(MaxPool{window}, image));
  expect_round_trip(one_op(AveragePool{window, true}, image));
  expect_round_trip(one_op(AveragePool{{{2, 2}, {1, 1}, {2, 2}, {}, false}, false}, image));
  expect_round_trip(one_op(GlobalAveragePool{}, image));
}

TEST(ExportTest, EveryShapeOpSurvivesTheRoundTrip) {
  const Shape image{kDynamicDim, 4, 8, 8};
  expect_round_trip(one_op(Concat{1}, {2, 3}, {ramp({2, 1})}));
  expect_round_trip(one_op(Flatten{1}, image));
  expect_round_trip(one_op(Reshape{{0, -1, 2}}, image));
  expect_round_trip(one_op(Transpose{{0, 2, 3, 1}}, image));
  expect_round_trip(one_op(Squeeze{{2}}, {2, 3, 1}));
  expect_round_trip(one_op(Unsqueeze{{0, 3}}, {2, 3}));
  expect_round_trip(one_op(Slice{{1, -1}, {3, -9}, {1, 2}, {1, -2}}, image));
  expect_round_trip(one_op(Pad{{0, 0, 1, 2, 0, 0, 3, 4}, 0.5f}, image));
  expect_round_trip(one_op(Gather{1}, {2, 3}, {ints({2, 0})}));
  expect_round_trip(one_op(Cast{DType::kInt32}, {2, 3}));
}

/// x -> Q -> DQ -> Conv(DQ weight per channel, DQ int32 bias) relu6 -> Q -> DQ -> y
Graph quantized_graph(std::int64_t channels) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2, 6, 6});
  const TensorQuantParams in{{0.5f}, {3}, std::nullopt, DType::kUInt8};
  const TensorQuantParams out{{0.25f}, {-7}, std::nullopt, DType::kInt8};
  TensorQuantParams weight{{}, {}, 0, DType::kInt8}, bias{{}, {}, 0, DType::kInt32};
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    weight.scale.push_back(0.01f * static_cast<float>(channel + 1));
    bias.scale.push_back(0.5f * weight.scale.back());
  }
  weight.zero_point.assign(weight.scale.size(), 0);
  bias.zero_point.assign(bias.scale.size(), 0);

  const ValueId w = graph.add_constant("w", Tensor(DType::kInt8, {channels, 2, 3, 3}));
  const ValueId b = graph.add_constant("b", Tensor(DType::kInt32, {channels}));
  const ValueId xq = graph.add("x_q", QuantizeLinear{in}, {x});
  const ValueId xd = graph.add("x_dq", DequantizeLinear{in}, {xq});
  const ValueId wd = graph.add("w_dq", DequantizeLinear{weight}, {w});
  const ValueId bd = graph.add("b_dq", DequantizeLinear{bias}, {b});
  const ValueId c = graph.add("conv", Conv2d{.activation = {0, 6}}, {xd, wd, bd});
  const ValueId cq = graph.add("conv_q", QuantizeLinear{out}, {c});
  graph.add_output(graph.add("conv_dq", DequantizeLinear{out}, {cq}));
  graph.metadata["octet.config"] = "w8c-a8";
  infer_shapes(graph);
  return graph;
}

TEST(ExportTest, AQuantizedGraphSurvivesTheRoundTrip) {
  expect_round_trip(quantized_graph(4));
  expect_round_trip(quantized_graph(1));  // one channel is still one scale per channel
}

TEST(ExportTest, WritesQuantizationAsRuntimesExpectIt) {
  const ModelProto proto = proto_of(quantized_graph(4));
  EXPECT_EQ(proto.ir_version(), 8);
  EXPECT_EQ(proto.opset_import(0).version(), 13);
  EXPECT_THAT(initializer_names(proto),
              ElementsAre("x_scale", "x_zero_point", "w", "w_scale", "w_zero_point", "b", "b_scale",
                          "conv_clip_min", "conv_clip_max", "conv_scale", "conv_zero_point"));
}

TEST(ExportTest, ADynamicGraphSurvivesTheRoundTrip) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3});
  const ValueId q = graph.add_value("q"), s = graph.add_value("s"), z = graph.add_value("z");
  graph.add_node("dynamic", DynamicQuantizeLinear{}, {x}, {q, s, z});
  const ValueId w = graph.add_constant("w", Tensor(DType::kInt8, {3, 5}));
  const ValueId wz = graph.add_constant("wz", Tensor::scalar(std::int8_t{0}));
  const ValueId acc = graph.add("acc", MatMulInteger{}, {q, w, z, wz});
  const ValueId cast = graph.add("cast", Cast{DType::kFloat32}, {acc});
  const ValueId ws = graph.add_constant("ws", ramp({5}));
  const ValueId scale = graph.add("scale", Mul{}, {s, ws});
  graph.add_output(graph.add("y", Mul{}, {cast, scale}));
  infer_shapes(graph);
  expect_round_trip(graph);
}

TEST(ExportTest, WritesFusedActivationsAsNodesOfTheirOwn) {
  const auto types_with = [](Clamp clamp) {
    const Graph graph = one_op(Conv2d{.activation = clamp}, {1, 1, 3, 3}, {ramp({1, 1, 3, 3})});
    const ModelProto proto = proto_of(graph);
    EXPECT_EQ(proto.graph().node(proto.graph().node_size() - 1).output(0), "node");
    return op_types(proto);
  };
  EXPECT_THAT(types_with({}), ElementsAre("Conv"));
  EXPECT_THAT(types_with({0, kInfinity}), ElementsAre("Conv", "Relu"));
  EXPECT_THAT(types_with({0, 6}), ElementsAre("Conv", "Clip"));

  const ModelProto proto = proto_of(one_op(Clip{{-kInfinity, 6}}, {3}));
  ASSERT_EQ(proto.graph().node(0).input_size(), 3);
  EXPECT_EQ(proto.graph().node(0).input(1), "") << "no lower bound";
}

TEST(ExportTest, WritesTheAxesOfAnUnsqueezeAlsoIfThereAreNone) {
  const Graph graph = one_op(Unsqueeze{}, {2, 3});
  EXPECT_EQ(proto_of(graph).graph().node(0).input_size(), 2) << "the axes must be given";
  expect_round_trip(graph);
  EXPECT_EQ(proto_of(one_op(Squeeze{}, {2, 1})).graph().node(0).input_size(), 1) << "need not";
}

TEST(ExportTest, WritesAPadWhoseAxesAreAnInputForTheOpsetThatHasThem) {
  TestModel model(18);
  model.input("x", {2, 3}).input("pads", {2}, DType::kInt64).constant("axes", ints({1}));
  model.output("y").node("Pad", {"x", "pads", "", "axes"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(proto_of(graph).opset_import(0).version(), 18);
  expect_round_trip(graph);
}

TEST(ExportTest, WritesNoKernelShapeThatOnlyARunKnows) {
  TestModel model(22);
  model.input("x", {1, 2, 5, 4}).input("w", {3, 2, kDynamicDim, 3}).output("y");
  set_ints(model.node("Conv", {"x", "w"}, {"y"}), "kernel_shape", {3, 3});
  const Graph graph = model.read();
  const auto proto = proto_of(graph);
  for (const auto& attribute : proto.graph().node(0).attribute()) {
    EXPECT_NE(attribute.name(), "kernel_shape");
  }
  expect_round_trip(graph);
}

TEST(ExportTest, WritesTheOpsetThatTheOpsNeed) {
  EXPECT_EQ(proto_of(one_op(Relu{}, {1})).opset_import(0).version(), 13);
  EXPECT_EQ(proto_of(one_op(HardSwish{}, {1})).opset_import(0).version(), 14);
}

TEST(ExportTest, NamesThatAreTakenGetASuffix) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2});
  const ValueId taken = graph.add_constant("x_scale", ramp({2}));
  const ValueId sum = graph.add("sum", Add{}, {x, taken});
  const TensorQuantParams params{{0.5f}, {3}, std::nullopt, DType::kUInt8};
  const ValueId q = graph.add("q", QuantizeLinear{params}, {x});
  const ValueId d = graph.add("d", DequantizeLinear{params}, {q});
  graph.add_output(graph.add("y", Add{}, {sum, d}));
  infer_shapes(graph);
  EXPECT_THAT(initializer_names(proto_of(graph)),
              ElementsAre("x_scale", "x_scale_1", "x_zero_point"));
  expect_round_trip(graph);
}

TEST(ExportTest, KeepsSymbolicAndFixedBatches) {
  const auto batch_of = [](std::int64_t batch) {
    const ModelProto proto = proto_of(one_op(Relu{}, {batch, 3}));
    return proto.graph().output(0).type().tensor_type().shape().dim(0);
  };
  EXPECT_EQ(batch_of(kDynamicDim).dim_param(), "N");
  EXPECT_EQ(batch_of(1).dim_value(), 1);
}

TEST(ExportTest, TheBytesDependOnTheGraphAlone) {
  const std::filesystem::path folder = testing::TempDir();
  const Graph graph = quantized_graph(4);
  export_onnx(graph, folder / "octet_export_a.onnx");
  export_onnx(graph, folder / "octet_export_b.onnx");
  const std::vector<std::byte> a = read_file(folder / "octet_export_a.onnx");
  EXPECT_EQ(a, read_file(folder / "octet_export_b.onnx"));
  EXPECT_EQ(a, to_onnx(import_onnx(folder / "octet_export_a.onnx")))
      << "reading and writing again gives the same file";
  std::filesystem::remove(folder / "octet_export_a.onnx");
  std::filesystem::remove(folder / "octet_export_b.onnx");
}

TEST(ExportTest, AMissingFolderIsATypedError) {
  expect_error(ErrorKind::kCannotCreate,
               [] { export_onnx(one_op(Relu{}, {1}), "no/such/folder/model.onnx"); });
}

}  // namespace
}  // namespace octet
