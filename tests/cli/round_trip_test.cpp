#include "octet/data/npy.h"
#include "octet/onnx/onnx.h"
#include "tests/cli/cli_test.h"

// What one command writes, another one reads.

namespace octet {
namespace {

class RoundTripTest : public CliTest {
 protected:
  void SetUp() override { put_traffic_net("fp32.onnx"); }

  void pipeline(const std::string& folder) const {
    expect_works(
        "pipeline --from fp32.onnx --data roads --rounds 10 --bench-batch 1,2 "
        "--configs static_int8_per_channel,dynamic_int8 -o " +
        folder);
  }
};

Tensor five_samples() {
  Tensor x(DType::kFloat32, {5, 7});
  float next = -1000.0f;
  for (float& value : x.mutable_data<float>()) value = (next += 311.5f);
  return x;
}

TEST_F(RoundTripTest, RunGivesTheSameForNpyAndTensorProto) {
  write_npy(five_samples(), folder_ / "x.npy");
  write_tensor_proto(five_samples(), folder_ / "x.pb");
  expect_works("run fp32.onnx --input input=x.npy --output-dir npy");
  expect_works("run fp32.onnx --input input=x.pb --output-dir pb --format pb");
  const Tensor from_npy = read_npy(folder_ / "npy/logits.npy");
  EXPECT_EQ(from_npy.shape(), Shape({5, 3}));
  EXPECT_TRUE(from_npy == read_tensor_proto(folder_ / "pb/logits.pb"));
}

TEST_F(RoundTripTest, RunGivesTheSameForEverySplitThreadCountAndInstructionSet) {
  expect_works("quantize fp32.onnx --config static_int8_per_channel --data roads -o int8.onnx");
  write_npy(five_samples(), folder_ / "x.npy");
  for (const std::string model : {"fp32", "int8"}) {
    const std::string run = "run " + model + ".onnx --input input=x.npy --output-dir ";
    expect_works(run + "a --threads 1");
    expect_works(run + "b --threads 3");
    expect_works(run + "c --isa baseline");
    EXPECT_EQ(get("a/logits.npy"), get("b/logits.npy")) << model;
    EXPECT_EQ(get("a/logits.npy"), get("c/logits.npy")) << model;
  }
}

TEST_F(RoundTripTest, RunTellsItsOutputsAsJson) {
  write_npy(five_samples(), folder_ / "x.npy");
  const auto run = json_of("run fp32.onnx --input input=x.npy --output-dir out --json");
  ASSERT_EQ(run["outputs"].size(), 1u);
  EXPECT_EQ(run["outputs"][0]["name"], "logits");
  EXPECT_EQ(run["outputs"][0]["dtype"], "float32");
  EXPECT_EQ(run["outputs"][0]["shape"], nlohmann::json({5, 3}));
  EXPECT_EQ(run["outputs"][0]["file"], "out/logits.npy");
}

TEST_F(RoundTripTest, RunKeepsOutputsWhoseNamesDifferOnlyInPunctuation) {
  Graph graph = dense_model(kDynamicDim, 7, 3);
  const ValueId logits = graph.outputs()[0];
  const auto output = [&](const std::string& name, Op op) {
    const ValueId value = graph.add_value(name);
    graph.add_node(name, std::move(op), {logits}, {value});
    graph.add_output(value);
  };
  graph.outputs().clear();
  output("a/b", Relu{});
  output("a.b", Sigmoid{});
  infer_shapes(graph);
  put_model("twins.onnx", graph);
  write_npy(five_samples(), folder_ / "x.npy");
  const auto run = json_of("run twins.onnx --input input=x.npy --output-dir out --json");
  ASSERT_EQ(run["outputs"].size(), 2u);
  const std::string first = run["outputs"][0]["file"], second = run["outputs"][1]["file"];
  EXPECT_NE(first, second);
  EXPECT_NE(get(first), get(second));
}

TEST_F(RoundTripTest, RunDoesNotLeaveTheOutputFolder) {
  Graph graph = dense_model(kDynamicDim, 7, 3);
  const ValueId value = graph.add_value("../../escaped");
  graph.add_node("relu", Relu{}, {graph.outputs()[0]}, {value});
  graph.outputs() = {value};
  infer_shapes(graph);
  put_model("hostile.onnx", graph);
  write_npy(five_samples(), folder_ / "x.npy");
  expect_works("run hostile.onnx --input input=x.npy --output-dir deep/out");
  for (const auto& [name, content] : files()) {
    EXPECT_TRUE(name == "deep" || name.starts_with("deep/out") || name.ends_with(".onnx") ||
                name == "x.npy")
        << name;
  }
}

TEST_F(RoundTripTest, PipelineOfATrainedModelNeedsNoTraining) {
  const auto run = json_of(
      "pipeline --from fp32.onnx --data roads --rounds 10 --bench-batch 1,2 --json "
      "--configs static_int8_per_channel,dynamic_int8 -o run");
  EXPECT_EQ(run, nlohmann::json::parse(get("run/results.json")));
  EXPECT_TRUE(run.contains("environment"));
  ASSERT_EQ(run["configs"].size(), 3u);
  const char* const names[] = {"fp32_baseline", "static_int8_per_channel", "dynamic_int8"};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& config = run["configs"][i];
    EXPECT_EQ(config["name"], names[i]);
    for (const char* key : {"top1", "top5", "file_bytes", "size_ratio", "speedup", "arena_bytes"}) {
      EXPECT_TRUE(config[key].is_number()) << key << " in " << config;
    }
    EXPECT_EQ(config.contains("top1_drop_pp"), i > 0);
    for (const char* batch : {"1", "2"}) {
      EXPECT_TRUE(config["p50_ms"][batch].is_number()) << config;
      EXPECT_EQ(config["ci95_ms"][batch].size(), 2u) << config;
    }
    EXPECT_TRUE(config["pareto"].is_boolean());
    EXPECT_EQ(config["file_bytes"], get("run/" + config["model_file"].get<std::string>()).size());
  }
  // What the run measured is what eval measures on the file that lies there.
  const auto eval = json_of("eval run/static_int8_per_channel.onnx --data roads --json");
  EXPECT_EQ(eval["top1"], run["configs"][1]["top1"]);
  EXPECT_EQ(eval["loss"], run["configs"][1]["loss"]);
  for (const auto& [name, content] : files()) {
    EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
    EXPECT_EQ(name.find("probe"), std::string::npos) << name;
  }
}

TEST_F(RoundTripTest, WhatIsNoClassifierIsCalibratedOnInputs) {
  Graph graph = dense_model(kDynamicDim, 7, 3);
  graph.add_output(graph.add("detail", Relu{}, {graph.outputs()[0]}));  // two outputs
  infer_shapes(graph);
  put_model("two.onnx", graph);
  Tensor samples(DType::kFloat32, Shape{5, 7});
  for (float& x : samples.mutable_data<float>()) x = 0.5f;
  write_npy(samples, folder_ / "five.npy");
  expect_works("quantize two.onnx --calib-inputs normal --calib-samples 8 -o drawn.onnx");
  expect_works("quantize two.onnx --calib-inputs five.npy -o given.onnx");
  EXPECT_NE(get("drawn.onnx"), get("given.onnx"));
  expect_works("run given.onnx --input input=five.npy --output-dir out");
  write_npy(samples.reshaped({7, 5}), folder_ / "wrong.npy");
  expect_fails("quantize two.onnx --calib-inputs wrong.npy -o q.onnx", 65, {"wrong.npy", "[7, 5]"});
  expect_fails("quantize two.onnx --calib-inputs none.npy -o q.onnx", 66, {"none.npy"});
  expect_fails("quantize two.onnx --calib-inputs five.npy --data roads -o q.onnx", 64,
               {"--calib-inputs", "--data"});
}

TEST_F(RoundTripTest, AGridHasEveryCellAndHoldsItsGates) {
  const auto grid = json_of("pipeline --grid mnist_mlp,resnet20 --tiny --json -o grid");
  EXPECT_EQ(grid, nlohmann::json::parse(get("grid/grid.json")));
  EXPECT_TRUE(grid["broken"].empty()) << grid["broken"];
  ASSERT_EQ(grid["cells"].size(), 8u);
  for (const auto& cell : grid["cells"]) {
    for (const char* key : {"size_ratio", "weight_ratio", "p50_ms", "speedup"}) {
      EXPECT_GT(cell[key].get<double>(), 0) << key << " in " << cell;
    }
    EXPECT_EQ(cell["file_bytes"], get("grid/" + cell["model_file"].get<std::string>()).size());
    const bool is_static = cell["config"].get<std::string>().starts_with("static_");
    EXPECT_EQ(cell["weight_ratio"].get<double>() <= 0.27,
              is_static || (cell["model"] == "mnist_mlp" && cell["config"] == "dynamic_int8"))
        << cell;
    if (is_static) {
      EXPECT_TRUE(cell["float_layers"].empty()) << cell;
    }
  }
  EXPECT_NE(get("grid/grid.md").find("Every gate holds."), std::string::npos);
}

TEST_F(RoundTripTest, AGridEndsWith1WhenAGateIsBroken) {
  // 67 channels with a scale each weigh too much on 640 weights.
  const ProcessResult result = octet("pipeline --grid traffic_net --tiny -o grid");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("broken: traffic_net, static_int8_per_channel: weights are 0.3"),
            std::string::npos)
      << result.out;
  EXPECT_EQ(result.out.find("broken: traffic_net, static_int8_per_tensor"), std::string::npos);
}

