#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/error.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/tensor_function.h"
#include "octet/quant/layer_integers.h"
#include "octet/quant/quant_points.h"
#include "octet/quant/test_graphs.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing_graphs;

/// The parts of a quantized graph that the checks below ask for.
class Inspector {
 public:
  explicit Inspector(const Graph& graph)
      : graph_(graph), producers_(producers(graph)), consumers_(consumers(graph)) {}

  const Node* producer(ValueId value) const {
    const std::optional<NodeId>& id = producers_[static_cast<std::size_t>(value)];
    return id ? &graph_.node(*id) : nullptr;
  }
  const TensorQuantParams* dequantized_by(ValueId value) const {
    const Node* node = producer(value);
    const DequantizeLinear* op = node ? std::get_if<DequantizeLinear>(&node->op) : nullptr;
    return op ? &op->params : nullptr;
  }
  /// The parameters of the QuantizeLinear that alone reads `value`, directly or behind a Clip.
  const TensorQuantParams* quantized_by(ValueId value) const {
    const std::vector<NodeId>& readers = consumers_[static_cast<std::size_t>(value)];
    if (readers.size() != 1 || is_graph_output(graph_, value)) return nullptr;
    const Node& reader = graph_.node(readers[0]);
    if (std::holds_alternative<Clip>(reader.op)) return quantized_by(reader.outputs[0]);
    const QuantizeLinear* op = std::get_if<QuantizeLinear>(&reader.op);
    return op ? &op->params : nullptr;
  }
  const Node* only_reader(ValueId value) const {
    const std::vector<NodeId>& readers = consumers_[static_cast<std::size_t>(value)];
    return readers.size() == 1 ? &graph_.node(readers[0]) : nullptr;
  }
  std::size_t uses(ValueId value) const {
    return consumers_[static_cast<std::size_t>(value)].size() +
           static_cast<std::size_t>(std::ranges::count(graph_.outputs(), value));
  }

 private:
  const Graph& graph_;
  std::vector<std::optional<NodeId>> producers_;
  std::vector<std::vector<NodeId>> consumers_;
};

void expect_integer_layer(const Graph& graph, const Inspector& inspect, const Node& node) {
  const TensorQuantParams* x = inspect.dequantized_by(*node.inputs[0]);
  const TensorQuantParams* weight = inspect.dequantized_by(*node.inputs[1]);
  ASSERT_TRUE(x && weight) << node.name;
  EXPECT_EQ(x->dtype, DType::kUInt8);
  EXPECT_EQ(weight->dtype, DType::kInt8);
  const Value& codes = graph.value(*inspect.producer(*node.inputs[1])->inputs[0]);
  ASSERT_TRUE(codes.constant) << node.name;
  EXPECT_EQ(codes.constant->dtype(), DType::kInt8);
  const Gemm* gemm = std::get_if<Gemm>(&node.op);
  EXPECT_TRUE(!gemm || gemm->transpose_b);
  const int axis = output_channel_axis(node);
  EXPECT_EQ(weight->axis.value_or(axis), axis);
  EXPECT_TRUE(inspect.quantized_by(node.outputs[0])) << node.name;
  if (node.inputs.size() < 3) return;
  const TensorQuantParams* bias = inspect.dequantized_by(*node.inputs[2]);
  ASSERT_TRUE(bias) << node.name;
  EXPECT_EQ(bias->dtype, DType::kInt32);
  // The outputs of a transposed convolution's groups share their scales.
  ASSERT_EQ(bias->scale.size() % weight->scale.size(), 0u);
  for (std::size_t c = 0; c < bias->scale.size(); ++c) {
    const float weight_scale = weight->scale[c % weight->scale.size()];
    EXPECT_NEAR(bias->scale[c] / (double{x->scale[0]} * weight_scale), 1.0, 0x1p-20);
    EXPECT_EQ(bias->zero_point[c], 0);
    EXPECT_EQ(weight->zero_point[c % weight->scale.size()], 0);
  }
}

/// An Add of a float constant, which must be the bias behind a MatMul with an integer weight.
bool is_bias_addition(const Graph& graph, const Node& node) {
  return std::holds_alternative<Add>(node.op) &&
         std::ranges::any_of(node.inputs,
                             [&](const auto& id) { return graph.value(*id).constant.has_value(); });
}

