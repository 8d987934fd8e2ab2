#include "octet/graph/functions/window_axes.h"

#include "octet/graph/node_error.h"

namespace octet {
namespace {

std::int64_t entry(const std::vector<std::int64_t>& list, int index, std::int64_t otherwise) {
  return list.empty() ? otherwise : list[static_cast<std::size_t>(index)];
}

}  // namespace

void check_window_list(const FunctionInputs& inputs, const std::vector<std::int64_t>& list,
                       std::size_t count, std::int64_t low, const char* what) {
  if (!list.empty() && list.size() != count) {
    fail_node(ErrorKind::kBadData, inputs.node(), what, " with ", list.size(),
              " entries, accepted: ", count);
  }
  for (const std::int64_t value : list) {
    if (value < low || value > kMaxWindow) {
      fail_node(ErrorKind::kBadData, inputs.node(), what, " ", value, ", accepted: ", low, " to ",
                kMaxWindow);
    }
  }
}

namespace {

void append_list(std::vector<Attribute>& attributes, const char* name,
                 const std::vector<std::int64_t>& list) {
  if (!list.empty()) attributes.push_back({name, list});
}

}  // namespace

void check_window(const FunctionInputs& inputs, const WindowOptions& options, int rank) {
  const auto count = static_cast<std::size_t>(rank);
  check_window_list(inputs, options.kernel, count, 1, "kernel_shape");
  check_window_list(inputs, options.stride, count, 1, "stride");
  check_window_list(inputs, options.dilation, count, 1, "dilation");
  check_window_list(inputs, options.pads, 2 * count, 0, "padding");
}

int spatial_rank(const FunctionInputs& inputs, std::size_t index) {
  const int rank = inputs.shape(index).rank() - 2;
  if (rank < 1) {
    fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(inputs.shape(index)),
              ", accepted: rank 3 to 5");
  }
  if (rank > kMaxSpatialRank) {
    fail_node(ErrorKind::kUnsupported, inputs.node(), "input ", to_string(inputs.shape(index)),
              ", accepted: rank 3 to 5");
  }
  return rank;
}

WindowAxis window_axis(const WindowOptions& options, int rank, int axis, std::int64_t in,
                       std::int64_t kernel) {
  WindowAxis window{.in = in,
                    .kernel = kernel,
                    .stride = entry(options.stride, axis, 1),
                    .dilation = entry(options.dilation, axis, 1)};
  if (options.auto_pad == AutoPad::kSameUpper || options.auto_pad == AutoPad::kSameLower) {
    window.out = (in + window.stride - 1) / window.stride;
    const std::int64_t total =
        std::max<std::int64_t>((window.out - 1) * window.stride + window.extent() - in, 0);
    window.begin = options.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    window.end = total - window.begin;
    return window;
  }
  if (options.auto_pad == AutoPad::kNotSet) {
    window.begin = entry(options.pads, axis, 0);
    window.end = entry(options.pads, axis + rank, 0);
  }
  const std::int64_t free = in + window.begin + window.end - window.extent();
  window.out = free < 0 ? 0 : free / window.stride + 1;
  // A window that would start in the padding at the end is left out.
  if (options.ceil_mode && free > 0 && free % window.stride != 0 &&
      window.out * window.stride < in + window.begin) {
    ++window.out;
  }
  return window;
}

WindowAxis transposed_axis(const ConvTransposeOptions& options, int rank, int axis, std::int64_t in,
                           std::int64_t kernel) {
  const WindowOptions& window = options.window;
  WindowAxis result{.in = in,
                    .kernel = kernel,
                    .stride = entry(window.stride, axis, 1),
                    .dilation = entry(window.dilation, axis, 1)};
  const std::int64_t full =
      result.stride * (in - 1) + entry(options.output_padding, axis, 0) + result.extent();
  const bool same =
      window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower;
  if (same || !options.output_shape.empty()) {
    result.out = entry(options.output_shape, axis, in * result.stride);
    // A result that is too short is filled up at its end.
    const std::int64_t total = std::max<std::int64_t>(full - result.out, 0);
    result.begin = window.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    return result;
  }
  const bool padded = window.auto_pad == AutoPad::kNotSet;
  result.begin = padded ? entry(window.pads, axis, 0) : 0;
  result.out = full - result.begin - (padded ? entry(window.pads, axis + rank, 0) : 0);
  return result;
}