TEST_F(RoundTripTest, ReportWritesTheSameFilesAgain) {
  pipeline("run");
  const auto before = files();
  std::filesystem::remove(folder_ / "run/pareto.md");
  std::filesystem::remove(folder_ / "run/report.html");
  expect_works("report run");
  EXPECT_TRUE(files() == before);
}

TEST_F(RoundTripTest, CompareEndsWith1WhenALimitIsBroken) {
  pipeline("run");
  EXPECT_EQ(octet("compare run run --max-drop 0 --max-size 1 --min-speedup 1").exit_code, 0);
  EXPECT_EQ(octet("compare run run --max-size 0.99").exit_code, 1);
  EXPECT_EQ(octet("compare run run --max-drop -1").exit_code, 1);

  const std::string models = "compare fp32.onnx run/static_int8_per_channel.onnx --rounds 3 ";
  EXPECT_EQ(octet(models + "--max-size 100 --min-speedup 0.0001").exit_code, 0);
  EXPECT_EQ(octet(models + "--data roads --max-drop 100").exit_code, 0);
  const ProcessResult slow = octet(models + "--min-speedup 1e9 --json");
  EXPECT_EQ(slow.exit_code, 1);
  EXPECT_NE(slow.err.find("speedup"), std::string::npos) << slow.err;
  EXPECT_EQ(nlohmann::json::parse(slow.out)["broken_limits"].size(), 1u);
}