void expect_integer_product(const Graph& graph, const Inspector& inspect, const Node& node) {
  EXPECT_TRUE(inspect.dequantized_by(*node.inputs[0])) << node.name;
  ASSERT_TRUE(inspect.dequantized_by(*node.inputs[1])) << node.name;
  if (inspect.quantized_by(node.outputs[0])) return;
  const Node* sum = inspect.only_reader(node.outputs[0]);
  ASSERT_TRUE(sum && is_bias_addition(graph, *sum)) << node.name;
  EXPECT_TRUE(inspect.quantized_by(sum->outputs[0])) << node.name;
  EXPECT_TRUE(graph.value(*inspect.producer(*node.inputs[1])->inputs[0]).constant) << node.name;
  EXPECT_EQ(inspect.dequantized_by(*node.inputs[1])->axis.value_or(1), 1);
}

/// What ONNX Runtime's selectors demand of `source` in QDQ form.
void expect_qdq_form(const Graph& graph, const Graph& source) {
  verify(graph);
  const Inspector inspect(graph);
  const IntegerRoles roles(source);
  for (const Node& node : graph.nodes()) {
    const std::optional<NodeId> origin = source.find_node(node.name);
    const IntegerRole role = origin ? roles.of(source.node(*origin)) : IntegerRole::kFloat;
    if (std::holds_alternative<DequantizeLinear>(node.op)) {
      EXPECT_EQ(inspect.uses(node.outputs[0]), 1u) << node.name << " has several consumers";
    } else if (std::holds_alternative<Conv2d>(node.op) || std::holds_alternative<Gemm>(node.op) ||
               conv_transpose_of(node.op)) {
      expect_integer_layer(graph, inspect, node);
    } else if (std::holds_alternative<MatMul>(node.op)) {
      expect_integer_product(graph, inspect, node);
    } else if (std::holds_alternative<Clip>(node.op) || is_bias_addition(graph, node)) {
      continue;  // the clamp of codes of fewer than 8 bits
    } else if (role == IntegerRole::kCarry && !inspect.dequantized_by(*node.inputs[0])) {
      // Nobody needs codes of what it reads.
      for (const ValueId id : node.outputs) EXPECT_FALSE(inspect.quantized_by(id)) << node.name;
    } else if (role == IntegerRole::kRequantize || role == IntegerRole::kCarry) {
      for (const ValueId input : quantized_inputs(node, role)) {
        EXPECT_TRUE(inspect.dequantized_by(input)) << node.name;
      }
      for (const ValueId id : node.outputs) {
        if (inspect.uses(id) == 0) continue;
        const TensorQuantParams* output = inspect.quantized_by(id);
        ASSERT_TRUE(output) << node.name;
        if (role == IntegerRole::kCarry) {
          EXPECT_EQ(*output, *inspect.dequantized_by(*node.inputs[0])) << node.name;
        }
      }
    }
  }
  // Besides biases behind a MatMul, only numbers that say where (the scales of a Resize) and those
  // inside of a function of one tensor are floats.
  for (const Node& node : graph.nodes()) {
    const bool may =
        is_bias_addition(graph, node) || element_flow(node.op) != ElementFlow::kGeneral;
    for (const std::optional<ValueId>& input : node.inputs) {
      if (!input || may) continue;
      const std::optional<Tensor>& constant = graph.value(*input).constant;
      EXPECT_FALSE(constant && constant->dtype() == DType::kFloat32) << node.name;
    }
  }
}

std::map<ValueId, Range> fixed_ranges(const Graph& graph) {
  std::map<ValueId, Range> ranges;
  for (const ValueId point : activation_points(graph)) ranges[point] = {-1.0f, 4.1f};
  return ranges;
}

Graph quantized_residual(const QuantSpec& spec) {
  const Graph graph = residual_network();
  return insert_qdq(graph, assign(graph, fixed_ranges(graph), spec), spec);
}

