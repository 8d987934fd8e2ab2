#include <algorithm>

#include "octet/graph/functions/window_axes.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

// Sizes above are refused, so that products of a size, a stride and a dilation fit int64.
constexpr std::int64_t kMaxWindowDim = std::int64_t{1} << 31;

void require_rank(const Node& node, const Shape& shape, int rank, const char* what) {
  if (shape.rank() != rank) {
    fail_node(ErrorKind::kBadData, node, what, " ", to_string(shape), ", accepted: rank ", rank);
  }
}

/// Whether two sizes can be the same number.
bool may_be_equal(std::int64_t a, std::int64_t b) {
  return a == b || a == kUnknownDim || b == kUnknownDim;
}

void require_vector(const Node& node, const Shape& shape, std::int64_t length, const char* what) {
  if (shape.rank() != 1 || !may_be_equal(shape[0], length)) {
    fail_node(ErrorKind::kBadData, node, what, " ", to_string(shape), ", accepted: [", length, "]");
  }
}

struct Window {
  std::int64_t kernel, stride, dilation, pad_begin, pad_end;
  bool ceil_mode = false;
};

std::int64_t window_outputs(const Node& node, std::int64_t size, const Window& window) {
  // Also of an input whose size only the run knows: the file that is written has the kernel.
  if (window.kernel > kMaxWindow) {
    fail_node(ErrorKind::kBadData, node, "kernel ", window.kernel, ", accepted: up to ",
              kMaxWindow);
  }
  if (size < 0 || window.kernel < 0) return kUnknownDim;
  if (size > kMaxWindowDim) {
    fail_node(ErrorKind::kBadData, node, "input size ", size, ", accepted: up to 2^31");
  }
  const std::int64_t extent = (window.kernel - 1) * window.dilation + 1;
  const std::int64_t free = size + window.pad_begin + window.pad_end - extent;
  if (free < 0 || size == 0 || window.kernel < 1) {
    fail_node(ErrorKind::kBadData, node, "a window of extent ", extent, " over ", size, " + ",
              window.pad_begin, " + ", window.pad_end,
              " (padding), accepted: a window that fits its input");
  }
  std::int64_t outputs = free / window.stride + 1;
  if (window.ceil_mode && free % window.stride != 0) {
    // A window that would start in the end padding is left out (ONNX, PyTorch).
    if (outputs * window.stride < size + window.pad_begin) ++outputs;
  }
  return outputs;
}

}  // namespace

Shape conv_shape(const Node& node, const Conv2d& conv, std::span<const Shape> in) {
  const Shape& x = in[0];
  const Shape& weight = in[1];
  require_rank(node, x, 4, "input");
  require_rank(node, weight, 4, "weight");
  const std::int64_t oc = weight[0], groups = conv.groups;
  if ((x[1] > 0 && x[1] % groups != 0) || (oc > 0 && oc % groups != 0)) {
    fail_node(ErrorKind::kBadData, node, "group ", groups, " does not divide channels ", x[1],
              " -> ", oc);
  }
  const bool channels_known = x[1] >= 0 && weight[1] >= 0;
  if ((channels_known && x[1] / groups != weight[1]) || oc == 0 || weight[1] == 0) {
    fail_node(ErrorKind::kBadData, node, "input channels ", x[1], " in ", groups,
              " groups, weight ", to_string(weight), ", accepted: weight [oc, ", x[1] / groups,
              ", kh, kw]");
  }
  if (in.size() > 2 && node.inputs[2]) require_vector(node, in[2], oc, "bias");
  Shape y{x[0], oc, 0, 0};
  for (int axis = 0; axis < 2; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    y[2 + axis] = window_outputs(
        node, x[2 + axis],
        {weight[2 + axis], conv.stride[i], conv.dilation[i], conv.padding[i], conv.padding[i + 2]});
  }
  return y;
}

