#include "octet/zoo/builder.h"

#include <algorithm>
#include <cmath>

#include "octet/base/error.h"

namespace octet {

NetworkBuilder::NetworkBuilder(const std::string& model, std::uint32_t seed) : rng_(seed) {
  graph_.name = model;
  graph_.metadata["octet.model"] = model;
}

ValueId NetworkBuilder::input(const Shape& shape) {
  return graph_.add_input("input", DType::kFloat32, shape);
}

Tensor NetworkBuilder::draw(const Shape& shape, int fan_in, int fan_out, Init init) {
  Tensor tensor(DType::kFloat32, shape);
  // The bound in float32, as PyTorch narrows it: seed 42 replays torch.manual_seed(42).
  const auto bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(fan_in)));
  const auto deviation = static_cast<float>(std::sqrt(2.0 / fan_out));
  for (float& element : tensor.mutable_data<float>()) {
    switch (init) {
      case Init::kUniformFanIn:
        element = rng_.uniform(-bound, bound);
        break;
      case Init::kHeNormalFanOut:
        element = rng_.normal() * deviation;
        break;
      case Init::kNormalSmall:
        element = rng_.normal() * 0.01f;
        break;
    }
  }
  return tensor;
}

ValueId NetworkBuilder::constant(const std::string& name, Tensor tensor) {
  return graph_.add_constant(name, std::move(tensor));
}

ValueId NetworkBuilder::filled(const std::string& name, int count, float value) {
  Tensor tensor(DType::kFloat32, Shape{count});
  std::ranges::fill(tensor.mutable_data<float>(), value);
  return constant(name, std::move(tensor));
}

ValueId NetworkBuilder::conv_weight(const std::string& path, int group_channels, int out_channels,
                                    int kernel, Init init) {
  // PyTorch's fan_out ignores groups; torchvision's weights are drawn so.
  return constant(path + ".weight",
                  draw({out_channels, group_channels, kernel, kernel},
                       group_channels * kernel * kernel, out_channels * kernel * kernel, init));
}

ValueId NetworkBuilder::conv(const std::string& path, ValueId x, int in_channels, int out_channels,
                             int kernel, const Conv2d& conv, Init init) {
  const ValueId weight = conv_weight(path, in_channels / conv.groups, out_channels, kernel, init);
  return graph_.add(path, conv, {x, weight});
}

ValueId NetworkBuilder::biased_conv(const std::string& path, ValueId x, int in_channels,
                                    int out_channels, int kernel, const Conv2d& conv, Init init) {
  const ValueId weight = conv_weight(path, in_channels / conv.groups, out_channels, kernel, init);
  return graph_.add(path, conv, {x, weight, filled(path + ".bias", out_channels, 0.0f)});
}

ValueId NetworkBuilder::batch_norm(const std::string& path, ValueId x, int channels,
                                   BatchNorm norm) {
  const ValueId scale = filled(path + ".weight", channels, 1.0f);
  const ValueId shift = filled(path + ".bias", channels, 0.0f);
  const ValueId mean = filled(path + ".running_mean", channels, 0.0f);
  const ValueId variance = filled(path + ".running_var", channels, 1.0f);
  return graph_.add(path, norm, {x, scale, shift, mean, variance});
}

ValueId NetworkBuilder::linear(const std::string& path, ValueId x, int in_features,
                               int out_features, Init init) {
  const ValueId weight = constant(
      path + ".weight", draw({out_features, in_features}, in_features, out_features, init));
  const ValueId bias =
      init == Init::kUniformFanIn
          ? constant(path + ".bias", draw({out_features}, in_features, out_features, init))
          : filled(path + ".bias", out_features, 0.0f);
  return graph_.add(path, Gemm{}, {x, weight, bias});
}

ValueId NetworkBuilder::apply(const std::string& path, Op op,
                              std::vector<std::optional<ValueId>> inputs) {
  return graph_.add(path, std::move(op), std::move(inputs));
}

Graph NetworkBuilder::finish(ValueId result) {
  const ValueId logits = graph_.add_value("logits");
  for (Node& node : graph_.nodes()) {
    if (node.outputs[0] == result) node.outputs[0] = logits;
  }
  graph_.add_output(logits);
  graph_.compact();
  infer_shapes(graph_);
  verify(graph_);
  return std::move(graph_);
}

int class_count(const std::string& model, const ModelOptions& options, int customary) {
  if (options.classes == 0) return customary;
  if (options.classes < 2) {
    fail(ErrorKind::kUsage, "model '", model, "': ", options.classes,
         " classes, accepted: 2 or more");
  }
  return options.classes;
}

int input_size(const std::string& model, const ModelOptions& options, int customary, int smallest,
               int largest) {
  if (options.input_size == 0) return customary;
  if (options.input_size < smallest || options.input_size > largest) {
    std::string accepted = std::to_string(smallest);
    if (largest > smallest) accepted += " to " + std::to_string(largest);
    fail(ErrorKind::kUsage, "model '", model, "': input size ", options.input_size,
         ", accepted: ", accepted);
  }
  return options.input_size;
}

}  // namespace octet
