// Linear layers whose weight is a constant of 4 or 8-bit codes: whatever form the codes and scales
// have, the bytes are those of the dequantized weight, and the packed kernel runs where it can.

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "octet/base/nibbles.h"
#include "octet/base/rng.h"
#include "octet/graph/functions/quantization.h"
#include "octet/graph/quantized_constant.h"
#include "octet/runtime/plan.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

struct Form {
  std::string name;
  DType dtype = DType::kInt4;
  bool transpose_b = false;  ///< a Gemm with the weight [n, k]; else MatMul with [k, n]
  Shape scale;               ///< {}: per tensor
  int axis = 0;
  std::int64_t block_size = 0;
  bool has_zero_point = false;
  bool packed = true;  ///< whether the packed kernel takes it
};

void PrintTo(const Form& form, std::ostream* out) { *out << form.name; }

constexpr std::int64_t kDepth = 75, kColumns = 53;

const std::vector<Form> kForms{
    {.name = "int4_per_tensor", .scale = {}},
    {.name = "int4_per_column", .scale = {kColumns}, .axis = 1},
    {.name = "int4_per_row_of_nk", .transpose_b = true, .scale = {kColumns}, .axis = 0},
    {.name = "int4_blocks_of_32", .scale = {3, kColumns}, .axis = 0, .block_size = 32},
    {.name = "int4_blocks_of_16_nk",
     .transpose_b = true,
     .scale = {kColumns, 5},
     .axis = -1,
     .block_size = 16},
    {.name = "uint4_blocks_with_zero_points",
     .dtype = DType::kUInt4,
     .scale = {3, kColumns},
     .block_size = 32,
     .has_zero_point = true},
    {.name = "int4_one_long_block", .scale = {1, kColumns}, .block_size = 1000},
    {.name = "int8_per_column", .dtype = DType::kInt8, .scale = {kColumns}, .axis = 1},
    {.name = "int8_blocks", .dtype = DType::kInt8, .scale = {3, kColumns}, .block_size = 32},
    {.name = "uint8_per_tensor_with_zero_point",
     .dtype = DType::kUInt8,
     .scale = {},
     .has_zero_point = true},
    {.name = "uint8_blocks_with_zero_points",
     .dtype = DType::kUInt8,
     .scale = {5, kColumns},
     .block_size = 16,
     .has_zero_point = true},
    // No kernel: scales change within a word of codes, or with every row.
    {.name = "int4_blocks_of_12", .scale = {7, kColumns}, .block_size = 12, .packed = false},
    {.name = "int4_per_depth", .scale = {kDepth}, .axis = 0, .packed = false},
    {.name = "int4_blocks_of_columns",
     .scale = {kDepth, 4},
     .axis = 1,
     .block_size = 16,
     .packed = false},
};

Tensor random_codes(DType dtype, const Shape& shape, Rng& rng) {
  Tensor bytes(byte_type(dtype), shape);
  std::byte* element = bytes.mutable_raw();
  for (std::int64_t i = 0; i < bytes.num_elements(); ++i) {
    element[i] = static_cast<std::byte>(rng.below(256));
  }
  return is_packed(dtype) ? pack_nibbles(bytes, dtype) : bytes;
}

Tensor random_floats(const Shape& shape, Rng& rng) {
  Tensor tensor(DType::kFloat32, shape);
  for (float& x : tensor.mutable_data<float>()) x = rng.uniform(0.01f, 1.0f);
  return tensor;
}

