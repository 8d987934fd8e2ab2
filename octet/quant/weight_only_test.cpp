#include "octet/quant/weight_only.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/error.h"
#include "octet/base/nibbles.h"
#include "octet/graph/quantized_constant.h"
#include "octet/onnx/onnx.h"
#include "octet/quant/quant_points.h"
#include "octet/quant/test_graphs.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing_graphs;

std::vector<int> codes_of(const Tensor& codes) {
  const Tensor bytes = unpack_nibbles(codes);
  return {bytes.data<std::int8_t>().begin(), bytes.data<std::int8_t>().end()};
}

std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes()) ops.emplace_back(op_name(node.op));
  return ops;
}

/// The quantized weights of a graph, in execution order.
std::vector<QuantizedConstant> weights_of(const Graph& graph) {
  std::vector<QuantizedConstant> found;
  for (const Node& node : graph.nodes()) {
    if (auto constant = quantized_constant(graph, node)) found.push_back(*constant);
  }
  return found;
}

std::vector<Tensor> outputs_of(const Graph& graph, const Tensor& x, Isa isa = Isa::kBaseline) {
  Session session(graph, {.isa = isa});
  return session.run(std::span(&x, 1));
}

const std::vector<std::string> kConfigs{
    "weight_only_w2",     "weight_only_w3",      "weight_only_w4",
    "weight_only_w8",     "weight_only_w4_g32",  "weight_only_w4_g128",
    "weight_only_w8_g32", "weight_only_w2_g128", "weight_only_w3_g32"};

TEST(QuantizeMatrix, PerColumnByHand) {
  const Tensor weight = Tensor::from<float>(Shape{3, 2}, {0.7f, 14.0f, -0.35f, -2.0f, 0.04f, 0.0f});
  const QuantizedMatrix matrix = quantize_matrix(weight, parse_config("weight_only_w4"));
  EXPECT_EQ(matrix.codes.dtype(), DType::kInt4);
  EXPECT_EQ(matrix.codes.size_bytes(), 3u);
  EXPECT_THAT(codes_of(matrix.codes), ElementsAre(7, 7, -4, -1, 0, 0));  // -3.5 is a tie: to even
  EXPECT_EQ(matrix.scale.shape(), Shape{2});
  EXPECT_FLOAT_EQ(matrix.scale.data<float>()[0], 0.1f);
  EXPECT_FLOAT_EQ(matrix.scale.data<float>()[1], 2.0f);
}

TEST(QuantizeMatrix, EveryBlockOfAColumnHasItsOwnScale) {
  // 33 rows: the second block holds one row, which is tiny.
  Tensor weight(DType::kFloat32, Shape{33, 2});
  for (std::size_t i = 0; i < 64; ++i) weight.mutable_data<float>()[i] = i % 2 == 0 ? 7.0f : -14.0f;
  weight.mutable_data<float>()[64] = 0.007f;
  const QuantizedMatrix matrix = quantize_matrix(weight, parse_config("weight_only_w4_g32"));
  EXPECT_EQ(matrix.scale.shape(), (Shape{2, 2}));
  EXPECT_THAT(matrix.scale.data<float>(), ElementsAre(1.0f, 2.0f, 0.007f / 7, 1.0f));
  const std::vector<int> codes = codes_of(matrix.codes);
  EXPECT_EQ(codes[0], 7);
  EXPECT_EQ(codes[1], -7);
  EXPECT_EQ(codes[64], 7);
  EXPECT_EQ(codes[65], 0) << "an all-zero block has scale 1";
}

TEST(QuantizeMatrix, ABlockLongerThanTheDepthIsThePerColumnScale) {
  Rng rng(1);
  const Tensor weight = random_tensor(Shape{20, 3}, rng);
  const QuantizedMatrix blocks = quantize_matrix(weight, parse_config("weight_only_w4_g128"));
  const QuantizedMatrix columns = quantize_matrix(weight, parse_config("weight_only_w4"));
  EXPECT_EQ(blocks.codes, columns.codes);
  EXPECT_EQ(blocks.scale.reshaped(Shape{3}), columns.scale);
}

TEST(QuantizeMatrix, EveryWeightIsWithinHalfAStepAndTheRangeIsSymmetric) {
  Rng rng(2);
  const Tensor weight = random_tensor(Shape{70, 9}, rng);
  for (const int bits : {2, 3, 4, 8}) {
    for (const int block : {0, 32}) {
      QuantSpec spec = parse_config("weight_only_w" + std::to_string(bits));
      spec.block_size = block;
      const QuantizedMatrix matrix = quantize_matrix(weight, spec);
      EXPECT_EQ(matrix.codes.dtype(), bits <= 4 ? DType::kInt4 : DType::kInt8);
      const std::vector<int> codes = codes_of(matrix.codes);
      for (std::size_t i = 0; i < codes.size(); ++i) {
        const std::size_t row = block == 0 ? 0 : i / 9 / 32;
        const float scale = matrix.scale.data<float>()[row * 9 + i % 9];
        ASSERT_LE(std::abs(codes[i]), (1 << (bits - 1)) - 1);
        ASSERT_LE(std::fabs(static_cast<float>(codes[i]) * scale - weight.data<float>()[i]),
                  scale * 0.5001f);
      }
    }
  }
}

