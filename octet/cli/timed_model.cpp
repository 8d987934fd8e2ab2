#include "octet/cli/timed_model.h"

#include "octet/base/nibbles.h"
#include "octet/base/rng.h"

namespace octet::cli {
namespace {

constexpr std::size_t kVariants = 4;

void fill(Tensor& tensor, Rng& rng) {
  if (tensor.dtype() == DType::kFloat32) {
    for (float& x : tensor.mutable_data<float>()) x = rng.normal();
    return;
  }
  std::byte* bytes = tensor.mutable_raw();
  for (std::size_t i = 0; i < tensor.size_bytes(); ++i) {
    bytes[i] = static_cast<std::byte>(rng.next_u32());
  }
}

}  // namespace

TimedModel::TimedModel(Graph graph, const CompileOptions& options, int batch)
    : plan_(compile(std::move(graph), options)), batch_(batch) {
  Rng rng(7);
  for (std::size_t variant = 0; variant < kVariants; ++variant) {
    for (const PlanTensor& input : plan_.inputs()) {
      inputs_.emplace_back(byte_type(input.dtype), input.shape.with_batch(batch));
      fill(inputs_.back(), rng);
    }
  }
  for (const PlanTensor& output : plan_.outputs()) {
    outputs_.emplace_back(byte_type(output.dtype), output.shape.with_batch(batch));
  }
  for (Tensor& tensor : inputs_) input_pointers_.push_back(tensor.mutable_raw());
  for (Tensor& tensor : outputs_) output_pointers_.push_back(tensor.mutable_raw());
}

std::span<const void* const> TimedModel::next_inputs() {
  const std::size_t count = plan_.inputs().size(), first = variant_ * count;
  variant_ = (variant_ + 1) % kVariants;
  return std::span<const void* const>(input_pointers_).subspan(first, count);
}

void TimedModel::run() { plan_.run(next_inputs(), output_pointers_, batch_); }

void TimedModel::run_timed(std::span<double> seconds_per_layer) {
  plan_.run_timed(next_inputs(), output_pointers_, batch_, seconds_per_layer);
}

}  // namespace octet::cli
