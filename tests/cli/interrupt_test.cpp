#include <signal.h>

#include <thread>

#include "octet/zoo/zoo.h"
#include "tests/cli/cli_test.h"

// Ctrl-C and kill: the command ends soon, with 128 + signal, and leaves nothing half-done.

namespace octet {
namespace {

void wait_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

class InterruptTest : public CliTest {
 protected:
  void expect_stops(const std::string& command_line, int signal) const {
    SCOPED_TRACE(command_line);
    Process process = start(words(command_line));
    while (process.running() && !process.handles(signal)) wait_a_moment();
    process.send(signal);
    const ProcessResult result = process.wait(std::chrono::seconds(60));
    EXPECT_EQ(result.exit_code, 128 + signal) << result.err;
    EXPECT_EQ(result.out, "");
  }
};

TEST_F(InterruptTest, MeasuringStopsAtOnce) {
  put_traffic_net("m.onnx");
  put_model("cnn.onnx", build_model("small_cnn"));
  const auto before = files();
  const std::string bench = "bench m.onnx --batch 1 --rounds 10000000 --max-seconds 3000";
  expect_stops(bench, SIGINT);
  expect_stops(bench, SIGTERM);
  expect_stops("compare m.onnx m.onnx --rounds 10000000", SIGINT);
  expect_stops("eval cnn.onnx --data shapes10 --json", SIGINT);
  expect_stops("quantize cnn.onnx --config static_int8_per_channel --data shapes10 -o q.onnx",
               SIGINT);
  EXPECT_TRUE(files() == before);
}

class TrainingInterruptTest : public InterruptTest {
 protected:
  /// Long enough to be interrupted, short enough to be finished.
  static constexpr const char* kTrain =
      "train --model traffic_net --data roads --epochs 60 --limit 200 --batch 4 --threads 1 -o ";

  void SetUp() override {
    if (!kTrains) GTEST_SKIP() << "this program was built without libtorch";
  }

  /// Interrupts a training run once its first checkpoint is there.
  void interrupt(const std::string& output, int signal) const {
    Process training = start(words(kTrain + output));
    while (training.running() && !exists(output + ".checkpoint")) wait_a_moment();
    training.send(signal);
    const ProcessResult result = training.wait();
    EXPECT_EQ(result.exit_code, 128 + signal) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("--resume"), std::string::npos) << result.err;
  }
};

TEST_F(TrainingInterruptTest, CtrlCSavesAndResumeFinishesAsIfNothingHadHappened) {
  interrupt("stopped.onnx", SIGINT);
  ASSERT_TRUE(exists("stopped.onnx.checkpoint"));
  const auto half = json_of("eval stopped.onnx --data roads --json");
  EXPECT_GT(half["samples"], 0);

  expect_works(std::string(kTrain) + "whole.onnx");
  EXPECT_NE(get("stopped.onnx"), get("whole.onnx")) << "the run was not interrupted";
  expect_works(std::string(kTrain) + "stopped.onnx --resume");
  EXPECT_EQ(get("stopped.onnx"), get("whole.onnx"));
  EXPECT_FALSE(exists("stopped.onnx.checkpoint"));
}

TEST_F(TrainingInterruptTest, TerminationSavesToo) {
  interrupt("stopped.onnx", SIGTERM);
  EXPECT_TRUE(exists("stopped.onnx.checkpoint"));
  json_of("eval stopped.onnx --data roads --json");
}

}  // namespace
}  // namespace octet
