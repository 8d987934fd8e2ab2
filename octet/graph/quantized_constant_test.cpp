#include "octet/graph/quantized_constant.h"

#include <gtest/gtest.h>

#include "octet/base/error.h"
#include "octet/base/nibbles.h"
#include "octet/graph/functions/quantization.h"

namespace octet {
namespace {

/// The one node of a graph that dequantizes `codes`.
struct OneNode {
  Graph graph;

  OneNode(const Op& op, const Tensor& codes, const std::vector<Tensor>& parameters) {
    std::vector<std::optional<ValueId>> inputs{graph.add_constant("codes", codes)};
    for (const Tensor& parameter : parameters) {
      inputs.emplace_back(graph.add_constant(graph.unique_value_name("p"), parameter));
    }
    graph.add_output(graph.add("w", op, inputs));
    infer_shapes(graph);
  }
  std::optional<QuantizedConstant> constant() const {
    return quantized_constant(graph, graph.nodes()[0]);
  }
};

const Tensor kCodes = Tensor::from(Shape{2, 3}, std::vector<std::int8_t>{1, -2, 3, -4, 5, -6});

TEST(QuantizedConstant, TheTypedFormGivesWhatItsParametersSay) {
  for (const TensorQuantParams& params :
       {TensorQuantParams{.scale = {0.5f}, .zero_point = {3}, .dtype = DType::kInt8},
        TensorQuantParams{
            .scale = {0.5f, 2}, .zero_point = {1, -1}, .axis = 0, .dtype = DType::kInt8},
        TensorQuantParams{
            .scale = {1, 2, 3}, .zero_point = {0, 0, 7}, .axis = 1, .dtype = DType::kInt8}}) {
    const auto constant = OneNode(DequantizeLinear{params}, kCodes, {}).constant();
    ASSERT_TRUE(constant);
    EXPECT_EQ(constant->is_per_tensor(), !params.axis);
    EXPECT_EQ(dequantize(*constant), dequantize(kCodes, params));
  }
}

TEST(QuantizedConstant, TheFunctionGivesBlocksOfPackedCodes) {
  const Tensor scales = Tensor::from(Shape{2, 2}, std::vector<float>{1, 2, 3, 4});
  const auto constant = OneNode(dequantize_function({.axis = -1, .block_size = 2, .opset = 21}),
                                pack_nibbles(kCodes, DType::kInt4), {scales})
                            .constant();
  ASSERT_TRUE(constant);
  EXPECT_EQ(constant->axis, 1) << "counted from the front";
  EXPECT_EQ(constant->codes.size_bytes(), 3u);
  EXPECT_FALSE(constant->zero_point);
  EXPECT_EQ(dequantize(*constant),
            Tensor::from(Shape{2, 3}, std::vector<float>{1, -2, 6, -12, 15, -24}));
}

TEST(QuantizedConstant, IsNoneWhereSomethingIsComputed) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kInt8, Shape{2, 3});
  const ValueId scale = graph.add_input("scale", DType::kFloat32, Shape{});
  const ValueId codes = graph.add_constant("codes", kCodes);
  const TensorQuantParams params{.dtype = DType::kInt8};
  graph.add_output(graph.add("a", DequantizeLinear{params}, {x}));
  graph.add_output(graph.add("b", dequantize_function({}), {codes, scale}));
  graph.add_output(graph.add("c", Identity{}, {codes}));
  infer_shapes(graph);
  for (const Node& node : graph.nodes()) EXPECT_FALSE(quantized_constant(graph, node)) << node.name;
}

TEST(QuantizedConstant, MoreAxesThanAViewHasAreRefused) {
  const Shape deep{1, 1, 1, 1, 1, 1, 1, 1, 1, 2};
  const TensorQuantParams params{.dtype = DType::kInt8};
  EXPECT_THROW(OneNode(DequantizeLinear{params}, Tensor(DType::kInt8, deep), {}), Error);
}

}  // namespace
}  // namespace octet
