// Operators with a sliding window: Conv and the pools.

#include <algorithm>
#include <limits>

#include "octet/onnx/import_ops.h"
#include "octet/onnx/quote.h"

namespace octet {
namespace {

using Pair = std::array<int, 2>;

// Kernels, strides, dilations and pads beyond this are damage; their products stay in range.
constexpr std::int64_t kMaxWindow = 65535;

/// A list attribute with `per_axis` entries for each of the two spatial axes.
std::optional<std::vector<int>> window_ints(NodeReader& node, std::string_view name,
                                            std::size_t per_axis, std::int64_t low) {
  const auto found = node.attributes.find_ints(name);
  if (!found) return std::nullopt;
  if (found->size() == per_axis || found->size() == 3 * per_axis) {
    node.unsupported("attribute ", quote_name(name), " is for ", found->size() / per_axis,
                     " spatial dimensions, accepted: 2");
  }
  if (found->size() != 2 * per_axis) {
    node.bad("attribute ", quote_name(name), " has ", found->size(),
             " entries, accepted: ", 2 * per_axis);
  }
  for (const std::int64_t value : *found) {
    if (value < low || value > kMaxWindow) {
      node.bad("attribute ", quote_name(name), " holds ", value, ", accepted: ", low, " to ",
               kMaxWindow);
    }
  }
  return std::vector<int>(found->begin(), found->end());
}

std::optional<Pair> window_pair(NodeReader& node, std::string_view name) {
  const auto found = window_ints(node, name, 1, 1);
  return found ? std::optional(Pair{(*found)[0], (*found)[1]}) : std::nullopt;
}

/// auto_pad = SAME_UPPER or SAME_LOWER: the output has ceil(input / stride) elements.
struct SamePadding {
  bool upper = true;  ///< an odd element of padding goes to the end
  Pair kernel{1, 1};
};

// Window below is Conv2d or PoolWindow: both have stride, dilation and padding.

template <typename Window>
int kernel_reach(const SamePadding& same, const Window& window, std::size_t axis) {
  return (same.kernel[axis] - 1) * window.dilation[axis] + 1;
}

template <typename Window>
void set_padding(const SamePadding& same, Window& window, std::size_t axis, int total) {
  window.padding[axis] = same.upper ? total / 2 : total - total / 2;
  window.padding[axis + 2] = total - window.padding[axis];
}

/// Reads `pads` and `auto_pad` into the window. Returns what is left to decide once the input's
/// size is known. Until then the largest padding that any size asks for stands in: with it the
/// output has the right size already, so shape inference can go on.
template <typename Window>
std::optional<SamePadding> read_padding(NodeReader& node, Window& window,
                                        const std::optional<Pair>& kernel) {
  const auto pads = window_ints(node, "pads", 2, 0);
  if (pads) std::ranges::copy(*pads, window.padding.begin());
  const std::string mode = node.attributes.find_string("auto_pad").value_or("NOTSET");
  if (mode == "NOTSET") return std::nullopt;
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER" && mode != "VALID") {
    node.bad("auto_pad = ", quote_name(mode), ", accepted: NOTSET, SAME_UPPER, SAME_LOWER, VALID");
  }
  if (window.padding != Padding{}) node.bad("both pads and auto_pad = ", mode);
  if (mode == "VALID") return std::nullopt;
  if (!kernel) node.unsupported("auto_pad = ", mode, " with a kernel of unknown size");
  const SamePadding same{mode == "SAME_UPPER", *kernel};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t reach = std::int64_t{(*kernel)[axis] - 1} * window.dilation[axis] + 1;
    if (reach > kMaxWindow) node.bad("the kernel reaches over ", reach, " elements");
    set_padding(same, window, axis, static_cast<int>(reach) - 1);
  }
  if (window.stride == Pair{1, 1}) return std::nullopt;  // no input size changes it
  return same;
}

