#include "octet/train/fake_quant_network.h"

#include "octet/base/error.h"
#include "octet/train/torch_bridge.h"

namespace octet {

FakeQuantNetwork::FakeQuantNetwork(const Graph& graph, const QuantSpec& spec,
                                   const std::map<ValueId, Range>& ranges, float averaging,
                                   const at::Device& device)
    : executor_(graph, device),
      current_(graph),
      spec_(spec),
      averaging_(averaging),
      activations_(activation_points(graph)),
      weights_(weight_points(graph)) {
  for (const ValueId id : activations_) {
    const Range range = ranges.at(id);
    observers_[id] = at::tensor(std::vector<float>{range.min, range.max}, at::kFloat);
  }
}

at::Tensor FakeQuantNetwork::forward(const at::Tensor& batch, bool observe) {
  for (const ValueId id : weights_) {
    current_.value(id).constant = from_torch(executor_.constant(id));
  }
  assignment_ = assign(current_, ranges(), spec_);
  quantized_.clear();
  const at::Tensor logits = executor_.forward(
      batch, /*training=*/false,
      [&](ValueId id, const at::Tensor& tensor) { return on_value(id, tensor, observe); });
  require_all_quantized();
  return logits;
}

at::Tensor FakeQuantNetwork::on_value(ValueId id, const at::Tensor& tensor, bool observe) {
  const auto weight = assignment_.weights.find(id);
  if (weight != assignment_.weights.end()) {
    quantized_.insert(id);
    return fake_quantize(tensor, weight_grid(weight->second, assignment_.weight_bits.at(id),
                                             spec_.torch_compat, executor_.device()));
  }
  const auto activation = assignment_.activations.find(id);
  if (activation == assignment_.activations.end()) return tensor;
  if (observe && observers_.contains(id)) observe_batch(id, tensor);  // a constant has no range
  quantized_.insert(id);
  return fake_quantize(tensor, activation_grid(activation->second, executor_.device()));
}

void FakeQuantNetwork::observe_batch(ValueId id, const at::Tensor& tensor) {
  const at::NoGradGuard no_grad;
  const auto [min, max] = at::aminmax(tensor.detach());
  float* range = observers_.at(id).data_ptr<float>();
  // The order of operations of torch.ao.quantization.MovingAverageMinMaxObserver.
  range[0] += averaging_ * (min.item<float>() - range[0]);
  range[1] += averaging_ * (max.item<float>() - range[1]);
}

void FakeQuantNetwork::require_all_quantized() const {
  for (const std::vector<ValueId>* points : {&activations_, &weights_}) {
    for (const ValueId id : *points) {
      if (quantized_.contains(id)) continue;
      fail(ErrorKind::kInternal, "qat: '", current_.value(id).name,
           "' should be fake-quantized and was not");
    }
  }
}

std::vector<at::Tensor> FakeQuantNetwork::observers() const {
  std::vector<at::Tensor> result;
  for (const ValueId id : activations_) result.push_back(observers_.at(id));
  return result;
}

std::map<ValueId, Range> FakeQuantNetwork::ranges() const {
  std::map<ValueId, Range> result;
  for (const auto& [id, observer] : observers_) {
    const float* range = observer.data_ptr<float>();
    result[id] = {range[0], range[1]};
  }
  return result;
}

}  // namespace octet
