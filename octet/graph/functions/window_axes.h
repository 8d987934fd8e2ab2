#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "octet/graph/functions/window.h"
#include "octet/graph/tensor_function.h"

// What the functions with a window share: sizes, padding, and the loops over outputs and taps.

namespace octet {

inline constexpr int kMaxSpatialRank = 3;
/// Kernels, strides, dilations and pads beyond this are damage; their products stay in range.
inline constexpr std::int64_t kMaxWindow = 65535;

/// One spatial axis of a window.
struct WindowAxis {
  std::int64_t in = 1, out = 1;
  std::int64_t kernel = 1, stride = 1, dilation = 1;
  std::int64_t begin = 0, end = 0;  ///< padding

  std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
};
/// Fewer axes are filled up in front by axes of size 1.
using WindowAxes = std::array<WindowAxis, kMaxSpatialRank>;
using Position = std::array<std::int64_t, kMaxSpatialRank>;

/// The spatial axes of a tensor [outer, channels, ...] as those of WindowAxes.
struct SpatialStrides {
  std::int64_t outer = 0, channel = 0;
  Position axis{};

  std::int64_t at(const Position& position) const {
    return position[0] * axis[0] + position[1] * axis[1] + position[2] * axis[2];
  }
};

template <typename Byte>
SpatialStrides spatial_strides(const BasicTensorView<Byte>& view) {
  SpatialStrides result{view.strides[0], view.strides[1], {}};
  const int rank = view.rank - 2;
  for (int i = 0; i < rank; ++i) {
    result.axis[static_cast<std::size_t>(kMaxSpatialRank - rank + i)] =
        view.strides[static_cast<std::size_t>(2 + i)];
  }
  return result;
}

/// Error unless lists have 0 or `rank` entries (pads: twice as many) of a reasonable size.
void check_window(const FunctionInputs& inputs, const WindowOptions& options, int rank);
/// The same for one list whose entries are at least `low`.
void check_window_list(const FunctionInputs& inputs, const std::vector<std::int64_t>& list,
                       std::size_t count, std::int64_t low, const char* what);
/// Error unless input `index` is [n, c, and 1 to 3 spatial axes]; their number.
int spatial_rank(const FunctionInputs& inputs, std::size_t index);

/// Axis `axis` of `rank` with `options` applied to an input of `in` and a kernel of `kernel`
/// elements; `out` is below 1 if the window does not fit.
WindowAxis window_axis(const WindowOptions& options, int rank, int axis, std::int64_t in,
                       std::int64_t kernel);
/// The same for a transposed convolution: `begin` is how much of the full result is cut off in
/// front.
WindowAxis transposed_axis(const ConvTransposeOptions& options, int rank, int axis, std::int64_t in,
                           std::int64_t kernel);
/// The number of outputs along one axis, kUnknownDim if `in` or `kernel` is not known.
std::int64_t window_outputs(const FunctionInputs& inputs, const WindowOptions& options, int rank,
                            int axis, std::int64_t in, std::int64_t kernel);
/// All axes; the kernel's dimensions are those of `kernel_dims`.
WindowAxes window_axes(const WindowOptions& options, const ConstTensorView& x,
                       std::span<const std::int64_t> kernel_dims);
/// The output's dims of Conv, ConvInteger and QLinearConv with weight input `w`.
Shape conv_shape(const FunctionInputs& inputs, const ConvOptions& options, std::size_t x,
                 std::size_t w);
/// The attributes that all windows have; the kernel only where no weight gives it.
std::vector<Attribute> window_attributes(const WindowOptions& options, bool with_kernel);
/// Those of the window, its kernel among them, and `group`: what every convolution has.
std::vector<Attribute> conv_attributes(const WindowOptions& options, std::int64_t groups);
/// Every spatial axis as large as the input, without padding: a global pool.
WindowAxes global_axes(const ConstTensorView& x);

/// visit(position) for every output position.
template <typename Visit>
void for_each_output(const WindowAxes& axes, Visit visit) {
  Position at{};
  for (at[0] = 0; at[0] < axes[0].out; ++at[0]) {
    for (at[1] = 0; at[1] < axes[1].out; ++at[1]) {
      for (at[2] = 0; at[2] < axes[2].out; ++at[2]) visit(at);
    }
  }
}

/// Where output `at` reads the input under tap `tap` of one axis, if that is inside the input.
inline std::optional<std::int64_t> input_under(const WindowAxis& axis, std::int64_t at,
                                               std::int64_t tap) {
  const std::int64_t place = at * axis.stride + tap * axis.dilation - axis.begin;
  return place >= 0 && place < axis.in ? std::optional(place) : std::nullopt;
}
/// The same for a transposed window: the input that `tap` carries to output `at`.
inline std::optional<std::int64_t> input_reaching(const WindowAxis& axis, std::int64_t at,
                                                  std::int64_t tap) {
  const std::int64_t scaled = at + axis.begin - tap * axis.dilation;
  if (scaled < 0 || scaled % axis.stride != 0) return std::nullopt;
  return scaled / axis.stride < axis.in ? std::optional(scaled / axis.stride) : std::nullopt;
}

/// visit(tap, place in the input) for every tap of the window at `at` that is inside the input.
template <typename InputOf, typename Visit>
void for_each_tap(const WindowAxes& axes, const Position& at, InputOf input_of, Visit visit) {
  Position tap{}, place{};
  for (tap[0] = 0; tap[0] < axes[0].kernel; ++tap[0]) {
    const auto first = input_of(axes[0], at[0], tap[0]);
    if (!first) continue;
    place[0] = *first;
    for (tap[1] = 0; tap[1] < axes[1].kernel; ++tap[1]) {
      const auto second = input_of(axes[1], at[1], tap[1]);
      if (!second) continue;
      place[1] = *second;
      for (tap[2] = 0; tap[2] < axes[2].kernel; ++tap[2]) {
        const auto third = input_of(axes[2], at[2], tap[2]);
        if (!third) continue;
        place[2] = *third;
        visit(tap, place);
      }
    }
  }
}

/// The sums of a convolution: store(output offset, output channel, sum of product(x, w) over the
/// taps inside the input), where x and w are element offsets.
template <typename Sum, typename Product, typename Store>
void convolve(const WindowAxes& axes, const ConstTensorView& x, const ConstTensorView& w,
              const TensorView& y, std::int64_t groups, Product product, Store store) {
  const SpatialStrides xs = spatial_strides(x), ws = spatial_strides(w), ys = spatial_strides(y);
  const std::int64_t channels = w.dims[1], outputs_per_group = y.dims[1] / groups;
  for (std::int64_t n = 0; n < y.dims[0]; ++n) {
    for (std::int64_t o = 0; o < y.dims[1]; ++o) {
      const std::int64_t group = o / outputs_per_group;
      const std::int64_t x_base = n * xs.outer + group * channels * xs.channel;
      for_each_output(axes, [&](const Position& at) {
        Sum sum{};
        for_each_tap(axes, at, input_under, [&](const Position& tap, const Position& place) {
          const std::int64_t x_at = x_base + xs.at(place);
          const std::int64_t w_at = o * ws.outer + ws.at(tap);
          for (std::int64_t c = 0; c < channels; ++c) {
            sum += product(x_at + c * xs.channel, w_at + c * ws.channel);
          }
        });
        store(n * ys.outer + o * ys.channel + ys.at(at), o, sum);
      });
    }
  }
}

}  // namespace octet
