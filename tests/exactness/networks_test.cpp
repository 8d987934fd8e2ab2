#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "octet/graph/tensor_function.h"
#include "octet/onnx/onnx.h"
#include "octet/runtime/plan.h"
#include "tests/exactness/lively_zoo.h"
#include "tests/models/models.h"

// Attention, transposed convolutions and resizing through the whole of quantization.

namespace octet {
namespace {

using ::testing::UnorderedElementsAreArray;

/// "op: why it is float", of every node of the quantized network that runs in float.
std::vector<std::string> float_layers(const Graph& graph) {
  std::vector<std::string> layers;
  const Plan plan = compile(graph, {});
  for (const PlanLayer& layer : plan.layers()) {
    if (!layer.why_float.empty()) layers.push_back(layer.name + ": " + layer.why_float);
  }
  return layers;
}

class TestNetwork : public ::testing::TestWithParam<std::string> {
 protected:
  TestNetwork() : quantized_(quantized_graph(test_model(GetParam()), "static_int8_per_channel")) {
    batch_ = normal_batch(quantized_.source, 3, 5);
  }
  Quantized quantized_;
  Tensor batch_;
};

TEST_P(TestNetwork, ComputesTheFloatNetworkUpToNoise) {
  const Tensor expected = run_plan(quantized_.source, batch_)[0];
  const Tensor found = run_plan(quantized_.graph, batch_)[0];
  const double db = signal_to_noise_db(expected, found);
  RecordProperty("db", std::to_string(db));
  EXPECT_GT(db, 25.0);
}

TEST_P(TestNetwork, HasTheSameIntegersOnEveryInstructionSetAndThreadCount) {
  expose_codes(quantized_.graph);
  const std::vector<Tensor> expected = run_plan(quantized_.graph, batch_, Isa::kBaseline);
  for (const Isa isa : testable_isas()) {
    SCOPED_TRACE(to_string(isa));
    EXPECT_EQ(run_plan(quantized_.graph, batch_, isa), expected);
  }
}

TEST_P(TestNetwork, SurvivesExportAndImport) {
  const std::vector<std::byte> bytes = to_onnx(quantized_.graph);
  const Graph again = import_onnx(std::span<const std::byte>(bytes));
  EXPECT_EQ(run_plan(again, batch_), run_plan(quantized_.graph, batch_));
  EXPECT_EQ(float_layers(again), float_layers(quantized_.graph));
}

/// Every node by its definition on float32 tensors, in Q/DQ form as written: between two
/// QuantizeLinear nothing is fused. What follows a QuantizeLinear reads the codes of the plan, so
/// that differences do not add up.
TEST_P(TestNetwork, HasTheCodesOfTheDefinitionAtEveryPoint) {
  Graph exposed = quantized_.graph;
  const std::size_t outputs = exposed.outputs().size();
  const std::vector<std::string> names = expose_codes(exposed);
  const std::vector<Tensor> found = run_plan(exposed, batch_);
  const Graph& graph = quantized_.graph;
  std::map<ValueId, Tensor> values{{graph.inputs()[0], batch_}};
  std::int64_t codes = 0, apart = 0;
  for (const Node& node : graph.nodes()) {
    std::vector<std::optional<Tensor>> inputs;
    for (const std::optional<ValueId>& id : node.inputs) {
      if (!id) {
        inputs.emplace_back();
      } else {
        const std::optional<Tensor>& constant = graph.value(*id).constant;
        inputs.emplace_back(constant ? *constant : values.at(*id));
      }
    }
    std::vector<TensorType> types;
    for (const ValueId id : node.outputs) {
      types.push_back({graph.value(id).dtype, graph.value(id).shape.with_batch(3)});
    }
    const auto function = function_of(node.op);
    ASSERT_TRUE(function) << node.name;
    const auto results = apply(*function, inputs, types);
    ASSERT_TRUE(results) << node.name;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      values[node.outputs[i]] = (*results)[i];
    }
    if (!std::holds_alternative<QuantizeLinear>(node.op)) continue;
    const auto at = std::ranges::find(names, graph.value(node.outputs[0]).name) - names.begin();
    const Tensor& plan = found[outputs + static_cast<std::size_t>(at)];
    const auto a = results->front().data<std::uint8_t>(), b = plan.data<std::uint8_t>();
    ASSERT_EQ(a.size(), b.size()) << node.name;
    for (std::size_t i = 0; i < a.size(); ++i) {
      // One rounding instead of several: at a tie the code may be the next one (clause 6).
      ASSERT_LE(std::abs(int{a[i]} - int{b[i]}), 1) << node.name << " element " << i;
      apart += a[i] != b[i];
    }
    codes += static_cast<std::int64_t>(a.size());
    values[node.outputs[0]] = plan;
  }
  EXPECT_GT(codes, 5'000);
  EXPECT_LE(apart, codes / 500) << "of " << codes;
}

TEST_P(TestNetwork, KeepsInFloatWhatItSays) {
  const std::string none = "no integer kernel for ";
  std::map<std::string, std::vector<std::string>> expected{
      {"vision_transformer",
       {"norm1: " + none + "LayerNormalization", "norm2: " + none + "LayerNormalization",
        "norm3: " + none + "LayerNormalization", "attention.scaled: " + none + "Div",
        "attention.softmax: " + none + "Softmax", "mean: " + none + "ReduceMean"}},
      {"masked_transformer",
       {"attention.scaled: " + none + "Div", "attention.masked: input 'attention.scaled' is float",
        "attention.softmax: " + none + "Softmax"}},
      {"segmentation_decoder", {"linear: " + none + "Resize"}}};
  for (const std::string norm : {"norm0", "norm1", "norm2"}) {
    for (const std::string& text :
         {norm + ".mean: " + none + "ReduceMean", norm + ".centred: " + none + "Sub",
          norm + ".squared: " + none + "Pow", norm + ".variance: " + none + "ReduceMean",
          norm + ".plus: input '" + norm + ".variance' is float", norm + ".sqrt: " + none + "Sqrt",
          norm + ".div: " + none + "Div", norm + ".scaled: input '" + norm + ".div' is float",
          norm + ": input '" + norm + ".scaled' is float"}) {
      expected["masked_transformer"].push_back(text);
    }
  }
  EXPECT_THAT(float_layers(quantized_.graph), UnorderedElementsAreArray(expected.at(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(, TestNetwork, ::testing::ValuesIn(test_model_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace octet