Shape pool_shape(const Node& node, const PoolWindow& window, const Shape& x) {
  require_rank(node, x, 4, "input");
  Shape y{x[0], x[1], 0, 0};
  for (int axis = 0; axis < 2; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    y[2 + axis] = window_outputs(node, x[2 + axis],
                                 {window.kernel[i], window.stride[i], window.dilation[i],
                                  window.padding[i], window.padding[i + 2], window.ceil_mode});
  }
  return y;
}

Shape global_pool_shape(const Node& node, const Shape& x) {
  if (x.rank() < 3) {
    fail_node(ErrorKind::kBadData, node, "input ", to_string(x), ", accepted: rank 3 or more");
  }
  Shape y = x;
  for (int axis = 2; axis < x.rank(); ++axis) {
    if (x[axis] == 0) {
      fail_node(ErrorKind::kBadData, node, "input ", to_string(x), " has no element to average");
    }
    y[axis] = 1;
  }
  return y;
}

Shape gemm_shape(const Node& node, const Gemm& gemm, std::span<const Shape> in) {
  const Shape& x = in[0];
  const Shape& weight = in[1];
  require_rank(node, x, 2, "input");
  require_rank(node, weight, 2, "weight");
  const std::int64_t n = weight[gemm.transpose_b ? 0 : 1];
  const std::int64_t k = weight[gemm.transpose_b ? 1 : 0];
  if (!may_be_equal(x[1], k) || k == kDynamicDim) {
    fail_node(ErrorKind::kBadData, node, "input ", to_string(x), ", weight ", to_string(weight),
              gemm.transpose_b ? " (transposed)" : "", ", accepted: equal, known inner sizes");
  }
  if (in.size() > 2 && node.inputs[2]) require_vector(node, in[2], n, "bias");
  return {x[0], n};
}

Shape broadcast_shape(const Node& node, const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const int missing = longer.rank() - shorter.rank();
  for (int axis = 0; axis < shorter.rank(); ++axis) {
    const std::int64_t left = longer[axis + missing], right = shorter[axis];
    // An unknown size turns out to be 1 or the other one.
    if (left != right && (left == kUnknownDim || right == kUnknownDim)) {
      const std::int64_t other = left == kUnknownDim ? right : left;
      result[axis + missing] = other == 1 || other == kDynamicDim ? kUnknownDim : other;
      continue;
    }
    if (left != right && left != 1 && right != 1) {
      fail_node(ErrorKind::kBadData, node, "shapes ", to_string(a), " and ", to_string(b),
                ", accepted: equal sizes or 1 along each axis");
    }
    result[axis + missing] = left == 1 ? right : left;
  }
  return result;
}

Shape matmul_shape(const Node& node, const Shape& a, const Shape& b) {
  if (a.rank() < 1 || b.rank() < 1) {
    fail_node(ErrorKind::kBadData, node, "inputs ", to_string(a), " and ", to_string(b),
              ", accepted: rank 1 or more");
  }
  // A vector is a matrix of one row (left) or one column (right), which the result does not have.
  const std::int64_t left = a[a.rank() - 1], right = b[std::max(b.rank() - 2, 0)];
  if (!may_be_equal(left, right)) {
    fail_node(ErrorKind::kBadData, node, "inputs ", to_string(a), " and ", to_string(b),
              ", accepted: equal inner sizes");
  }
  const auto outer = [](const Shape& shape) {
    return Shape(std::vector(shape.dims().begin(), shape.dims().end() - std::min(shape.rank(), 2)));
  };
  std::vector<std::int64_t> dims = broadcast_shape(node, outer(a), outer(b)).dims();
  if (a.rank() > 1) dims.push_back(a[a.rank() - 2]);
  if (b.rank() > 1) dims.push_back(b[b.rank() - 1]);
  return Shape(std::move(dims));
}

Shape batch_norm_shape(const Node& node, std::span<const Shape> in) {
  if (in[0].rank() < 2) {
    fail_node(ErrorKind::kBadData, node, "input ", to_string(in[0]), ", accepted: rank 2 or more");
  }
  for (std::size_t i = 1; i < in.size(); ++i) {
    require_vector(node, in[i], in[0][1], "scale, bias, mean or variance");
  }
  return in[0];
}

}  // namespace octet
