#include "octet/zoo/builder.h"

namespace octet {

// 784 -> 100 -> 100 -> classes with ReLU between.
Graph build_mnist_mlp(const ModelOptions& options) {
  const std::string model = "mnist_mlp";
  const int size = input_size(model, options, 28, 28, 28);
  const int classes = class_count(model, options, 10);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, 1, size, size});
  x = net.apply("flatten", Flatten{}, {x});
  x = net.linear("fc1", x, size * size, 100, Init::kUniformFanIn);
  x = net.apply("relu1", Relu{}, {x});
  x = net.linear("fc2", x, 100, 100, Init::kUniformFanIn);
  x = net.apply("relu2", Relu{}, {x});
  return net.finish(net.linear("fc3", x, 100, classes, Init::kUniformFanIn));
}

}  // namespace octet
