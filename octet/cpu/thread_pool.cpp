#include "octet/cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "octet/base/error.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace octet {
namespace {

constexpr std::size_t kCacheLine = 64;

// The word that caller and workers agree on: how many workers are inside the run, whether it may
// still be entered, whether the caller sleeps, and a run number so that a worker can tell a new run
// from the one it has just left. A worker that wakes too late simply misses the run: the caller
// waits only for those inside, so a descheduled worker never delays it. (The number may wrap for
// the same reason.)
constexpr std::uint32_t kActive = (1u << 12) - 1;
constexpr std::uint32_t kOpen = 1u << 12;
constexpr std::uint32_t kCallerSleeps = 1u << 13;
constexpr std::uint32_t kRun = 1u << 14;  // the unit of the run number
constexpr std::uint32_t kRunMask = ~(kRun - 1);
constexpr int kMaxThreads = 1024;

// A few microseconds: longer than the gap between two layers, shorter than a futex wake-up.
constexpr int kSpins = 128;

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

struct ThreadPool::Shared {
  // Written only while no worker is inside; the state publishes it.
  struct Job {
    Body body = nullptr;
    void* context = nullptr;
    std::int64_t count = 0;
    std::int64_t grain = 1;
  };

  alignas(kCacheLine) Job job;
  alignas(kCacheLine) std::atomic<std::uint32_t> state{0};
  alignas(kCacheLine) std::atomic<std::int64_t> next{0};
  alignas(kCacheLine) std::atomic<bool> stop{false};
  int spins = 0;
  std::vector<std::thread> workers;

  void take_chunks(int thread) noexcept {
    for (;;) {
      const std::int64_t begin = next.fetch_add(job.grain, std::memory_order_relaxed);
      if (begin >= job.count) return;
      job.body(job.context, begin, std::min(begin + job.grain, job.count), thread);
    }
  }

  /// The state once it is no longer `seen`.
  std::uint32_t wait_for_change(std::uint32_t seen) noexcept {
    for (int spin = 0; spin < spins; ++spin) {
      const std::uint32_t now = state.load(std::memory_order_acquire);
      if (now != seen) return now;
      pause_briefly();
    }
    state.wait(seen, std::memory_order_acquire);
    return state.load(std::memory_order_acquire);
  }

  void wait_until_empty() noexcept {
    for (int spin = 0; spin < spins; ++spin) {
      if ((state.load(std::memory_order_acquire) & kActive) == 0) return;
      pause_briefly();
    }
    std::uint32_t now = state.fetch_or(kCallerSleeps) | kCallerSleeps;
    while ((now & kActive) != 0) {
      state.wait(now, std::memory_order_acquire);
      now = state.load(std::memory_order_acquire);
    }
  }

  void join() noexcept {
    stop.store(true);
    state.fetch_add(kRun);
    state.notify_all();
    for (std::thread& worker : workers) worker.join();
  }
};

ThreadPool::ThreadPool(int threads) : threads_(threads), shared_(std::make_unique<Shared>()) {
  if (threads < 1 || threads > kMaxThreads) {
    fail(ErrorKind::kUsage, "threads: found ", threads, ", accepted: 1 to ", kMaxThreads);
  }
  // Spinning helps only if the thread waited for runs on another core.
  shared_->spins = threads <= available_cores() ? kSpins : 0;
  shared_->workers.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int i = 1; i < threads; ++i) shared_->workers.emplace_back([this, i] { work(i); });
  } catch (const std::system_error& error) {
    const std::size_t started = shared_->workers.size() + 1;
    shared_->join();
    fail(ErrorKind::kUnsupported, "threads: found ", threads, ", but the system gave only ",
         started, ": ", error.what());
  }
}

ThreadPool::~ThreadPool() { shared_->join(); }

void ThreadPool::run(std::int64_t count, std::int64_t grain, Body body, void* context) noexcept {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  if (threads_ == 1 || count <= grain) {
    for (std::int64_t begin = 0; begin < count; begin += grain) {
      body(context, begin, std::min(begin + grain, count), 0);
    }
    return;
  }
  Shared& shared = *shared_;
  shared.job = {body, context, count, grain};
  shared.next.store(0, std::memory_order_relaxed);
  const std::uint32_t run = (shared.state.load(std::memory_order_relaxed) & kRunMask) + kRun;
  // Sequentially consistent, as notify reads the number of sleepers after it.
  shared.state.store(run | kOpen);
  shared.state.notify_all();
  shared.take_chunks(0);
  shared.state.fetch_and(~kOpen);
  shared.wait_until_empty();
}

void ThreadPool::work(int thread) noexcept {
  Shared& shared = *shared_;
  std::uint32_t done = 0;  // the run number this worker has left last
  std::uint32_t now = shared.state.load(std::memory_order_acquire);
  while (!shared.stop.load()) {
    if ((now & kOpen) == 0 || (now & kRunMask) == done) {
      now = shared.wait_for_change(now);
      continue;
    }
    if (!shared.state.compare_exchange_weak(now, now + 1, std::memory_order_acquire)) continue;
    done = now & kRunMask;
    shared.take_chunks(thread);
    now = shared.state.fetch_sub(1) - 1;
    if ((now & kActive) == 0 && (now & kCallerSleeps) != 0) shared.state.notify_all();
  }
}

int available_cores() {
  // Machines with more than 1,024 processors need a larger set than cpu_set_t.
  for (int processors = 1024; processors <= (1 << 16); processors *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(processors));
    if (set == nullptr) return 1;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(processors));
    const bool known = sched_getaffinity(0, size, set) == 0;
    const int cores = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(cores, 1);
  }
  return 1;
}

}  // namespace octet
