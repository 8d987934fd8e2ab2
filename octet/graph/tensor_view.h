#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "octet/base/tensor.h"

namespace octet {

/// Tensors of a higher rank are refused when their shapes are inferred.
inline constexpr int kMaxViewRank = 8;

/// A tensor somewhere in memory, axis by axis in the graph's order. The runtime keeps images
/// channels-last, so the strides need not be those of a row-major tensor.
template <typename Byte>
struct BasicTensorView {
  DType dtype = DType::kFloat32;
  int rank = 0;
  std::array<std::int64_t, kMaxViewRank> dims{};
  std::array<std::int64_t, kMaxViewRank> strides{};  ///< in elements
  Byte* data = nullptr;
  bool present = true;  ///< false: an optional input or output that the node leaves out

  std::int64_t num_elements() const {
    std::int64_t count = 1;
    for (int axis = 0; axis < rank; ++axis) count *= dims[static_cast<std::size_t>(axis)];
    return count;
  }
  /// Whether the elements lie row-major without gaps.
  bool is_dense() const {
    std::int64_t expected = 1;
    for (int axis = rank - 1; axis >= 0; --axis) {
      const auto i = static_cast<std::size_t>(axis);
      if (dims[i] != 1 && strides[i] != expected) return false;
      expected *= dims[i];
    }
    return true;
  }
  /// The first element; REQUIRES T to be the dtype's C++ type.
  template <typename T>
  auto as() const {
    if constexpr (std::is_const_v<Byte>) {
      return reinterpret_cast<const T*>(data);
    } else {
      return reinterpret_cast<T*>(data);
    }
  }
};
using TensorView = BasicTensorView<std::byte>;
using ConstTensorView = BasicTensorView<const std::byte>;

/// Row-major strides of `shape`, which must be static and of at most kMaxViewRank.
std::array<std::int64_t, kMaxViewRank> row_major_strides(std::span<const std::int64_t> dims);
ConstTensorView view_of(const Tensor& tensor);
TensorView mutable_view_of(Tensor& tensor);

/// Calls `visit(linear, offsets)` for each index of `dims` in row-major order, where offsets[k] is
/// the element offset in the k-th of the given strides: the loop of every function that has no
/// faster one.
template <std::size_t kViews, typename Visit>
void for_each_index(std::span<const std::int64_t> dims,
                    const std::array<std::array<std::int64_t, kMaxViewRank>, kViews>& strides,
                    Visit visit) {
  const std::size_t rank = dims.size();
  std::int64_t total = 1;
  for (const std::int64_t dim : dims) total *= dim;
  std::array<std::int64_t, kMaxViewRank> index{};
  std::array<std::int64_t, kViews> offsets{};
  for (std::int64_t linear = 0; linear < total; ++linear) {
    visit(linear, offsets);
    for (std::size_t axis = rank; axis > 0; --axis) {
      const std::size_t i = axis - 1;
      for (std::size_t k = 0; k < kViews; ++k) offsets[k] += strides[k][i];
      if (++index[i] < dims[i]) break;
      for (std::size_t k = 0; k < kViews; ++k) offsets[k] -= dims[i] * strides[k][i];
      index[i] = 0;
    }
  }
}

/// The strides with which `view` is read under the broadcast shape `dims`: 0 along a repeated axis.
template <typename Byte>
std::array<std::int64_t, kMaxViewRank> broadcast_strides(const BasicTensorView<Byte>& view,
                                                         std::span<const std::int64_t> dims) {
  std::array<std::int64_t, kMaxViewRank> strides{};
  const int missing = static_cast<int>(dims.size()) - view.rank;
  for (int axis = 0; axis < view.rank; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    strides[static_cast<std::size_t>(axis + missing)] = view.dims[i] == 1 ? 0 : view.strides[i];
  }
  return strides;
}

/// Calls `function` with a value of the C++ type that holds elements of `dtype`.
template <typename Function>
auto with_type(DType dtype, Function function) {
  switch (dtype) {
    case DType::kInt8:
    case DType::kInt4:
      return function(std::int8_t{});
    case DType::kUInt8:
    case DType::kUInt4:
      return function(std::uint8_t{});
    case DType::kInt32:
      return function(std::int32_t{});
    case DType::kInt64:
      return function(std::int64_t{});
    case DType::kBool:
      return function(bool{});
    case DType::kFloat32:
      break;
  }
  return function(float{});
}

}  // namespace octet
