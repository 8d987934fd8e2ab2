// Operators that move elements and changed between opsets: every form gives the right numbers.
// opset_refusal_test.cpp has the same forms on the wrong side of their border.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/onnx/opset_form.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;
using testing::ElementsAre;
using Form = OpsetForm;

TEST(OpsetShapeTest, AxesOfSqueezeUnsqueezeAndReduceSumBecameInputsIn13) {
  const Tensor x = counting({1, 2, 1});
  const auto axes = [](std::vector<std::int64_t> values) {
    return [values](NodeProto& node) { set_ints(node, "axes", values); };
  };
  expect_numbers({12, "Squeeze", x, {}, axes({0})}, {2, 1}, {1, 2});
  expect_numbers({13, "Squeeze", x, {ints({0})}}, {2, 1}, {1, 2});
  expect_numbers({13, "Squeeze", x, {ints({-1})}}, {1, 2}, {1, 2});
  expect_numbers({12, "Squeeze", x, {}}, {2}, {1, 2});
  expect_numbers({13, "Squeeze", x, {}}, {2}, {1, 2});
  expect_numbers({12, "Unsqueeze", x, {}, axes({0, 4})}, {1, 1, 2, 1, 1}, {1, 2});
  expect_numbers({13, "Unsqueeze", x, {ints({-1, 0})}}, {1, 1, 2, 1, 1}, {1, 2});
  expect_numbers({12, "ReduceSum", x, {}, axes({1})}, {1, 1, 1}, {3});
  expect_numbers({13, "ReduceSum", x, {ints({1})}}, {1, 1, 1}, {3});
}

TEST(OpsetShapeTest, SplitSizesBecameAnInputIn13AndTheCountAnAttributeIn18) {
  const Tensor x = counting({5});
  const auto sizes = [](NodeProto& node) { set_ints(node, "split", {2, 3}); };
  const auto two = [](NodeProto& node) { set_int(node, "num_outputs", 2); };
  const auto none = [](NodeProto&) {};
  for (const Form& form :
       {Form{12, "Split", x, {}, sizes, 2}, Form{13, "Split", x, {ints({2, 3})}, none, 2},
        Form{18, "Split", x, {ints({2, 3})}, none, 2}}) {
    const auto parts = form.run();
    EXPECT_THAT(numbers(parts[0]), ElementsAre(1, 2)) << form.opset;
    EXPECT_THAT(numbers(parts[1]), ElementsAre(3, 4, 5)) << form.opset;
  }
  // From 18 on the last part may be smaller; before, the parts are equal.
  const auto parts = Form{18, "Split", x, {}, two, 2}.run();
  EXPECT_THAT(numbers(parts[0]), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(parts[1]), ElementsAre(4, 5));
  for (const int opset : {12, 13}) {
    Form uneven{opset, "Split", x, {}};
    uneven.outputs = 2;
    expect_error(ErrorKind::kBadData, [&] { uneven.run(); });
    Form even{opset, "Split", counting({6}), {}};
    even.outputs = 2;
    EXPECT_THAT(numbers(even.run()[1]), ElementsAre(4, 5, 6)) << opset;
  }
}

TEST(OpsetShapeTest, SliceBoundsBecameInputsIn10) {
  const Tensor x = counting({2, 4});
  const auto attributes = [](NodeProto& node) {
    set_ints(node, "starts", {1});
    set_ints(node, "ends", {-1});
    set_ints(node, "axes", {1});
  };
  expect_numbers({9, "Slice", x, {}, attributes}, {2, 2}, {2, 3, 6, 7});
  expect_numbers({10, "Slice", x, {ints({1}), ints({-1}), ints({1})}}, {2, 2}, {2, 3, 6, 7});
  expect_numbers({10, "Slice", x, {ints({3}), ints({-9}), ints({-1}), ints({-2})}}, {2, 2},
                 {4, 2, 8, 6});
}

TEST(OpsetShapeTest, PadsBecameInputsIn11AxesCameIn18AndWrapIn19) {
  const Tensor x = counting({1, 3});
  const auto attributes = [](NodeProto& node) {
    set_ints(node, "pads", {0, 1, 0, 2});
    set_float(node, "value", 7);
  };
  const auto mode = [](const char* name) {
    return [name](NodeProto& node) { set_string(node, "mode", name); };
  };
  const std::vector<float> padded{7, 1, 2, 3, 7, 7};
  for (const int opset : {7, 10}) {
    expect_numbers({opset, "Pad", x, {}, attributes}, {1, 6}, padded);
  }
  for (const int opset : {11, 13, 17}) {
    expect_numbers({opset, "Pad", x, {ints({0, 1, 0, 2}), Tensor::scalar(7.0f)}}, {1, 6}, padded);
  }
  expect_numbers({18, "Pad", x, {ints({1, 2}), Tensor::scalar(7.0f), ints({-1})}}, {1, 6}, padded);
  expect_numbers({11, "Pad", x, {ints({0, 1, 0, 2})}, mode("reflect")}, {1, 6}, {2, 1, 2, 3, 2, 1});
  expect_numbers({19, "Pad", x, {ints({0, 1, 0, 2})}, mode("wrap")}, {1, 6}, {3, 1, 2, 3, 1, 2});
}

