#include "octet/zoo/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/graph/passes/passes.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::span<const float> weights(const Graph& graph, const std::string& name) {
  const std::optional<ValueId> id = graph.find_value(name);
  if (!id || !graph.value(*id).constant) {
    ADD_FAILURE() << "no constant " << name;
    return {};
  }
  return graph.value(*id).constant->data<float>();
}

struct Expected {
  std::string model;
  std::int64_t parameters, macs;
  Shape input;
  int classes;
};

class ZooTest : public testing::TestWithParam<Expected> {};

TEST_P(ZooTest, HasThePublishedSizeAndInterface) {
  const Graph graph = build_model(GetParam().model);
  EXPECT_EQ(count_parameters(graph), GetParam().parameters);
  EXPECT_EQ(count_macs(graph), GetParam().macs);
  EXPECT_EQ(graph.metadata.at("octet.model"), GetParam().model);
  const Value& input = graph.value(graph.inputs().at(0));
  const Value& output = graph.value(graph.outputs().at(0));
  EXPECT_EQ(input.name, "input");
  EXPECT_EQ(input.shape, GetParam().input);
  EXPECT_EQ(output.name, "logits");
  EXPECT_EQ(output.shape, (Shape{kDynamicDim, GetParam().classes}));
}

/// Without vgg11_bn, whose 133 million weights take seconds to draw.
class SmallZooTest : public ZooTest {};

TEST_P(SmallZooTest, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const auto first_weight = [](const Graph& graph) {
    for (const Value& value : graph.values()) {
      if (value.constant) return *value.constant;
    }
    return Tensor();
  };
  const Tensor a = first_weight(build_model(GetParam().model, {.seed = 7}));
  EXPECT_EQ(a, first_weight(build_model(GetParam().model, {.seed = 7})));
  EXPECT_FALSE(a == first_weight(build_model(GetParam().model, {.seed = 8})));
}

TEST_P(SmallZooTest, FoldsEveryBatchNormAndFusesEveryActivation) {
  Graph graph = build_model(GetParam().model);
  run_passes(graph, inference_passes());
  for (const Node& node : graph.nodes()) {
    EXPECT_FALSE(std::holds_alternative<BatchNorm>(node.op)) << node.name;
    EXPECT_FALSE(std::holds_alternative<Relu>(node.op)) << node.name;
    EXPECT_FALSE(std::holds_alternative<Clip>(node.op)) << node.name;
  }
  EXPECT_EQ(count_macs(graph), GetParam().macs);
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "logits");
}

