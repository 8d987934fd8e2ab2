// A form of an operator that its model's opset does not have is refused with the node, what is
// wrong about it, and the opset. opset_test.cpp reads the same forms where they belong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;
using testing::HasSubstr;

using Attributes = std::function<void(NodeProto&)>;

Attributes an_int(const char* name, std::int64_t value) {
  return [=](NodeProto& node) { set_int(node, name, value); };
}
Attributes some_ints(const char* name, std::vector<std::int64_t> values) {
  return [=](NodeProto& node) { set_ints(node, name, values); };
}
Attributes a_float(const char* name, float value) {
  return [=](NodeProto& node) { set_float(node, name, value); };
}
Attributes a_string(const char* name, const char* value) {
  return [=](NodeProto& node) { set_string(node, name, value); };
}
Attributes both(const Attributes& a, const Attributes& b) {
  return [=](NodeProto& node) {
    a(node);
    b(node);
  };
}
Attributes nothing() {
  return [](NodeProto&) {};
}

/// A node y = op(x, constants ...) with `outputs` outputs.
struct Wrong {
  int opset;
  const char* op_type;
  std::vector<Tensor> constants;
  Attributes attributes;
  const char* what;  ///< the message names this: an attribute, or how many inputs there are
  ErrorKind kind = ErrorKind::kUnsupported;
  int outputs = 1;
};

std::string error_of(const Wrong& wrong) {
  TestModel model(wrong.opset, wrong.opset < 21 ? 8 : 10);
  model.input("x", {1, 1, 4, 4});
  std::vector<std::string> inputs{"x"}, outputs;
  for (const Tensor& constant : wrong.constants) {
    inputs.push_back(numbered("c", static_cast<std::int64_t>(inputs.size())));
    model.constant(inputs.back(), constant);
  }
  for (int i = 0; i < wrong.outputs; ++i) {
    outputs.push_back(i == 0 ? "y" : numbered("y", i));
    model.output(outputs.back());
  }
  wrong.attributes(model.node(wrong.op_type, inputs, outputs));
  return expect_error(wrong.kind, [&] { model.read(); });
}

void expect_refused(const std::vector<Wrong>& forms) {
  for (const Wrong& wrong : forms) {
    SCOPED_TRACE(std::string(wrong.op_type) + " of opset " + std::to_string(wrong.opset));
    const std::string message = error_of(wrong);
    EXPECT_THAT(message, HasSubstr("node 'y' (" + std::string(wrong.op_type) + ")"));
    EXPECT_THAT(message, HasSubstr(wrong.what));
    EXPECT_THAT(message, HasSubstr("opset " + std::to_string(wrong.opset)));
  }
}

const Tensor kOne = Tensor::scalar(1.0f);
constexpr ErrorKind kBad = ErrorKind::kBadData;

TEST(OpsetRefusalTest, AttributesThatBecameInputs) {
  const Attributes axes = some_ints("axes", {1});
  std::vector<Wrong> forms{
      {11, "Clip", {}, a_float("min", 0), "'min'"},
      {11, "Clip", {}, a_float("max", 0), "'max'"},
      {12, "Dropout", {}, a_float("ratio", 0.5f), "'ratio'"},
      {13, "Squeeze", {}, axes, "'axes'"},
      {13, "Unsqueeze", {ints({0})}, axes, "'axes'"},
      {13, "ReduceSum", {}, axes, "'axes'"},
      {13, "Split", {}, some_ints("split", {1}), "'split'"},
      {10, "Slice", {ints({0}), ints({1})}, some_ints("starts", {0}), "'starts'"},
      {11, "Pad", {ints({0, 0, 0, 0, 0, 0, 0, 0})}, some_ints("pads", {0}), "'pads'"},
      {11, "Pad", {ints({0, 0, 0, 0, 0, 0, 0, 0})}, a_float("value", 0), "'value'"},
      {9,
       "Upsample",
       {floats({4}, {1, 1, 2, 2})},
       [](NodeProto& node) {
         set_floats(node, "scales", {1, 1, 2, 2});
       },
       "'scales'"},
  };
  for (const char* op_type : {"ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
                              "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"}) {
    forms.push_back({18, op_type, {}, axes, "'axes'"});
    forms.push_back({17, op_type, {ints({1})}, nothing(), "2 inputs", kBad});
    forms.push_back({17, op_type, {}, an_int("noop_with_empty_axes", 1), "'noop_with_empty_axes'"});
  }
  expect_refused(forms);
}

