#include "octet/runtime/kernels/layout/layout.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace octet {
namespace {

// A tile of both sides stays in the first cache level, so that each line is fetched once.
constexpr std::int64_t kTile = 32;

/// [rows][columns] -> [columns][rows]
template <typename T>
void transpose(std::int64_t rows, std::int64_t columns, const T* src, T* dst) {
  for (std::int64_t row0 = 0; row0 < rows; row0 += kTile) {
    const std::int64_t row1 = std::min(row0 + kTile, rows);
    for (std::int64_t column0 = 0; column0 < columns; column0 += kTile) {
      const std::int64_t column1 = std::min(column0 + kTile, columns);
      for (std::int64_t column = column0; column < column1; ++column) {
        for (std::int64_t row = row0; row < row1; ++row) {
          dst[column * rows + row] = src[row * columns + column];
        }
      }
    }
  }
}

void transpose(int element_bytes, std::int64_t rows, std::int64_t columns, const void* src,
               void* dst) {
  assert(element_bytes == 1 || element_bytes == 4);
  if (rows == 1 || columns == 1) {
    std::memcpy(dst, src, static_cast<std::size_t>(rows * columns * element_bytes));
  } else if (element_bytes == 1) {
    transpose(rows, columns, static_cast<const std::uint8_t*>(src),
              static_cast<std::uint8_t*>(dst));
  } else {
    transpose(rows, columns, static_cast<const std::uint32_t*>(src),
              static_cast<std::uint32_t*>(dst));
  }
}

}  // namespace

void nchw_to_nhwc(int element_bytes, int channels, std::int64_t pixels, const void* src,
                  void* dst) noexcept {
  transpose(element_bytes, channels, pixels, src, dst);
}

void nhwc_to_nchw(int element_bytes, int channels, std::int64_t pixels, const void* src,
                  void* dst) noexcept {
  transpose(element_bytes, pixels, channels, src, dst);
}

}  // namespace octet
