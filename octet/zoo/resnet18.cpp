#include "octet/zoo/builder.h"

namespace octet {
namespace {

ValueId conv_norm(NetworkBuilder& net, const std::string& conv_path, const std::string& norm_path,
                  ValueId x, int in_channels, int out_channels, int kernel, int stride) {
  const int pad = kernel / 2;
  const Conv2d conv{.stride = {stride, stride}, .padding = {pad, pad, pad, pad}};
  x = net.conv(conv_path, x, in_channels, out_channels, kernel, conv, Init::kHeNormalFanOut);
  return net.batch_norm(norm_path, x, out_channels);
}

/// He et al. 2016, figure 2, with the projection shortcut "B" where the size changes.
ValueId basic_block(NetworkBuilder& net, const std::string& path, ValueId x, int in_channels,
                    int out_channels, int stride) {
  ValueId y =
      conv_norm(net, path + ".conv1", path + ".bn1", x, in_channels, out_channels, 3, stride);
  y = net.apply(path + ".relu1", Relu{}, {y});
  y = conv_norm(net, path + ".conv2", path + ".bn2", y, out_channels, out_channels, 3, 1);
  if (stride != 1 || in_channels != out_channels) {
    x = conv_norm(net, path + ".downsample.0", path + ".downsample.1", x, in_channels, out_channels,
                  1, stride);
  }
  return net.apply(path + ".relu2", Relu{}, {net.apply(path + ".add", Add{}, {y, x})});
}

}  // namespace

// torchvision's resnet18.
Graph build_resnet18(const ModelOptions& options) {
  const std::string model = "resnet18";
  const int size = input_size(model, options, 224, 32, 512);
  const int classes = class_count(model, options, 1000);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, 3, size, size});
  x = conv_norm(net, "conv1", "bn1", x, 3, 64, 7, 2);
  x = net.apply("relu", Relu{}, {x});
  x = net.apply("maxpool", MaxPool{{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}}},
                {x});
  int channels = 64;
  for (int stage = 1; stage <= 4; ++stage) {
    const int width = 32 << stage;
    for (int block = 0; block < 2; ++block) {
      const std::string path = "layer" + std::to_string(stage) + "." + std::to_string(block);
      x = basic_block(net, path, x, channels, width, stage > 1 && block == 0 ? 2 : 1);
      channels = width;
    }
  }
  x = net.apply("avgpool", GlobalAveragePool{}, {x});
  x = net.apply("flatten", Flatten{}, {x});
  return net.finish(net.linear("fc", x, channels, classes, Init::kUniformFanIn));
}

}  // namespace octet
