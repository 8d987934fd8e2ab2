#include "octet/graph/functions/resize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/graph/functions/arrangement_views.h"
#include "octet/graph/functions/resize_taps.h"
#include "octet/graph/node_error.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxSize = std::numeric_limits<std::int32_t>::max();
enum Input : std::size_t { kX, kRoi, kScales, kSizes };

std::string mode_name(ResizeMode mode) {
  return mode == ResizeMode::kNearest  ? "nearest"
         : mode == ResizeMode::kLinear ? "linear"
                                       : "cubic";
}

std::string coordinate_name(CoordinateMode mode) {
  switch (mode) {
    case CoordinateMode::kHalfPixel:
      return "half_pixel";
    case CoordinateMode::kHalfPixelSymmetric:
      return "half_pixel_symmetric";
    case CoordinateMode::kPytorchHalfPixel:
      return "pytorch_half_pixel";
    case CoordinateMode::kAlignCorners:
      return "align_corners";
    case CoordinateMode::kAsymmetric:
      return "asymmetric";
    case CoordinateMode::kTfCropAndResize:
      break;
  }
  return "tf_crop_and_resize";
}

std::string nearest_name(NearestMode mode) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return "round_prefer_floor";
    case NearestMode::kRoundPreferCeil:
      return "round_prefer_ceil";
    case NearestMode::kFloor:
      return "floor";
    case NearestMode::kCeil:
      break;
  }
  return "ceil";
}

std::string policy_name(AspectPolicy policy) {
  switch (policy) {
    case AspectPolicy::kStretch:
      return "stretch";
    case AspectPolicy::kNotLarger:
      return "not_larger";
    case AspectPolicy::kNotSmaller:
      break;
  }
  return "not_smaller";
}

/// floor(in * scale), in float as ONNX's shape inference has it; -1 if that is no size.
std::int64_t scaled_size(std::int64_t in, float scale) {
  const float size = std::floor(static_cast<float>(in) * scale);
  if (!(size >= 0) || size > static_cast<float>(kMaxSize / 2)) return -1;
  return static_cast<std::int64_t>(size);
}

/// The common scale under which no axis is larger, or smaller, than asked for.
double common_scale(AspectPolicy policy, double a, double b) {
  return policy == AspectPolicy::kNotLarger ? std::min(a, b) : std::max(a, b);
}

double quotient(std::int64_t out, std::int64_t in) {
  return static_cast<double>(out) / static_cast<double>(in);
}

std::int64_t rounded_size(double scale, std::int64_t in) {
  return static_cast<std::int64_t>(std::floor(scale * static_cast<double>(in) + 0.5));
}

class Resize final : public TensorFunction {
 public:
  explicit Resize(ResizeOptions options) : options_(std::move(options)) {}

  std::string_view onnx_name() const override { return "Resize"; }
  std::vector<Attribute> attributes() const override;
  int opset() const override {
    if (options_.coordinates == CoordinateMode::kHalfPixelSymmetric) return 19;
    const bool has_new_attribute =
        options_.antialias || !options_.axes.empty() || options_.policy != AspectPolicy::kStretch;
    return has_new_attribute ? 18 : 13;
  }
  FunctionArity arity() const override { return {.inputs = 1, .max_inputs = 4}; }
  ElementFlow flow() const override {
    // Its extrapolation_value is no element of the input.
    if (options_.coordinates == CoordinateMode::kTfCropAndResize) return ElementFlow::kGeneral;
    if (options_.mode == ResizeMode::kNearest) return ElementFlow::kMoves;
    return options_.mode == ResizeMode::kLinear ? ElementFlow::kBlends : ElementFlow::kGeneral;
  }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  std::size_t scratch_bytes(std::span<const TensorType> inputs,
                            std::span<const TensorType> outputs) const override;
  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte* scratch) const noexcept override;

 private:
  Shape resized_shape(const FunctionInputs& inputs, const std::vector<int>& axes) const;
  bool read_axes(std::span<const ConstTensorView> in, const TensorView& out,
                 std::array<ResizeAxis, kMaxViewRank>& axes) const noexcept;

  ResizeOptions options_;
};

