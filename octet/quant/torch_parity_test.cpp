#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "octet/data/dataset.h"
#include "octet/data/test_files.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/quant/calibration.h"
#include "octet/runtime/plan.h"

// The scales that PyTorch's default static recipe (MinMaxObserver, 7-bit activations) finds for a
// network trained on CIFAR-10, from its first 256 training images.

namespace octet {
namespace {

constexpr int kImages = 256;
constexpr int kBatch = 32;

struct Golden {
  const char* name;
  double scale;
  int zero_point;
};

Graph load_small_cnn(const std::filesystem::path& data) {
  Graph graph = import_onnx(data / "models" / "small_cnn_cifar10_fp32.onnx");
  run_passes(graph, inference_passes());
  return graph;
}

ActivationSource calibration_source(const Graph& graph, const Dataset& train) {
  return [&](std::span<const ValueId> requested, const ActivationSink& sink) {
    Graph tapped = graph;
    tapped.outputs().clear();
    for (const ValueId value : requested) {
      if (value != graph.inputs()[0]) tapped.add_output(value);
    }
    Plan plan = compile(tapped, {.max_batch = kBatch});
    std::vector<std::vector<float>> outputs;
    std::vector<void*> pointers;
    for (const PlanTensor& output : plan.outputs()) {
      const std::int64_t elements = output.shape.with_batch(kBatch).num_elements();
      pointers.push_back(outputs.emplace_back(static_cast<std::size_t>(elements)).data());
    }
    std::vector<float> images(static_cast<std::size_t>(kBatch * train.sample_shape.num_elements()));
    std::vector<std::int32_t> indices(kBatch);
    for (int first = 0; first < kImages; first += kBatch) {
      std::iota(indices.begin(), indices.end(), first);
      fill_batch(train, indices, train.preprocessing, {}, nullptr, images);
      const void* input = images.data();
      plan.run(std::span(&input, 1), pointers, kBatch);
      sink(graph.inputs()[0], images);
      for (std::size_t i = 0; i < outputs.size(); ++i) sink(tapped.outputs()[i], outputs[i]);
    }
  };
}

TEST(TorchParity, ScalesOfSmallCnnEqualPyTorchs) {
  const auto folder = real_data_folder("cifar10");
  if (!folder) GTEST_SKIP() << "no CIFAR-10: set OCTET_DATA_DIR";
  const Graph graph = load_small_cnn(*folder);
  const Dataset train = load_data("cifar10", {.data_dir = *folder, .limit = kImages}).train;
  QuantSpec spec = parse_config("static_int8_per_tensor");
  spec.torch_compat = true;
  const Calibration calibration = calibrate(graph, spec, calibration_source(graph, train));
  const QuantAssignment assignment = assign(graph, calibration.ranges, spec);

  const Golden activations[] = {{"input", 0.03240915, 61}, {"b1c1", 0.06882370, 0},
                                {"b1c2", 0.05011475, 0},   {"b2c1", 0.03633242, 0},
                                {"b2c2", 0.04388629, 0},   {"b3c1", 0.03703957, 0},
                                {"b3c2", 0.07589902, 0},   {"fc", 0.23322707, 46}};
  std::vector<QuantParams> found;
  for (const ValueId point : activation_points(graph)) {
    const bool reused = graph.value(point).shape.rank() == 4 && graph.value(point).shape[2] == 1;
    if (!reused) found.push_back(assignment.activations.at(point));
  }
  ASSERT_EQ(found.size(), std::size(activations));
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i].scale / activations[i].scale, 1.0, 1e-5) << activations[i].name;
    EXPECT_EQ(found[i].zero_point, activations[i].zero_point) << activations[i].name;
  }

  const double weights[] = {0.01075926, 0.00240142, 0.00198820, 0.00168696,
                            0.00131304, 0.00200706, 0.00499147};
  const std::vector<ValueId> points = weight_points(graph);
  ASSERT_EQ(points.size(), std::size(weights));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::vector<float>& scale = assignment.weights.at(points[i]).scale;
    ASSERT_EQ(scale.size(), 1u);
    EXPECT_NEAR(scale[0] / weights[i], 1.0, 1e-5) << graph.value(points[i]).name;
  }
  spec.per_channel = true;
  const TensorQuantParams conv1 = choose_weight_params(*graph.value(points[0]).constant, spec);
  const auto [smallest, largest] = std::ranges::minmax(conv1.scale);
  EXPECT_NEAR(smallest, 0.000879, 5e-7);
  EXPECT_NEAR(largest, 0.010759, 5e-7);
}

}  // namespace
}  // namespace octet