// Parameters and multiply-accumulates, those of torchvision. MobileNetV2's are torchvision's
// 300,774,272 without the 990 x 1280 of the other 990 ImageNet classes; resnet20 has no projection
// in its shortcuts.
const Expected kSmallModels[] = {
    {"traffic_net", 707, 640, {kDynamicDim, 7}, 3},
    {"mnist_mlp", 89'610, 89'400, {kDynamicDim, 1, 28, 28}, 10},
    {"small_cnn", 288'746, 38'634'752, {kDynamicDim, 3, 32, 32}, 10},
    {"mobilenet_v2", 2'236'682, 299'507'072, {kDynamicDim, 3, 224, 224}, 10},
    {"resnet20", 269'722, 40'551'040, {kDynamicDim, 3, 32, 32}, 10},
    {"mobilenet_v3_large", 5'483'032, 216'589'760, {kDynamicDim, 3, 224, 224}, 1000},
    {"resnet18", 11'689'512, 1'814'073'344, {kDynamicDim, 3, 224, 224}, 1000},
};
const Expected kLargeModels[] = {
    {"vgg11_bn", 132'868'840, 7'609'090'048, {kDynamicDim, 3, 224, 224}, 1000},
};

std::string model_name(const testing::TestParamInfo<Expected>& info) { return info.param.model; }

INSTANTIATE_TEST_SUITE_P(Small, ZooTest, testing::ValuesIn(kSmallModels), model_name);
INSTANTIATE_TEST_SUITE_P(Large, ZooTest, testing::ValuesIn(kLargeModels), model_name);
INSTANTIATE_TEST_SUITE_P(Small, SmallZooTest, testing::ValuesIn(kSmallModels), model_name);

TEST(Zoo, ReplaysTheWeightsThatPyTorchDrawsFromSeed42) {
  const Graph graph = build_model("traffic_net", {.seed = 42});
  const std::span<const float> w = weights(graph, "fc1.weight");
  const float expected[] = {0.7645f, 0.8300f, -0.2343f, 0.9186f, -0.2191f, 0.2018f};
  // torch.manual_seed(42); torch.rand(6) * 2 - 1, as printed by PyTorch.
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(w[i] * std::sqrt(7.0f), expected[i], 1e-4f) << i;

  Rng rng(42);
  const auto replays = [&](const std::string& name, float bound) {
    for (float weight : weights(graph, name)) {
      const float draw = static_cast<float>(rng.next_u32() & 0xFFFFFF) * 0x1p-24f;
      ASSERT_EQ(weight, draw * (2 * bound) - bound) << name;
    }
  };
  const auto fc1_bound = static_cast<float>(1 / std::sqrt(7.0));
  replays("fc1.weight", fc1_bound);
  replays("fc1.bias", fc1_bound);
  replays("fc2.weight", 0.125f);
  replays("fc2.bias", 0.125f);
}

TEST(Zoo, DrawsHeNormalWeightsFromTheFanOut) {
  const Graph graph = build_model("resnet20");
  const std::span<const float> w = weights(graph, "layer3.2.conv2.weight");
  double sum = 0, squares = 0;
  for (float x : w) {
    sum += x;
    squares += double{x} * x;
  }
  const double n = static_cast<double>(w.size());  // 36,864: the deviation is known to 0.4 %
  EXPECT_NEAR(sum / n, 0.0, 4 * std::sqrt(2.0 / 576 / n));
  EXPECT_NEAR(std::sqrt(squares / n), std::sqrt(2.0 / 576), 0.02 * std::sqrt(2.0 / 576));
}

TEST(Zoo, NamesWeightsByTheirModulePaths) {
  const Graph mobilenet = build_model("mobilenet_v2");
  for (const char* name :
       {"features.0.0.weight", "features.0.1.running_var", "features.1.conv.0.0.weight",
        "features.1.conv.1.weight", "features.1.conv.2.bias", "features.2.conv.0.0.weight",
        "features.2.conv.1.1.weight", "features.2.conv.2.weight", "features.2.conv.3.weight",
        "features.17.conv.3.running_mean", "features.18.0.weight", "classifier.1.bias"}) {
    EXPECT_TRUE(mobilenet.find_value(name)) << name;
  }
  const Graph cnn = build_model("small_cnn");
  EXPECT_EQ(cnn.value(*cnn.find_value("block3.conv1.weight")).shape, (Shape{128, 64, 3, 3}));
  EXPECT_TRUE(cnn.find_value("fc.bias"));
}

TEST(Zoo, BuildsEveryInputSizeThatItPromises) {
  for (int size = 32; size <= 224; size += 32) {
    const Graph graph = build_model("mobilenet_v2", {.classes = 5, .input_size = size});
    EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{kDynamicDim, 5}));
  }
  for (int size : {8, 9, 31, 33, 256}) {  // odd sizes: the shortcut must fit the strided conv
    build_model("resnet20", {.input_size = size});
    build_model("small_cnn", {.input_size = size});
  }
}

std::string usage_error(const std::string& model, const ModelOptions& options) {
  try {
    build_model(model, options);
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
}

TEST(Zoo, RefusesWhatItCannotBuild) {
  EXPECT_THAT(usage_error("smal_cnn", {}), HasSubstr("did you mean 'small_cnn'?"));
  EXPECT_EQ(usage_error("mobilenet_v2", {.input_size = 31}),
            "model 'mobilenet_v2': input size 31, accepted: 32 to 224");
  EXPECT_EQ(usage_error("mnist_mlp", {.input_size = 32}),
            "model 'mnist_mlp': input size 32, accepted: 28");
  EXPECT_EQ(usage_error("small_cnn", {.input_size = 7}),
            "model 'small_cnn': input size 7, accepted: 8 to 256");
  EXPECT_EQ(usage_error("traffic_net", {.classes = 1}),
            "model 'traffic_net': 1 classes, accepted: 2 or more");
  EXPECT_EQ(usage_error("traffic_net", {.classes = -3}),
            "model 'traffic_net': -3 classes, accepted: 2 or more");
}

TEST(Zoo, ListsItsModels) {
  EXPECT_THAT(model_names(), ElementsAre("traffic_net", "mnist_mlp", "small_cnn", "mobilenet_v2",
                                         "resnet20", "mobilenet_v3_large", "resnet18", "vgg11_bn"));
}

}  // namespace
}  // namespace octet
