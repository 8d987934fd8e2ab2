// Quantized networks of other tools run on integers, and compute what their graphs say.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/rng.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/run_definitions.h"
#include "octet/runtime/plan.h"
#include "octet/runtime/session.h"
#include "tests/foreign/foreign_models.h"

namespace octet {

void PrintTo(const ForeignModel& foreign, std::ostream* out) { *out << foreign.name; }

namespace {

class ForeignTest : public testing::TestWithParam<ForeignModel> {};

Tensor input_of(const Graph& graph) {
  Tensor x(DType::kFloat32, graph.value(graph.inputs()[0]).shape);
  Rng rng(17);
  for (float& value : x.mutable_data<float>()) value = rng.normal();
  return x;
}

bool is_compute(const std::string& op) {
  return op != "QuantizeLinear" && op != "DequantizeLinear" && op != "Requantize" &&
         op != "Transpose" && op != "Output";
}

TEST_P(ForeignTest, EveryLayerRunsOnIntegersOrSaysWhyNot) {
  const Plan plan = compile(GetParam().model.read());
  int integer = 0;
  for (const PlanLayer& layer : plan.layers()) {
    if (!is_compute(layer.op)) continue;
    const auto expected = std::ranges::find(GetParam().float_layers, layer.name,
                                            &std::pair<std::string, std::string>::first);
    if (expected != GetParam().float_layers.end()) {
      EXPECT_EQ(layer.why_float, expected->second) << layer.name;
      continue;
    }
    EXPECT_EQ(layer.why_float, "") << layer.name << " " << layer.kernel;
    EXPECT_THAT(layer.kernel,
                testing::AnyOf(testing::HasSubstr("u8"), testing::HasSubstr("table"),
                               testing::HasSubstr("layout"), testing::HasSubstr("copy")))
        << layer.name << " (" << layer.op << ")";
    ++integer;
  }
  EXPECT_GE(integer, 1);
}

/// The graph with every quantized activation among its outputs.
Graph exposed(Graph graph) {
  std::vector<ValueId> codes;
  for (const Node& node : graph.nodes()) {
    const bool of_codes = std::holds_alternative<QuantizeLinear>(node.op);
    if (of_codes && !is_graph_output(graph, node.outputs[0])) codes.push_back(node.outputs[0]);
  }
  for (const ValueId id : codes) graph.add_output(id);
  return graph;
}

int code_of(const Tensor& tensor, std::size_t index) {
  return tensor.dtype() == DType::kInt8 ? tensor.data<std::int8_t>()[index]
                                        : tensor.data<std::uint8_t>()[index];
}

/// Numerics clauses 3, 5 and 6: the integer path rounds a bias to a step of the sums and once where
/// the definition rounds several times, so a code may be the neighbour of the definition's.
TEST_P(ForeignTest, CodesAreThoseOfTheDefinitionOrTheirNeighbours) {
  const Graph graph = exposed(GetParam().model.read());
  const Tensor x = input_of(graph);
  const std::vector<Tensor> expected = run_definitions(graph, {x});
  Session session(graph);
  const std::vector<Tensor> found = session.run(std::vector<Tensor>{x});
  ASSERT_EQ(found.size(), expected.size());
  std::int64_t elements = 0, different = 0;
  for (std::size_t i = 1; i < found.size(); ++i) {
    const std::string& name = graph.value(graph.outputs()[i]).name;
    ASSERT_EQ(found[i].shape(), expected[i].shape()) << name;
    ASSERT_EQ(found[i].dtype(), expected[i].dtype()) << name;
    int used_low = 255, used_high = -128;
    for (std::size_t k = 0; k < static_cast<std::size_t>(found[i].num_elements()); ++k) {
      const int a = code_of(found[i], k), b = code_of(expected[i], k);
      EXPECT_LE(std::abs(a - b), 1) << name << " [" << k << "]: " << a << " and " << b;
      different += a != b;
      used_low = std::min(used_low, b);
      used_high = std::max(used_high, b);
    }
    elements += found[i].num_elements();
    EXPECT_GE(used_high - used_low, 30) << name << " uses few codes: the test proves little";
  }
  EXPECT_LE(different, elements / 200) << "of " << elements;
}

TEST_P(ForeignTest, EveryInstructionSetGivesTheSameBytes) {
  const Graph graph = exposed(GetParam().model.read());
  const Tensor x = input_of(graph);
  Session reference(graph, {.isa = Isa::kBaseline});
  const std::vector<Tensor> expected = reference.run(std::vector<Tensor>{x});
  for (const Isa isa : testable_isas()) {
    Session session(graph, {.isa = isa});
    EXPECT_EQ(session.run(std::vector<Tensor>{x}), expected) << to_string(isa);
  }
}

INSTANTIATE_TEST_SUITE_P(, ForeignTest, testing::ValuesIn(foreign_models()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace octet
