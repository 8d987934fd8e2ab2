#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace octet {

/// A block that must exist from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t size_bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< one per lifetime, 64-byte aligned
  std::size_t arena_bytes = 0;
};

/// Places blocks so that those alive at the same time never overlap: largest first, each into the
/// lowest gap that fits (greedy by size; Pisarchyk and Lee 2020, arXiv:2001.03288, algorithm 2).
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

/// The bytes alive at the busiest step: no plan can be smaller.
std::size_t largest_live_set(std::span<const Lifetime> lifetimes);

}  // namespace octet
