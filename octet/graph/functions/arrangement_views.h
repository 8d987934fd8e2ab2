#pragma once

#include <cstring>
#include <span>

#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/tensor_function.h"

// What the functions that move elements share: copies between strided views, and integers read
// from a view at run time. Nothing here allocates or throws.

namespace octet {

using ViewDims = std::array<std::int64_t, kMaxViewRank>;

inline std::span<const std::int64_t> dims_of(const ConstTensorView& view) {
  return std::span(view.dims).first(static_cast<std::size_t>(view.rank));
}
inline std::span<const std::int64_t> dims_of(const TensorView& view) {
  return std::span(view.dims).first(static_cast<std::size_t>(view.rank));
}

/// The element at an offset counted in elements.
inline const std::byte* element_at(const ConstTensorView& view, std::int64_t offset) noexcept {
  return view.data + offset * static_cast<std::int64_t>(size_bytes(view.dtype));
}
inline std::byte* element_at(const TensorView& view, std::int64_t offset) noexcept {
  return view.data + offset * static_cast<std::int64_t>(size_bytes(view.dtype));
}

/// dst[index] = src[index] for every index of a box of `dims`; the strides count elements of
/// `element_bytes`.
void copy_box(std::size_t element_bytes, std::span<const std::int64_t> dims, const std::byte* src,
              const ViewDims& src_strides, std::byte* dst, const ViewDims& dst_strides) noexcept;

/// Copies the elements in row-major order. REQUIRES equal dtypes and numbers of elements.
void copy_in_order(const ConstTensorView& src, const TensorView& dst) noexcept;

/// dst[index] = src[map(axis, index[axis]) for each axis], from `axis` on.
template <typename Map>
void copy_mapped(const ConstTensorView& src, const TensorView& dst, const Map& map, int axis = 0,
                 std::int64_t src_offset = 0, std::int64_t dst_offset = 0) noexcept {
  if (axis == dst.rank) {
    std::memcpy(element_at(dst, dst_offset), element_at(src, src_offset), size_bytes(src.dtype));
    return;
  }
  const auto i = static_cast<std::size_t>(axis);
  for (std::int64_t at = 0; at < dst.dims[i]; ++at) {
    copy_mapped(src, dst, map, axis + 1, src_offset + map(i, at) * src.strides[i],
                dst_offset + at * dst.strides[i]);
  }
}

/// Sets every element to the one at `element`.
void fill_view(const TensorView& dst, const std::byte* element) noexcept;

/// An element of an int64 or int32 view.
inline std::int64_t integer_at(const ConstTensorView& view, std::int64_t offset) noexcept {
  return view.dtype == DType::kInt64 ? view.as<std::int64_t>()[offset]
                                     : std::int64_t{view.as<std::int32_t>()[offset]};
}

/// A short list of integers held without allocation: axes, sizes, pads.
struct ShortList {
  std::array<std::int64_t, 2 * kMaxViewRank> values{};
  std::size_t count = 0;
  std::int64_t operator[](std::size_t i) const { return values[i]; }
  std::int64_t& operator[](std::size_t i) { return values[i]; }
};
/// False if the view is no list of at most 2 * kMaxViewRank integers.
bool read_list(const ConstTensorView& view, ShortList& list) noexcept;
/// The list 0, 1, ... count - 1.
ShortList first_numbers(std::size_t count) noexcept;
/// Makes axes non-negative. False if one is out of range or named twice.
bool normalize_axes(ShortList& axes, int rank) noexcept;

/// A negative index counts from the end. False if it is out of range.
inline bool normalize_index(std::int64_t& index, std::int64_t dim) noexcept {
  if (index < -dim || index >= dim) return false;
  if (index < 0) index += dim;
  return true;
}

/// Errors of output_types that several functions share.
void require_integers(const FunctionInputs& inputs, std::size_t input);
void require_rank(const FunctionInputs& inputs, std::size_t input, int low, int high);
/// The elements of an input that lists integers; Error(kBadData) unless its rank is 1. nullopt if
/// they are not known.
std::optional<std::vector<std::int64_t>> list_input(const FunctionInputs& inputs, std::size_t input,
                                                    bool allow_symbols = false);
/// The length of an input that lists integers, kUnknownDim where it is not known.
std::int64_t list_length(const FunctionInputs& inputs, std::size_t input);
Shape unknown_shape(int rank);
/// The axes counted from the front. Error(kBadData) on one out of range or named twice.
std::vector<int> checked_axes(const FunctionInputs& inputs, std::span<const std::int64_t> axes,
                              int rank);

}  // namespace octet