std::vector<Attribute> Resize::attributes() const {
  std::vector<Attribute> result{
      {"coordinate_transformation_mode", coordinate_name(options_.coordinates)},
      {"cubic_coeff_a", options_.cubic_coefficient},
      {"exclude_outside", std::int64_t{options_.exclude_outside ? 1 : 0}},
      {"extrapolation_value", options_.extrapolation_value},
      {"mode", mode_name(options_.mode)},
      {"nearest_mode", nearest_name(options_.nearest)}};
  if (options_.antialias) result.push_back({"antialias", std::int64_t{1}});
  if (!options_.axes.empty()) result.push_back({"axes", options_.axes});
  if (options_.policy != AspectPolicy::kStretch) {
    result.push_back({"keep_aspect_ratio_policy", policy_name(options_.policy)});
  }
  return result;
}

bool is_given(const FunctionInputs& inputs, std::size_t input) {
  return inputs.has(input) && inputs.shape(input) != Shape{0};
}

void require_length(const FunctionInputs& inputs, std::size_t input, std::size_t length) {
  require_rank(inputs, input, 1, 1);
  const std::int64_t found = inputs.shape(input)[0];
  if (found >= 0 && found != static_cast<std::int64_t>(length)) {
    fail_node(ErrorKind::kBadData, inputs.node(), "input ", input, " of ", found,
              " numbers, accepted: ", length);
  }
}

Shape Resize::resized_shape(const FunctionInputs& inputs, const std::vector<int>& axes) const {
  const Shape& x = inputs.shape(kX);
  Shape result = x;
  const bool by_scales = is_given(inputs, kScales);
  const auto scales = by_scales ? inputs.floats(kScales) : std::nullopt;
  const auto sizes = by_scales ? std::nullopt : inputs.integers(kSizes);
  double common = options_.policy == AspectPolicy::kNotLarger ? 1e300 : 0.0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    std::int64_t& dim = result[axes[i]];
    if (!scales && !sizes) {
      dim = kUnknownDim;
    } else if (scales) {
      const float scale = (*scales)[i];
      const std::int64_t size = dim < 0 ? 0 : scaled_size(dim, scale);
      if (!(scale > 0) || size < 0) {
        fail_node(ErrorKind::kBadData, inputs.node(), "scale ", scale, " of axis ", axes[i],
                  " of input ", to_string(x), ", accepted: positive and a size of up to 2^30");
      }
      if (scale != 1.0f) dim = dim < 0 ? kUnknownDim : size;
    } else {
      const std::int64_t size = (*sizes)[i];
      if (size < 0 || size > kMaxSize / 2 || (dim == 0 && size > 0)) {
        fail_node(ErrorKind::kBadData, inputs.node(), "size ", size, " of axis ", axes[i],
                  " of input ", to_string(x), ", accepted: 0 to 2^30, and elements to take from");
      }
      if (dim > 0) common = common_scale(options_.policy, common, quotient(size, dim));
      dim = size;
    }
  }
  if (!sizes || options_.policy == AspectPolicy::kStretch) return result;
  bool known = true;
  for (const int axis : axes) known = known && x[axis] > 0;
  for (const int axis : axes) {
    result[axis] = known ? rounded_size(common, x[axis]) : kUnknownDim;
    if (result[axis] > kMaxSize / 2) {
      fail_node(ErrorKind::kBadData, inputs.node(), "axis ", axis, " of input ", to_string(x),
                " becomes ", result[axis], ", accepted: up to 2^30");
    }
  }
  return result;
}

std::vector<TensorType> Resize::output_types(const FunctionInputs& inputs) const {
  const Shape& x = inputs.shape(kX);
  const auto rank = static_cast<std::size_t>(x.rank());
  inputs.require_dtype(kX, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt32,
                            DType::kInt64, DType::kBool});
  if (options_.mode != ResizeMode::kNearest && inputs.dtype(kX) == DType::kBool) {
    fail_node(ErrorKind::kBadData, inputs.node(), "bool elements in mode ",
              mode_name(options_.mode), ", accepted: numbers, or mode nearest");
  }
  std::vector<std::int64_t> given = options_.axes;
  for (std::size_t i = 0; given.size() < rank && options_.axes.empty(); ++i) {
    given.push_back(static_cast<std::int64_t>(i));
  }
  const std::vector<int> axes = checked_axes(inputs, given, x.rank());
  if (is_given(inputs, kScales) == is_given(inputs, kSizes)) {
    fail_node(ErrorKind::kBadData, inputs.node(),
              "both or none of scales and sizes, accepted: one");
  }
  if (options_.coordinates == CoordinateMode::kTfCropAndResize) {
    if (!is_given(inputs, kRoi)) {
      fail_node(ErrorKind::kBadData, inputs.node(), "no roi, accepted: one for tf_crop_and_resize");
    }
    inputs.require_dtype(kRoi, {DType::kFloat32});
    require_length(inputs, kRoi, 2 * axes.size());
  }
  if (is_given(inputs, kScales)) {
    inputs.require_dtype(kScales, {DType::kFloat32});
    require_length(inputs, kScales, axes.size());
  } else {
    require_integers(inputs, kSizes);
    require_length(inputs, kSizes, axes.size());
  }
  return {{inputs.dtype(kX), resized_shape(inputs, axes)}};
}

