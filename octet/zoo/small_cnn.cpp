#include "octet/zoo/builder.h"

namespace octet {

// Three blocks of (conv 3x3, batch norm, ReLU) twice and a 2x2 max-pool, then global average
// pooling and a linear layer.
Graph build_small_cnn(const ModelOptions& options) {
  const std::string model = "small_cnn";
  const int size = input_size(model, options, 32, 8, 256);  // 8: the third pool has a 2x2 input
  const int classes = class_count(model, options, 10);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, 3, size, size});
  int channels = 3;
  for (int block = 1; block <= 3; ++block) {
    const std::string path = "block" + std::to_string(block) + ".";
    const int width = 16 << block;
    for (int layer = 1; layer <= 2; ++layer) {
      const std::string index = std::to_string(layer);
      x = net.conv(path + "conv" + index, x, channels, width, 3, {.padding = {1, 1, 1, 1}},
                   Init::kUniformFanIn);
      x = net.batch_norm(path + "bn" + index, x, width);
      x = net.apply(path + "relu" + index, Relu{}, {x});
      channels = width;
    }
    x = net.apply(path + "pool", MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, {x});
  }
  x = net.apply("gap", GlobalAveragePool{}, {x});
  x = net.apply("flatten", Flatten{}, {x});
  return net.finish(net.linear("fc", x, channels, classes, Init::kUniformFanIn));
}

}  // namespace octet
