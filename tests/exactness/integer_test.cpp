#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "octet/onnx/onnx.h"
#include "octet/runtime/plan.h"
#include "tests/exactness/lively_zoo.h"

namespace octet {
namespace {

std::int64_t differing_bytes(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size_bytes(); ++i) count += a.raw()[i] != b.raw()[i];
  return count;
}

void expect_same(const std::vector<Tensor>& expected, const std::vector<Tensor>& actual,
                 const std::vector<std::string>& names) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(differing_bytes(expected[i], actual[i]), 0) << names[i];
  }
}

/// The outputs, then every quantized tensor.
std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs()) names.push_back(graph.value(id).name);
  return names;
}

class ZooIntegers : public ::testing::TestWithParam<ZooCase> {
 protected:
  ZooIntegers() : quantized_(quantized_network(GetParam().model, GetParam().config)) {
    codes_ = expose_codes(quantized_.graph);
    batch_ = normal_batch(quantized_.graph, 2, 5, 1.5f);
  }
  Quantized quantized_;
  std::vector<std::string> codes_;
  Tensor batch_;
};

TEST_P(ZooIntegers, AreTheSameOnEveryInstructionSet) {
  const std::vector<Tensor> expected = run_plan(quantized_.graph, batch_, Isa::kBaseline);
  for (const Isa isa : testable_isas()) {
    SCOPED_TRACE(to_string(isa));
    expect_same(expected, run_plan(quantized_.graph, batch_, isa), output_names(quantized_.graph));
  }
}

TEST_P(ZooIntegers, SurviveExportAndImport) {
  const std::vector<std::byte> bytes = to_onnx(quantized_.graph);
  const Graph again = import_onnx(std::span<const std::byte>(bytes));
  ASSERT_EQ(output_names(again), output_names(quantized_.graph));
  expect_same(run_plan(quantized_.graph, batch_), run_plan(again, batch_), output_names(again));
}

TEST_P(ZooIntegers, UseTheirRange) {
  // The other tests of this folder would prove little on dead networks.
  const int levels = 1 << quantized_.spec.activation_bits;
  const std::vector<Tensor> outputs = run_plan(quantized_.graph, batch_);
  ASSERT_GE(codes_.size(), 3u);  // traffic_net: the input and two layers
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    const Tensor& tensor = outputs[outputs.size() - codes_.size() + i];
    const std::span<const std::uint8_t> codes = tensor.data<std::uint8_t>();
    const std::set<int> used(codes.begin(), codes.end());
    const auto possible = std::min<std::int64_t>(levels, tensor.num_elements());
    EXPECT_GE(static_cast<std::int64_t>(used.size()), possible / 4) << codes_[i];
    EXPECT_LT(*used.rbegin(), levels) << codes_[i];
  }
}

INSTANTIATE_TEST_SUITE_P(, ZooIntegers, ::testing::ValuesIn(zoo_cases()),
                         [](const auto& info) { return case_name(info.param); });

TEST(MobileNetV2, KeepsEveryRelu6) {
  const auto count_relu6 = [](const Graph& graph) {
    const std::vector<std::byte> bytes = to_onnx(graph);
    const Graph exported = import_onnx(std::span<const std::byte>(bytes));
    return std::ranges::count_if(exported.nodes(), [](const Node& node) {
      const auto* clip = std::get_if<Clip>(&node.op);
      return clip != nullptr && clip->range == Clamp{0.0f, 6.0f};
    });
  };
  const Quantized quantized = quantized_network("mobilenet_v2", "static_int8_per_channel");
  EXPECT_EQ(count_relu6(lively_network("mobilenet_v2")), 35);
  EXPECT_EQ(count_relu6(quantized.source), 35);
  EXPECT_EQ(count_relu6(quantized.graph), 35);
}

}  // namespace
}  // namespace octet