/// Per axis: taps of every output element, then their weights.
std::size_t axis_bytes(const ResizeOptions& options, std::int64_t in, std::int64_t out) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(out, 0));
  const auto taps = static_cast<std::size_t>(std::max<std::int64_t>(1, max_taps(options, in, out)));
  return count * (sizeof(ResizeTaps) + taps * sizeof(float));
}

std::size_t Resize::scratch_bytes(std::span<const TensorType> inputs,
                                  std::span<const TensorType> outputs) const {
  std::size_t bytes = 0;
  const Shape &x = inputs[0].shape, &y = outputs[0].shape;
  for (int axis = 0; axis < x.rank(); ++axis) bytes += axis_bytes(options_, x[axis], y[axis]);
  return bytes;
}

/// Whether an optional input has elements.
bool is_given(std::span<const ConstTensorView> in, std::size_t input) {
  return input < in.size() && in[input].present && in[input].num_elements() > 0;
}

bool Resize::read_axes(std::span<const ConstTensorView> in, const TensorView& out,
                       std::array<ResizeAxis, kMaxViewRank>& axes) const noexcept {
  const ConstTensorView& x = in[kX];
  for (std::size_t i = 0; i < dims_of(x).size(); ++i) {
    axes[i].in = axes[i].out = x.dims[i];
  }
  ShortList named = first_numbers(dims_of(x).size());
  if (!options_.axes.empty()) {
    named.count = options_.axes.size();
    if (named.count > dims_of(x).size()) return false;
    std::ranges::copy(options_.axes, named.values.begin());
  }
  if (!normalize_axes(named, x.rank)) return false;
  const bool by_scales = is_given(in, kScales), by_sizes = is_given(in, kSizes);
  if (by_scales == by_sizes) return named.count == 0;
  const ConstTensorView& numbers = in[by_scales ? kScales : kSizes];
  const auto count = static_cast<std::int64_t>(named.count);
  if (numbers.num_elements() != count) return false;
  double common = options_.policy == AspectPolicy::kNotLarger ? 1e300 : 0.0;
  for (std::int64_t i = 0; i < count; ++i) {
    ResizeAxis& axis = axes[static_cast<std::size_t>(named[static_cast<std::size_t>(i)])];
    if (by_scales) {
      const float scale = numbers.as<float>()[i * numbers.strides[0]];
      if (!(scale > 0)) return false;
      axis.scale = double{scale};
      axis.exact = scale == 1.0f;
      axis.out = scaled_size(axis.in, scale);
    } else {
      axis.out = integer_at(numbers, i * numbers.strides[0]);
      axis.scale = axis.in > 0 ? quotient(axis.out, axis.in) : 1.0;
      common = common_scale(options_.policy, common, axis.scale);
    }
    if (options_.coordinates != CoordinateMode::kTfCropAndResize) continue;
    if (!is_given(in, kRoi) || in[kRoi].num_elements() != 2 * count) return false;
    axis.roi_begin = double{in[kRoi].as<float>()[i * in[kRoi].strides[0]]};
    axis.roi_end = double{in[kRoi].as<float>()[(i + count) * in[kRoi].strides[0]]};
  }
  for (std::size_t i = 0; by_sizes && options_.policy != AspectPolicy::kStretch && i < named.count;
       ++i) {
    ResizeAxis& axis = axes[static_cast<std::size_t>(named[i])];
    axis.scale = common;
    axis.exact = false;
    axis.out = common <= 1e9 ? rounded_size(common, axis.in) : -1;
  }
  for (std::size_t i = 0; i < dims_of(x).size(); ++i) {
    if (axes[i].out != out.dims[i] || (axes[i].in == 0 && axes[i].out > 0)) return false;
  }
  return true;
}

