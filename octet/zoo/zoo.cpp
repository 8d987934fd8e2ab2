#include "octet/zoo/zoo.h"

#include "octet/base/names.h"
#include "octet/zoo/builder.h"

namespace octet {
namespace {

struct Model {
  const char* name;
  Graph (*build)(const ModelOptions& options);
};

constexpr Model kModels[] = {
    {"traffic_net", build_traffic_net}, {"mnist_mlp", build_mnist_mlp},
    {"small_cnn", build_small_cnn},     {"mobilenet_v2", build_mobilenet_v2},
    {"resnet20", build_resnet20},       {"mobilenet_v3_large", build_mobilenet_v3_large},
    {"resnet18", build_resnet18},       {"vgg11_bn", build_vgg11_bn},
};

}  // namespace

Graph build_model(const std::string& name, const ModelOptions& options) {
  for (const Model& model : kModels) {
    if (name == model.name) return model.build(options);
  }
  fail_unknown_name("model", name, model_names());
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Model& model : kModels) names.emplace_back(model.name);
  return names;
}

}  // namespace octet
