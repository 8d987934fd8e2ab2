#include <algorithm>
#include <limits>

#include "octet/graph/evaluate.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

/// A number of elements: `count` times the batch to the power `batches` times `unknowns` sizes of
/// which nothing is known.
struct SymbolicSize {
  std::int64_t count = 1;
  int batches = 0;
  int unknowns = 0;
};

SymbolicSize size_of(const Node& node, std::span<const std::int64_t> dims) {
  SymbolicSize size;
  for (std::int64_t dim : dims) {
    if (dim < 0) {
      ++(dim == kDynamicDim ? size.batches : size.unknowns);
      continue;
    }
    if (dim != 0 && size.count > kMaxElements / dim) {
      fail_node(ErrorKind::kBadData, node, "more than 2^40 elements");
    }
    size.count *= dim;
  }
  return size;
}

std::int64_t as_dimension(SymbolicSize size) {
  if (size.count == 0) return 0;
  if (size.unknowns == 0 && size.batches == 0) return size.count;
  if (size.unknowns == 0 && size.batches == 1 && size.count == 1) return kDynamicDim;
  return kUnknownDim;
}

/// The axes, counted from the front, in ascending order. Error on a repeated one.
std::vector<int> normalized_axes(const Node& node, const std::vector<std::int64_t>& axes,
                                 int rank) {
  std::vector<int> result;
  for (std::int64_t axis : axes) result.push_back(normalized_axis(node, axis, rank));
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) {
    fail_node(ErrorKind::kBadData, node, "an axis is named twice, accepted: each once");
  }
  return result;
}

}  // namespace

int normalized_axis(const Node& node, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    fail_node(ErrorKind::kBadData, node, "axis ", axis, " of a tensor of rank ", rank,
              ", accepted: ", -rank, " to ", rank - 1);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape concat_shape(const Node& node, const Concat& concat, std::span<const Shape> in) {
  Shape result = in[0];
  const int axis = normalized_axis(node, concat.axis, result.rank());
  for (const Shape& shape : in.subspan(1)) {
    bool fits = shape.rank() == result.rank();
    for (int i = 0; fits && i < shape.rank(); ++i) {
      if (i == axis || shape[i] == result[i]) continue;
      fits = shape[i] == kUnknownDim || result[i] == kUnknownDim;
      // A number says what the unknown size has to be; the batch stays one of many.
      const std::int64_t other = shape[i] == kUnknownDim ? result[i] : shape[i];
      result[i] = other == kDynamicDim ? kUnknownDim : other;
    }
    if (!fits) {
      fail_node(ErrorKind::kBadData, node, "inputs ", to_string(in[0]), " and ", to_string(shape),
                ", accepted: equal sizes except along axis ", axis);
    }
    const bool known = shape[axis] >= 0 && result[axis] >= 0;
    result[axis] = known ? result[axis] + shape[axis] : kUnknownDim;
    size_of(node, result.dims());
  }
  return result;
}

Shape flatten_shape(const Node& node, const Flatten& flatten, const Shape& x) {
  const int rank = x.rank();
  const int axis = flatten.axis == rank ? rank : normalized_axis(node, flatten.axis, rank);
  const std::span<const std::int64_t> dims = x.dims();
  const auto split = static_cast<std::size_t>(axis);
  return {as_dimension(size_of(node, dims.first(split))),
          as_dimension(size_of(node, dims.subspan(split)))};
}

Shape reshape_shape(const Node& node, const Reshape& reshape, const Shape& x) {
  std::vector<std::int64_t> dims = reshape.dims;
  std::optional<std::size_t> inferred;
  std::vector<std::int64_t> known;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == -1) {
      if (inferred) fail_node(ErrorKind::kBadData, node, "two dimensions are -1, accepted: one");
      inferred = i;
      continue;
    }
    if (dims[i] < -1) {
      fail_node(ErrorKind::kBadData, node, "dimension ", dims[i], ", accepted: -1 or more");
    }
    if (dims[i] == 0) {
      if (i >= static_cast<std::size_t>(x.rank())) {
        fail_node(ErrorKind::kBadData, node, "dimension ", i, " is 0 (copy), but the input ",
                  to_string(x), " has none there");
      }
      dims[i] = x[static_cast<int>(i)];
    }
    known.push_back(dims[i]);
  }
  const SymbolicSize have = size_of(node, x.dims());
  const SymbolicSize want = size_of(node, known);
  const auto fail_sizes = [&] {
    fail_node(ErrorKind::kBadData, node, "input ", to_string(x), " does not fill dims ",
              to_string(Shape(reshape.dims)), " (-1 prints as N)");
  };
  // A copied size that is unknown stands on both sides.
  const SymbolicSize left{0, have.batches - want.batches, have.unknowns - want.unknowns};
  if (!inferred) {
    const bool both_empty = have.count == 0 && want.count == 0;
    const bool fits = have.count == want.count && left.batches == 0;
    if (!both_empty && !fits && left.unknowns == 0) fail_sizes();
    return Shape(std::move(dims));
  }
  if (want.count == 0) fail_sizes();
  if (left.unknowns == 0) {
    if (left.batches < 0) fail_sizes();
    if (left.batches == 0 && have.count % want.count != 0) fail_sizes();
  }
  const bool divides = left.batches >= 0 && have.count % want.count == 0;
  dims[*inferred] =
      divides ? as_dimension({have.count / want.count, left.batches, left.unknowns}) : kUnknownDim;
  return Shape(std::move(dims));
}