std::string op_sequence(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes()) {
    std::string name(op_name(node.op));
    if (name == "QuantizeLinear") name = "Q";
    if (name == "DequantizeLinear") name = "DQ";
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

TEST(InsertQdq, TheResidualNetworkNodeByNode) {
  const Graph graph = quantized_residual(QuantSpec{});
  EXPECT_EQ(op_sequence(graph),
            "Q DQ DQ DQ Conv Q DQ MaxPool Q DQ DQ Conv Q DQ DQ Add Q DQ GlobalAveragePool Q "
            "DQ Flatten Q DQ DQ DQ Gemm Q DQ");
  expect_qdq_form(graph, residual_network());
}

TEST(InsertQdq, FloatTensorsKeepTheirNamesAndOutputsKeepTheirs) {
  const Graph graph = quantized_residual(QuantSpec{});
  EXPECT_THAT(names_of(graph, graph.inputs()), ElementsAre("input"));
  EXPECT_THAT(names_of(graph, graph.outputs()), ElementsAre("logits"));
  for (const char* name :
       {"input_quantized", "conv1", "conv1_quantized", "conv1_dequantized", "pool_quantized",
        "pool_dequantized", "pool_dequantized_1", "logits_float", "logits_quantized",
        "conv1.weight_quantized", "conv1.weight_dequantized", "conv1.bias_quantized"}) {
    EXPECT_TRUE(graph.find_value(name)) << name;
  }
  EXPECT_EQ(graph.metadata.at("octet.config"), "static_int8_per_channel");
  EXPECT_EQ(value_named(graph, "logits").shape, (Shape{kDynamicDim, 5}));
}

TEST(InsertQdq, WeightsAreTheIntegersOfTheirScale) {
  const Graph source = residual_network();
  const Graph graph = quantized_residual(QuantSpec{});
  const Tensor& weight = *value_named(source, "conv2.weight").constant;
  const Tensor& codes = *value_named(graph, "conv2.weight_quantized").constant;
  const Inspector inspect(graph);
  const TensorQuantParams* params =
      inspect.dequantized_by(*graph.find_value("conv2.weight_dequantized"));
  ASSERT_TRUE(params);
  ASSERT_EQ(params->scale.size(), 4u);
  const Tensor restored = dequantize(codes, *params);
  for (std::size_t i = 0; i < weight.data<float>().size(); ++i) {
    ASSERT_NEAR(restored.data<float>()[i], weight.data<float>()[i],
                params->scale[i / 36] * 0.5001f);
  }
}

TEST(InsertQdq, FewerActivationBitsAreClampedInTheProducerOrByAClip) {
  QuantSpec spec = parse_config("static_w4a4");
  const Graph source = residual_network();
  const QuantAssignment assignment = assign(source, fixed_ranges(source), spec);
  const Graph graph = insert_qdq(source, assignment, spec);
  expect_qdq_form(graph, source);
  // Range [-1, 4.1] on 15 levels: s = 0.34, zp = 3.
  const float low = -3 * 0.34f, high = 12 * 0.34f;
  const Conv2d& conv1 = std::get<Conv2d>(graph.node(*graph.find_node("conv1")).op);
  EXPECT_EQ(conv1.activation.low, 0.0f);  // the ReLU is stricter
  EXPECT_FLOAT_EQ(conv1.activation.high, high);
  const Conv2d& conv2 = std::get<Conv2d>(graph.node(*graph.find_node("conv2")).op);
  EXPECT_FLOAT_EQ(conv2.activation.low, low);
  EXPECT_FLOAT_EQ(conv2.activation.high, high);
  const Add& sum = std::get<Add>(graph.node(*graph.find_node("sum")).op);
  EXPECT_EQ(sum.activation.low, 0.0f);
  for (const char* name : {"input_Clip", "gap_Clip"}) {
    ASSERT_TRUE(graph.find_node(name)) << name;
    const Clip& clip = std::get<Clip>(graph.node(*graph.find_node(name)).op);
    EXPECT_FLOAT_EQ(clip.range.low, low) << name;
    EXPECT_FLOAT_EQ(clip.range.high, high) << name;
  }
  EXPECT_FALSE(graph.find_node("pool_Clip"));  // carries codes that are clamped already
  // The bounds are codes themselves: quantizing them is exact.
  const QuantParams& params = assignment.activations.at(*source.find_value("input"));
  EXPECT_EQ(quantize(dequantize(params.q_min(), params), params), 0);
  EXPECT_EQ(quantize(dequantize(params.q_max(), params), params), 15);
}

TEST(InsertQdq, AClampThatMissesTheRangeStaysAClamp) {
  Graph source = residual_network();
  std::get<Conv2d>(source.node(*source.find_node("conv2")).op).activation = {.low = 5.0f,
                                                                             .high = 6.0f};
  const QuantSpec spec = parse_config("static_w8a4");
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec);
  const Clamp clamp = std::get<Conv2d>(graph.node(*graph.find_node("conv2")).op).activation;
  EXPECT_FLOAT_EQ(clamp.low, 12 * 0.34f);  // clip to [5, 6], then to [-1.02, 4.08]
  EXPECT_EQ(clamp.low, clamp.high);
}

