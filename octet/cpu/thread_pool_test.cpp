#include "octet/cpu/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "octet/base/error.h"

namespace octet {
namespace {

class ThreadPoolTest : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, VisitsEveryItemOnceInRangesOfAtMostTheGrain) {
  ThreadPool pool(GetParam());
  for (const std::int64_t count : {0, 1, 2, 3, 7, 16, 100, 1001}) {
    for (const std::int64_t grain : {1, 2, 3, 64, 5000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      std::atomic<bool> well_formed{true};
      pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end, int thread) {
        if (begin < 0 || begin >= end || end > count || end - begin > grain) well_formed = false;
        if (thread < 0 || thread >= pool.size()) well_formed = false;
        for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      });
      EXPECT_TRUE(well_formed) << count << " by " << grain;
      EXPECT_TRUE(std::ranges::all_of(visits, [](const auto& v) { return v == 1; }))
          << count << " by " << grain;
    }
  }
}

TEST_P(ThreadPoolTest, ManyTinyRunsLoseNothing) {
  ThreadPool pool(GetParam());
  // Plain integers: the return of run() must order the writes of all threads before the check.
  std::vector<std::int64_t> totals(3);
  constexpr int kRuns = 100'000;
  for (int run = 0; run < kRuns; ++run) {
    pool.parallel_for(3, 1, [&](std::int64_t begin, std::int64_t, int) {
      totals[static_cast<std::size_t>(begin)] += run;
    });
  }
  const std::int64_t expected = std::int64_t{kRuns} * (kRuns - 1) / 2;
  for (const std::int64_t total : totals) EXPECT_EQ(total, expected);
}

TEST_P(ThreadPoolTest, NoTwoConcurrentCallsShareAThreadNumber) {
  ThreadPool pool(GetParam());
  std::vector<std::atomic<int>> inside(static_cast<std::size_t>(pool.size()));
  std::atomic<bool> shared{false};
  for (int run = 0; run < 200; ++run) {
    pool.parallel_for(32, 1, [&](std::int64_t, std::int64_t, int thread) {
      auto& mine = inside[static_cast<std::size_t>(thread)];
      if (mine.fetch_add(1) != 0) shared = true;
      std::this_thread::yield();
      mine.fetch_sub(1);
    });
  }
  EXPECT_FALSE(shared);
}

TEST_P(ThreadPoolTest, RunsAfterItsWorkersFellAsleep) {
  ThreadPool pool(GetParam());
  for (int run = 0; run < 5; ++run) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> items{0};
    pool.parallel_for(10, 1, [&](std::int64_t, std::int64_t, int) { ++items; });
    EXPECT_EQ(items, 10);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 8));

TEST(ThreadPool, WorkersTakePartInALongRun) {
  ThreadPool pool(3);
  // Each item waits until a second thread has been seen: only another thread can end the wait.
  std::atomic<int> threads_seen{0};
  std::atomic<bool> gave_up{false};
  pool.parallel_for(2, 1, [&](std::int64_t, std::int64_t, int) {
    ++threads_seen;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (threads_seen < 2 && !gave_up) {
      if (std::chrono::steady_clock::now() > deadline) gave_up = true;
      std::this_thread::yield();
    }
  });
  EXPECT_FALSE(gave_up);
}

TEST(ThreadPool, WorkOfOneGrainStaysOnTheCallingThread) {
  ThreadPool pool(4);
  const std::thread::id caller = std::this_thread::get_id();
  for (int run = 0; run < 100; ++run) {
    int calls = 0;
    pool.parallel_for(8, 8, [&](std::int64_t begin, std::int64_t end, int thread) {
      ++calls;
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_EQ(begin, 0);
      EXPECT_EQ(end, 8);
      EXPECT_EQ(thread, 0);
    });
    EXPECT_EQ(calls, 1);
  }
}

TEST(ThreadPool, ManyPoolsStartAndStop) {
  for (int i = 0; i < 200; ++i) {
    ThreadPool pool(1 + i % 4);
    std::atomic<int> items{0};
    if (i % 2 == 0) pool.parallel_for(4, 1, [&](std::int64_t, std::int64_t, int) { ++items; });
    EXPECT_EQ(items, i % 2 == 0 ? 4 : 0);
  }
}

TEST(ThreadPool, RefusesAThreadCountOutOfRange) {
  for (const int threads : {0, -1, 1'000'000}) {
    try {
      ThreadPool pool(threads);
      FAIL() << "accepted " << threads;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    }
  }
}

TEST(ThreadPool, AvailableCoresRespectsTheAffinityMask) {
  EXPECT_GE(available_cores(), 1);
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(available_cores(), 1);
  }).join();
}

}  // namespace
}  // namespace octet
