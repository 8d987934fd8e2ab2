#pragma once

#include <string>

#include "octet/base/rng.h"
#include "octet/graph/graph.h"
#include "octet/zoo/zoo.h"

namespace octet {

/// How the weights of a layer are drawn.
enum class Init {
  kUniformFanIn,    ///< U(-b, b), b = 1 / sqrt(fan_in): PyTorch's default for Conv2d and Linear
  kHeNormalFanOut,  ///< N(0, 2 / fan_out): He et al. 2015, as torchvision draws convolutions
  kNormalSmall,     ///< N(0, 0.01^2), bias 0: torchvision's MobileNet and VGG classifiers
};

/// Writes a network layer by layer as a PyTorch module would: names are module paths, weights are
/// drawn in the order of the calls.
class NetworkBuilder {
 public:
  NetworkBuilder(const std::string& model, std::uint32_t seed);

  ValueId input(const Shape& shape);
  /// Without bias: batch norm follows. Weight "<path>.weight" [oc, ic / groups, kernel, kernel].
  ValueId conv(const std::string& path, ValueId x, int in_channels, int out_channels, int kernel,
               const Conv2d& conv, Init init);
  /// The same with a bias "<path>.bias" of zeros.
  ValueId biased_conv(const std::string& path, ValueId x, int in_channels, int out_channels,
                      int kernel, const Conv2d& conv, Init init);
  /// Scale 1, shift 0, running mean 0, running variance 1.
  ValueId batch_norm(const std::string& path, ValueId x, int channels, BatchNorm norm = {});
  ValueId linear(const std::string& path, ValueId x, int in_features, int out_features, Init init);
  ValueId apply(const std::string& path, Op op, std::vector<std::optional<ValueId>> inputs);

  /// Names the result "logits", infers shapes and verifies.
  Graph finish(ValueId logits);

 private:
  Tensor draw(const Shape& shape, int fan_in, int fan_out, Init init);
  ValueId conv_weight(const std::string& path, int group_channels, int out_channels, int kernel,
                      Init init);
  ValueId constant(const std::string& name, Tensor tensor);
  ValueId filled(const std::string& name, int count, float value);

  Graph graph_;
  Rng rng_;
};

/// `options.classes`, or `customary` if it is 0. Error(kUsage) for 1 or less.
int class_count(const std::string& model, const ModelOptions& options, int customary);
/// `options.input_size`, or `customary` if it is 0. Error(kUsage) outside [smallest, largest].
int input_size(const std::string& model, const ModelOptions& options, int customary, int smallest,
               int largest);

Graph build_traffic_net(const ModelOptions& options);
Graph build_mnist_mlp(const ModelOptions& options);
Graph build_small_cnn(const ModelOptions& options);
Graph build_mobilenet_v2(const ModelOptions& options);
Graph build_resnet20(const ModelOptions& options);
Graph build_resnet18(const ModelOptions& options);
Graph build_mobilenet_v3_large(const ModelOptions& options);
Graph build_vgg11_bn(const ModelOptions& options);

}  // namespace octet