TEST(QuantizeMatrix, NamesTheFirstWeightThatIsNotFinite) {
  Tensor weight(DType::kFloat32, Shape{40, 2});
  weight.mutable_data<float>()[71] = INFINITY;
  try {
    quantize_matrix(weight, parse_config("weight_only_w4_g32"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("element 71"));
  }
}

TEST(InsertWeightOnly, LinearLayersBecomeMatMulAndAddAndConvolutionsStay) {
  int converted = 0;
  const Graph graph =
      insert_weight_only(residual_network(), parse_config("weight_only_w4_g32"), &converted);
  EXPECT_EQ(converted, 3);
  EXPECT_THAT(ops_of(graph),
              ElementsAre("DequantizeLinear", "Conv", "MaxPool", "DequantizeLinear", "Conv", "Add",
                          "GlobalAveragePool", "Flatten", "DequantizeLinear", "MatMul", "Add"));
  const std::vector<QuantizedConstant> weights = weights_of(graph);
  ASSERT_EQ(weights.size(), 3u);
  EXPECT_EQ(weights[0].codes.dtype(), DType::kInt4);
  EXPECT_EQ(weights[0].codes.shape(), (Shape{4, 3, 3, 3}));
  EXPECT_EQ(weights[0].scale.shape(), Shape{4});
  EXPECT_EQ(weights[0].axis, 0);
  EXPECT_EQ(weights[0].block_size, 0);
  EXPECT_EQ(weights[2].codes.shape(), (Shape{4, 5})) << "[k, n], not PyTorch's [n, k]";
  EXPECT_EQ(weights[2].scale.shape(), (Shape{1, 5}));
  EXPECT_EQ(weights[2].axis, 0);
  EXPECT_EQ(weights[2].block_size, 32);
  EXPECT_EQ(graph.metadata.at("octet.config"), "weight_only_w4_g32");
  EXPECT_EQ(value_named(graph, "logits").shape, (Shape{kDynamicDim, 5}));
}

TEST(InsertWeightOnly, EightBitsPerChannelNeedNoNewerOpset) {
  const Graph graph = insert_weight_only(residual_network(), parse_config("weight_only_w8"));
  for (const Node& node : graph.nodes()) {
    EXPECT_FALSE(std::holds_alternative<Function>(node.op)) << node.name;
  }
  EXPECT_EQ(weights_of(graph)[2].axis, 1);
}

TEST(InsertWeightOnly, AQuantizedModelIsNotQuantizedAgain) {
  for (const std::string& config : kConfigs) {
    const Graph graph = insert_weight_only(residual_network(), parse_config(config));
    EXPECT_THROW(insert_weight_only(graph, parse_config(config)), Error) << config;
    EXPECT_THROW(activation_points(graph), Error) << config;
  }
}

TEST(InsertWeightOnly, AFileOfItGivesTheSameBytesAndKeepsItsCodesPacked) {
  Rng rng(static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1);
  for (const std::string& config : kConfigs) {
    const Graph graph = insert_weight_only(RandomNetwork(rng).build(), parse_config(config));
    const std::vector<std::byte> file = to_onnx(graph);
    const Graph again = import_onnx(std::span<const std::byte>(file));
    ASSERT_EQ(weights_of(again).size(), weights_of(graph).size()) << config;
    EXPECT_EQ(constant_bytes(again), constant_bytes(graph)) << config;
    const Tensor x = random_tensor(graph.value(graph.inputs()[0]).shape.with_batch(2), rng);
    EXPECT_EQ(outputs_of(again, x), outputs_of(graph, x)) << config;
  }
}

/// The same graph with every quantized weight as floats.
Graph with_float_weights(Graph graph) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes()) {
    if (const auto constant = quantized_constant(graph, node)) {
      graph.value(node.outputs[0]).constant = dequantize(*constant);
    } else {
      kept.push_back(std::move(node));
    }
  }
  graph.nodes() = std::move(kept);
  return graph;
}

TEST(InsertWeightOnly, KernelsOfPackedWeightsGiveTheBytesOfTheFloatOnes) {
  Rng rng(static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 2);
  for (const std::string& config : kConfigs) {
    SCOPED_TRACE(config);
    const Graph graph = insert_weight_only(RandomNetwork(rng).build(), parse_config(config));
    const Graph floats = with_float_weights(graph);
    for (const int batch : {1, 3}) {
      const Tensor x = random_tensor(graph.value(graph.inputs()[0]).shape.with_batch(batch), rng);
      const std::vector<Tensor> expected = outputs_of(floats, x);
      EXPECT_EQ(outputs_of(graph, x), expected);
      EXPECT_EQ(outputs_of(graph, x, host_isa()), expected);
    }
  }
}

}  // namespace
}  // namespace octet
