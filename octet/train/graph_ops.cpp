#include "octet/train/graph_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/base/overloaded.h"
#include "octet/graph/evaluate.h"
#include "octet/train/torch_bridge.h"

namespace octet {
namespace {

using Inputs = std::vector<at::Tensor>;
using Dims = std::vector<std::int64_t>;

Dims dims2(const std::array<int, 2>& values) { return {values[0], values[1]}; }

bool is_symmetric(const Padding& p) { return p[0] == p[2] && p[1] == p[3]; }

/// libtorch's order: innermost dimension first, begin and end.
Dims torch_padding(const Padding& p) { return {p[1], p[3], p[0], p[2]}; }

at::Tensor run_conv2d(const Conv2d& conv, const Inputs& in) {
  const at::Tensor bias = in.size() > 2 ? in[2] : at::Tensor();
  at::Tensor x = in[0];
  Dims padding{conv.padding[0], conv.padding[1]};
  if (!is_symmetric(conv.padding)) {
    x = at::constant_pad_nd(x, torch_padding(conv.padding), 0);
    padding = {0, 0};
  }
  return apply_clamp(
      at::conv2d(x, in[1], bias, dims2(conv.stride), padding, dims2(conv.dilation), conv.groups),
      conv.activation);
}

at::Tensor run_gemm(const Gemm& op, const Inputs& in) {
  const at::Tensor weight = op.transpose_b ? in[1].t() : in[1];
  const bool has_bias = in.size() > 2 && in[2].defined();
  return apply_clamp(has_bias ? at::addmm(in[2], in[0], weight) : at::mm(in[0], weight),
                     op.activation);
}

at::Tensor run_batch_norm(const BatchNorm& op, const Inputs& in, bool training) {
  return at::batch_norm(in[0], in[1], in[2], in[3], in[4], training, op.momentum, op.epsilon,
                        /*cudnn_enabled=*/true);
}

/// Padding of a pooling window written out, and what ceil_mode adds behind it, so that a plain
/// window over the padded input gives exactly the output size that shape inference found.
struct PoolFrame {
  Dims padding;  ///< libtorch's order
  Dims ceil_extra;
};

PoolFrame pool_frame(const PoolWindow& window, const at::Tensor& x, const Shape& output) {
  PoolFrame frame{torch_padding(window.padding), {0, 0, 0, 0}};
  for (int axis = 0; axis < 2; ++axis) {
    const std::int64_t span = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    const std::int64_t needed = (output[2 + axis] - 1) * window.stride[axis] + span;
    const std::int64_t have = x.size(2 + axis) + window.padding[axis] + window.padding[2 + axis];
    frame.ceil_extra[axis == 0 ? 3 : 1] = std::max<std::int64_t>(0, needed - have);
  }
  return frame;
}

bool fits_torch(const PoolWindow& window) {
  return is_symmetric(window.padding) && !window.ceil_mode &&
         window.padding[0] * 2 <= window.kernel[0] && window.padding[1] * 2 <= window.kernel[1];
}

at::Tensor run_max_pool(const MaxPool& op, const at::Tensor& x, const Shape& output) {
  const PoolWindow& w = op.window;
  if (fits_torch(w)) {
    return at::max_pool2d(x, dims2(w.kernel), dims2(w.stride), {w.padding[0], w.padding[1]},
                          dims2(w.dilation));
  }
  PoolFrame frame = pool_frame(w, x, output);
  for (std::size_t i = 0; i < 4; ++i) frame.padding[i] += frame.ceil_extra[i];
  const at::Tensor padded =
      at::constant_pad_nd(x, frame.padding, -std::numeric_limits<float>::infinity());
  return at::max_pool2d(padded, dims2(w.kernel), dims2(w.stride), {0, 0}, dims2(w.dilation));
}

at::Tensor run_average_pool(const AveragePool& op, const at::Tensor& x, const Shape& output) {
  const PoolWindow& w = op.window;
  if (fits_torch(w) && w.dilation == std::array<int, 2>{1, 1}) {
    return at::avg_pool2d(x, dims2(w.kernel), dims2(w.stride), {w.padding[0], w.padding[1]},
                          /*ceil_mode=*/false, op.count_include_pad);
  }
  const WindowSums windows = window_sums(op, x, output);
  return windows.sums / windows.counts;
}

std::int64_t from_end(std::int64_t axis, std::int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

at::Tensor run_flatten(const Flatten& op, const at::Tensor& x) {
  std::int64_t outer = 1;
  const std::int64_t axis = from_end(op.axis, x.dim());
  for (std::int64_t i = 0; i < axis; ++i) outer *= x.size(i);
  return outer == 0 ? x.reshape({0, -1}) : x.reshape({outer, x.numel() / outer});
}

at::Tensor run_reshape(const Reshape& op, const at::Tensor& x) {
  Dims dims = op.dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0) dims[i] = x.size(static_cast<std::int64_t>(i));
  }
  return x.reshape(dims);
}

at::Tensor run_squeeze(const Squeeze& op, const at::Tensor& x) {
  Dims kept;
  for (std::int64_t i = 0; i < x.dim(); ++i) {
    const bool named = std::any_of(op.axes.begin(), op.axes.end(),
                                   [&](std::int64_t axis) { return from_end(axis, x.dim()) == i; });
    // Without axes the batch stays: it is 1 by accident.
    const bool dropped = op.axes.empty() ? (i > 0 && x.size(i) == 1) : named;
    if (!dropped) kept.push_back(x.size(i));
  }
  return x.reshape(kept);
}

at::Tensor run_unsqueeze(const Unsqueeze& op, at::Tensor x) {
  Dims axes = op.axes;
  const std::int64_t rank = x.dim() + static_cast<std::int64_t>(axes.size());
  for (std::int64_t& axis : axes) axis = from_end(axis, rank);
  std::sort(axes.begin(), axes.end());
  for (const std::int64_t axis : axes) x = x.unsqueeze(axis);
  return x;
}

at::Tensor run_slice(const Slice& op, at::Tensor x) {
  for (std::size_t i = 0; i < op.axes.size(); ++i) {
    const std::int64_t axis = from_end(op.axes[i], x.dim());
    const SliceRange range =
        slice_range(x.size(axis), op.starts[i], op.ends[i], op.steps.empty() ? 1 : op.steps[i]);
    if (range.step > 0) {
      const std::int64_t end = range.start + range.count * range.step;
      x = x.slice(axis, range.start, std::min(end, x.size(axis)), range.step);
      continue;
    }
    const at::Tensor indices = at::arange(range.count, at::kLong) * range.step + range.start;
    x = x.index_select(axis, indices.to(x.device()));
  }
  return x;
}

at::Tensor run_pad(const Pad& op, const at::Tensor& x) {
  const std::size_t rank = op.pads.size() / 2;
  Dims padding;
  for (std::size_t i = rank; i-- > 0;) {
    padding.push_back(op.pads[i]);
    padding.push_back(op.pads[rank + i]);
  }
  return at::constant_pad_nd(x, padding, op.value);
}

at::Tensor run_divide(const at::Tensor& a, const at::Tensor& b) {
  return at::isIntegralType(a.scalar_type(), /*includeBool=*/false) ? at::div(a, b, "trunc")
                                                                    : at::div(a, b);
}

at::Tensor run_transpose(const Transpose& op, const at::Tensor& x) {
  if (!op.perm.empty()) return x.permute(Dims(op.perm.begin(), op.perm.end()));
  Dims reversed(static_cast<std::size_t>(x.dim()));
  for (std::int64_t i = 0; i < x.dim(); ++i)
    reversed[static_cast<std::size_t>(i)] = x.dim() - 1 - i;
  return x.permute(reversed);
}

at::Tensor run_concat(const Concat& op, const Inputs& in) { return at::cat(in, op.axis); }

[[noreturn]] void fail_unsupported(const Node& node) {
  fail(ErrorKind::kUnsupported, "train: node '", node.name, "': libtorch execution lacks ",
       op_name(node.op), ", accepted: float operators");
}

}  // namespace