template <typename Window>
void decide_padding(const Graph& graph, const Node& node, const SamePadding& same, Window& window) {
  const Shape& input = graph.value(*node.inputs[0]).shape;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t size = input.rank() == 4 ? input[static_cast<int>(axis) + 2] : kDynamicDim;
    if (size < 0) {
      fail(ErrorKind::kUnsupported, "onnx import: node ", quote_name(node.name),
           ": auto_pad SAME with stride over an input of shape ", to_string(input),
           ", accepted: known height and width");
    }
    const std::int64_t stride = window.stride[axis];
    const std::int64_t output = (size + stride - 1) / stride;
    const std::int64_t total = (output - 1) * stride + kernel_reach(same, window, axis) - size;
    set_padding(same, window, axis, static_cast<int>(std::max<std::int64_t>(total, 0)));
  }
}

std::optional<Pair> conv_kernel(NodeReader& node) {
  const std::optional<Pair> declared = window_pair(node, "kernel_shape");
  const std::optional<Shape> weight = node.known_shape(1);
  if (!weight) return declared;
  if (weight->rank() == 3 || weight->rank() == 5) {
    node.unsupported("weight of shape ", to_string(*weight), ", accepted: rank 4");
  }
  if (weight->rank() != 4) {
    node.bad("weight of shape ", to_string(*weight), ", accepted: rank 4");
  }
  if ((*weight)[2] > kMaxWindow || (*weight)[3] > kMaxWindow) {
    node.bad("weight of shape ", to_string(*weight));
  }
  const Pair actual{static_cast<int>((*weight)[2]), static_cast<int>((*weight)[3])};
  if (declared && *declared != actual) {
    node.bad("kernel_shape ", (*declared)[0], "x", (*declared)[1], " with a weight of shape ",
             to_string(*weight));
  }
  return actual;
}

PoolWindow read_pool_window(NodeReader& node) {
  PoolWindow window;
  const std::optional<Pair> kernel = window_pair(node, "kernel_shape");
  if (!kernel) node.bad("attribute 'kernel_shape' is missing");
  window.kernel = *kernel;
  window.stride = window_pair(node, "strides").value_or(Pair{1, 1});
  window.dilation = window_pair(node, "dilations").value_or(Pair{1, 1});
  window.ceil_mode = node.attributes.get_int_between("ceil_mode", 0, 0, 1) == 1;
  return window;
}

}  // namespace

void import_conv(NodeReader& node) {
  node.expect_inputs(2, 3);
  Conv2d conv;
  conv.stride = window_pair(node, "strides").value_or(Pair{1, 1});
  conv.dilation = window_pair(node, "dilations").value_or(Pair{1, 1});
  conv.groups = node.attributes.get_int_between("group", 1, 1, std::numeric_limits<int>::max());
  const std::optional<SamePadding> same = read_padding(node, conv, conv_kernel(node));
  std::vector<std::optional<ValueId>> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.emplace_back(node.input(2));
  const ValueId output = node.emit(conv, std::move(inputs));
  if (!same) return;
  node.state().deferred.push_back({output, [same = *same](const Graph& graph, Node& self) {
                                     decide_padding(graph, self, same, std::get<Conv2d>(self.op));
                                   }});
}

void import_max_pool(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.expect_outputs(1, "the indices of MaxPool are not computed");
  MaxPool pool{read_pool_window(node)};
  node.attributes.ignore("storage_order");  // concerns the indices only
  const auto same = read_padding(node, pool.window, pool.window.kernel);
  const ValueId output = node.emit(pool, {node.input(0)});
  if (!same) return;
  node.state().deferred.push_back({output, [same = *same](const Graph& graph, Node& self) {
                                     decide_padding(graph, self, same,
                                                    std::get<MaxPool>(self.op).window);
                                   }});
}

void import_average_pool(NodeReader& node) {
  node.expect_inputs(1, 1);
  AveragePool pool{read_pool_window(node)};
  pool.count_include_pad = node.attributes.get_int_between("count_include_pad", 0, 0, 1) == 1;
  const auto same = read_padding(node, pool.window, pool.window.kernel);
  const ValueId output = node.emit(pool, {node.input(0)});
  if (!same) return;
  node.state().deferred.push_back({output, [same = *same](const Graph& graph, Node& self) {
                                     decide_padding(graph, self, same,
                                                    std::get<AveragePool>(self.op).window);
                                   }});
}

}  // namespace octet
