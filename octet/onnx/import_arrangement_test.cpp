// Opset variants of the operators that move elements, and their way out and back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/resize.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;
using testing::HasSubstr;

/// x [2, 4, 6, 8] -> op_type -> y, with constants c0, c1 ... as further inputs; an empty one is
/// left out.
struct Single {
  TestModel model;
  NodeProto* node;

  Single(int opset, const std::string& op_type, const std::vector<std::optional<Tensor>>& constants,
         int outputs = 1)
      : model(opset, opset < 21 ? 8 : 10) {
    model.input("x", {2, 4, 6, 8});
    std::vector<std::string> in{"x"}, out;
    for (std::size_t i = 0; i < constants.size(); ++i) {
      in.push_back(constants[i] ? numbered("c", static_cast<std::int64_t>(i)) : "");
      if (constants[i]) model.constant(in.back(), *constants[i]);
    }
    for (int i = 0; i < outputs; ++i) {
      out.push_back(outputs == 1 ? "y" : numbered("y", i));
      model.output(out.back());
    }
    node = &model.node(op_type, in, out);
  }
};

Shape shape_of(const Graph& graph, std::size_t output = 0) {
  return graph.value(graph.outputs()[output]).shape;
}

/// The node is this function, and is the same after export and import.
void expect_function(const Single& single, const Op& expected, const Shape& shape) {
  const Graph graph = single.model.read();
  const auto* function = find_op<Function>(graph);
  ASSERT_NE(function, nullptr) << to_string(graph);
  EXPECT_EQ(Op(*function), expected) << to_string(graph);
  EXPECT_EQ(shape_of(graph), shape);
  expect_round_trip(graph);
}

TEST(ImportArrangementTest, ReadsResizeInEachOpset) {
  const Tensor scales = floats({4}, {1, 1, 2, 2});
  const Shape doubled{2, 4, 12, 16};
  const ResizeOptions old{.coordinates = CoordinateMode::kAsymmetric,
                          .nearest = NearestMode::kFloor};
  expect_function(Single(10, "Resize", {scales}), resize(old), doubled);
  for (const int opset : {11, 13, 18, 19, 25}) {
    expect_function(Single(opset, "Resize", {std::nullopt, scales}), resize({}), doubled);
    expect_function(Single(opset, "Resize", {floats({0}, {}), floats({0}, {}), ints({2, 4, 3, 9})}),
                    resize({}), {2, 4, 3, 9});
  }
}

TEST(ImportArrangementTest, ReadsEveryAttributeOfResize) {
  Single single(19, "Resize", {std::nullopt, std::nullopt, ints({5, 7})});
  set_string(*single.node, "mode", "cubic");
  set_string(*single.node, "coordinate_transformation_mode", "half_pixel_symmetric");
  set_string(*single.node, "nearest_mode", "ceil");
  set_string(*single.node, "keep_aspect_ratio_policy", "not_larger");
  set_float(*single.node, "cubic_coeff_a", -0.5f);
  set_float(*single.node, "extrapolation_value", 2.0f);
  set_int(*single.node, "antialias", 1);
  set_int(*single.node, "exclude_outside", 1);
  set_ints(*single.node, "axes", {3, 2});
  expect_function(single,
                  resize({.mode = ResizeMode::kCubic,
                          .coordinates = CoordinateMode::kHalfPixelSymmetric,
                          .nearest = NearestMode::kCeil,
                          .policy = AspectPolicy::kNotLarger,
                          .cubic_coefficient = -0.5f,
                          .extrapolation_value = 2.0f,
                          .exclude_outside = true,
                          .antialias = true,
                          .axes = {3, 2}}),
                  {2, 4, 4, 5});
}

TEST(ImportArrangementTest, OldModesOfResizeBecomeEqualOnes) {
  // Opset 10 takes the right neighbour where it shrinks.
  expect_function(
      Single(10, "Resize", {floats({4}, {1, 1, 0.5f, 0.5f})}),
      resize({.coordinates = CoordinateMode::kAsymmetric, .nearest = NearestMode::kCeil}),
      {2, 4, 3, 4});
  const std::pair<const char*, NearestMode> modes[] = {{"floor", NearestMode::kRoundPreferCeil},
                                                       {"round_prefer_floor", NearestMode::kCeil}};
  for (const auto& [name, equal] : modes) {
    Single single(11, "Resize", {std::nullopt, floats({4}, {1, 1, 2, 2})});
    set_string(*single.node, "coordinate_transformation_mode", "tf_half_pixel_for_nn");
    set_string(*single.node, "nearest_mode", name);
    expect_function(single, resize({.nearest = equal}), {2, 4, 12, 16});
  }
}

TEST(ImportArrangementTest, RefusesWhatResizeCannotMean) {
  const auto refuses = [](int opset, const char* attribute, const char* value, const char* text) {
    Single single(opset, "Resize", {std::nullopt, floats({4}, {1, 1, 2, 2})});
    set_string(*single.node, attribute, value);
    EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { single.model.read(); }),
                HasSubstr(text));
  };
  refuses(13, "mode", "lanczos", "accepted: nearest, linear, cubic");
  refuses(13, "coordinate_transformation_mode", "tf_half_pixel_for_nn", "accepted: half_pixel");
  refuses(17, "keep_aspect_ratio_policy", "stretch", "keep_aspect_ratio_policy");
  const Single mixed(10, "Resize", {floats({4}, {1, 1, 2, 0.5f})});
  expect_error(ErrorKind::kUnsupported, [&] { mixed.model.read(); });
}