WindowSums window_sums(const AveragePool& op, const at::Tensor& x, const Shape& output) {
  const PoolWindow& w = op.window;
  const PoolFrame frame = pool_frame(w, x, output);
  const auto framed = [&](const at::Tensor& t, int padding_value) {
    return at::constant_pad_nd(at::constant_pad_nd(t, frame.padding, padding_value),
                               frame.ceil_extra, 0);
  };
  const auto sum = [&](const at::Tensor& t) {
    at::Tensor total;
    for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky) {
      for (std::int64_t kx = 0; kx < w.kernel[1]; ++kx) {
        const std::int64_t top = ky * w.dilation[0], left = kx * w.dilation[1];
        const at::Tensor tap =
            t.slice(2, top, top + (output[2] - 1) * w.stride[0] + 1, w.stride[0])
                .slice(3, left, left + (output[3] - 1) * w.stride[1] + 1, w.stride[1]);
        total = total.defined() ? total + tap : tap;
      }
    }
    return total;
  };
  const at::Tensor inside = at::ones({1, 1, x.size(2), x.size(3)}, x.options());
  return {sum(framed(x, 0)), sum(framed(inside, op.count_include_pad ? 1 : 0))};
}

at::Tensor apply_clamp(const at::Tensor& x, const Clamp& clamp) {
  if (clamp.is_identity()) return x;
  const bool open_above = clamp.high == std::numeric_limits<float>::infinity();
  if (clamp.low == 0.0f && open_above) return at::relu(x);
  if (open_above) return at::clamp_min(x, clamp.low);
  if (clamp.low == -std::numeric_limits<float>::infinity()) return at::clamp_max(x, clamp.high);
  return at::hardtanh(x, clamp.low, clamp.high);
}

