#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "octet/graph/op.h"

namespace octet {

/// A 2-D window sliding over an NHWC tensor: what convolutions and pools have in common.
struct WindowGeometry {
  int in_h = 1, in_w = 1, channels = 1;  ///< channels of a pixel of the input
  int out_h = 1, out_w = 1;
  std::array<int, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  int pad_top = 0, pad_left = 0;

  int taps() const { return kernel[0] * kernel[1]; }
  std::int64_t out_pixels() const { return static_cast<std::int64_t>(out_h) * out_w; }
  /// One tap per pixel, every pixel in order: a matrix product over the pixels.
  bool is_pointwise() const {
    return taps() == 1 && stride[0] == 1 && stride[1] == 1 && pad_top == 0 && pad_left == 0 &&
           in_h == out_h && in_w == out_w;
  }
};

/// Walks over the output pixels of a batch and lists, per pixel, where each tap reads.
template <typename T>
class WindowPointers {
 public:
  /// `padding` points to a pixel of padding values.
  WindowPointers(const WindowGeometry& geometry, const T* input, const T* padding)
      : g_(geometry), input_(input), padding_(padding), is_pointwise_(geometry.is_pointwise()) {
    const int reach = (g_.kernel[1] - 1) * g_.dilation[1];
    first_inside_ = (g_.pad_left + g_.stride[1] - 1) / g_.stride[1];
    const int room = g_.in_w - 1 - reach + g_.pad_left;
    end_inside_ = room < 0 ? 0 : room / g_.stride[1] + 1;
  }

  /// Pointers for `count` pixels from `first` (counted over the whole batch): tap t of the r-th
  /// pixel goes to out[t * tap_step + r * pixel_step]; `channel` is added to each.
  void fill(std::int64_t first, int count, int channel, std::ptrdiff_t tap_step,
            std::ptrdiff_t pixel_step, const T** out) const noexcept {
    if (is_pointwise_) {
      const T* pixel = input_ + first * g_.channels + channel;
      for (int r = 0; r < count; ++r, pixel += g_.channels) out[r * pixel_step] = pixel;
      return;
    }
    const std::int64_t image = first / g_.out_pixels();
    int oy = static_cast<int>((first % g_.out_pixels()) / g_.out_w);
    int ox = static_cast<int>(first % g_.out_w);
    const std::int64_t image_size = static_cast<std::int64_t>(g_.in_h) * g_.in_w * g_.channels;
    const T* base = input_ + image * image_size;
    for (int r = 0; r < count; ++r) {
      fill_pixel(base, oy, ox, channel, tap_step, out + r * pixel_step);
      if (++ox == g_.out_w) {
        ox = 0;
        if (++oy == g_.out_h) {
          oy = 0;
          base += image_size;
        }
      }
    }
  }

 private:
  void fill_pixel(const T* base, int oy, int ox, int channel, std::ptrdiff_t tap_step,
                  const T** out) const noexcept {
    const int y0 = oy * g_.stride[0] - g_.pad_top;
    const int x0 = ox * g_.stride[1] - g_.pad_left;
    const int reach = (g_.kernel[0] - 1) * g_.dilation[0];
    if (y0 >= 0 && y0 + reach < g_.in_h && ox >= first_inside_ && ox < end_inside_) {
      fill_inside(base + (static_cast<std::int64_t>(y0) * g_.in_w + x0) * g_.channels + channel,
                  tap_step, out);
      return;
    }
    for (int ky = 0; ky < g_.kernel[0]; ++ky) {
      const int y = y0 + ky * g_.dilation[0];
      const bool row_inside = y >= 0 && y < g_.in_h;
      const T* row = base + static_cast<std::int64_t>(y) * g_.in_w * g_.channels + channel;
      for (int kx = 0; kx < g_.kernel[1]; ++kx) {
        const int x = x0 + kx * g_.dilation[1];
        *out = row_inside && x >= 0 && x < g_.in_w
                   ? row + static_cast<std::int64_t>(x) * g_.channels
                   : padding_ + channel;
        out += tap_step;
      }
    }
  }

  /// Most windows lie within the image: nothing to ask per tap.
  void fill_inside(const T* corner, std::ptrdiff_t tap_step, const T** out) const noexcept {
    const std::ptrdiff_t right = std::ptrdiff_t{g_.dilation[1]} * g_.channels;
    const std::ptrdiff_t down = std::ptrdiff_t{g_.dilation[0]} * g_.in_w * g_.channels;
    for (int ky = 0; ky < g_.kernel[0]; ++ky, corner += down) {
      const T* tap = corner;
      for (int kx = 0; kx < g_.kernel[1]; ++kx, tap += right, out += tap_step) *out = tap;
    }
  }

  const WindowGeometry& g_;
  const T* input_;
  const T* padding_;
  bool is_pointwise_;
  int first_inside_ = 0, end_inside_ = 0;  ///< output columns whose windows cross neither side
};

}  // namespace octet
