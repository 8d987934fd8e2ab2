#include "octet/runtime/plan.h"

#include <cassert>
#include <chrono>

#include "octet/base/error.h"
#include "octet/runtime/float_environment.h"
#include "octet/runtime/plan_impl.h"

namespace octet {

Plan::Impl::Impl(PlanBuilder& builder) : options(builder.options()) {
  const Graph& graph = builder.graph();
  for (const ValueId id : graph.inputs()) {
    inputs.push_back({graph.value(id).name, graph.value(id).dtype, graph.value(id).shape});
  }
  for (const ValueId id : graph.outputs()) {
    const Value& value = graph.value(id);
    outputs.push_back({value.name, value.dtype, value.shape});
  }
  layers = std::move(builder.layers);
  steps_ = std::move(builder.steps);
  packed_bytes = builder.packed_bytes();

  std::vector<Lifetime> lifetimes;
  std::vector<std::size_t> owners;
  pointers_.assign(builder.buffers.size(), nullptr);
  for (std::size_t id = 0; id < builder.buffers.size(); ++id) {
    BufferSpec& spec = builder.buffers[id];
    switch (spec.kind) {
      case BufferKind::kConstant:
        pointers_[id] = spec.constant.data();
        constants_.push_back(std::move(spec.constant));
        break;
      case BufferKind::kInput:
        input_patches_.push_back({id, spec.io_index});
        break;
      case BufferKind::kOutput:
        output_patches_.push_back({id, spec.io_index});
        break;
      case BufferKind::kArena:
        if (spec.first < 0) break;
        lifetimes.push_back({spec.size_bytes, spec.first, spec.last});
        owners.push_back(id);
        break;
    }
  }
  const MemoryPlan plan = plan_memory(lifetimes);
  scratch_stride_ = (builder.scratch_per_thread + 127) / 64 * 64;
  const std::size_t scratch_bytes = scratch_stride_ * static_cast<std::size_t>(options.threads);
  require_memory(plan.arena_bytes + scratch_bytes);
  arena_ = AlignedBuffer(plan.arena_bytes + scratch_bytes);
  arena_bytes = static_cast<std::int64_t>(plan.arena_bytes + scratch_bytes);
  for (std::size_t i = 0; i < owners.size(); ++i) {
    pointers_[owners[i]] = arena_.data() + plan.offsets[i];
  }
  scratch_ = arena_.data() + plan.arena_bytes;
  // The workers inherit the floating-point environment of the thread that creates them.
  const DefaultFloatEnvironment environment;
  pool_ = std::make_unique<ThreadPool>(options.threads);
}

void Plan::Impl::require_memory(std::size_t arena_and_scratch_bytes) const {
  auto bytes = static_cast<double>(arena_and_scratch_bytes);
  for (const PlanTensor& output : outputs) {
    bytes += tensor_bytes(output.shape, output.dtype, options.max_batch);
  }
  if (bytes <= static_cast<double>(options.max_memory_bytes)) return;
  fail(ErrorKind::kUnsupported, "compile: activations and outputs take ", bytes,
       " bytes, accepted: at most ", options.max_memory_bytes);
}

void Plan::Impl::run(std::span<const void* const> in, std::span<void* const> out, int batch,
                     double* seconds_per_layer) noexcept {
  assert(in.size() == inputs.size() && out.size() == outputs.size());
  assert(batch >= 1 && batch <= options.max_batch);
  const DefaultFloatEnvironment environment;
  undefined = nullptr;
  for (const IoPatch& patch : input_patches_) {
    // Steps only read the caller's inputs; the table holds one pointer type for all buffers.
    pointers_[patch.buffer] = static_cast<std::byte*>(const_cast<void*>(in[patch.index]));
  }
  for (const IoPatch& patch : output_patches_) {
    pointers_[patch.buffer] = static_cast<std::byte*>(out[patch.index]);
  }
  const RunContext context{batch,    pool_.get(),     pointers_.data(),
                           scratch_, scratch_stride_, &undefined};
  if (seconds_per_layer == nullptr) {
    for (const auto& step : steps_) step->run(context);
    return;
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto start = std::chrono::steady_clock::now();
    steps_[i]->run(context);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    seconds_per_layer[i] += elapsed.count();
  }
}

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

const std::vector<PlanTensor>& Plan::inputs() const { return impl_->inputs; }
const std::vector<PlanTensor>& Plan::outputs() const { return impl_->outputs; }
int Plan::max_batch() const { return impl_->options.max_batch; }
const std::vector<PlanLayer>& Plan::layers() const { return impl_->layers; }
const std::string* Plan::undefined_node() const { return impl_->undefined; }
std::int64_t Plan::arena_bytes() const { return impl_->arena_bytes; }
std::int64_t Plan::packed_bytes() const { return impl_->packed_bytes; }

void Plan::run(std::span<const void* const> inputs, std::span<void* const> outputs,
               int batch) noexcept {
  impl_->run(inputs, outputs, batch, nullptr);
}

void Plan::run(const float* input, float* output, int batch) noexcept {
  const void* in = input;
  void* out = output;
  impl_->run(std::span(&in, 1), std::span(&out, 1), batch, nullptr);
}

void Plan::run_timed(std::span<const void* const> inputs, std::span<void* const> outputs, int batch,
                     std::span<double> seconds_per_layer) noexcept {
  assert(seconds_per_layer.size() == impl_->layers.size());
  impl_->run(inputs, outputs, batch, seconds_per_layer.data());
}

}  // namespace octet