Graph shared_weight_network(float second_bias) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, 2});
  const ValueId weight =
      graph.add_constant("w", Tensor::from<float>(Shape{2, 2}, {1e-9f, 1e-9f, 1.0f, 0.5f}));
  const ValueId b1 = graph.add_constant("b1", Tensor::from<float>(Shape{2}, {0.0f, 0.0f}));
  const ValueId b2 = graph.add_constant("b2", Tensor::from<float>(Shape{2}, {second_bias, 0.0f}));
  const ValueId a = graph.add("a", Gemm{}, {x, weight, b1});
  graph.add_output(graph.add("b", Gemm{}, {a, weight, b2}));
  infer_shapes(graph);
  return graph;
}

TEST(InsertQdq, LayersShareTheIntegersOfASharedWeight) {
  const Graph source = shared_weight_network(0.0f);
  const QuantSpec spec;
  int raised = -1;
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec, &raised);
  EXPECT_EQ(raised, 0);
  EXPECT_FALSE(graph.find_value("w_quantized_1"));
  EXPECT_TRUE(graph.find_value("w_dequantized_1"));
  expect_qdq_form(graph, source);
}

TEST(InsertQdq, ARaisedScaleGetsItsOwnIntegersAndIsCounted) {
  const Graph source = shared_weight_network(1.0f);
  const QuantSpec spec;
  int raised = -1;
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec, &raised);
  EXPECT_EQ(raised, 1);
  ASSERT_TRUE(graph.find_value("w_quantized_1"));
  EXPECT_EQ(value_named(graph, "w_quantized").constant->data<std::int8_t>()[0], 127);
  EXPECT_LT(value_named(graph, "w_quantized_1").constant->data<std::int8_t>()[0], 127);
  expect_qdq_form(graph, source);
}

TEST(InsertQdq, AMatrixOfColumnsBecomesRows) {
  Graph source;
  const ValueId x = source.add_input("x", DType::kFloat32, Shape{kDynamicDim, 2});
  const ValueId weight = source.add_constant(
      "w", Tensor::from<float>(Shape{2, 3}, {1.27f, 2.54f, 0.5f, 0.1f, -0.2f, 1.27f}));
  source.add_output(source.add("fc", Gemm{.transpose_b = false}, {x, weight}));
  infer_shapes(source);
  const QuantSpec spec;
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec);
  expect_qdq_form(graph, source);
  const Tensor& codes = *value_named(graph, "w_quantized").constant;
  EXPECT_EQ(codes.shape(), (Shape{3, 2}));
  EXPECT_THAT(std::vector<int>(codes.data<std::int8_t>().begin(), codes.data<std::int8_t>().end()),
              ElementsAre(127, 10, 127, -10, 50, 127));
}

TEST(InsertQdq, ALinearLayerKeepsItsFloatBiasBehindTheProduct) {
  Rng rng(4);
  Graph source;
  const ValueId x = source.add_input("x", DType::kFloat32, Shape{kDynamicDim, 3, 2});
  const ValueId weight = source.add_constant(
      "w", Tensor::from<float>(Shape{2, 3}, {1.27f, 2.54f, 0.5f, 0.1f, -0.2f, 1.27f}));
  const ValueId bias = source.add_constant("b", random_tensor(Shape{3}, rng));
  const ValueId product = source.add("product", MatMul{}, {x, weight});
  source.add_output(source.add("fc", Add{kRelu}, {product, bias}));
  infer_shapes(source);
  const QuantSpec spec;
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec);
  EXPECT_EQ(op_sequence(graph), "Q DQ DQ MatMul Add Q DQ");
  expect_qdq_form(graph, source);
  const Tensor& codes = *value_named(graph, "w_quantized").constant;
  EXPECT_EQ(codes.shape(), (Shape{2, 3}));
  EXPECT_THAT(std::vector<int>(codes.data<std::int8_t>().begin(), codes.data<std::int8_t>().end()),
              ElementsAre(127, 127, 50, 10, -10, 127));
  const Inspector inspect(graph);
  EXPECT_EQ(inspect.dequantized_by(*graph.find_value("w_dequantized"))->axis, 1);
  // Multiples of the bias scale, half a step from what they were.
  const std::span<const float> was = value_named(source, "b").constant->data<float>();
  const std::span<const float> is = value_named(graph, "b_rounded").constant->data<float>();
  for (std::size_t j = 0; j < 3; ++j) {
    const double scale =
        double{inspect.dequantized_by(*graph.find_value("x_dequantized"))->scale[0]} *
        inspect.dequantized_by(*graph.find_value("w_dequantized"))->scale[j];
    EXPECT_NEAR(is[j], was[j], scale * 0.501);
    EXPECT_NEAR(is[j] / scale, std::nearbyint(is[j] / scale), 1e-3);
  }
}

