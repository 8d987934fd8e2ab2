// Operators of the open set that move elements, repeat them or make shapes. What older opsets give
// as attributes becomes a constant input.

#include <algorithm>

#include "octet/base/error.h"
#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/resize.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/quote.h"

namespace octet {
namespace {

constexpr int kMaxAxis = 64;
constexpr int kManyOutputs = 1 << 16;

int axis_attribute(NodeReader& node, std::int64_t otherwise) {
  return node.attributes.get_int_between("axis", otherwise, -kMaxAxis, kMaxAxis);
}

std::vector<std::optional<ValueId>> inputs_of(NodeReader& node, int required) {
  std::vector<std::optional<ValueId>> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) {
    inputs.push_back(i < required ? std::optional(node.input(i)) : node.optional_input(i));
  }
  while (!inputs.back()) inputs.pop_back();
  return inputs;
}

/// A function whose inputs are ONNX's.
void emit_function(NodeReader& node, Op op, int required, int at_most) {
  node.expect_inputs(required, at_most);
  node.emit(std::move(op), inputs_of(node, required));
}

bool flag(NodeReader& node, std::string_view name, int otherwise = 0) {
  return node.attributes.get_int_between(name, otherwise, 0, 1) != 0;
}

template <typename Enum>
struct Named {
  std::string_view name;
  Enum value;
};

template <typename Enum, std::size_t kCount>
Enum named_attribute(NodeReader& node, std::string_view attribute, Enum otherwise,
                     const Named<Enum> (&accepted)[kCount]) {
  const auto found = node.attributes.find_string(attribute);
  if (!found) return otherwise;
  std::string names;
  for (const Named<Enum>& entry : accepted) {
    if (entry.name == *found) return entry.value;
    if (!names.empty()) names += ", ";
    names += entry.name;
  }
  node.unsupported(attribute, " = ", quote_name(*found), ", accepted: ", names);
}

constexpr Named<ResizeMode> kResizeModes[] = {{"nearest", ResizeMode::kNearest},
                                              {"linear", ResizeMode::kLinear},
                                              {"cubic", ResizeMode::kCubic}};
constexpr Named<ResizeMode> kUpsampleModes[] = {{"nearest", ResizeMode::kNearest},
                                                {"linear", ResizeMode::kLinear},
                                                {"bilinear", ResizeMode::kLinear}};
constexpr Named<CoordinateMode> kCoordinateModes[] = {
    {"half_pixel", CoordinateMode::kHalfPixel},
    {"half_pixel_symmetric", CoordinateMode::kHalfPixelSymmetric},
    {"pytorch_half_pixel", CoordinateMode::kPytorchHalfPixel},
    {"align_corners", CoordinateMode::kAlignCorners},
    {"asymmetric", CoordinateMode::kAsymmetric},
    {"tf_crop_and_resize", CoordinateMode::kTfCropAndResize}};
constexpr Named<NearestMode> kNearestModes[] = {
    {"round_prefer_floor", NearestMode::kRoundPreferFloor},
    {"round_prefer_ceil", NearestMode::kRoundPreferCeil},
    {"floor", NearestMode::kFloor},
    {"ceil", NearestMode::kCeil}};
constexpr Named<AspectPolicy> kPolicies[] = {{"stretch", AspectPolicy::kStretch},
                                             {"not_larger", AspectPolicy::kNotLarger},
                                             {"not_smaller", AspectPolicy::kNotSmaller}};
constexpr Named<DepthOrder> kDepthOrders[] = {{"DCR", DepthOrder::kDepthColumnRow},
                                              {"CRD", DepthOrder::kColumnRowDepth}};

/// Opset 11 had a mode for nearest neighbours whose coordinate is half a pixel more than
/// half_pixel's: a rounding of that one says the same.
void use_half_pixel_for_nearest(NodeReader& node, ResizeOptions& options) {
  options.coordinates = CoordinateMode::kHalfPixel;
  if (options.mode == ResizeMode::kNearest && options.nearest == NearestMode::kFloor) {
    options.nearest = NearestMode::kRoundPreferCeil;
  } else if (options.mode == ResizeMode::kNearest &&
             options.nearest == NearestMode::kRoundPreferFloor) {
    options.nearest = NearestMode::kCeil;
  } else {
    node.unsupported("tf_half_pixel_for_nn in this mode, accepted: nearest by floor or ",
                     "round_prefer_floor");
  }
}

/// Resize of opset 10: coordinates are x / scale, and the nearest element lies to the left where
/// the axis grows and to the right where it shrinks.
void import_resize_10(NodeReader& node) {
  node.expect_inputs(2, 2);
  ResizeOptions options{.coordinates = CoordinateMode::kAsymmetric, .nearest = NearestMode::kFloor};
  options.mode = named_attribute(node, "mode", ResizeMode::kNearest, kUpsampleModes);
  if (options.mode == ResizeMode::kNearest) {
    const Tensor& scales = node.require_constant(1, "the scales of a nearest Resize of opset 10");
    if (scales.dtype() != DType::kFloat32) node.bad("scales of type ", to_string(scales.dtype()));
    bool grows = false, shrinks = false;
    for (const float scale : scales.data<float>()) {
      grows = grows || scale > 1.0f;
      shrinks = shrinks || scale < 1.0f;
    }
    if (grows && shrinks) {
      node.unsupported("one axis grows and another shrinks, accepted: one kind (opset 10)");
    }
    if (shrinks) options.nearest = NearestMode::kCeil;
  }
  node.emit(resize(std::move(options)), {node.input(0), std::nullopt, node.input(1)});
}

}  // namespace

