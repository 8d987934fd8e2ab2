#pragma once

#include <algorithm>
#include <cstdint>

#include "octet/runtime/steps/product_blocks.h"
#include "octet/runtime/steps/step.h"

namespace octet {

/// How a matrix product [m, k] x [k, n] is cut into tiles of a kernel.
struct GemmTiles {
  std::int64_t m;
  int k, n;
  int mr, nr;
  ProductBlocks blocks;  ///< a step is a channel
};

/// What one call of a kernel computes: rows x columns, from `depth_count` channels.
struct ProductTile {
  std::int64_t row;
  int rows;
  int column, columns;
  int depth, depths;  ///< it goes on from the sums of the tile before if depth is not 0
};

/// Calls body(tile, thread) for every tile of up to mr rows; tiles of the same sums in the order of
/// their depth, in one thread. The threads share rows where there are enough of them, else whole
/// panels of nr columns: the split does not show in the bytes.
template <typename Body>
void for_each_gemm_tile(const RunContext& context, const GemmTiles& g, Body body) noexcept {
  constexpr std::int64_t kMacsPerTask = 500'000;
  const std::int64_t row_tiles = (g.m + g.mr - 1) / g.mr;
  const std::int64_t panels = (std::int64_t{g.n} + g.nr - 1) / g.nr;
  // One tile of rows reads every weight once, whatever the order.
  const ProductBlocks blocks = row_tiles == 1 ? ProductBlocks{1, g.n, g.k} : g.blocks;
  const auto nest = [&](std::int64_t tile_begin, std::int64_t tile_end, int begin, int end,
                        int thread) {
    for (std::int64_t first = tile_begin; first < tile_end; first += blocks.tiles) {
      const std::int64_t last = std::min<std::int64_t>(first + blocks.tiles, tile_end);
      for (int column = begin; column < end; column += blocks.columns) {
        int depth = 0;
        do {  // once for no channels at all: a bias is an answer
          for (std::int64_t tile = first; tile < last; ++tile) {
            const std::int64_t row = tile * g.mr;
            body(ProductTile{row, static_cast<int>(std::min<std::int64_t>(g.mr, g.m - row)), column,
                             std::min(blocks.columns, end - column), depth,
                             std::min(blocks.depth, g.k - depth)},
                 thread);
          }
          depth += blocks.depth;
        } while (depth < g.k);
      }
    }
  };
  // Weights that no core's cache holds are read by one thread each, unless the rows are more.
  const bool are_long = blocks.columns < g.n && g.n > g.m;
  if (panels == 1 || (row_tiles >= 2 * std::int64_t{context.pool->size()} && !are_long)) {
    const std::int64_t grain = std::max<std::int64_t>(
        blocks.tiles, kMacsPerTask / (static_cast<std::int64_t>(g.mr) * g.k * g.n + 1));
    context.pool->parallel_for(row_tiles, grain,
                               [&](std::int64_t begin, std::int64_t end, int thread) {
                                 nest(begin, end, 0, g.n, thread);
                               });
    return;
  }
  const std::int64_t grain =
      std::max<std::int64_t>(1, kMacsPerTask / (std::max<std::int64_t>(g.m, 1) * g.k * g.nr + 1));
  context.pool->parallel_for(panels, grain, [&](std::int64_t begin, std::int64_t end, int thread) {
    nest(0, row_tiles, static_cast<int>(begin) * g.nr,
         static_cast<int>(std::min<std::int64_t>(g.n, end * g.nr)), thread);
  });
}

}  // namespace octet