/// x [N, k] -> Gemm or MatMul; `as_floats`: the weight is dequantized already.
Graph linear(const Form& form, const Shape& input, bool as_floats) {
  Rng rng(11);
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, input);
  const ValueId codes = graph.add_constant(
      "codes",
      random_codes(form.dtype, form.transpose_b ? Shape{kColumns, kDepth} : Shape{kDepth, kColumns},
                   rng));
  std::vector<std::optional<ValueId>> inputs{
      codes, graph.add_constant("scales", random_floats(form.scale, rng))};
  if (form.has_zero_point) {
    inputs.emplace_back(graph.add_constant("zeros", random_codes(form.dtype, form.scale, rng)));
  }
  ValueId weight = graph.add(
      "w", dequantize_function({.axis = form.axis, .block_size = form.block_size, .opset = 21}),
      inputs);
  const ValueId bias = graph.add_constant("bias", random_floats(Shape{kColumns}, rng));
  if (as_floats) {
    weight = graph.add_constant("floats", dequantize(*quantized_constant(graph, graph.nodes()[0])));
    graph.nodes().clear();
  }
  if (form.transpose_b) {
    graph.add_output(graph.add("y", Gemm{.activation = {.low = 0.0f}}, {x, weight, bias}));
  } else {
    graph.add_output(graph.add("y", MatMul{}, {x, weight}));
  }
  infer_shapes(graph);
  return graph;
}

class WeightOnlyPlanTest : public testing::TestWithParam<Form> {
 protected:
  static std::vector<Tensor> outputs(const Graph& graph, const Tensor& x,
                                     const CompileOptions& options) {
    return Session(graph, options).run(std::span(&x, 1));
  }
};

TEST_P(WeightOnlyPlanTest, GivesTheBytesOfTheDequantizedWeight) {
  const Form& form = GetParam();
  const Shape input{kDynamicDim, kDepth};
  for (const std::int64_t rows : {1, 2, 9, 40}) {
    Rng rng(5);
    Tensor x(DType::kFloat32, Shape{rows, kDepth});
    for (float& value : x.mutable_data<float>()) value = rng.normal();
    const std::vector<Tensor> expected =
        outputs(linear(form, input, true), x, {.isa = Isa::kBaseline});
    for (const Isa isa : {Isa::kBaseline, Isa::kAvx2, host_isa()}) {
      if (!contains(host_isa(), isa)) continue;
      for (const int threads : {1, 3}) {
        EXPECT_EQ(outputs(linear(form, input, false), x, {.isa = isa, .threads = threads}),
                  expected)
            << rows << " rows, " << threads << " threads";
      }
    }
  }
}

TEST_P(WeightOnlyPlanTest, RunsOnPackedCodesWhereScalesAllowIt) {
  const Form& form = GetParam();
  const Plan plan = compile(linear(form, {kDynamicDim, kDepth}, false));
  ASSERT_EQ(plan.layers().size(), 1u);
  const std::string kernel = is_packed(form.dtype) ? "gemm_f32_w4/" : "gemm_f32_w8/";
  EXPECT_EQ(plan.layers()[0].kernel.starts_with(kernel), form.packed) << plan.layers()[0].kernel;
  const Plan floats = compile(linear(form, {kDynamicDim, kDepth}, true));
  if (form.packed) {
    EXPECT_LT(plan.packed_bytes(), floats.packed_bytes() * 2 / 3);
  }
}

INSTANTIATE_TEST_SUITE_P(, WeightOnlyPlanTest, testing::ValuesIn(kForms),
                         [](const auto& info) { return info.param.name; });

TEST(WeightOnlyPlan, TakesRowsOfSequencesAndRefusesNoOtherForm) {
  const Form form{.name = "", .scale = {3, kColumns}, .block_size = 32};
  for (const Shape& input : {Shape{2, 5, kDepth}, Shape{2, 3, 2, kDepth}}) {
    Rng rng(6);
    Tensor x(DType::kFloat32, input);
    for (float& value : x.mutable_data<float>()) value = rng.normal();
    std::vector<std::vector<Tensor>> results;
    for (const bool as_floats : {false, true}) {
      results.push_back(Session(linear(form, input, as_floats), {}).run(std::span(&x, 1)));
    }
    EXPECT_EQ(results[0], results[1]) << to_string(input);
  }
}

}  // namespace
}  // namespace octet
