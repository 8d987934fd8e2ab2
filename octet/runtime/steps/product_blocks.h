#pragma once

#include <algorithm>
#include <cstdint>

#include "octet/runtime/steps/step.h"

namespace octet {

/// How the loops of a product [rows, depth] x [depth, n] nest, so that what is read again is read
/// from a core's own cache: a pass takes `columns` columns and `depth` of the weights over `tiles`
/// tiles of rows before it goes on to the next weights. (Goto and van de Geijn 2008, Anatomy of
/// high-performance matrix multiplication; the sums stay in registers or, between two passes over
/// the depth, in the output itself.)
struct ProductBlocks {
  int tiles;    ///< of rows
  int columns;  ///< whole panels, or all
  int depth;    ///< in steps of the product, or all
};

/// What a product is made of. A step of the depth is a tap of a convolution, or a channel of a
/// matrix product.
struct ProductSize {
  int n, steps;
  int mr, nr;                 ///< of the kernel
  std::int64_t column_bytes;  ///< of the weights of a column, packed
  std::int64_t row_bytes;     ///< that a row adds to those before it: a pixel, as taps share them
  bool splits_depth;          ///< whether the kernel can go on from sums
};

/// Blocks whose weights and rows fit together into a second-level cache of 512 KiB, the smallest of
/// the cores that octet is for.
inline ProductBlocks product_blocks(const ProductSize& size) {
  constexpr std::int64_t kWeightBytes = 160 << 10;
  constexpr std::int64_t kRowBytes = 256 << 10;
  constexpr std::int64_t kMinTiles = 4, kMaxTiles = 32;
  if (size.column_bytes * size.n <= kWeightBytes) return {1, size.n, size.steps};
  const std::int64_t panel_bytes = size.column_bytes * size.nr;
  const std::int64_t panels = std::max<std::int64_t>(1, kWeightBytes / panel_bytes);
  std::int64_t depth = size.steps;
  if (size.splits_depth && panel_bytes > kWeightBytes) {
    const std::int64_t passes = (panel_bytes + kWeightBytes - 1) / kWeightBytes;
    depth = (depth + passes - 1) / passes;
  }
  const std::int64_t tiles =
      std::clamp(kRowBytes / (size.mr * size.row_bytes), kMinTiles, kMaxTiles);
  const std::int64_t columns = std::min<std::int64_t>(size.n, panels * size.nr);
  return {static_cast<int>(tiles), static_cast<int>(columns), static_cast<int>(depth)};
}

/// Tiles that a thread takes at a time: whole blocks, but a share for every thread.
inline std::int64_t tiles_per_task(const RunContext& context, int block_tiles, std::int64_t tiles,
                                   std::int64_t at_least) {
  const std::int64_t share = (tiles + context.pool->size() - 1) / context.pool->size();
  return std::max(at_least, std::min<std::int64_t>(block_tiles, share));
}

}  // namespace octet