/// The taps of all axes, in scratch memory.
struct TapTable {
  std::array<const ResizeTaps*, kMaxViewRank> taps{};
  std::array<const float*, kMaxViewRank> weights{};
  std::array<std::int64_t, kMaxViewRank> capacity{};
};

bool fill_table(const ResizeOptions& options, std::span<const ResizeAxis> axes, std::byte* scratch,
                TapTable& table) noexcept {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t count = axes[i].out;
    const std::int64_t capacity =
        std::max<std::int64_t>(1, max_taps(options, axes[i].in, axes[i].out));
    auto* taps = reinterpret_cast<ResizeTaps*>(scratch);
    auto* weights = reinterpret_cast<float*>(taps + count);
    for (std::int64_t x = 0; x < count; ++x) {
      if (!make_taps(options, axes[i], x, capacity, taps[x], weights + x * capacity)) return false;
    }
    table.taps[i] = taps;
    table.weights[i] = weights;
    table.capacity[i] = capacity;
    scratch += axis_bytes(options, axes[i].in, axes[i].out);
  }
  return true;
}

template <typename T>
T from_real(double value) {
  if constexpr (std::is_same_v<T, float>) return static_cast<float>(value);
  if constexpr (std::is_same_v<T, bool>) return value != 0;
  // Truncated, as ONNX's reference converts; the cubic overshoots the range.
  constexpr auto kLow = static_cast<double>(std::numeric_limits<T>::min());
  constexpr auto kHigh = static_cast<double>(std::numeric_limits<T>::max());
  if (value >= kHigh) return std::numeric_limits<T>::max();
  return value > kLow ? static_cast<T>(value) : std::numeric_limits<T>::min();
}

/// Walks the output; elements whose taps along the axes before are chosen already.
template <typename T>
class Resampler {
 public:
  Resampler(const ConstTensorView& x, const TensorView& out, const TapTable& table, double outside)
      : x_(x), out_(out), table_(table), outside_(from_real<T>(outside)) {}

  void run(int axis = 0, std::int64_t to = 0) {
    if (axis == out_.rank) {
      out_.template as<T>()[to] = element();
      return;
    }
    const auto i = static_cast<std::size_t>(axis);
    for (std::int64_t at = 0; at < out_.dims[i]; ++at) {
      taps_[i] = table_.taps[i][at];
      weights_[i] = table_.weights[i] + at * table_.capacity[i];
      run(axis + 1, to + at * out_.strides[i]);
    }
  }

 private:
  T element() const {
    bool single = true;
    std::int64_t from = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(x_.rank); ++i) {
      if (taps_[i].count == 0) return outside_;
      single = single && taps_[i].count == 1;
      from += taps_[i].first * x_.strides[i];
    }
    if (single) return x_.template as<T>()[from];  // exact for integers of any size
    return from_real<T>(sum(0, from));
  }

  double sum(int axis, std::int64_t from) const {
    if (axis == x_.rank) return static_cast<double>(x_.template as<T>()[from]);
    const auto i = static_cast<std::size_t>(axis);
    double total = 0.0;
    for (std::int32_t k = 0; k < taps_[i].count; ++k) {
      total += double{weights_[i][k]} * sum(axis + 1, from + k * x_.strides[i]);
    }
    return total;
  }

  const ConstTensorView& x_;
  const TensorView& out_;
  const TapTable& table_;
  T outside_;
  std::array<ResizeTaps, kMaxViewRank> taps_{};
  std::array<const float*, kMaxViewRank> weights_{};
};

bool Resize::compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
                     std::byte* scratch) const noexcept {
  const ConstTensorView& x = in[kX];
  std::array<ResizeAxis, kMaxViewRank> axes;
  if (x.rank != out[0].rank || !read_axes(in, out[0], axes)) return false;
  if (out[0].num_elements() == 0) return true;
  TapTable table;
  const auto used = std::span(axes).first(dims_of(x).size());
  if (!fill_table(options_, used, scratch, table)) return false;
  with_type(x.dtype, [&](auto type) {
    Resampler<decltype(type)>(x, out[0], table, double{options_.extrapolation_value}).run();
  });
  return true;
}

}  // namespace

Op resize(ResizeOptions options) { return Function{std::make_shared<Resize>(std::move(options))}; }

}  // namespace octet
