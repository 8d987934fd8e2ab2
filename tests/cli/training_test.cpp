#include "tests/cli/cli_test.h"

// Commands that train: only where the program was built with libtorch.

namespace octet {
namespace {

using Json = nlohmann::json;

class TrainingTest : public CliTest {
 protected:
  void SetUp() override {
    if (!kTrains) GTEST_SKIP() << "this program was built without libtorch";
  }

  static void expect_history(const Json& document, std::size_t epochs) {
    ASSERT_EQ(document["epochs"].size(), epochs);
    for (std::size_t i = 0; i < epochs; ++i) {
      const Json& epoch = document["epochs"][i];
      EXPECT_EQ(epoch["epoch"], i + 1);
      for (const char* key : {"train_loss", "val_loss", "val_top1", "images_per_s"}) {
        EXPECT_TRUE(epoch[key].is_number()) << key << " in " << epoch;
      }
    }
    const Json& test = document["test"];
    EXPECT_DOUBLE_EQ(test["top1"].get<double>(),
                     100.0 * test["correct"].get<double>() / test["samples"].get<double>());
  }
};

TEST_F(TrainingTest, TrainTellsTheHistoryAndTheTestAccuracy) {
  const Json train =
      json_of("train --model traffic_net --data roads --epochs 2 --limit 256 -o fp32.onnx --json");
  EXPECT_EQ(train["model_file"], "fp32.onnx");
  expect_history(train, 2);
  EXPECT_EQ(train["test"]["samples"], 256);
  EXPECT_EQ(files().size(), 1u) << "the checkpoint of a finished run is removed";
  const Json eval = json_of("eval fp32.onnx --data roads --limit 256 --json");
  EXPECT_EQ(eval["correct"], train["test"]["correct"]);
}

TEST_F(TrainingTest, QatTellsTheHistoryAndTheTestAccuracy) {
  put_traffic_net("fp32.onnx");
  const Json qat = json_of("qat fp32.onnx --data roads --epochs 1 --limit 256 -o int8.onnx --json");
  EXPECT_EQ(qat["model_file"], "int8.onnx");
  expect_history(qat, 1);
  const Json eval = json_of("eval int8.onnx --data roads --limit 256 --json");
  EXPECT_EQ(eval["correct"], qat["test"]["correct"]);
}

TEST_F(TrainingTest, PipelineDoesTheWholeJob) {
  const Json run = json_of(
      "pipeline --model traffic_net --data roads --tiny --configs "
      "static_int8_per_channel,qat_int8 -o run --json");
  ASSERT_EQ(run["configs"].size(), 3u);
  EXPECT_EQ(run["configs"][2]["name"], "qat_int8");
  EXPECT_TRUE(exists("run/report.html"));
  EXPECT_TRUE(exists("run/pareto.md"));
}

TEST_F(TrainingTest, TheSameSeedGivesTheSameBytes) {
  const std::string train = "train --model traffic_net --data roads --epochs 2 --limit 256 --seed ";
  expect_works(train + "7 -o a.onnx");
  expect_works(train + "7 -o another_name.onnx");
  expect_works(train + "8 -o other_seed.onnx");
  EXPECT_EQ(get("a.onnx"), get("another_name.onnx"));
  EXPECT_NE(get("a.onnx"), get("other_seed.onnx"));
}

TEST_F(TrainingTest, ResumeWithoutACheckpointIsRefused) {
  expect_fails("train --model traffic_net --data roads --resume -o t.onnx", 66,
               {"t.onnx.checkpoint"});
}

TEST_F(TrainingTest, ADamagedCheckpointIsRefused) {
  put("t.onnx.checkpoint", "no checkpoint");
  expect_fails("train --model traffic_net --data roads --resume -o t.onnx", 65,
               {"t.onnx.checkpoint"});
}

}  // namespace
}  // namespace octet
