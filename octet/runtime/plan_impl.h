#pragma once

#include <atomic>

#include "octet/runtime/plan.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

struct Plan::Impl {
  /// Takes the steps and constants out of the builder and lays out the arena.
  explicit Impl(PlanBuilder& builder);

  void run(std::span<const void* const> in, std::span<void* const> out, int batch,
           double* seconds_per_layer) noexcept;

  std::vector<PlanTensor> inputs, outputs;
  std::vector<PlanLayer> layers;
  CompileOptions options;
  std::int64_t arena_bytes = 0;
  std::int64_t packed_bytes = 0;

 private:
  struct IoPatch {
    std::size_t buffer;
    std::size_t index;
  };
  /// Error(kUnsupported) if the outputs and this much take more than max_memory_bytes.
  void require_memory(std::size_t arena_and_scratch_bytes) const;

  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<AlignedBuffer> constants_;
  AlignedBuffer arena_;
  std::vector<std::byte*> pointers_;  // by BufferId
  std::vector<IoPatch> input_patches_, output_patches_;
  std::byte* scratch_ = nullptr;
  std::size_t scratch_stride_ = 0;
  std::unique_ptr<ThreadPool> pool_;

 public:
  /// The node whose result the last run's data left undefined; null if there was none.
  std::atomic<const std::string*> undefined{nullptr};
};

}  // namespace octet
