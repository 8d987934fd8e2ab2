// Operators with a sliding window: Conv, ConvTranspose and the pools.

#include "octet/onnx/import_window.h"

#include <algorithm>
#include <limits>

#include "octet/graph/functions/window_axes.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/quote.h"

namespace octet {
namespace {

using Pair = std::array<int, 2>;

std::vector<std::int64_t> window_ints(NodeReader& node, std::string_view name, std::int64_t low,
                                      std::int64_t high = kMaxWindow) {
  auto found = node.attributes.find_ints(name).value_or(std::vector<std::int64_t>());
  for (const std::int64_t value : found) {
    if (value < low || value > high) {
      node.bad("attribute ", quote_name(name), " holds ", value, ", accepted: ", low, " to ", high);
    }
  }
  return found;
}

AutoPad read_auto_pad(NodeReader& node, std::span<const std::int64_t> pads) {
  const std::string mode = node.attributes.find_string("auto_pad").value_or("NOTSET");
  if (mode == "NOTSET") return AutoPad::kNotSet;
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER" && mode != "VALID") {
    node.bad("auto_pad = ", quote_name(mode), ", accepted: NOTSET, SAME_UPPER, SAME_LOWER, VALID");
  }
  if (std::ranges::any_of(pads, [](std::int64_t pad) { return pad != 0; })) {
    node.bad("both pads and auto_pad = ", mode);
  }
  if (mode == "VALID") return AutoPad::kValid;
  return mode == "SAME_UPPER" ? AutoPad::kSameUpper : AutoPad::kSameLower;
}

bool is_same(AutoPad mode) { return mode == AutoPad::kSameUpper || mode == AutoPad::kSameLower; }

/// Entry `axis` of the last two spatial axes; a missing first one is 1.
int entry_of_two(const std::vector<std::int64_t>& list, int rank, std::size_t axis) {
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(axis) - (2 - rank);
  if (at < 0 || list.empty()) return 1;
  return static_cast<int>(list[static_cast<std::size_t>(at)]);
}

Pair pair_of(const std::vector<std::int64_t>& list, int rank) {
  return {entry_of_two(list, rank, 0), entry_of_two(list, rank, 1)};
}

Padding padding_of(const std::vector<std::int64_t>& pads, int rank) {
  if (pads.empty()) return {};
  const auto at = [&](std::size_t i) { return static_cast<int>(pads[i]); };
  if (rank == 1) return {0, at(0), 0, at(1)};
  return {at(0), at(1), at(2), at(3)};
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

/// What is left to decide once the input's size is known. Until then the largest padding that any
/// size asks for stands in: with it the output has the right size already, so shape inference can
/// go on.
template <typename Window>
std::optional<SamePadding> same_padding(NodeReader& node, const ReadWindow& read, Window& window) {
  if (!is_same(read.options.auto_pad)) return std::nullopt;
  const SamePadding same{read.options.auto_pad == AutoPad::kSameUpper,
                         pair_of(read.options.kernel, *read.rank)};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t reach = std::int64_t{same.kernel[axis] - 1} * window.dilation[axis] + 1;
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

/// Adds a two-dimensional op; over one spatial axis with a second one of size 1 around it.
ValueId emit_2d(NodeReader& node, int rank, Op op, std::vector<std::optional<ValueId>> inputs) {
  if (rank == 2) return node.emit(std::move(op), std::move(inputs));
  inputs[0] = node.emit_step("unsqueezed", Unsqueeze{{2}}, {inputs[0]});
  const ValueId output = node.emit_step("2d", std::move(op), std::move(inputs));
  node.emit(Squeeze{{2}}, {output});
  return output;
}

template <typename OpType, typename WindowOf>
void emit_with_padding(NodeReader& node, const ReadWindow& read, OpType op, WindowOf window_of,
                       std::vector<std::optional<ValueId>> inputs) {
  const auto same = same_padding(node, read, window_of(op));
  const ValueId output = emit_2d(node, *read.rank, std::move(op), std::move(inputs));
  if (!same) return;
  node.state().deferred.push_back(
      {output, [same = *same, window_of](const Graph& graph, Node& self) {
         decide_padding(graph, self, same, window_of(std::get<OpType>(self.op)));
       }});
}

/// A weight [oc, ic, k] as one of [oc, ic, 1, k]; null if it is computed from anything but a
/// constant behind QuantizeLinear and DequantizeLinear.
std::optional<ValueId> weight_2d(NodeReader& node, int rank) {
  if (rank == 2) return node.input(1);
  const Tensor* weight = node.constant(1);
  if (!weight) {
    const std::optional<Shape> shape = node.known_shape(1);
    if (!shape || shape->rank() != 3) return std::nullopt;
    return node.emit_step("weight", Unsqueeze{{2}}, {node.input(1)});
  }
  if (weight->shape().rank() != 3) return std::nullopt;
  const Shape& shape = weight->shape();
  return node.add_constant("weight", weight->reshaped({shape[0], shape[1], 1, shape[2]}));
}

/// A function whose input turned out to have two spatial axes is the op with the fast kernel.
void emit_conv_of_unknown_rank(NodeReader& node, const ConvOptions& options,
                               std::vector<std::optional<ValueId>> inputs) {
  const ValueId output = node.emit(conv_function(options), std::move(inputs));
  if (is_same(options.window.auto_pad)) return;
  node.state().deferred.push_back({output, [options](const Graph& graph, Node& self) {
                                     const Shape& x = graph.value(*self.inputs[0]).shape;
                                     if (x.rank() == 4) self.op = conv2d_of(options, 2);
                                   }});
}

ReadWindow read_pool(NodeReader& node, int dilations_since) {
  ReadWindow read = read_window(node, -1, node.opset() >= dilations_since);
  if (read.options.kernel.empty()) node.bad("attribute 'kernel_shape' is missing");
  if (node.opset() >= 10) {
    read.options.ceil_mode = node.attributes.get_int_between("ceil_mode", 0, 0, 1) == 1;
  }
  return read;
}

PoolWindow pool_window_of(const ReadWindow& read) {
  const WindowOptions& options = read.options;
  return {pair_of(options.kernel, *read.rank), pair_of(options.stride, *read.rank),
          pair_of(options.dilation, *read.rank), padding_of(options.pads, *read.rank),
          options.ceil_mode};
}

/// The kernels of the closed set want windows that reach into the input.
bool has_pool_kernel(const ReadWindow& read) {
  if (*read.rank > 2) return false;
  const PoolWindow window = pool_window_of(read);
  for (std::size_t side = 0; side < 4; ++side) {
    const std::size_t axis = side % 2;
    const std::int64_t extent = std::int64_t{window.kernel[axis] - 1} * window.dilation[axis] + 1;
    if (window.padding[side] >= extent) return false;
  }
  return true;
}

}  // namespace

ReadWindow read_window(NodeReader& node, int weight, bool has_dilations) {
  ReadWindow read;
  WindowOptions& options = read.options;
  options.kernel = window_ints(node, "kernel_shape", 1);
  options.stride = window_ints(node, "strides", 1);
  if (has_dilations) options.dilation = window_ints(node, "dilations", 1);
  options.pads = window_ints(node, "pads", 0);
  options.auto_pad = read_auto_pad(node, options.pads);
  if (options.auto_pad != AutoPad::kNotSet) options.pads.clear();  // zeros

  const std::optional<Shape> shape = weight < 0 ? std::nullopt : node.known_shape(weight);
  if (shape) {
    if (shape->rank() < 3) {
      node.bad("weight of shape ", to_string(*shape), ", accepted: rank 3 to 5");
    }
    const std::vector<std::int64_t> actual(shape->dims().begin() + 2, shape->dims().end());
    for (const std::int64_t size : actual) {
      if (size > kMaxWindow) node.bad("weight of shape ", to_string(*shape));
    }
    if (!options.kernel.empty() && options.kernel != actual) {
      node.bad("kernel_shape differs from the weight's, of shape ", to_string(*shape));
    }
    options.kernel = actual;
  }
  const Shape& input = node.state().graph.value(node.input(0)).shape;
  if (!options.kernel.empty()) {
    read.rank = static_cast<int>(options.kernel.size());
  } else if (!options.stride.empty() || !options.dilation.empty()) {
    read.rank = static_cast<int>(std::max(options.stride.size(), options.dilation.size()));
  } else if (!options.pads.empty()) {
    read.rank = static_cast<int>(options.pads.size() / 2);
  } else if (input.rank() > 2) {
    read.rank = input.rank() - 2;
  }
  if (!read.rank) return read;
  if (*read.rank > 3) {
    node.unsupported("a window over ", *read.rank, " spatial axes, accepted: 1 to 3");
  }
  const auto check = [&](const char* name, const std::vector<std::int64_t>& list, int wanted) {
    if (!list.empty() && static_cast<int>(list.size()) != wanted) {
      node.bad("attribute '", name, "' has ", list.size(), " entries, accepted: ", wanted);
    }
  };
  check("strides", options.stride, *read.rank);
  check("dilations", options.dilation, *read.rank);
  check("pads", options.pads, 2 * *read.rank);
  return read;
}

ConvOptions read_conv(NodeReader& node, int weight, std::optional<int>* rank) {
  const ReadWindow read = read_window(node, weight);
  *rank = read.rank;
  return {
      .window = read.options,
      .groups = node.attributes.get_int_between("group", 1, 1, std::numeric_limits<int>::max())};
}

Conv2d conv2d_of(const ConvOptions& options, int rank) {
  return {.stride = pair_of(options.window.stride, rank),
          .dilation = pair_of(options.window.dilation, rank),
          .padding = padding_of(options.window.pads, rank),
          .groups = static_cast<int>(options.groups)};
}

void import_conv(NodeReader& node) {
  node.expect_inputs(2, 3);
  std::optional<int> rank;
  const ConvOptions options = read_conv(node, 1, &rank);
  std::vector<std::optional<ValueId>> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.emplace_back(node.input(2));
  const ReadWindow read{options.window, rank};
  const bool padding_known = !is_same(options.window.auto_pad) || !options.window.kernel.empty();
  const auto weight = rank && *rank < 3 && padding_known ? weight_2d(node, *rank) : std::nullopt;
  if (weight) {
    inputs[1] = weight;
    emit_with_padding(
        node, read, conv2d_of(options, *rank), [](Conv2d& conv) -> Conv2d& { return conv; },
        std::move(inputs));
  } else if (rank) {
    node.emit(conv_function(options), std::move(inputs));
  } else {
    emit_conv_of_unknown_rank(node, options, std::move(inputs));
  }
}

void import_conv_transpose(NodeReader& node) {
  node.expect_inputs(2, 3);
  std::optional<int> rank;
  const ConvOptions read = read_conv(node, 1, &rank);
  ConvTransposeOptions options{.window = read.window, .groups = read.groups};
  options.output_padding = window_ints(node, "output_padding", 0);
  options.output_shape = window_ints(node, "output_shape", 1, std::int64_t{1} << 31);
  std::vector<std::optional<ValueId>> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.emplace_back(node.input(2));
  node.emit(conv_transpose_function(std::move(options)), std::move(inputs));
}

void import_max_pool(NodeReader& node) {
  node.expect_inputs(1, 1);
  const ReadWindow read = read_pool(node, 10);
  // The indices came with opset 8.
  const bool has_places = node.opset() >= 8;
  const bool column_major =
      has_places && node.attributes.get_int_between("storage_order", 0, 0, 1) == 1;
  if (node.num_outputs() > (has_places ? 2 : 1)) {
    node.bad(node.num_outputs(), " outputs, accepted in opset ", node.opset(), ": ",
             has_places ? "1 or 2" : "1");
  }
  if (node.num_outputs() > 1 || !has_pool_kernel(read)) {
    const bool places = node.num_outputs() > 1;
    node.emit_outputs(max_pool_function(read.options, places && column_major), {node.input(0)},
                      places ? 2 : 1);
    return;
  }
  emit_with_padding(node, read, MaxPool{pool_window_of(read)},
                    [](MaxPool& pool) -> PoolWindow& { return pool.window; }, {node.input(0)});
}

void import_average_pool(NodeReader& node) {
  node.expect_inputs(1, 1);
  const ReadWindow read = read_pool(node, 19);
  const bool count_padding = node.attributes.get_int_between("count_include_pad", 0, 0, 1) == 1;
  if (!has_pool_kernel(read)) {
    node.emit(average_pool_function(read.options, count_padding), {node.input(0)});
    return;
  }
  emit_with_padding(node, read, AveragePool{pool_window_of(read), count_padding},
                    [](AveragePool& pool) -> PoolWindow& { return pool.window; }, {node.input(0)});
}

}  // namespace octet