TEST_F(RoundTripTest, BytesDependOnTheInputsAlone) {
  const std::string quantize =
      "quantize fp32.onnx --config static_int8_per_channel --data roads -o ";
  expect_works(quantize + "q.onnx");
  expect_works(quantize + "a_much_longer_name_of_the_same_model.onnx");
  EXPECT_EQ(get("q.onnx"), get("a_much_longer_name_of_the_same_model.onnx"));
  expect_works(quantize + "q.onnx --threads 3 --isa baseline");
  EXPECT_EQ(get("q.onnx"), get("a_much_longer_name_of_the_same_model.onnx"));
}

TEST_F(RoundTripTest, ADisabledPassLeavesItsNodesAlone) {
  const std::string quantize = "quantize fp32.onnx --config static_int8_per_channel --data roads";
  expect_works(quantize + " -o fused.onnx");
  expect_works(quantize + " --disable-pass fuse-activations -o apart.onnx");
  EXPECT_NE(get("fused.onnx"), get("apart.onnx"));
  const std::string accuracy = " --data roads --json";
  EXPECT_EQ(json_of("eval fp32.onnx" + accuracy)["top1"],
            json_of("eval fp32.onnx --disable-pass fuse-activations" + accuracy)["top1"]);
}

TEST_F(RoundTripTest, AModelMayBeReplacedByItsQuantizedSelf) {
  put_traffic_net("m.onnx");
  const auto before = static_cast<double>(get("m.onnx").size());
  const auto result = json_of("quantize m.onnx --config dynamic_int8 -o m.onnx --json");
  EXPECT_DOUBLE_EQ(result["size_ratio"].get<double>(),
                   static_cast<double>(get("m.onnx").size()) / before);
}

TEST_F(RoundTripTest, DataDirIsTakenFromTheEnvironmentOrTheOption) {
  put("data/traffic/trafficdata.csv", "nothing");
  put("elsewhere/traffic/trafficdata.csv", "nothing");
  expect_fails("eval fp32.onnx --data traffic", 65, {(folder_ / "data/traffic").string()});
  expect_fails("eval fp32.onnx --data traffic --data-dir elsewhere", 65, {"elsewhere/traffic"});
}

}  // namespace
}  // namespace octet
