#include "octet/zoo/builder.h"

namespace octet {
namespace {

// Simonyan and Zisserman 2015, table 1, column A; 0 is a 2x2 max-pool.
constexpr int kWidths[] = {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0};

}  // namespace

// torchvision's vgg11_bn without the dropouts. Its adaptive pool to 7x7 is the identity at the
// sizes that are accepted.
Graph build_vgg11_bn(const ModelOptions& options) {
  const std::string model = "vgg11_bn";
  const int size = input_size(model, options, 224, 224, 255);
  const int classes = class_count(model, options, 1000);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, 3, size, size});
  int channels = 3, index = 0;
  const auto next_path = [&] { return "features." + std::to_string(index++); };
  for (const int width : kWidths) {
    if (width == 0) {
      x = net.apply(next_path(), MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, {x});
      continue;
    }
    x = net.biased_conv(next_path(), x, channels, width, 3, {.padding = {1, 1, 1, 1}},
                        Init::kHeNormalFanOut);
    x = net.batch_norm(next_path(), x, width);
    x = net.apply(next_path(), Relu{}, {x});
    channels = width;
  }
  x = net.apply("flatten", Flatten{}, {x});
  x = net.linear("classifier.0", x, 512 * 7 * 7, 4096, Init::kNormalSmall);
  x = net.apply("classifier.1", Relu{}, {x});
  x = net.linear("classifier.3", x, 4096, 4096, Init::kNormalSmall);
  x = net.apply("classifier.4", Relu{}, {x});
  return net.finish(net.linear("classifier.6", x, 4096, classes, Init::kNormalSmall));
}

}  // namespace octet
