#include "octet/zoo/builder.h"

namespace octet {
namespace {

/// conv, batch norm and, unless linear, ReLU6: torchvision's Conv2dNormActivation at `path`,
/// with the convolution at `<path>.0` and the batch norm at `<path>.1`.
struct ConvNorm {
  std::string conv_path, norm_path;
  std::string activation_path;  // empty: linear
  int in_channels, out_channels, kernel, stride, groups;
};

ValueId conv_norm(NetworkBuilder& net, const ConvNorm& layer, ValueId x) {
  const int pad = (layer.kernel - 1) / 2;
  const Conv2d conv{.stride = {layer.stride, layer.stride},
                    .padding = {pad, pad, pad, pad},
                    .groups = layer.groups};
  x = net.conv(layer.conv_path, x, layer.in_channels, layer.out_channels, layer.kernel, conv,
               Init::kHeNormalFanOut);
  x = net.batch_norm(layer.norm_path, x, layer.out_channels);
  if (layer.activation_path.empty()) return x;
  return net.apply(layer.activation_path, Clip{{0.0f, 6.0f}}, {x});
}

ValueId activated(NetworkBuilder& net, const std::string& path, ValueId x, int in_channels,
                  int out_channels, int kernel, int stride = 1, int groups = 1) {
  return conv_norm(
      net,
      {path + ".0", path + ".1", path + ".2", in_channels, out_channels, kernel, stride, groups},
      x);
}

struct Stage {
  int expansion, channels, blocks, stride;
};

// Sandler et al. 2018, table 2.
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

ValueId inverted_residual(NetworkBuilder& net, const std::string& path, ValueId x, int in_channels,
                          const Stage& stage, int stride) {
  const int hidden = in_channels * stage.expansion;
  ValueId y = x;
  int layer = 0;
  const auto layer_path = [&] { return path + ".conv." + std::to_string(layer++); };
  if (stage.expansion != 1) y = activated(net, layer_path(), y, in_channels, hidden, 1);
  y = activated(net, layer_path(), y, hidden, hidden, 3, stride, hidden);
  const std::string conv_path = layer_path(), norm_path = layer_path();
  y = conv_norm(net, {conv_path, norm_path, "", hidden, stage.channels, 1, 1, 1}, y);
  if (stride != 1 || in_channels != stage.channels) return y;
  return net.apply(path + ".add", Add{}, {x, y});
}

}  // namespace

// torchvision's mobilenet_v2 at width 1.0, without the dropout.
Graph build_mobilenet_v2(const ModelOptions& options) {
  const std::string model = "mobilenet_v2";
  const int size = input_size(model, options, 224, 32, 224);
  const int classes = class_count(model, options, 10);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, 3, size, size});
  x = activated(net, "features.0", x, 3, 32, 3, 2);
  int channels = 32, index = 1;
  for (const Stage& stage : kStages) {
    for (int block = 0; block < stage.blocks; ++block) {
      const std::string path = "features." + std::to_string(index++);
      x = inverted_residual(net, path, x, channels, stage, block == 0 ? stage.stride : 1);
      channels = stage.channels;
    }
  }
  x = activated(net, "features.18", x, channels, 1280, 1);
  x = net.apply("gap", GlobalAveragePool{}, {x});
  x = net.apply("flatten", Flatten{}, {x});
  return net.finish(net.linear("classifier.1", x, 1280, classes, Init::kNormalSmall));
}

}  // namespace octet