TEST(InsertQdq, AConstantOperandIsQuantizedOnce) {
  Graph source;
  const ValueId x = source.add_input("x", DType::kFloat32, Shape{kDynamicDim, 3});
  const ValueId c =
      source.add_constant("c", Tensor::from<float>(Shape{1, 3}, {-1.0f, 0.5f, 1.55f}));
  const ValueId sum = source.add("sum", Add{}, {x, c});
  const ValueId product = source.add("product", Mul{}, {c, sum});
  const ValueId joined = source.add("joined", Concat{1}, {product, sum});
  source.add_output(joined);
  source.add_output(source.add("rest", Sub{}, {joined, joined}));
  infer_shapes(source);
  const QuantSpec spec;
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec);
  EXPECT_EQ(op_sequence(graph), "Q DQ DQ Add Q DQ DQ Mul Q DQ DQ Concat Q DQ DQ Sub DQ");
  expect_qdq_form(graph, source);
  const Tensor& codes = *value_named(graph, "c_quantized").constant;
  EXPECT_EQ(codes.dtype(), DType::kUInt8);
  EXPECT_THAT(
      std::vector<int>(codes.data<std::uint8_t>().begin(), codes.data<std::uint8_t>().end()),
      ElementsAre(0, 150, 255));  // scale 0.01, zero point 100
  EXPECT_FALSE(graph.find_value("c_quantized_1"));
  EXPECT_FALSE(graph.find_value("c"));
}

TEST(InsertQdq, ATensorThatManyReadIsQuantizedOnce) {
  Rng rng(5);
  Graph source;
  const ValueId x = source.add_input("x", DType::kFloat32, Shape{kDynamicDim, 2, 4, 4});
  const ValueId weight = source.add_constant("w", random_tensor(Shape{2, 2, 1, 1}, rng));
  const ValueId y = source.add("conv", Conv2d{}, {x, weight});
  const ValueId residual = source.add("residual", Add{}, {y, x});
  const ValueId twice = source.add("twice", Concat{1}, {y, y});
  source.add_output(y);
  source.add_output(residual);
  source.add_output(twice);
  infer_shapes(source);
  const QuantSpec spec;
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec);
  // One Q per tensor, one DQ per reader, the outputs among them.
  EXPECT_EQ(op_sequence(graph), "Q DQ DQ Conv Q DQ DQ Add Q DQ DQ Concat Q DQ DQ DQ");
  expect_qdq_form(graph, source);
  EXPECT_THAT(names_of(graph, graph.outputs()), ElementsAre("conv", "residual", "twice"));
}

TEST(InsertQdq, ATransposedConvolutionHasScalesAlongAxis1) {
  Rng rng(6);
  Graph source;
  const ValueId x = source.add_input("x", DType::kFloat32, Shape{kDynamicDim, 4, 4, 4});
  const ValueId weight = source.add_constant("w", random_tensor(Shape{4, 3, 2, 2}, rng));
  const ValueId bias = source.add_constant("b", random_tensor(Shape{6}, rng));
  const Op op = conv_transpose_function(
      {.window = {}, .groups = 2, .output_padding = {}, .output_shape = {}});
  source.add_output(source.add("y", op, {x, weight, bias}));
  infer_shapes(source);
  const QuantSpec spec;
  const Graph graph = insert_qdq(source, assign(source, fixed_ranges(source), spec), spec);
  EXPECT_EQ(op_sequence(graph), "Q DQ DQ DQ ConvTranspose Q DQ");
  expect_qdq_form(graph, source);
  const Inspector inspect(graph);
  const TensorQuantParams* params = inspect.dequantized_by(*graph.find_value("w_dequantized"));
  EXPECT_EQ(params->axis, 1);
  EXPECT_EQ(params->scale.size(), 3u);
  EXPECT_EQ(inspect.dequantized_by(*graph.find_value("b_dequantized"))->scale.size(), 6u);
}

