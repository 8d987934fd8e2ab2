#include <algorithm>

#include "octet/zoo/builder.h"

namespace octet {
namespace {

enum class Activation { kNone, kRelu, kHardSwish };

// torchvision's batch norm of this network.
constexpr BatchNorm kNorm{.epsilon = 1e-3f, .momentum = 0.01f};

/// torchvision's Conv2dNormActivation at `path`: conv ".0", batch norm ".1", activation ".2".
struct ConvNorm {
  int in_channels, out_channels, kernel, stride = 1, groups = 1;
  Activation activation = Activation::kNone;
};

ValueId conv_norm(NetworkBuilder& net, const std::string& path, const ConvNorm& layer, ValueId x) {
  const int pad = (layer.kernel - 1) / 2;
  const Conv2d conv{.stride = {layer.stride, layer.stride},
                    .padding = {pad, pad, pad, pad},
                    .groups = layer.groups};
  x = net.conv(path + ".0", x, layer.in_channels, layer.out_channels, layer.kernel, conv,
               Init::kHeNormalFanOut);
  x = net.batch_norm(path + ".1", x, layer.out_channels, kNorm);
  switch (layer.activation) {
    case Activation::kRelu:
      return net.apply(path + ".2", Relu{}, {x});
    case Activation::kHardSwish:
      return net.apply(path + ".2", HardSwish{}, {x});
    case Activation::kNone:
      break;
  }
  return x;
}

/// `value` to a multiple of 8, at most 10 % smaller.
int rounded_to_8(int value) {
  const int rounded = std::max(8, (value + 4) / 8 * 8);
  return rounded * 10 < value * 9 ? rounded + 8 : rounded;
}

/// Hu et al. 2018: each channel is scaled by a function of all channels' means.
ValueId squeeze_excitation(NetworkBuilder& net, const std::string& path, ValueId x, int channels) {
  const int squeezed = rounded_to_8(channels / 4);
  ValueId scale = net.apply(path + ".avgpool", GlobalAveragePool{}, {x});
  scale = net.biased_conv(path + ".fc1", scale, channels, squeezed, 1, {}, Init::kHeNormalFanOut);
  scale = net.apply(path + ".activation", Relu{}, {scale});
  scale = net.biased_conv(path + ".fc2", scale, squeezed, channels, 1, {}, Init::kHeNormalFanOut);
  scale = net.apply(path + ".scale_activation", HardSigmoid{1.0f / 6.0f, 0.5f}, {scale});
  return net.apply(path + ".mul", Mul{}, {x, scale});
}

struct Block {
  int kernel, hidden, channels;
  bool squeezes;
  Activation activation;
  int stride;
};

constexpr auto kRelu = Activation::kRelu;
constexpr auto kHardSwish = Activation::kHardSwish;

// Howard et al. 2019, table 1.
constexpr Block kBlocks[] = {
    {3, 16, 16, false, kRelu, 1},       {3, 64, 24, false, kRelu, 2},
    {3, 72, 24, false, kRelu, 1},       {5, 72, 40, true, kRelu, 2},
    {5, 120, 40, true, kRelu, 1},       {5, 120, 40, true, kRelu, 1},
    {3, 240, 80, false, kHardSwish, 2}, {3, 200, 80, false, kHardSwish, 1},
    {3, 184, 80, false, kHardSwish, 1}, {3, 184, 80, false, kHardSwish, 1},
    {3, 480, 112, true, kHardSwish, 1}, {3, 672, 112, true, kHardSwish, 1},
    {5, 672, 160, true, kHardSwish, 2}, {5, 960, 160, true, kHardSwish, 1},
    {5, 960, 160, true, kHardSwish, 1},
};

ValueId inverted_residual(NetworkBuilder& net, const std::string& path, ValueId x, int in_channels,
                          const Block& block) {
  ValueId y = x;
  int layer = 0;
  const auto layer_path = [&] { return path + ".block." + std::to_string(layer++); };
  if (block.hidden != in_channels) {
    y = conv_norm(net, layer_path(), {in_channels, block.hidden, 1, 1, 1, block.activation}, y);
  }
  y = conv_norm(
      net, layer_path(),
      {block.hidden, block.hidden, block.kernel, block.stride, block.hidden, block.activation}, y);
  if (block.squeezes) y = squeeze_excitation(net, layer_path(), y, block.hidden);
  y = conv_norm(net, layer_path(), {block.hidden, block.channels, 1}, y);
  if (block.stride != 1 || in_channels != block.channels) return y;
  return net.apply(path + ".add", Add{}, {x, y});
}

}  // namespace

// torchvision's mobilenet_v3_large at width 1.0, without the dropout.
Graph build_mobilenet_v3_large(const ModelOptions& options) {
  const std::string model = "mobilenet_v3_large";
  const int size = input_size(model, options, 224, 32, 512);
  const int classes = class_count(model, options, 1000);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, 3, size, size});
  x = conv_norm(net, "features.0", {3, 16, 3, 2, 1, kHardSwish}, x);
  int channels = 16, index = 1;
  for (const Block& block : kBlocks) {
    x = inverted_residual(net, "features." + std::to_string(index++), x, channels, block);
    channels = block.channels;
  }
  x = conv_norm(net, "features.16", {channels, 960, 1, 1, 1, kHardSwish}, x);
  x = net.apply("avgpool", GlobalAveragePool{}, {x});
  x = net.apply("flatten", Flatten{}, {x});
  x = net.linear("classifier.0", x, 960, 1280, Init::kNormalSmall);
  x = net.apply("classifier.1", HardSwish{}, {x});
  return net.finish(net.linear("classifier.3", x, 1280, classes, Init::kNormalSmall));
}

}  // namespace octet
