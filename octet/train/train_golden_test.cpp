#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>

#include "octet/train/execute.h"
#include "octet/train/toy_models.h"
#include "octet/train/train.h"
#include "octet/zoo/zoo.h"

namespace octet {
namespace {

// The published run of the traffic network: fifteen losses and the number of right answers.
TEST(Train, ReproducesTheTrafficLosses) {
  const auto data_dir = real_data_dir();
  if (!data_dir || !std::filesystem::exists(*data_dir / "traffic/trafficdata.csv")) {
    GTEST_SKIP() << "no traffic data; set OCTET_DATA_DIR";
  }
  const DataSplits data = load_data("traffic", {.data_dir = *data_dir, .validation_fraction = 0.0});
  const Graph graph = build_model("traffic_net", {.seed = 42});
  TrainOptions options;
  options.epochs = 15;
  options.batch = 0;
  options.optimizer = Optimizer::kAdam;
  options.lr = 1e-3f;
  options.schedule = Schedule::kConstant;
  options.shuffle = false;
  const TrainResult result = train(graph, data, options);
  constexpr std::array kLosses{1.0685, 1.0527, 1.0373, 1.0222, 1.0074, 0.9929, 0.9788, 0.9649,
                               0.9514, 0.9383, 0.9254, 0.9128, 0.9006, 0.8886, 0.8769};
  ASSERT_EQ(result.epochs.size(), kLosses.size());
  for (std::size_t i = 0; i < kLosses.size(); ++i) {
    EXPECT_NEAR(result.epochs[i].train_loss, kLosses[i], 0.51e-4) << "epoch " << i + 1;
  }

  ASSERT_EQ(data.test.size(), 1256);
  std::vector<std::int32_t> all(1256);
  std::iota(all.begin(), all.end(), 0);
  Tensor batch(DType::kFloat32, Shape{1256, 7});
  fill_batch(data.test, all, data.train.preprocessing, {}, nullptr, batch.mutable_data<float>());
  const ValueId logits = result.best.outputs()[0];
  const Tensor scores = FloatModel(result.best).forward(batch, std::span(&logits, 1))[0];
  int correct = 0;
  for (int i = 0; i < 1256; ++i) {
    const float* row = scores.data<float>().data() + i * 3;
    correct += std::max_element(row, row + 3) - row == data.test.labels[i];
  }
  EXPECT_EQ(correct, 791);
}

}  // namespace
}  // namespace octet