void import_resize(NodeReader& node) {
  if (node.opset() < 11) return import_resize_10(node);
  ResizeOptions options;
  options.mode = named_attribute(node, "mode", ResizeMode::kNearest, kResizeModes);
  options.nearest =
      named_attribute(node, "nearest_mode", NearestMode::kRoundPreferFloor, kNearestModes);
  const auto coordinates = node.attributes.find_string("coordinate_transformation_mode");
  if (node.opset() < 13 && coordinates == "tf_half_pixel_for_nn") {
    use_half_pixel_for_nearest(node, options);
  } else if (coordinates == "half_pixel_symmetric" && node.opset() < 19) {
    node.unsupported("coordinate_transformation_mode = ", quote_name(*coordinates), " in opset ",
                     node.opset(), ", accepted: from opset 19 on");
  } else if (coordinates) {
    options.coordinates = named_attribute(node, "coordinate_transformation_mode",
                                          CoordinateMode::kHalfPixel, kCoordinateModes);
  }
  options.cubic_coefficient = node.attributes.get_float("cubic_coeff_a", -0.75f);
  options.exclude_outside = flag(node, "exclude_outside");
  options.extrapolation_value = node.attributes.get_float("extrapolation_value", 0.0f);
  if (node.opset() >= 18) {
    options.antialias = flag(node, "antialias");
    options.axes = node.attributes.find_ints("axes").value_or(std::vector<std::int64_t>());
    options.policy =
        named_attribute(node, "keep_aspect_ratio_policy", AspectPolicy::kStretch, kPolicies);
  }
  node.expect_inputs(1, 4);
  auto inputs = inputs_of(node, 1);
  // The region matters in one mode only; elsewhere exporters leave an empty tensor or nothing.
  if (options.coordinates != CoordinateMode::kTfCropAndResize && inputs.size() > 1) {
    inputs[1] = std::nullopt;
  }
  // The same for an empty list of scales beside sizes.
  if (const Tensor* scales = node.constant(2); scales != nullptr && scales->num_elements() == 0) {
    inputs[2] = std::nullopt;
  }
  node.emit(resize(std::move(options)), std::move(inputs));
}