TEST(OpsetRefusalTest, InputsThatWereAttributes) {
  const Tensor pads = ints({0, 0, 0, 0, 0, 0, 0, 0});
  expect_refused({
      {10, "Clip", {kOne, kOne}, nothing(), "3 inputs", kBad},
      {11, "Dropout", {kOne}, nothing(), "2 inputs", kBad},
      {12, "Squeeze", {ints({0})}, nothing(), "2 inputs", kBad},
      {12, "Unsqueeze", {ints({0})}, nothing(), "2 inputs", kBad},
      {12, "ReduceSum", {ints({0})}, nothing(), "2 inputs", kBad},
      {12, "Split", {ints({1})}, nothing(), "2 inputs", kBad},
      {9, "Slice", {ints({0}), ints({1})}, nothing(), "3 inputs", kBad},
      {10, "Pad", {pads}, nothing(), "2 inputs", kBad},
      {17, "Pad", {pads, kOne, ints({0})}, nothing(), "4 inputs", kBad},
      {8, "Upsample", {floats({4}, {1, 1, 2, 2})}, nothing(), "2 inputs", kBad},
      {10, "Resize", {kOne, kOne}, nothing(), "3 inputs", kBad},
      {9, "Gemm", {kOne}, nothing(), "2 inputs", kBad},
  });
}

TEST(OpsetRefusalTest, AttributesBeforeTheirTime) {
  const Attributes kernel = some_ints("kernel_shape", {2, 2});
  const Attributes dilated = both(kernel, some_ints("dilations", {2, 2}));
  const Attributes ceil = both(kernel, an_int("ceil_mode", 1));
  const Tensor scale = Tensor::scalar(0.5f), zero = Tensor::scalar(std::uint8_t{0});
  const Tensor w = ramp({1, 1, 4}), sizes = floats({4}, {1, 1, 2, 2}), none = floats({0}, {});
  expect_refused({
      {9, "MaxPool", {}, dilated, "'dilations'"},
      {18, "AveragePool", {}, dilated, "'dilations'"},
      {9, "MaxPool", {}, ceil, "'ceil_mode'"},
      {9, "AveragePool", {}, ceil, "'ceil_mode'"},
      {7, "MaxPool", {}, both(kernel, an_int("storage_order", 0)), "'storage_order'"},
      {13, "Reshape", {ints({1, 16})}, an_int("allowzero", 0), "'allowzero'"},
      {17, "Split", {}, an_int("num_outputs", 1), "'num_outputs'"},
      {14, "Shape", {}, an_int("start", 1), "'start'"},
      {14, "Shape", {}, an_int("end", 1), "'end'"},
      {10, "DepthToSpace", {}, both(an_int("blocksize", 1), a_string("mode", "CRD")), "'mode'"},
      {11, "ArgMax", {}, an_int("select_last_index", 1), "'select_last_index'"},
      {11, "ArgMin", {}, an_int("select_last_index", 1), "'select_last_index'"},
      {12, "ReduceSum", {}, an_int("noop_with_empty_axes", 1), "'noop_with_empty_axes'"},
      {11, "Dropout", {}, an_int("seed", 1), "'seed'"},
      {18, "Cast", {}, both(an_int("to", 1), an_int("saturate", 1)), "'saturate'"},
      {18, "CastLike", {kOne}, an_int("saturate", 1), "'saturate'"},
      {12, "QuantizeLinear", {scale, zero}, an_int("axis", 1), "'axis'"},
      {12, "DequantizeLinear", {scale, zero}, an_int("axis", 1), "'axis'"},
      {18, "QuantizeLinear", {scale, zero}, an_int("saturate", 1), "'saturate'"},
      {20, "QuantizeLinear", {scale, zero}, an_int("block_size", 2), "'block_size'"},
      {20, "QuantizeLinear", {scale, zero}, an_int("output_dtype", 2), "'output_dtype'"},
      {20, "DequantizeLinear", {scale, zero}, an_int("block_size", 2), "'block_size'"},
      {22, "DequantizeLinear", {scale, zero}, an_int("output_dtype", 1), "'output_dtype'"},
      {22, "QuantizeLinear", {scale, zero}, an_int("precision", 1), "'precision'"},
      {17, "Resize", {none, sizes}, an_int("antialias", 1), "'antialias'"},
      {17, "Resize", {none, sizes}, some_ints("axes", {2, 3}), "'axes'"},
      {17,
       "Resize",
       {none, sizes},
       a_string("keep_aspect_ratio_policy", "stretch"),
       "'keep_aspect_ratio_policy'"},
      {10,
       "Resize",
       {sizes},
       a_string("coordinate_transformation_mode", "half_pixel"),
       "'coordinate_transformation_mode'"},
      {18,
       "Resize",
       {none, sizes},
       a_string("coordinate_transformation_mode", "half_pixel_symmetric"),
       "half_pixel_symmetric"},
      {13, "RNN", {w, w}, both(an_int("hidden_size", 1), an_int("layout", 1)), "'layout'"},
      {13, "LSTM", {w, w}, both(an_int("hidden_size", 1), an_int("layout", 1)), "'layout'"},
      {13, "GRU", {w, w}, both(an_int("hidden_size", 1), an_int("layout", 1)), "'layout'"},
  });
}

