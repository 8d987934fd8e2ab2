#include "octet/runtime/memory_planner.h"

#include <algorithm>
#include <numeric>

#include "octet/base/aligned_buffer.h"

namespace octet {
namespace {

std::size_t aligned(std::size_t size_bytes) {
  constexpr std::size_t kStep = AlignedBuffer::kAlignment;
  return (size_bytes + kStep - 1) / kStep * kStep;
}

bool overlap_in_time(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return lifetimes[a].size_bytes > lifetimes[b].size_bytes;
  });

  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<std::size_t> placed;  // sorted by offset
  for (const std::size_t block : order) {
    const std::size_t size = aligned(lifetimes[block].size_bytes);
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!overlap_in_time(lifetimes[block], lifetimes[other])) continue;
      if (plan.offsets[other] >= offset + size) break;
      offset = std::max(offset, plan.offsets[other] + aligned(lifetimes[other].size_bytes));
    }
    plan.offsets[block] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + size);
    placed.insert(std::ranges::upper_bound(placed, offset, {},
                                           [&](std::size_t other) { return plan.offsets[other]; }),
                  block);
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
