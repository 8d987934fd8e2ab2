#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace octet {

/// For benchmarks: a convolution of an image (or, with one pixel, a linear layer) as the indirect
/// GEMM sees it.
struct GemmShape {
  const char* name;
  int side;    // output pixels: side * side
  int kernel;  // taps: kernel * kernel, stride 1, no padding
  int channels;
  int n;

  int pixels() const { return side * side; }
  int taps() const { return kernel * kernel; }
  int input_side() const { return side + kernel - 1; }
  double macs() const { return 1.0 * pixels() * taps() * channels * n; }
};

constexpr GemmShape kGemmShapes[] = {
    {"conv3x3_3_32", 32, 3, 3, 32},      {"conv3x3_32_32", 32, 3, 32, 32},
    {"conv3x3_64_64", 16, 3, 64, 64},    {"conv3x3_128_128", 8, 3, 128, 128},
    {"conv3x3_512_512", 4, 3, 512, 512}, {"pointwise_96_24", 16, 1, 96, 24},
    {"pointwise_384_64", 8, 1, 384, 64}, {"linear_784_100", 1, 1, 784, 100},
    {"linear_1280_10", 1, 1, 1280, 10},
};

/// Output pixels [pixel, pixel + rows) and their row pointers.
template <typename T>
struct GemmTile {
  int pixel;
  int rows;
  std::vector<const T*> a;  // [taps][rows]
};
/// All tiles of up to `mr` pixels over `image` [input_side][input_side][channels].
template <typename T>
std::vector<GemmTile<T>> gemm_tiles(const GemmShape& shape, int mr, const T* image) {
  std::vector<GemmTile<T>> tiles;
  for (int first = 0; first < shape.pixels(); first += mr) {
    GemmTile<T> tile{first, std::min(mr, shape.pixels() - first), {}};
    for (int t = 0; t < shape.taps(); ++t) {
      for (int r = 0; r < tile.rows; ++r) {
        const int y = (first + r) / shape.side + t / shape.kernel;
        const int x = (first + r) % shape.side + t % shape.kernel;
        tile.a.push_back(image + (static_cast<std::ptrdiff_t>(y) * shape.input_side() + x) *
                                     shape.channels);
      }
    }
    tiles.push_back(std::move(tile));
  }
  return tiles;
}

}  // namespace octet
