#include "octet/zoo/builder.h"

namespace octet {

// Linear(features, 64) -> ReLU -> Linear(64, classes) on 7 features of traffic records.
Graph build_traffic_net(const ModelOptions& options) {
  const std::string model = "traffic_net";
  const int features = input_size(model, options, 7, 7, 7);
  const int classes = class_count(model, options, 3);
  NetworkBuilder net(model, options.seed);
  ValueId x = net.input({kDynamicDim, features});
  x = net.linear("fc1", x, features, 64, Init::kUniformFanIn);
  x = net.apply("relu", Relu{}, {x});
  return net.finish(net.linear("fc2", x, 64, classes, Init::kUniformFanIn));
}

}  // namespace octet
