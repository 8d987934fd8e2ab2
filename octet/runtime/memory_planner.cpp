#include "octet/runtime/memory_planner.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "octet/base/aligned_buffer.h"

namespace octet {
namespace {

std::size_t aligned(std::size_t size_bytes) {
  constexpr std::size_t kStep = AlignedBuffer::kAlignment;
  return (size_bytes + kStep - 1) / kStep * kStep;
}

/// The blocks placed so far, by when they are alive. A network may have 200,000 of them of which a
/// few are alive at a time: to look at all for each one would take minutes.
class PlacedBlocks {
 public:
  explicit PlacedBlocks(std::span<const Lifetime> lifetimes) : lifetimes_(lifetimes) {
    int steps = 1;
    for (const Lifetime& at : lifetimes) steps = std::max(steps, at.last + 1);
    while (leaves_ < static_cast<std::size_t>(steps)) leaves_ *= 2;
    covering_.resize(2 * leaves_);
    starting_.resize(leaves_);
  }

  void add(std::size_t block) {
    const auto [from, to] = leaves_of(block);
    starting_[from - leaves_].push_back(block);
    // The few nodes of the tree that together cover its lifetime.
    for (std::size_t low = from, high = to + 1; low < high; low /= 2, high /= 2) {
      if (low % 2 == 1) covering_[low++].push_back(block);
      if (high % 2 == 1) covering_[--high].push_back(block);
    }
  }

  /// Those that are alive at some step of the block's lifetime, each once.
  std::vector<std::size_t> alive_with(std::size_t block) const {
    std::vector<std::size_t> result;
    const auto append = [&](const std::vector<std::size_t>& blocks) {
      result.insert(result.end(), blocks.begin(), blocks.end());
    };
    const auto [from, to] = leaves_of(block);
    for (std::size_t node = from; node > 0; node /= 2) append(covering_[node]);  // when it begins
    for (std::size_t leaf = from + 1; leaf <= to; ++leaf) append(starting_[leaf - leaves_]);
    return result;
  }

 private:
  std::pair<std::size_t, std::size_t> leaves_of(std::size_t block) const {
    return {leaves_ + static_cast<std::size_t>(lifetimes_[block].first),
            leaves_ + static_cast<std::size_t>(lifetimes_[block].last)};
  }

  std::span<const Lifetime> lifetimes_;
  std::size_t leaves_ = 1;                          // a power of two; leaf i is step i
  std::vector<std::vector<std::size_t>> covering_;  // the binary tree: node n has 2n and 2n + 1
  std::vector<std::vector<std::size_t>> starting_;
};

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return lifetimes[a].size_bytes > lifetimes[b].size_bytes;
  });

  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  PlacedBlocks placed(lifetimes);
  for (const std::size_t block : order) {
    const std::size_t size = aligned(lifetimes[block].size_bytes);
    std::vector<std::size_t> others = placed.alive_with(block);
    std::ranges::sort(others, {}, [&](std::size_t other) { return plan.offsets[other]; });
    std::size_t offset = 0;
    for (const std::size_t other : others) {
      if (plan.offsets[other] >= offset + size) break;
      offset = std::max(offset, plan.offsets[other] + aligned(lifetimes[other].size_bytes));
    }
    plan.offsets[block] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + size);
    placed.add(block);
  }
  return plan;
}

std::size_t largest_live_set(std::span<const Lifetime> lifetimes) {
  std::size_t largest = 0;
  for (const Lifetime& at : lifetimes) {
    std::size_t live = 0;
    for (const Lifetime& other : lifetimes) {
      if (other.first <= at.first && at.first <= other.last) live += aligned(other.size_bytes);
    }
    largest = std::max(largest, live);
  }
  return largest;
}

}  // namespace octet