Shape transpose_shape(const Node& node, const Transpose& transpose, const Shape& x) {
  const int rank = x.rank();
  std::vector<int> perm = transpose.perm;
  if (perm.empty()) {  // ONNX: reversed
    for (int axis = rank - 1; axis >= 0; --axis) perm.push_back(axis);
  }
  std::vector<bool> seen(static_cast<std::size_t>(rank), false);
  Shape result = x;
  if (static_cast<int>(perm.size()) != rank) {
    fail_node(ErrorKind::kBadData, node, "perm of ", perm.size(), " axes for input ", to_string(x));
  }
  for (int axis = 0; axis < rank; ++axis) {
    const int from = perm[static_cast<std::size_t>(axis)];
    if (from < 0 || from >= rank || seen[static_cast<std::size_t>(from)]) {
      fail_node(ErrorKind::kBadData, node, "perm holds ", from,
                ", accepted: each axis of the input once");
    }
    seen[static_cast<std::size_t>(from)] = true;
    result[axis] = x[from];
  }
  return result;
}

Shape squeeze_shape(const Node& node, const Squeeze& squeeze, const Shape& x) {
  const std::vector<int> axes = normalized_axes(node, squeeze.axes, x.rank());
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool named = std::ranges::binary_search(axes, axis);
    if (named && x[axis] != 1 && x[axis] != kUnknownDim) {
      fail_node(ErrorKind::kBadData, node, "axis ", axis, " of input ", to_string(x),
                ", accepted: axes of size 1");
    }
    if (axes.empty() && x[axis] == kUnknownDim) {
      fail_node(ErrorKind::kUnsupported, node, "input ", to_string(x),
                " without axes gives a result of unknown rank, accepted: named axes");
    }
    const bool dropped = axes.empty() ? x[axis] == 1 : named;
    if (!dropped) dims.push_back(x[axis]);
  }
  return Shape(std::move(dims));
}

Shape unsqueeze_shape(const Node& node, const Unsqueeze& unsqueeze, const Shape& x) {
  if (unsqueeze.axes.size() > 64) {
    fail_node(ErrorKind::kBadData, node, unsqueeze.axes.size(), " axes, accepted: up to 64");
  }
  const int rank = x.rank() + static_cast<int>(unsqueeze.axes.size());
  const std::vector<int> axes = normalized_axes(node, unsqueeze.axes, rank);
  std::vector<std::int64_t> dims;
  for (int axis = 0, from = 0; axis < rank; ++axis) {
    dims.push_back(std::ranges::binary_search(axes, axis) ? 1 : x[from++]);
  }
  return Shape(std::move(dims));
}

Shape slice_shape(const Node& node, const Slice& slice, const Shape& x) {
  Shape result = x;
  normalized_axes(node, slice.axes, x.rank());
  for (std::size_t i = 0; i < slice.axes.size(); ++i) {
    const int axis = normalized_axis(node, slice.axes[i], x.rank());
    if (x[axis] >= 0) {
      result[axis] = slice_range(x[axis], slice.starts[i], slice.ends[i], slice.steps[i]).count;
      continue;
    }
    const bool whole = slice.starts[i] == 0 && slice.steps[i] == 1 &&
                       slice.ends[i] >= std::numeric_limits<std::int32_t>::max();
    if (!whole) result[axis] = kUnknownDim;
  }
  return result;
}

Shape pad_shape(const Node& node, const Pad& pad, const Shape& x) {
  const auto rank = static_cast<std::size_t>(x.rank());
  if (pad.pads.size() != 2 * rank) {
    fail_node(ErrorKind::kBadData, node, pad.pads.size(), " pads for input ", to_string(x),
              ", accepted: ", 2 * rank);
  }
  Shape result = x;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t begin = pad.pads[i], end = pad.pads[i + rank];
    std::int64_t& dim = result[static_cast<int>(i)];
    if (begin == 0 && end == 0) continue;
    if (begin < -kMaxElements || begin > kMaxElements || end < -kMaxElements ||
        end > kMaxElements || (dim >= 0 && dim + begin + end < 0)) {
      fail_node(ErrorKind::kBadData, node, "pads ", begin, " and ", end, " of axis ", i,
                " of input ", to_string(x), ", accepted: a result of 0 or more");
    }
    dim = dim < 0 ? kUnknownDim : dim + begin + end;
    size_of(node, result.dims());
  }
  return result;
}

Shape gather_shape(const Node& node, const Gather& gather, const Shape& x, const Shape& indices) {
  const int axis = normalized_axis(node, gather.axis, x.rank());
  std::vector<std::int64_t> dims(x.dims().begin(), x.dims().begin() + axis);
  dims.insert(dims.end(), indices.dims().begin(), indices.dims().end());
  dims.insert(dims.end(), x.dims().begin() + axis + 1, x.dims().end());
  return Shape(std::move(dims));
}

}  // namespace octet
