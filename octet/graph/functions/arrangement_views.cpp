#include "octet/graph/functions/arrangement_views.h"

#include <algorithm>
#include <cstring>

#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

/// Walks a view in row-major order.
class Cursor {
 public:
  Cursor(std::span<const std::int64_t> dims, const ViewDims& strides)
      : dims_(dims), strides_(strides) {}

  std::int64_t offset() const { return offset_; }
  void next() {
    for (std::size_t axis = dims_.size(); axis > 0; --axis) {
      const std::size_t i = axis - 1;
      offset_ += strides_[i];
      if (++index_[i] < dims_[i]) return;
      offset_ -= dims_[i] * strides_[i];
      index_[i] = 0;
    }
  }

 private:
  std::span<const std::int64_t> dims_;
  const ViewDims& strides_;
  ViewDims index_{};
  std::int64_t offset_ = 0;
};

template <std::size_t kBytes>
void copy_elements(std::span<const std::int64_t> dims, const std::byte* src,
                   const ViewDims& src_strides, std::byte* dst, const ViewDims& dst_strides) {
  const std::size_t last = dims.size() - 1;
  const std::int64_t count = dims[last];
  const std::int64_t from_step = src_strides[last], to_step = dst_strides[last];
  for_each_index<2>(dims.first(last), {src_strides, dst_strides},
                    [&](std::int64_t, const std::array<std::int64_t, 2>& offsets) {
                      constexpr auto kStep = static_cast<std::int64_t>(kBytes);
                      for (std::int64_t i = 0; i < count; ++i) {
                        std::memcpy(dst + (offsets[1] + i * to_step) * kStep,
                                    src + (offsets[0] + i * from_step) * kStep, kBytes);
                      }
                    });
}

}  // namespace

void copy_box(std::size_t element_bytes, std::span<const std::int64_t> dims, const std::byte* src,
              const ViewDims& src_strides, std::byte* dst, const ViewDims& dst_strides) noexcept {
  if (std::ranges::find(dims, 0) != dims.end()) return;
  constexpr std::int64_t kOne[] = {1};
  const auto box = dims.empty() ? std::span<const std::int64_t>(kOne) : dims;
  if (element_bytes == 1) {
    copy_elements<1>(box, src, src_strides, dst, dst_strides);
  } else if (element_bytes == 4) {
    copy_elements<4>(box, src, src_strides, dst, dst_strides);
  } else {
    copy_elements<8>(box, src, src_strides, dst, dst_strides);
  }
}

void copy_in_order(const ConstTensorView& src, const TensorView& dst) noexcept {
  const std::size_t bytes = size_bytes(src.dtype);
  const std::int64_t count = src.num_elements();
  if (count == 0) return;
  if (src.is_dense() && dst.is_dense()) {
    std::memcpy(dst.data, src.data, static_cast<std::size_t>(count) * bytes);
    return;
  }
  Cursor from(dims_of(src), src.strides), to(dims_of(dst), dst.strides);
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(element_at(dst, to.offset()), element_at(src, from.offset()), bytes);
    from.next();
    to.next();
  }
}

void fill_view(const TensorView& dst, const std::byte* element) noexcept {
  copy_box(size_bytes(dst.dtype), dims_of(dst), element, ViewDims{}, dst.data, dst.strides);
}

bool read_list(const ConstTensorView& view, ShortList& list) noexcept {
  if (!view.present || view.rank != 1 || view.dims[0] > std::ssize(list.values)) return false;
  if (view.dtype != DType::kInt64 && view.dtype != DType::kInt32) return false;
  list.count = static_cast<std::size_t>(view.dims[0]);
  for (std::size_t i = 0; i < list.count; ++i) {
    list[i] = integer_at(view, static_cast<std::int64_t>(i) * view.strides[0]);
  }
  return true;
}

ShortList first_numbers(std::size_t count) noexcept {
  ShortList list;
  list.count = std::min(count, list.values.size());
  for (std::size_t i = 0; i < list.count; ++i) list[i] = static_cast<std::int64_t>(i);
  return list;
}

bool normalize_axes(ShortList& axes, int rank) noexcept {
  std::array<bool, kMaxViewRank> seen{};
  for (std::size_t i = 0; i < axes.count; ++i) {
    if (!normalize_index(axes[i], rank)) return false;
    bool& named = seen[static_cast<std::size_t>(axes[i])];
    if (named) return false;
    named = true;
  }
  return true;
}

void require_integers(const FunctionInputs& inputs, std::size_t input) {
  inputs.require_dtype(input, {DType::kInt64, DType::kInt32});
}

void require_rank(const FunctionInputs& inputs, std::size_t input, int low, int high) {
  const Shape& shape = inputs.shape(input);
  if (shape.rank() >= low && shape.rank() <= high) return;
  fail_node(ErrorKind::kBadData, inputs.node(), "input ", input, " of shape ", to_string(shape),
            ", accepted: rank ", low, " to ", high);
}

std::optional<std::vector<std::int64_t>> list_input(const FunctionInputs& inputs, std::size_t input,
                                                    bool allow_symbols) {
  require_integers(inputs, input);
  require_rank(inputs, input, 1, 1);
  return inputs.integers(input, allow_symbols);
}

std::int64_t list_length(const FunctionInputs& inputs, std::size_t input) {
  const std::int64_t length = inputs.shape(input)[0];
  return length < 0 ? kUnknownDim : length;
}

Shape unknown_shape(int rank) {
  return Shape(std::vector<std::int64_t>(static_cast<std::size_t>(rank), kUnknownDim));
}

std::vector<int> checked_axes(const FunctionInputs& inputs, std::span<const std::int64_t> axes,
                              int rank) {
  std::vector<int> result;
  for (const std::int64_t axis : axes) {
    result.push_back(normalized_axis(inputs.node(), axis, rank));
    if (std::ranges::count(result, result.back()) > 1) {
      fail_node(ErrorKind::kBadData, inputs.node(), "axis ", axis,
                " is named twice, accepted: each once");
    }
  }
  return result;
}

}  // namespace octet
