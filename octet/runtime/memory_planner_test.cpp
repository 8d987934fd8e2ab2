#include "octet/runtime/memory_planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "octet/base/rng.h"

namespace octet {
namespace {

void expect_disjoint(const std::vector<Lifetime>& blocks, const MemoryPlan& plan) {
  for (std::size_t a = 0; a < blocks.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % 64, 0u);
    EXPECT_LE(plan.offsets[a] + blocks[a].size_bytes, plan.arena_bytes);
    for (std::size_t b = 0; b < a; ++b) {
      if (blocks[a].first > blocks[b].last || blocks[b].first > blocks[a].last) continue;
      EXPECT_TRUE(plan.offsets[a] + blocks[a].size_bytes <= plan.offsets[b] ||
                  plan.offsets[b] + blocks[b].size_bytes <= plan.offsets[a])
          << a << " and " << b << " are alive together and overlap";
    }
  }
}

TEST(MemoryPlannerTest, AChainNeedsOnlyTwoNeighbours) {
  std::vector<Lifetime> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back({1024, i, i + 1});
  const MemoryPlan plan = plan_memory(blocks);
  expect_disjoint(blocks, plan);
  EXPECT_EQ(plan.arena_bytes, 2048u);
  EXPECT_EQ(largest_live_set(blocks), 2048u);
}

TEST(MemoryPlannerTest, RandomLifetimesNeverOverlapAndStayNearTheLowerBound) {
  Rng rng(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> blocks;
    for (int i = 0; i < 40; ++i) {
      const int first = static_cast<int>(rng.below(30));
      blocks.push_back({1 + rng.below(5000), first, first + static_cast<int>(rng.below(6))});
    }
    const MemoryPlan plan = plan_memory(blocks);
    expect_disjoint(blocks, plan);
    EXPECT_GE(plan.arena_bytes, largest_live_set(blocks));
    EXPECT_LE(plan.arena_bytes, 2 * largest_live_set(blocks));
  }
}

TEST(MemoryPlannerTest, EachBlockLiesInTheLowestGapThatIsFreeWhileItIsAlive) {
  Rng rng(6);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> blocks;
    for (int i = 0; i < 60; ++i) {
      const int first = static_cast<int>(rng.below(100));
      blocks.push_back({64 * (1 + rng.below(20)), first, first + static_cast<int>(rng.below(40))});
    }
    std::ranges::stable_sort(blocks, std::greater<>(), &Lifetime::size_bytes);
    const MemoryPlan plan = plan_memory(blocks);
    for (std::size_t a = 0; a < blocks.size(); ++a) {
      const auto is_free = [&](std::size_t offset) {
        for (std::size_t b = 0; b < a; ++b) {
          const bool together =
              blocks[a].first <= blocks[b].last && blocks[b].first <= blocks[a].last;
          if (together && offset < plan.offsets[b] + blocks[b].size_bytes &&
              plan.offsets[b] < offset + blocks[a].size_bytes) {
            return false;
          }
        }
        return true;
      };
      std::size_t lowest = 0;
      while (!is_free(lowest)) lowest += 64;
      EXPECT_EQ(plan.offsets[a], lowest);
    }
  }
}

TEST(MemoryPlannerTest, ALongChainIsPlannedInLinearTime) {
  std::vector<Lifetime> blocks;
  for (int i = 0; i < 1'000'000; ++i) blocks.push_back({64, i, i + 1});
  EXPECT_EQ(plan_memory(blocks).arena_bytes, 128u);  // in quadratic time: hours
}

TEST(MemoryPlannerTest, NothingNeedsNothing) { EXPECT_EQ(plan_memory({}).arena_bytes, 0u); }

}  // namespace
}  // namespace octet
