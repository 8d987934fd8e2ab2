#include "octet/eval/model_size.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

TEST(ModelSize, BytesOfConstantsByElementType) {
  Graph graph;
  graph.add_input("x", DType::kFloat32, Shape{1, 4});
  graph.add_constant("weight", Tensor(DType::kInt8, Shape{3, 4}));
  graph.add_constant("bias", Tensor(DType::kInt32, Shape{3}));
  graph.add_constant("rest", Tensor(DType::kFloat32, Shape{2}));
  const std::map<std::string, std::int64_t> expected{{"float32", 8}, {"int32", 12}, {"int8", 12}};
  EXPECT_EQ(constant_bytes_by_dtype(graph), expected);
  EXPECT_EQ(constant_bytes(graph), 32);
}

}  // namespace
}  // namespace octet
