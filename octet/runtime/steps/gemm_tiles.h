#pragma once

#include <algorithm>
#include <cstdint>

#include "octet/runtime/steps/step.h"

namespace octet {

/// How a matrix product [m, k] x [k, n] is cut into tiles of a kernel.
struct GemmTiles {
  std::int64_t m;
  int k, n;
  int mr, nr;
};

/// Calls body(first row, rows, first column, columns, thread) for every tile of up to mr rows. The
/// threads share rows where there are enough of them, else whole panels of nr columns: each element
/// is computed by one call in the same way, so the split does not show in the bytes.
template <typename Body>
void for_each_gemm_tile(const RunContext& context, const GemmTiles& g, Body body) noexcept {
  constexpr std::int64_t kMacsPerTask = 500'000;
  const std::int64_t row_tiles = (g.m + g.mr - 1) / g.mr;
  const std::int64_t panels = (std::int64_t{g.n} + g.nr - 1) / g.nr;
  const auto rows_of = [&](std::int64_t tile) {
    return static_cast<int>(std::min<std::int64_t>(g.mr, g.m - tile * g.mr));
  };
  if (row_tiles >= 2 * std::int64_t{context.pool->size()} || panels == 1) {
    const std::int64_t grain =
        std::max<std::int64_t>(1, kMacsPerTask / (static_cast<std::int64_t>(g.mr) * g.k * g.n + 1));
    context.pool->parallel_for(row_tiles, grain,
                               [&](std::int64_t begin, std::int64_t end, int thread) {
                                 for (std::int64_t tile = begin; tile < end; ++tile) {
                                   body(tile * g.mr, rows_of(tile), 0, g.n, thread);
                                 }
                               });
    return;
  }
  const std::int64_t grain =
      std::max<std::int64_t>(1, kMacsPerTask / (std::max<std::int64_t>(g.m, 1) * g.k * g.nr + 1));
  context.pool->parallel_for(panels, grain, [&](std::int64_t begin, std::int64_t end, int thread) {
    const int first = static_cast<int>(begin) * g.nr;
    const int columns = std::min(g.n, static_cast<int>(end) * g.nr) - first;
    for (std::int64_t tile = 0; tile < row_tiles; ++tile) {
      body(tile * g.mr, rows_of(tile), first, columns, thread);
    }
  });
}

}  // namespace octet
