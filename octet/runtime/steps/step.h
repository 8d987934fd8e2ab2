#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "octet/base/shape.h"
#include "octet/cpu/thread_pool.h"

namespace octet {

/// Index of a memory block of a plan: a piece of the arena, a constant, or a caller's tensor.
enum class BufferId : std::uint32_t {};

/// What a step sees while the plan runs.
struct RunContext {
  int batch;
  ThreadPool* pool;
  std::byte* const* buffers;  ///< by BufferId
  std::byte* scratch;         ///< one piece per thread
  std::size_t scratch_stride;

  template <typename T>
  T* get(BufferId id) const {
    return reinterpret_cast<T*>(buffers[static_cast<std::size_t>(id)]);
  }
  std::atomic<const std::string*>* undefined;

  /// Says that the data leave a node's result undefined; the first one is kept.
  void report_undefined(const std::string& node_name) const noexcept {
    const std::string* none = nullptr;
    undefined->compare_exchange_strong(none, &node_name);
  }
  template <typename T>
  T* thread_scratch(int thread) const {
    return reinterpret_cast<T*>(scratch + static_cast<std::size_t>(thread) * scratch_stride);
  }
  /// The first dimension of a tensor: the batch if it is dynamic.
  std::int64_t outer(const Shape& shape) const {
    return shape.rank() > 0 && shape[0] == kDynamicDim ? batch : (shape.rank() > 0 ? shape[0] : 1);
  }
};

/// One unit of work of a plan. Everything it needs was prepared by its constructor; run() neither
/// allocates nor throws.
class Step {
 public:
  virtual ~Step() = default;
  virtual void run(const RunContext& context) noexcept = 0;
};

}  // namespace octet
