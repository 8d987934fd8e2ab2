#include "octet/eval/model_size.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

TEST(ModelSize, BytesOfConstantsByElementType) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{1, 4});
  const ValueId codes = graph.add_constant("codes", Tensor(DType::kInt8, Shape{3, 4}));
  const ValueId bias = graph.add_constant("bias", Tensor(DType::kFloat32, Shape{3}));
  graph.add_constant("unused", Tensor(DType::kFloat32, Shape{100}));
  const TensorQuantParams params{.dtype = DType::kInt8};
  // Read twice, stored once.
  const ValueId weight = graph.add("weight", DequantizeLinear{params}, {codes});
  const ValueId again = graph.add("again", DequantizeLinear{params}, {codes});
  graph.add_output(graph.add("fc", Gemm{}, {x, weight, bias}));
  graph.add_output(graph.add("fc2", Gemm{}, {x, again, bias}));
  const std::map<std::string, std::int64_t> expected{{"float32", 12}, {"int8", 12}};
  EXPECT_EQ(constant_bytes_by_dtype(graph), expected);
  EXPECT_EQ(constant_bytes(graph), 24);
}

}  // namespace
}  // namespace octet