TEST(OpsetShapeTest, EnlargingByTwoMeansWhatItsOpsetSays) {
  const Tensor x = floats({1, 1, 1, 2}, {1, 3});
  const Tensor scales = floats({4}, {1, 1, 1, 2});
  const auto linear = [](NodeProto& node) { set_string(node, "mode", "linear"); };
  const auto scales_attribute = [](NodeProto& node) {
    set_string(node, "mode", "linear");
    set_floats(node, "scales", {1, 1, 1, 2});
  };
  // x / scale: 0, 0.5, 1, 1.5 held at 1.
  const std::vector<float> asymmetric{1, 2, 3, 3};
  // (x + 0.5) / scale - 0.5: -0.25, 0.25, 0.75, 1.25.
  const std::vector<float> half_pixel{1, 1.5f, 2.5f, 3};
  const Shape wide{1, 1, 1, 4};
  expect_numbers({7, "Upsample", x, {}, scales_attribute}, wide, asymmetric);
  expect_numbers({9, "Upsample", x, {scales}, linear}, wide, asymmetric);
  expect_numbers({10, "Resize", x, {scales}, linear}, wide, asymmetric);
  for (const int opset : {11, 13, 18, 19}) {
    expect_numbers({opset, "Resize", x, {floats({0}, {}), scales}, linear}, wide, half_pixel);
    const auto old_coordinates = [](NodeProto& node) {
      set_string(node, "mode", "linear");
      set_string(node, "coordinate_transformation_mode", "asymmetric");
    };
    expect_numbers({opset, "Resize", x, {floats({0}, {}), scales}, old_coordinates}, wide,
                   asymmetric);
    expect_numbers(
        {opset, "Resize", x, {floats({0}, {}), floats({0}, {}), ints({1, 1, 1, 4})}, linear}, wide,
        half_pixel);
  }
}

TEST(OpsetShapeTest, ResizeGainedAntialiasAxesAndPolicyIn18) {
  const Tensor x = floats({1, 1, 1, 4}, {1, 2, 3, 10});
  const auto antialias = [](NodeProto& node) {
    set_string(node, "mode", "linear");
    set_int(node, "antialias", 1);
    set_ints(node, "axes", {3});
  };
  const auto plain = [](NodeProto& node) { set_string(node, "mode", "linear"); };
  const std::vector<std::optional<Tensor>> halved{std::nullopt, floats({1}, {0.5f})};
  expect_numbers({17, "Resize", x, {std::nullopt, floats({4}, {1, 1, 1, 0.5f})}, plain},
                 {1, 1, 1, 2}, {1.5f, 6.5f});
  // A filter twice as wide: 1, 3, 3, 1 eighths; what lies outside is the edge again.
  expect_numbers({18, "Resize", x, halved, antialias}, {1, 1, 1, 2},
                 {(1 + 3 * 1 + 3 * 2 + 3) / 8.0f, (2 + 3 * 3 + 3 * 10 + 10) / 8.0f});
  const auto larger = [](NodeProto& node) {
    set_string(node, "keep_aspect_ratio_policy", "not_larger");
    set_ints(node, "axes", {2, 3});
  };
  const Form policy{18, "Resize", x, {std::nullopt, std::nullopt, ints({9, 8})}, larger};
  EXPECT_EQ(policy.run()[0].shape(), (Shape{1, 1, 2, 8}));
}

TEST(OpsetShapeTest, ReshapeKeepsAZeroFrom14OnIfAsked) {
  const Tensor none(DType::kFloat32, {2, 0});
  const auto allow = [](NodeProto& node) { set_int(node, "allowzero", 1); };
  EXPECT_EQ((Form{13, "Reshape", counting({2, 3}), {ints({0, 3, 1})}}.run()[0].shape()),
            (Shape{2, 3, 1}));
  EXPECT_EQ((Form{14, "Reshape", counting({2, 3}), {ints({0, -1})}}.run()[0].shape()),
            (Shape{2, 3}));
  EXPECT_EQ((Form{14, "Reshape", none, {ints({0, 5})}, allow}.run()[0].shape()), (Shape{0, 5}));
}

TEST(OpsetShapeTest, DepthToSpaceHasASecondOrderFrom11On) {
  const Tensor x = counting({1, 8, 1, 1});
  const auto block = [](NodeProto& node) { set_int(node, "blocksize", 2); };
  const auto crd = [](NodeProto& node) {
    set_int(node, "blocksize", 2);
    set_string(node, "mode", "CRD");
  };
  for (const int opset : {7, 11}) {
    expect_numbers({opset, "DepthToSpace", x, {}, block}, {1, 2, 2, 2}, {1, 3, 5, 7, 2, 4, 6, 8});
  }
  expect_numbers({11, "DepthToSpace", x, {}, crd}, {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
}

TEST(OpsetShapeTest, ShapeMayTakeARangeFrom15On) {
  const auto range = [](NodeProto& node) {
    set_int(node, "start", 1);
    set_int(node, "end", -1);
  };
  EXPECT_THAT((Form{14, "Shape", counting({2, 3, 4}), {}}.run()[0].data<std::int64_t>()),
              ElementsAre(2, 3, 4));
  EXPECT_THAT((Form{15, "Shape", counting({2, 3, 4}), {}, range}.run()[0].data<std::int64_t>()),
              ElementsAre(3));
}

}  // namespace
}  // namespace octet