TEST(OpsetRefusalTest, AttributesThatWentAway) {
  const std::vector<Tensor> four{floats({1}, {1}), floats({1}, {1}), floats({1}, {1}),
                                 floats({1}, {1})};
  expect_refused({
      {9, "BatchNormalization", four, an_int("spatial", 1), "'spatial'"},
      {13, "BatchNormalization", four, an_int("training_mode", 1), "'training_mode'"},
      {10, "Upsample", {floats({4}, {1, 1, 2, 2})}, nothing(), "Upsample of opset 10"},
  });
  // Of 7 and 8 there is one form that no model for inference has.
  EXPECT_THAT(error_of({8, "BatchNormalization", four, an_int("spatial", 0), ""}),
              HasSubstr("spatial = 0, accepted: 1"));
  for (const int opset : {8, 13, 14}) {
    EXPECT_THAT(
        error_of({opset, "BatchNormalization", four, nothing(), "", ErrorKind::kUnsupported, 5}),
        HasSubstr("training mode"))
        << opset;
  }
}

TEST(OpsetRefusalTest, OutputsBeforeTheirTime) {
  expect_refused({{7, "MaxPool", {}, some_ints("kernel_shape", {2, 2}), "2 outputs", kBad, 2}});
}

TEST(OpsetRefusalTest, ModesThatBelongToOtherOpsets) {
  const Tensor pads = ints({0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(error_of({18, "Pad", {pads}, a_string("mode", "wrap"), ""}),
              HasSubstr("wrap from opset 19 on"));
  EXPECT_THAT(error_of({13,
                        "Resize",
                        {floats({0}, {}), floats({4}, {1, 1, 2, 2})},
                        a_string("coordinate_transformation_mode", "tf_half_pixel_for_nn"),
                        ""}),
              HasSubstr("tf_half_pixel_for_nn"));
}

TEST(OpsetRefusalTest, ConstantsOfLaterNotations) {
  const Attributes notations[] = {a_float("value_float", 1), an_int("value_int", 1),
                                  some_ints("value_ints", {1}),
                                  [](NodeProto& node) { set_floats(node, "value_floats", {1}); }};
  for (const Attributes& notation : notations) {
    TestModel model(11);
    model.input("x", {1}).output("y");
    notation(model.node("Constant", {}, {"c"}));
    model.node("Add", {"x", "c"}, {"y"});
    const std::string message = expect_error(ErrorKind::kUnsupported, [&] { model.read(); });
    EXPECT_THAT(message, HasSubstr("node 'c' (Constant): attribute 'value_"));
    EXPECT_THAT(message, HasSubstr("not known in opset 11"));
  }
}

TEST(OpsetRefusalTest, EveryOperatorIsRefusedBeforeItsFirstOpset) {
  int checked = 0;
  for (const OperatorSupport& support : supported_operators()) {
    if (support.since < 2) continue;
    TestModel model(support.since - 1);
    model.input("x", {1}).output("y").node(std::string(support.name), {"x"}, {"y"});
    const std::string message = expect_error(ErrorKind::kUnsupported, [&] { model.read(); });
    EXPECT_THAT(message, HasSubstr("node 'y': " + std::string(support.name) + " of opset " +
                                   std::to_string(support.since - 1) +
                                   ", accepted: " + std::to_string(support.since) + " to 27"));
    ++checked;
  }
  EXPECT_GT(checked, 75);
}

TEST(OpsetRefusalTest, TheBordersThatMatterMost) {
  const std::pair<std::string_view, int> borders[] = {{"Add", 7},
                                                      {"BatchNormalization", 7},
                                                      {"Dropout", 7},
                                                      {"Gelu", 20},
                                                      {"Gemm", 7},
                                                      {"GroupNormalization", 18},
                                                      {"HardSwish", 14},
                                                      {"LayerNormalization", 17},
                                                      {"QuantizeLinear", 10},
                                                      {"Resize", 10},
                                                      {"Upsample", 7},
                                                      {"Where", 9}};
  for (const auto& [name, since] : borders) {
    const auto all = supported_operators();
    const auto found = std::ranges::find(all, name, &OperatorSupport::name);
    ASSERT_NE(found, all.end()) << name;
    EXPECT_EQ(found->since, since) << name;
  }
}

}  // namespace
}  // namespace octet