TEST(InsertQdq, WhatIsNotAssignedStaysFloat) {
  const Graph source = residual_network();
  const QuantSpec spec;
  QuantAssignment assignment = assign(source, fixed_ranges(source), spec);
  // Only the first layer: its input and its weight.
  const ValueId input = *source.find_value("input"), weight = *source.find_value("conv1.weight");
  std::erase_if(assignment.activations, [&](const auto& entry) { return entry.first != input; });
  std::erase_if(assignment.weights, [&](const auto& entry) { return entry.first != weight; });
  const Graph graph = insert_qdq(source, assignment, spec);
  EXPECT_EQ(op_sequence(graph), "Q DQ DQ DQ Conv MaxPool Conv Add GlobalAveragePool Flatten Gemm");
  EXPECT_THAT(names_of(graph, graph.outputs()), ElementsAre("logits"));
}

TEST(InsertQdq, AWeightAloneCanBeInteger) {
  const Graph source = residual_network();
  QuantAssignment assignment = assign(source, fixed_ranges(source), QuantSpec{});
  assignment.activations.clear();
  const Graph graph = insert_qdq(source, assignment, QuantSpec{});
  EXPECT_EQ(op_sequence(graph), "DQ Conv MaxPool DQ Conv Add GlobalAveragePool Flatten DQ Gemm");
}

TEST(InsertQdq, NamesThatTheModelHasAlreadyAreNotTaken) {
  Graph source = residual_network();
  source.add_output(source.add("conv1_quantized", HardSwish{}, {source.outputs()[0]}));
  source.add_output(source.add("logits_float", HardSwish{}, {source.outputs()[0]}));
  infer_shapes(source);
  const Graph graph =
      insert_qdq(source, assign(source, fixed_ranges(source), QuantSpec{}), QuantSpec{});
  expect_qdq_form(graph, source);
  EXPECT_THAT(names_of(graph, graph.outputs()),
              ElementsAre("logits", "conv1_quantized", "logits_float"));
}

TEST(InsertQdq, OutputsThatAreInputsOrListedTwiceStay) {
  Graph source = residual_network();
  source.add_output(source.inputs()[0]);
  source.add_output(source.outputs()[0]);
  const Graph graph =
      insert_qdq(source, assign(source, fixed_ranges(source), QuantSpec{}), QuantSpec{});
  EXPECT_THAT(names_of(graph, graph.outputs()), ElementsAre("logits", "input", "logits"));
}

TEST(InsertQdq, AQuantizedModelIsRefused) {
  const Graph graph = quantized_residual(QuantSpec{});
  EXPECT_THROW(insert_qdq(graph, QuantAssignment{}, QuantSpec{}), Error);
  EXPECT_THROW(insert_dynamic_quantization(graph, QuantSpec{}), Error);
}

TEST(InsertQdq, RandomNetworksHaveQdqFormInEveryConfiguration) {
  const auto seed = static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1;
  Rng rng(seed);
  const std::vector<std::string> configs{"static_int8_per_tensor",
                                         "static_int8_per_channel",
                                         "static_w4a8",
                                         "static_w8a6",
                                         "static_w2a4_per_tensor",
                                         "qat_int8"};
  for (int round = 0; round < 120; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    const Graph source = RandomNetwork(rng).build();
    QuantSpec spec = parse_config(configs[rng.below(6)]);
    spec.torch_compat = rng.below(4) == 0;
    spec.reduce_range = rng.below(4) == 0;
    const QuantAssignment assignment = assign(source, random_ranges(source, rng), spec);
    const Graph graph = insert_qdq(source, assignment, spec);
    expect_qdq_form(graph, source);
    ASSERT_EQ(names_of(graph, graph.outputs()), names_of(source, source.outputs()));
    for (std::size_t i = 0; i < source.outputs().size(); ++i) {
      ASSERT_EQ(graph.value(graph.outputs()[i]).shape, source.value(source.outputs()[i]).shape);
    }
    // The runtime starts from the inference passes: they must leave integers integers.
    Graph passed = graph;
    run_passes(passed, inference_passes());
    ASSERT_TRUE(to_string(passed) == to_string(graph)) << to_string(graph);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace octet