void require_evaluable(const Node& node) {
  const bool evaluable = std::visit(Overloaded{
                                        [](const Reshape& op) { return !op.dims.empty(); },
                                        [](const Slice& op) { return !op.axes.empty(); },
                                        [](const Pad& op) { return !op.pads.empty(); },
                                        [](const ShapeOf&) { return false; },
                                        [](const Gather&) { return false; },
                                        [](const Cast&) { return false; },
                                        [](const ConstantOfShape&) { return false; },
                                        [](const QuantizeLinear&) { return false; },
                                        [](const DequantizeLinear&) { return false; },
                                        [](const DynamicQuantizeLinear&) { return false; },
                                        [](const MatMulInteger&) { return false; },
                                        [](const auto&) { return true; },
                                    },
                                    node.op);
  if (!evaluable) fail_unsupported(node);
}

at::Tensor evaluate_node(const Graph& graph, const Node& node, const Inputs& in, bool training) {
  const Shape& output = graph.value(node.outputs[0]).shape;
  try {
    return std::visit(
        Overloaded{
            [&](const Conv2d& op) { return run_conv2d(op, in); },
            [&](const Gemm& op) { return run_gemm(op, in); },
            [&](const MatMul&) { return at::matmul(in[0], in[1]); },
            [&](const Add& op) { return apply_clamp(in[0] + in[1], op.activation); },
            [&](const Mul&) { return in[0] * in[1]; },
            [&](const Sub&) { return in[0] - in[1]; },
            [&](const Div&) { return run_divide(in[0], in[1]); },
            [&](const BatchNorm& op) { return run_batch_norm(op, in, training); },
            [&](const Relu&) { return at::relu(in[0]); },
            [&](const Clip& op) { return apply_clamp(in[0], op.range); },
            [&](const Sigmoid&) { return at::sigmoid(in[0]); },
            [&](const Tanh&) { return at::tanh(in[0]); },
            [&](const HardSigmoid& op) { return at::clamp(in[0] * op.alpha + op.beta, 0.0, 1.0); },
            [&](const HardSwish&) { return at::hardswish(in[0]); },
            [&](const Softmax& op) { return at::softmax(in[0], op.axis); },
            [&](const MaxPool& op) { return run_max_pool(op, in[0], output); },
            [&](const AveragePool& op) { return run_average_pool(op, in[0], output); },
            [&](const GlobalAveragePool&) {
              return at::mean(in[0], {2, 3}, /*keepdim=*/true);
            },
            [&](const Concat& op) { return run_concat(op, in); },
            [&](const Flatten& op) { return run_flatten(op, in[0]); },
            [&](const Reshape& op) { return run_reshape(op, in[0]); },
            [&](const Transpose& op) { return run_transpose(op, in[0]); },
            [&](const Squeeze& op) { return run_squeeze(op, in[0]); },
            [&](const Unsqueeze& op) { return run_unsqueeze(op, in[0]); },
            [&](const Slice& op) { return run_slice(op, in[0]); },
            [&](const Pad& op) { return run_pad(op, in[0]); },
            [&](const Identity&) { return in[0]; },
            [&](const auto&) -> at::Tensor { fail_unsupported(node); },
        },
        node.op);
  } catch (const c10::Error& error) {
    fail(ErrorKind::kBadData, "train: node '", node.name, "' (", op_name(node.op),
         "): ", first_line(error));
  }
}

}  // namespace octet
