#include <limits>

#include "octet/zoo/builder.h"

namespace octet {
namespace {

/// The parameter-free shortcut "A" of He et al. 2016, section 4.2: every second pixel, and zero
/// channels on both sides.
ValueId shortcut(NetworkBuilder& net, const std::string& path, ValueId x, int in_channels,
                 int out_channels) {
  const std::int64_t end = std::numeric_limits<std::int64_t>::max();
  const ValueId pixels = net.apply(path + ".slice", Slice{{0, 0}, {end, end}, {2, 3}, {2, 2}}, {x});
  const std::int64_t before = (out_channels - in_channels) / 2;
  const std::int64_t after = out_channels - in_channels - before;
  return net.apply(path + ".pad", Pad{{0, before, 0, 0, 0, after, 0, 0}, 0.0f}, {pixels});
}

ValueId basic_block(NetworkBuilder& net, const std::string& path, ValueId x, int in_channels,
                    int out_channels) {
  const int stride = out_channels == in_channels ? 1 : 2;
  const Conv2d first{.stride = {stride, stride}, .padding = {1, 1, 1, 1}};
  const Conv2d second{.padding = {1, 1, 1, 1}};
  ValueId y =
      net.conv(path + ".conv1", x, in_channels, out_channels, 3, first, Init::kHeNormalFanOut);
  y = net.batch_norm(path + ".bn1", y, out_channels);
  y = net.apply(path + ".relu1", Relu{}, {y});
  y = net.conv(path + ".conv2", y, out_channels, out_channels, 3, second, Init::kHeNormalFanOut);
  y = net.batch_norm(path + ".bn2", y, out_channels);
  const ValueId skip =
      stride == 1 ? x : shortcut(net, path + ".shortcut", x, in_channels, out_channels);
  return net.apply(path + ".relu2", Relu{}, {net.apply(path + ".add", Add{}, {y, skip})});
}

}  // namespace

// The CIFAR ResNet of He et al. 2016 with three blocks per stage.
Graph build_resnet20(const ModelOptions& options) {
  const std::string model = "resnet20";
  const int size = input_size(model, options, 32, 8, 256);
  const int classes = class_count(model, options, 10);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, 3, size, size});
  x = net.conv("conv1", x, 3, 16, 3, {.padding = {1, 1, 1, 1}}, Init::kHeNormalFanOut);
  x = net.batch_norm("bn1", x, 16);
  x = net.apply("relu", Relu{}, {x});
  int channels = 16;
  for (int stage = 1; stage <= 3; ++stage) {
    const int width = 8 << stage;
    for (int block = 0; block < 3; ++block) {
      const std::string path = "layer" + std::to_string(stage) + "." + std::to_string(block);
      x = basic_block(net, path, x, channels, width);
      channels = width;
    }
  }
  x = net.apply("gap", GlobalAveragePool{}, {x});
  x = net.apply("flatten", Flatten{}, {x});
  return net.finish(net.linear("linear", x, channels, classes, Init::kUniformFanIn));
}

}  // namespace octet
