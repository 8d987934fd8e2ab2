#include "octet/base/rng.h"
#include "octet/data/npy.h"
#include "octet/graph/functions/conditional.h"
#include "tests/cli/cli_test.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;

Tensor noise_tensor(const Shape& shape, std::uint32_t seed) {
  Tensor tensor(DType::kFloat32, shape);
  Rng rng(seed);
  for (float& element : tensor.mutable_data<float>()) element = rng.uniform(-1.0f, 1.0f);
  return tensor;
}

/// h = x * weight
Branch product(std::uint32_t seed) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {});
  const ValueId w = graph.add_constant("weight", noise_tensor({4, 4}, seed));
  graph.add_output(graph.add("h", Gemm{}, {x, w}));
  return {std::make_shared<const Graph>(std::move(graph)), {1}};
}

/// A cell with a switch: next = tanh((mode ? x * a : x * b) + state), y = relu(next), for as many
/// rows as there are.
Graph cell() {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kUnknownDim, 4});
  const ValueId state = graph.add_input("state", DType::kFloat32, {kUnknownDim, 4});
  const ValueId mode = graph.add_input("mode", DType::kInt64, {});
  for (const ValueId id : {x, state}) graph.value(id).dim_names = {"rows", ""};
  const ValueId condition = graph.add("condition", Cast{DType::kBool}, {mode});
  const ValueId product_of_x = graph.add(
      "chosen", Function{std::make_shared<Conditional>(product(1), product(2))}, {condition, x});
  const ValueId next = graph.add("next", Tanh{}, {graph.add("sum", Add{}, {product_of_x, state})});
  graph.add_output(graph.add("y", Relu{}, {next}));
  graph.add_output(next);
  infer_shapes(graph);
  return graph;
}

class ModelInputsTest : public CliTest {
 protected:
  void SetUp() override {
    put_model("cell.onnx", cell());
    write_npy(Tensor::from(Shape{3}, std::vector<std::int64_t>{1, 1, 1}), folder_ / "ones.npy");
    write_npy(noise_tensor({3, 2, 4}, 1), folder_ / "x.npy");
  }
};

const std::string kQuantize = "quantize cell.onnx -o q.onnx --calib-feedback next=state ";

TEST_F(ModelInputsTest, AFixedInputIsGoneAndWithItTheIf) {
  const json done =
      json_of(kQuantize + "--calib-inputs normal --calib-samples 8 --set mode=1 --json");
  EXPECT_THAT(done["fixed_inputs"], ElementsAre("mode=1"));
  const json info = json_of("info q.onnx --json --layers --dim rows=2");
  ASSERT_EQ(info["inputs"].size(), 2u);
  EXPECT_EQ(info["inputs"][0]["shape"][0], 2);
  bool integer = false;
  for (const json& layer : info["layers"]) {
    integer = integer || (layer["op"] == "Gemm" && layer["weight_dtype"] == "int8" &&
                          !layer.contains("why_float"));
  }
  EXPECT_TRUE(integer) << info;
  EXPECT_EQ(json_of("info q.onnx --json")["inputs"][0]["shape"][0], "N");
}

TEST_F(ModelInputsTest, ABranchThatTheCallsChooseIsQuantizedInside) {
  const json done =
      json_of(kQuantize + "--calib-inputs x=x.npy --calib-inputs mode=ones.npy --json");
  ASSERT_EQ(done["float_branches"].size(), 1u);
  EXPECT_EQ(done["float_branches"][0]["node"], "chosen");
  EXPECT_EQ(done["float_branches"][0]["branch"], "else_branch");
  const auto has_integers = [&](const std::string& mode) {
    const json info = json_of("info q.onnx --json --layers --dim rows=2 --set mode=" + mode);
    for (const json& layer : info["layers"]) {
      if (layer["op"] == "Gemm") return layer["weight_dtype"] == "int8";
    }
    return false;
  };
  EXPECT_TRUE(has_integers("1"));
  EXPECT_FALSE(has_integers("0"));
}

TEST_F(ModelInputsTest, CommandsTakeSizesAndConstants) {
  write_npy(noise_tensor({5, 4}, 1), folder_ / "rows.npy");
  expect_works(
      "run cell.onnx --set mode=0 --input x=rows.npy --input state=rows.npy --output-dir out");
  EXPECT_EQ(read_npy(folder_ / "out/y.npy").shape(), (Shape{5, 4}));
  const json info = json_of("info cell.onnx --set mode=1 --dim rows=3 --json");
  EXPECT_EQ(info["macs"], 16);
  EXPECT_EQ(info["inputs"][1]["shape"][0], 3);
  const json bench =
      json_of("bench cell.onnx --set mode=1 --dim rows=3 --batch 3 --rounds 3 --json");
  EXPECT_GT(bench["results"][0]["peak_rss_bytes"].get<std::int64_t>(), 0);
}

TEST_F(ModelInputsTest, WhatDoesNotFitIsNamed) {
  expect_fails(kQuantize + "--calib-inputs normal", 64,
               {"nothing gives input 'mode'", "--set mode=VALUE"});
  expect_fails(kQuantize + "--calib-inputs xx=x.npy", 64, {"unknown input 'xx'"});
  expect_fails(kQuantize + "--calib-inputs normal --calib-inputs mode=x.npy", 65,
               {"accepted for input 'mode'"});
  expect_fails(
      "quantize cell.onnx -o q.onnx --set mode=1 --calib-inputs normal --calib-feedback z=state",
      64, {"unknown output 'z'"});
  expect_fails("info cell.onnx --dim row=3", 64, {"unknown dimension 'row'", "'rows'"});
  expect_fails("info cell.onnx --dim rows=-1", 64, {"accepted: a size"});
  expect_fails("info cell.onnx --dim x:1=5", 64, {"dimension 1 of input 'x' is 4"});
  expect_fails("info cell.onnx --set mode=0.5", 64, {"accepted: a number that int64 has"});
  expect_fails("info cell.onnx --set mood=1", 64, {"'mood'", "accepted: x, state, mode"});
  expect_fails("info cell.onnx --set mode", 64, {"--set mode", "NAME=VALUE"});
}

}  // namespace
}  // namespace octet
