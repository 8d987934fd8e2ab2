#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "octet/graph/tensor_view.h"

namespace octet {

/// Whether `view` can be read under `dims`.
inline bool broadcasts_to(const ConstTensorView& view, std::span<const std::int64_t> dims) {
  const int missing = static_cast<int>(dims.size()) - view.rank;
  if (missing < 0) return false;
  for (int axis = 0; axis < view.rank; ++axis) {
    const std::int64_t dim = view.dims[static_cast<std::size_t>(axis)];
    if (dim != 1 && dim != dims[static_cast<std::size_t>(axis + missing)]) return false;
  }
  return true;
}

/// The order in which an elementwise operator visits its elements. Any order will do, so the axes
/// follow the output's strides, and those without gaps in all views are merged: dense tensors of
/// one layout, channels-last ones too, become a single run.
template <std::size_t kInputs>
class ElementwiseLoop {
 public:
  /// Of the output, then of the inputs.
  using Steps = std::array<std::int64_t, kInputs + 1>;

  /// False unless every input broadcasts to the output.
  bool prepare(const TensorView& output,
               const std::array<const ConstTensorView*, kInputs>& inputs) noexcept {
    const auto dims = std::span(output.dims).first(static_cast<std::size_t>(output.rank));
    std::array<std::array<std::int64_t, kMaxViewRank>, kInputs> strides;
    for (std::size_t k = 0; k < kInputs; ++k) {
      if (!broadcasts_to(*inputs[k], dims)) return false;
      strides[k] = broadcast_strides(*inputs[k], dims);
    }
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == 1) continue;
      Axis axis{dims[i], {output.strides[i]}};
      for (std::size_t k = 0; k < kInputs; ++k) axis.strides[k + 1] = strides[k][i];
      insert(axis);
    }
    merge();
    return true;
  }

  /// Calls visit(count, offsets, strides) for each run.
  template <typename Visit>
  void for_each_run(Visit visit) const {
    std::array<std::int64_t, kMaxViewRank> index{};
    Steps offsets{};
    const Axis run = rank_ > 0 ? axes_[rank_ - 1] : Axis{1, {}};
    std::int64_t runs = run.dim == 0 ? 0 : 1;
    for (std::size_t axis = 0; axis + 1 < rank_; ++axis) runs *= axes_[axis].dim;
    for (std::int64_t i = 0; i < runs; ++i) {
      visit(run.dim, offsets, run.strides);
      for (std::size_t axis = rank_ > 0 ? rank_ - 1 : 0; axis > 0; --axis) {
        const Axis& outer = axes_[axis - 1];
        const bool wraps = ++index[axis - 1] == outer.dim;
        const std::int64_t step = wraps ? 1 - outer.dim : 1;
        for (std::size_t k = 0; k <= kInputs; ++k) offsets[k] += step * outer.strides[k];
        if (!wraps) break;
        index[axis - 1] = 0;
      }
    }
  }

 private:
  struct Axis {
    std::int64_t dim = 1;
    Steps strides{};
  };

  /// Keeps the axes sorted by the output's stride, the largest first.
  void insert(const Axis& axis) noexcept {
    std::size_t at = rank_++;
    for (; at > 0 && axes_[at - 1].strides[0] < axis.strides[0]; --at) axes_[at] = axes_[at - 1];
    axes_[at] = axis;
  }

  void merge() noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 1; i < rank_; ++i) {
      Axis& outer = axes_[kept];
      const Axis& inner = axes_[i];
      bool dense = true;
      for (std::size_t k = 0; k <= kInputs; ++k) {
        dense = dense && outer.strides[k] == inner.strides[k] * inner.dim;
      }
      if (dense) {
        outer = {outer.dim * inner.dim, inner.strides};
      } else {
        axes_[++kept] = inner;
      }
    }
    if (rank_ > 0) rank_ = kept + 1;
  }

  std::array<Axis, kMaxViewRank> axes_{};
  std::size_t rank_ = 0;
};

namespace elementwise_detail {

template <typename Result, typename... Elements, typename Function, std::size_t... kIndex>
bool map(std::index_sequence<kIndex...>, const TensorView& output, Function function,
         const std::array<const ConstTensorView*, sizeof...(Elements)>& inputs) noexcept {
  ElementwiseLoop<sizeof...(Elements)> loop;
  if (!loop.prepare(output, inputs)) return false;
  loop.for_each_run([&](std::int64_t count, const auto& offsets, const auto& strides) {
    Result* y = output.as<Result>() + offsets[0];
    const bool dense = strides[0] == 1 && ((strides[kIndex + 1] == 1) && ...);
    const auto visit = [&](const Elements*... x) {
      if (dense) {
        for (std::int64_t i = 0; i < count; ++i) y[i] = function(x[i]...);
      } else {
        for (std::int64_t i = 0; i < count; ++i) {
          y[i * strides[0]] = function(x[i * strides[kIndex + 1]]...);
        }
      }
    };
    visit((inputs[kIndex]->template as<Elements>() + offsets[kIndex + 1])...);
  });
  return true;
}

}  // namespace elementwise_detail

/// output = function(inputs...), element by element with broadcasting. False unless every input
/// broadcasts to the output. REQUIRES the views to hold Result and Elements.
template <typename Result, typename... Elements, typename Function, typename... Views>
bool map_elements(const TensorView& output, Function function, const Views&... inputs) noexcept {
  static_assert(sizeof...(Elements) == sizeof...(Views));
  return elementwise_detail::map<Result, Elements...>(std::index_sequence_for<Elements...>{},
                                                      output, function, {&inputs...});
}

/// Calls `function` with a value of the C++ type of a dtype of number; false for another dtype.
template <typename Function>
bool with_number(DType dtype, Function function) {
  switch (dtype) {
    case DType::kFloat32:
      return function(float{});
    case DType::kInt8:
      return function(std::int8_t{});
    case DType::kUInt8:
      return function(std::uint8_t{});
    case DType::kInt32:
      return function(std::int32_t{});
    case DType::kInt64:
      return function(std::int64_t{});
    default:
      return false;
  }
}

}  // namespace octet