std::int64_t window_outputs(const FunctionInputs& inputs, const WindowOptions& options, int rank,
                            int axis, std::int64_t in, std::int64_t kernel) {
  if (kernel == 0 || kernel > kMaxWindow || in == 0) {
    fail_node(ErrorKind::kBadData, inputs.node(), "a kernel of ", kernel, " over ", in,
              " elements, accepted: a window that fits its input");
  }
  if (in < 0 || kernel < 0) return kUnknownDim;
  const WindowAxis window = window_axis(options, rank, axis, in, kernel);
  if (window.out < 1) {
    fail_node(ErrorKind::kBadData, inputs.node(), "a window of extent ", window.extent(), " over ",
              in, " + ", window.begin, " + ", window.end,
              " (padding), accepted: a window that fits its input");
  }
  return window.out;
}

WindowAxes window_axes(const WindowOptions& options, const ConstTensorView& x,
                       std::span<const std::int64_t> kernel_dims) {
  WindowAxes axes;
  const int rank = x.rank - 2;
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    axes[static_cast<std::size_t>(kMaxSpatialRank - rank + i)] =
        window_axis(options, rank, i, x.dims[at + 2], kernel_dims[at]);
  }
  return axes;
}

WindowAxes global_axes(const ConstTensorView& x) {
  WindowAxes axes;
  const int rank = x.rank - 2;
  for (int i = 0; i < rank; ++i) {
    WindowAxis& axis = axes[static_cast<std::size_t>(kMaxSpatialRank - rank + i)];
    axis.in = axis.kernel = x.dims[static_cast<std::size_t>(i) + 2];
  }
  return axes;
}

Shape conv_shape(const FunctionInputs& inputs, const ConvOptions& options, std::size_t x,
                 std::size_t w) {
  const Shape &input = inputs.shape(x), &weight = inputs.shape(w);
  const int rank = spatial_rank(inputs, x);
  check_window(inputs, options.window, rank);
  const auto bad = [&](const auto&... parts) {
    fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(input), ", weight ",
              to_string(weight), ", group ", options.groups, parts...);
  };
  if (weight.rank() != input.rank()) bad(", accepted: equal ranks");
  const std::int64_t groups = options.groups;
  if (groups < 1) bad(", accepted: group 1 or more");
  if (weight[0] >= 0 && (weight[0] == 0 || weight[0] % groups != 0)) {
    bad(", accepted: a multiple of group output channels");
  }
  if (input[1] >= 0 && (input[1] % groups != 0 || weight[1] == 0 ||
                        (weight[1] >= 0 && input[1] / groups != weight[1]))) {
    bad(", accepted: weight [oc, c / group, ...]");
  }
  Shape y = input;
  y[1] = weight[0] < 0 ? kUnknownDim : weight[0];
  for (int axis = 0; axis < rank; ++axis) {
    const std::int64_t kernel = weight[axis + 2];
    if (!options.window.kernel.empty() && kernel >= 0 &&
        kernel != options.window.kernel[static_cast<std::size_t>(axis)]) {
      bad(", accepted: a weight of kernel_shape");
    }
    y[axis + 2] = window_outputs(inputs, options.window, rank, axis, input[axis + 2], kernel);
  }
  return y;
}

std::vector<Attribute> window_attributes(const WindowOptions& options, bool with_kernel) {
  std::vector<Attribute> attributes;
  if (with_kernel) append_list(attributes, "kernel_shape", options.kernel);
  append_list(attributes, "strides", options.stride);
  append_list(attributes, "dilations", options.dilation);
  switch (options.auto_pad) {
    case AutoPad::kNotSet:
      append_list(attributes, "pads", options.pads);
      break;
    case AutoPad::kSameUpper:
      attributes.push_back({"auto_pad", std::string("SAME_UPPER")});
      break;
    case AutoPad::kSameLower:
      attributes.push_back({"auto_pad", std::string("SAME_LOWER")});
      break;
    case AutoPad::kValid:
      attributes.push_back({"auto_pad", std::string("VALID")});
      break;
  }
  if (options.ceil_mode) attributes.push_back({"ceil_mode", std::int64_t{1}});
  return attributes;
}

std::vector<Attribute> conv_attributes(const WindowOptions& options, std::int64_t groups) {
  std::vector<Attribute> attributes = window_attributes(options, true);
  attributes.push_back({"group", groups});
  return attributes;
}

}  // namespace octet