TEST(ImportArrangementTest, ReadsUpsampleWithScalesOfEitherKind) {
  const Op expected =
      resize({.coordinates = CoordinateMode::kAsymmetric, .nearest = NearestMode::kFloor});
  Single attribute(7, "Upsample", {});
  set_floats(*attribute.node, "scales", {1, 1, 2, 3});
  expect_function(attribute, expected, {2, 4, 12, 24});
  expect_function(Single(9, "Upsample", {floats({4}, {1, 1, 2, 3})}), expected, {2, 4, 12, 24});
  const Single gone(10, "Upsample", {floats({4}, {1, 1, 2, 3})});
  expect_error(ErrorKind::kUnsupported, [&] { gone.model.read(); });
}

TEST(ImportArrangementTest, ReadsSplitInEachOpset) {
  const auto expect_split = [](const Single& single, const Op& expected, const Shape& last) {
    const Graph graph = single.model.read();
    EXPECT_EQ(Op(*find_op<Function>(graph)), expected);
    EXPECT_EQ(shape_of(graph, 1), last);
    expect_round_trip(graph);
  };
  Single attribute(11, "Split", {}, 2);
  set_int(*attribute.node, "axis", -1);
  set_ints(*attribute.node, "split", {7, 1});
  expect_split(attribute, split(-1, 0), {2, 4, 6, 1});
  expect_split(Single(12, "Split", {}, 2), split(0, 2), {1, 4, 6, 8});
  Single input(13, "Split", {ints({1, 5})}, 2);
  set_int(*input.node, "axis", 2);
  expect_split(input, split(2, 0), {2, 4, 5, 8});
  Single number(18, "Split", {}, 3);
  set_int(*number.node, "axis", 1);
  set_int(*number.node, "num_outputs", 3);
  expect_split(number, split(1, 3), {2, 2, 6, 8});
  set_int(*number.node, "num_outputs", 2);
  expect_error(ErrorKind::kBadData, [&] { number.model.read(); });
}

TEST(ImportArrangementTest, PadsByTypeWhereAFloatHoldsTheValue) {
  const Tensor pads = ints({0, 0, 1, 1, 0, 0, 1, 1});
  const auto typed = [](const Single& single) {
    return find_op<Pad>(single.model.read()) != nullptr;
  };
  EXPECT_TRUE(typed(Single(13, "Pad", {pads})));
  EXPECT_TRUE(typed(Single(18, "Pad", {pads, Tensor::scalar(2.0f)})));
  for (const auto& [name, mode] :
       {std::pair{"edge", PadMode::kEdge}, std::pair{"reflect", PadMode::kReflect},
        std::pair{"wrap", PadMode::kWrap}}) {
    Single single(19, "Pad", {ints({1, -1}), std::nullopt, ints({-2})});
    set_string(*single.node, "mode", name);
    expect_function(single, pad_function(mode), {2, 4, 6, 8});
  }
  Single attribute(10, "Pad", {});
  set_string(*attribute.node, "mode", "reflect");
  set_ints(*attribute.node, "pads", {0, 0, 1, 1, 0, 0, 1, 1});
  expect_function(attribute, pad_function(PadMode::kReflect), {2, 4, 8, 10});
  Single early(18, "Pad", {pads});
  set_string(*early.node, "mode", "wrap");
  expect_error(ErrorKind::kUnsupported, [&] { early.model.read(); });
}

TEST(ImportArrangementTest, ReadsTheOthers) {
  const Tensor rows(DType::kInt64, {1, 4, 6, 8});
  expect_function(Single(13, "Expand", {ints({3, 1, 1, 1, 1})}), expand(), {3, 2, 4, 6, 8});
  expect_function(Single(13, "Tile", {ints({1, 2, 1, 3})}), tile(), {2, 8, 6, 24});
  expect_function(Single(13, "GatherElements", {rows}), gather_elements(0), {1, 4, 6, 8});
  expect_function(Single(13, "GatherND", {Tensor(DType::kInt64, {5, 2})}), gather_nd(0), {5, 6, 8});
  expect_function(Single(14, "Trilu", {Tensor::scalar(std::int64_t{1})}), trilu(true),
                  {2, 4, 6, 8});
  expect_function(Single(11, "CumSum", {Tensor::scalar(2)}), cum_sum({}), {2, 4, 6, 8});
  expect_function(Single(13, "OneHot", {Tensor::scalar(3.0f), floats({2}, {0, 1})}), one_hot(-1),
                  {2, 4, 6, 8, 3});
  expect_function(Single(13, "Size", {}), size_of_tensor(), {});
  Single to_space(11, "DepthToSpace", {});
  set_int(*to_space.node, "blocksize", 2);
  set_string(*to_space.node, "mode", "CRD");
  expect_function(to_space, depth_to_space(2, DepthOrder::kColumnRowDepth), {2, 1, 12, 16});
  Single to_depth(13, "SpaceToDepth", {});
  set_int(*to_depth.node, "blocksize", 2);
  expect_function(to_depth, space_to_depth(2), {2, 16, 3, 4});
}

TEST(ImportArrangementTest, ZeroMeansZeroOnlyWhereThereIsOne) {
  Single plain(14, "Reshape", {ints({2, -1})});
  set_int(*plain.node, "allowzero", 1);
  EXPECT_NE(find_op<Reshape>(plain.model.read()), nullptr);
  Single zero(14, "Reshape", {ints({0, 3})});
  set_int(*zero.node, "allowzero", 1);
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { zero.model.read(); }),
              HasSubstr("as many elements"));
}

}  // namespace
}  // namespace octet
