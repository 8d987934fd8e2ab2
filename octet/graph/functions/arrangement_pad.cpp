// Padding in all modes.

#include <algorithm>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/arrangement_parts.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxPad = std::int64_t{1} << 40;

std::string_view mode_name(PadMode mode) {
  switch (mode) {
    case PadMode::kConstant:
      return "constant";
    case PadMode::kEdge:
      return "edge";
    case PadMode::kReflect:
      return "reflect";
    case PadMode::kWrap:
      break;
  }
  return "wrap";
}

/// Where an index before, in or after an axis of `count` elements reads. REQUIRES count > 0.
std::int64_t mapped_index(PadMode mode, std::int64_t index, std::int64_t count) {
  if (index >= 0 && index < count) return index;
  const auto modulo = [&](std::int64_t period) {
    const std::int64_t rest = index % period;
    return rest < 0 ? rest + period : rest;
  };
  if (mode == PadMode::kWrap) return modulo(count);
  if (mode == PadMode::kEdge) return std::clamp<std::int64_t>(index, 0, count - 1);
  if (count == 1) return 0;
  // 0 1 2 3 2 1 | 0 1 2 ...: the ends are not repeated.
  const std::int64_t rest = modulo(2 * (count - 1));
  return rest < count ? rest : 2 * (count - 1) - rest;
}

/// Whether the amounts turn x's shape into that of the result.
bool fits(const ShortList& pads, const ConstTensorView& x, const TensorView& out) noexcept {
  const auto rank = static_cast<std::size_t>(x.rank);
  if (x.rank != out.rank || pads.count != 2 * rank) return false;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t before = pads[i], after = pads[i + rank];
    if (before < -kMaxPad || before > kMaxPad || after < -kMaxPad || after > kMaxPad) return false;
    if (x.dims[i] + before + after != out.dims[i]) return false;
  }
  return true;
}

bool pad_by_mode(PadMode mode, const ShortList& pads, const ConstTensorView& x,
                 const TensorView& out) noexcept {
  if (!fits(pads, x, out)) return false;
  if (out.num_elements() == 0) return true;
  // What negative pads leave of x, from which the positive ones then read.
  ViewDims first{}, count{};
  const auto rank = static_cast<std::size_t>(x.rank);
  for (std::size_t i = 0; i < rank; ++i) {
    first[i] = std::max<std::int64_t>(0, -pads[i]);
    count[i] = x.dims[i] - first[i] - std::max<std::int64_t>(0, -pads[i + rank]);
    if (count[i] <= 0) return false;  // nothing to read from
  }
  copy_mapped(x, out, [&](std::size_t axis, std::int64_t at) {
    const std::int64_t before = std::max<std::int64_t>(0, pads[axis]);
    return first[axis] + mapped_index(mode, at - before, count[axis]);
  });
  return true;
}

class PadFunction final : public TensorFunction {
 public:
  explicit PadFunction(PadMode mode) : mode_(mode) {}

  std::string_view onnx_name() const override { return "Pad"; }
  std::vector<Attribute> attributes() const override {
    return {{"mode", std::string(mode_name(mode_))}};
  }
  // The axes came with opset 18, which a file with such an input says anyway; wrap with 19.
  int opset() const override { return mode_ == PadMode::kWrap ? 19 : 18; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 4}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override;

 private:
  PadMode mode_;
};

std::vector<TensorType> PadFunction::output_types(const FunctionInputs& inputs) const {
  const Shape& x = inputs.shape(0);
  const auto pads = list_input(inputs, 1);
  if (inputs.has(2)) {
    inputs.require_dtype(2, {inputs.dtype(0)});
    const Shape& value = inputs.shape(2);
    if (value.rank() > 1 || (value.rank() == 1 && value[0] > 1)) {
      fail_node(ErrorKind::kBadData, inputs.node(), "pad value of shape ", to_string(value),
                ", accepted: one element");
    }
  }
  std::optional<std::vector<std::int64_t>> axes = std::vector<std::int64_t>();
  for (int axis = 0; axis < x.rank(); ++axis) axes->push_back(axis);
  if (inputs.has(3)) axes = list_input(inputs, 3);
  if (!axes) return {{inputs.dtype(0), unknown_shape(x.rank())}};
  const std::vector<int> padded = checked_axes(inputs, *axes, x.rank());
  Shape result = x;
  if (!pads) {
    for (const int axis : padded) result[axis] = kUnknownDim;
    return {{inputs.dtype(0), result}};
  }
  if (pads->size() != 2 * padded.size()) {
    fail_node(ErrorKind::kBadData, inputs.node(), pads->size(), " pads for ", padded.size(),
              " axes, accepted: two per axis");
  }
  for (std::size_t i = 0; i < padded.size(); ++i) {
    const std::int64_t before = (*pads)[i], after = (*pads)[i + padded.size()];
    std::int64_t& dim = result[padded[i]];
    if (before < -kMaxPad || before > kMaxPad || after < -kMaxPad || after > kMaxPad ||
        (dim >= 0 && dim + before + after < 0)) {
      fail_node(ErrorKind::kBadData, inputs.node(), "pads ", before, " and ", after, " of axis ",
                padded[i], " of input ", to_string(x), ", accepted: a result of 0 or more");
    }
    if (before == 0 && after == 0) continue;
    dim = dim < 0 ? kUnknownDim : dim + before + after;
  }
  return {{inputs.dtype(0), result}};
}

bool PadFunction::compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
                          std::byte*) const noexcept {
  const ConstTensorView& x = in[0];
  const auto rank = static_cast<std::size_t>(x.rank);
  ShortList given, axes = first_numbers(rank), pads;
  if (!read_list(in[1], given)) return false;
  if (in.size() > 3 && in[3].present && !read_list(in[3], axes)) return false;
  if (!normalize_axes(axes, x.rank) || given.count != 2 * axes.count) return false;
  pads.count = 2 * rank;
  for (std::size_t i = 0; i < axes.count; ++i) {
    pads[static_cast<std::size_t>(axes[i])] = given[i];
    pads[static_cast<std::size_t>(axes[i]) + rank] = given[i + axes.count];
  }
  if (mode_ != PadMode::kConstant) return pad_by_mode(mode_, pads, x, out[0]);
  constexpr std::array<std::byte, 8> kZero{};
  const bool has_value = in.size() > 2 && in[2].present && in[2].num_elements() > 0;
  return pad_with_constant(pads, has_value ? in[2].data : kZero.data(), x, out[0]);
}

}  // namespace

bool pad_with_constant(const ShortList& pads, const std::byte* value, const ConstTensorView& x,
                       const TensorView& out) noexcept {
  if (!fits(pads, x, out)) return false;
  fill_view(out, value);
  ViewDims box{};
  std::int64_t from = 0, to = 0;
  for (std::size_t i = 0; i < dims_of(x).size(); ++i) {
    const std::int64_t low = std::max<std::int64_t>(0, pads[i]);  // in the result
    const std::int64_t high = std::min(out.dims[i], pads[i] + x.dims[i]);
    if (high <= low) return true;  // nothing of x is left
    box[i] = high - low;
    from += (low - pads[i]) * x.strides[i];
    to += low * out.strides[i];
  }
  copy_box(size_bytes(x.dtype), std::span(box).first(dims_of(x).size()), element_at(x, from),
           x.strides, element_at(out, to), out.strides);
  return true;
}

Op pad_function(PadMode mode) { return Function{std::make_shared<PadFunction>(mode)}; }

}  // namespace octet
