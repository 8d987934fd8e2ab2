#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace octet {

/// Threads that split a range of independent work items. The calling thread takes part, so a pool
/// of 1 has no thread of its own and costs nothing. Which thread computes an item never changes
/// the result (numerics clause 13).
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return threads_; }

  /// Calls body(context, begin, end, thread) on disjoint ranges that cover [0, count), each of at
  /// most `grain` items and handed out dynamically; returns when all are done. `thread` is in
  /// [0, size()) and no two concurrent calls share it. Never allocates or throws.
  using Body = void (*)(void* context, std::int64_t begin, std::int64_t end, int thread);
  void run(std::int64_t count, std::int64_t grain, Body body, void* context) noexcept;

  /// The same for a lambda (std::int64_t begin, std::int64_t end, int thread).
  template <typename F>
  void parallel_for(std::int64_t count, std::int64_t grain, F&& f) noexcept {
    run(
        count, grain,
        [](void* context, std::int64_t begin, std::int64_t end, int thread) {
          (*static_cast<std::remove_reference_t<F>*>(context))(begin, end, thread);
        },
        &f);
  }

 private:
  struct Shared;
  void work(int thread) noexcept;

  int threads_;
  std::unique_ptr<Shared> shared_;
};

/// The cores this process may use (its affinity mask), at least 1.
int available_cores();

}  // namespace octet