void import_upsample(NodeReader& node) {
  ResizeOptions options{.coordinates = CoordinateMode::kAsymmetric, .nearest = NearestMode::kFloor};
  options.mode = named_attribute(node, "mode", ResizeMode::kNearest, kUpsampleModes);
  if (node.opset() >= 10)
    node.unsupported("Upsample of opset ", node.opset(), ", accepted: 7 to 9");
  std::optional<ValueId> scales;
  if (node.opset() >= 9) {
    node.expect_inputs(2, 2);
    scales = node.input(1);
  } else {
    node.expect_inputs(1, 1);
    const auto factors = node.attributes.find_floats("scales");
    if (!factors) node.bad("attribute 'scales' is missing");
    scales = node.add_constant(
        "scales", Tensor::from(Shape{static_cast<std::int64_t>(factors->size())}, *factors));
  }
  node.emit(resize(std::move(options)), {node.input(0), std::nullopt, scales});
}

void import_expand(NodeReader& node) { emit_function(node, expand(), 2, 2); }
void import_tile(NodeReader& node) { emit_function(node, tile(), 2, 2); }
void import_range(NodeReader& node) { emit_function(node, range(), 3, 3); }
void import_size(NodeReader& node) { emit_function(node, size_of_tensor(), 1, 1); }

void import_split(NodeReader& node) {
  const int axis = axis_attribute(node, 0);
  const int count = node.num_outputs();
  if (count < 1) node.bad("no outputs, accepted: 1 or more");
  node.expect_inputs(1, node.opset() >= 13 ? 2 : 1);
  std::vector<std::optional<ValueId>> inputs = inputs_of(node, 1);
  if (node.opset() < 13) {
    if (const auto sizes = node.attributes.find_ints("split")) {
      inputs.push_back(node.add_constant(
          "sizes", Tensor::from(Shape{static_cast<std::int64_t>(sizes->size())}, *sizes)));
    }
  }
  int parts = inputs.size() > 1 ? 0 : count;
  if (node.opset() >= 18) {
    const int given = node.attributes.get_int_between("num_outputs", parts, 0, kManyOutputs);
    if (given != parts) {
      node.bad("num_outputs = ", given, " with ", inputs.size() - 1, " lists of sizes and ", count,
               " outputs, accepted: the number of outputs, or sizes");
    }
  }
  const ValueId first = node.emit_outputs(split(axis, parts), std::move(inputs), count);
  // A smaller last part came with opset 18. (The shapes of a branch are known too late to check.)
  if (node.opset() >= 18 || parts == 0 || node.state().outer) return;
  node.state().deferred.push_back(
      {first, [axis, count, opset = node.opset()](const Graph& graph, Node& self) {
         const Shape& x = graph.value(*self.inputs[0]).shape;
         const std::int64_t size = x[axis < 0 ? axis + x.rank() : axis];
         if (size < 0 || size % count == 0) return;
         fail(ErrorKind::kBadData, "onnx import: node ", quote_name(self.name), " (Split): axis ",
              axis, " of input ", to_string(x), " in ", count, " parts, accepted in opset ", opset,
              ": equal parts, or sizes");
       }});
}

void import_depth_to_space(NodeReader& node) {
  const std::int64_t block = node.attributes.require_int("blocksize");
  const DepthOrder order =
      node.opset() < 11 ? DepthOrder::kDepthColumnRow
                        : named_attribute(node, "mode", DepthOrder::kDepthColumnRow, kDepthOrders);
  emit_function(node, depth_to_space(block, order), 1, 1);
}

void import_space_to_depth(NodeReader& node) {
  emit_function(node, space_to_depth(node.attributes.require_int("blocksize")), 1, 1);
}

void import_gather_elements(NodeReader& node) {
  emit_function(node, gather_elements(axis_attribute(node, 0)), 2, 2);
}

void import_gather_nd(NodeReader& node) {
  const int batch_dims = node.attributes.get_int_between("batch_dims", 0, 0, kMaxAxis);
  emit_function(node, gather_nd(batch_dims), 2, 2);
}

void import_one_hot(NodeReader& node) {
  emit_function(node, one_hot(axis_attribute(node, -1)), 3, 3);
}

void import_trilu(NodeReader& node) { emit_function(node, trilu(flag(node, "upper", 1)), 1, 2); }

void import_cum_sum(NodeReader& node) {
  CumSumOptions options;
  options.exclusive = flag(node, "exclusive");
  options.reverse = flag(node, "reverse");
  emit_function(node, cum_sum(options), 2, 2);
}

}  // namespace octet
