#include "tests/cli/cli_test.h"

// --json: one document, the keys of the contract, figures as numbers.

namespace octet {
namespace {

using Json = nlohmann::json;

class JsonTest : public CliTest {
 protected:
  void SetUp() override { put_traffic_net("fp32.onnx"); }

  void quantize(const std::string& output) const {
    expect_works("quantize fp32.onnx --config static_int8_per_channel --data roads -o " + output);
  }
  static void expect_keys(const Json& object, const std::vector<const char*>& keys) {
    for (const char* key : keys) EXPECT_TRUE(object.contains(key)) << key << " in " << object;
  }
  static void expect_numbers(const Json& object, const std::vector<const char*>& keys) {
    for (const char* key : keys) {
      ASSERT_TRUE(object.contains(key)) << key << " in " << object;
      EXPECT_TRUE(object[key].is_number()) << key << ": " << object[key];
    }
  }
  static void expect_interval(const Json& interval, double inside) {
    ASSERT_TRUE(interval.is_array() && interval.size() == 2) << interval;
    EXPECT_LE(interval[0].get<double>(), inside);
    EXPECT_GE(interval[1].get<double>(), inside);
  }
};

TEST_F(JsonTest, InfoDescribesTheModel) {
  const Json info = json_of("info fp32.onnx --json");
  expect_numbers(info, {"opset", "parameters", "macs", "file_bytes", "weight_bytes"});
  EXPECT_EQ(info["parameters"], 7 * 64 + 64 + 64 * 3 + 3);
  EXPECT_EQ(info["macs"], 7 * 64 + 64 * 3);
  EXPECT_EQ(info["file_bytes"], get("fp32.onnx").size());
  EXPECT_EQ(info["weight_bytes"], 4 * (7 * 64 + 64 + 64 * 3 + 3));
  ASSERT_EQ(info["inputs"].size(), 1u);
  EXPECT_EQ(info["inputs"][0]["name"], "input");
  EXPECT_EQ(info["inputs"][0]["dtype"], "float32");
  EXPECT_EQ(info["inputs"][0]["shape"].size(), 2u);
  EXPECT_EQ(info["inputs"][0]["shape"][1], 7);
  ASSERT_EQ(info["outputs"].size(), 1u);
  EXPECT_EQ(info["outputs"][0]["name"], "logits");
  EXPECT_FALSE(info.contains("layers"));
}

TEST_F(JsonTest, InfoShowsEveryLayerOfAFloatModel) {
  const Json layers = json_of("info fp32.onnx --layers --json")["layers"];
  ASSERT_EQ(layers.size(), 2u);
  for (const Json& layer : layers) {
    expect_keys(layer, {"name", "op", "kernel", "weight_dtype"});
    expect_numbers(layer, {"macs", "weight_bits", "sparsity"});
    EXPECT_EQ(layer["op"], "Gemm");
    EXPECT_EQ(layer["weight_dtype"], "float32");
    EXPECT_FALSE(layer.contains("weight_scale"));
    EXPECT_FALSE(layer.contains("input_scale"));
  }
}

TEST_F(JsonTest, InfoShowsTheScalesOfAnIntegerModel) {
  quantize("int8.onnx");
  const Json layers = json_of("info int8.onnx --layers --json")["layers"];
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0]["weight_scale"].size(), 64u);
  EXPECT_EQ(layers[1]["weight_scale"].size(), 3u);
  for (const Json& layer : layers) {
    expect_numbers(layer, {"weight_bits", "input_scale", "input_zero_point", "output_scale",
                           "output_zero_point", "sparsity"});
    EXPECT_EQ(layer["weight_dtype"], "int8");
    EXPECT_EQ(layer["weight_bits"], 8);
    EXPECT_FALSE(layer.contains("why_float")) << layer;
    for (const Json& scale : layer["weight_scale"]) EXPECT_GT(scale.get<double>(), 0);
  }
}

TEST_F(JsonTest, InfoGivesTheIntegerWeightsOfALayer) {
  quantize("int8.onnx");
  const Json info = json_of("info int8.onnx --layers --json");
  const std::string name = info["layers"][1]["name"];
  const Json weights = json_of("info int8.onnx --json --weights " + name);
  EXPECT_EQ(weights["shape"], Json({3, 64}));
  EXPECT_EQ(weights["dtype"], "int8");
  ASSERT_EQ(weights["values"].size(), 3u * 64u);
  for (const Json& value : weights["values"]) EXPECT_TRUE(value.is_number_integer());
}

TEST_F(JsonTest, EvalCountsAddUp) {
  const Json eval = json_of("eval fp32.onnx --data roads --json");
  EXPECT_EQ(eval["model"], "fp32.onnx");
  EXPECT_EQ(eval["data"], "roads");
  EXPECT_EQ(eval["split"], "test");
  expect_numbers(eval, {"samples", "correct", "top1", "top5", "loss"});
  EXPECT_DOUBLE_EQ(eval["top1"].get<double>(),
                   100.0 * eval["correct"].get<double>() / eval["samples"].get<double>());
  EXPECT_EQ(eval["top5"], 100.0) << "three classes are all among the best five";
  EXPECT_EQ(eval["per_class"].size(), 3u);
  expect_numbers(eval["per_class"], {"quiet", "medium", "busy"});
  EXPECT_FALSE(eval.contains("agreement"));
  EXPECT_EQ(json_of("eval fp32.onnx --data roads --limit 70 --json")["samples"], 70);
  const Json train = json_of("eval fp32.onnx --data roads --split train --json");
  EXPECT_EQ(train["split"], "train");
  EXPECT_GT(train["samples"], eval["samples"]);
}

TEST_F(JsonTest, EvalAgainstItselfAgreesWholly) {
  put_traffic_net("other.onnx", 2);
  const Json same = json_of("eval fp32.onnx --data roads --against fp32.onnx --json");
  EXPECT_EQ(same["agreement"], 100.0);
  EXPECT_EQ(same["mcnemar_p"], 1.0);
  EXPECT_EQ(same["top1_drop_pp"], 0.0);
  const Json other = json_of("eval fp32.onnx --data roads --against other.onnx --json");
  expect_numbers(other, {"agreement", "mcnemar_p", "top1_drop_pp"});
  EXPECT_LT(other["agreement"], 100.0);
  const double reference = json_of("eval other.onnx --data roads --json")["top1"];
  EXPECT_NEAR(other["top1_drop_pp"].get<double>(), reference - other["top1"].get<double>(), 1e-9);
}

TEST_F(JsonTest, LogitsThatAreNotFiniteAreRefused) {
  Graph overflowing = dense_model(kDynamicDim, 7, 3);
  Tensor weight(DType::kFloat32, {3, 7});
  for (float& x : weight.mutable_data<float>()) x = 3e38f;
  overflowing.value(*overflowing.find_value("weight")).constant = weight;
  put_model("overflow.onnx", overflowing);
  expect_fails("eval overflow.onnx --data roads --json", 65, {"sample 0", "inf"});
}

TEST_F(JsonTest, BenchMeasuresEveryModelAtEveryBatch) {
  quantize("int8.onnx");
  const Json bench = json_of("bench fp32.onnx int8.onnx --rounds 10 --batch 1,2 --json");
  expect_keys(bench["machine"], {"cpu", "isa", "compiler", "commit"});
  expect_numbers(bench["machine"], {"cores", "threads", "clock_ghz"});
  const Json& results = bench["results"];
  ASSERT_EQ(results.size(), 4u);
  std::set<std::pair<std::string, int>> measured;
  for (const Json& result : results) {
    expect_numbers(
        result, {"batch", "threads", "rounds", "p50_ms", "p95_ms", "p99_ms", "mean_ms", "speedup",
                 "file_bytes", "weight_bytes", "arena_bytes", "peak_rss_bytes"});
    expect_interval(result["ci95_ms"], result["p50_ms"]);
    EXPECT_EQ(result["rounds"], 10);
    EXPECT_GT(result["p50_ms"], 0.0);
    EXPECT_LE(result["p50_ms"], result["p95_ms"]);
    EXPECT_LE(result["p95_ms"], result["p99_ms"]);
    EXPECT_EQ(result["file_bytes"], get(result["model"].get<std::string>()).size());
    if (result["model"] == "fp32.onnx") {
      EXPECT_EQ(result["speedup"], 1.0);
    }
    measured.emplace(result["model"], result["batch"]);
  }
  EXPECT_EQ(measured.size(), 4u);
  EXPECT_FALSE(bench.contains("roofline"));

  const Json roofline =
      json_of("bench int8.onnx --rounds 3 --batch 2 --no-memory --roofline --json")["roofline"];
  ASSERT_EQ(roofline.size(), 1U);
  EXPECT_EQ(roofline[0]["batch"], 2);
  ASSERT_GT(roofline[0]["layers"].size(), 3U);
  for (const Json& layer : roofline[0]["layers"]) {
    expect_keys(layer, {"name", "op", "kernel"});
    expect_numbers(layer, {"macs", "ms"});
    if (layer["macs"] > 0) expect_numbers(layer, {"gmacs_per_s"});
  }

  const Json without = json_of("bench fp32.onnx --rounds 3 --batch 1 --no-memory --json");
  EXPECT_FALSE(without["results"][0].contains("peak_rss_bytes"));
}

TEST_F(JsonTest, CompareNamesTheDifferences) {
  quantize("int8.onnx");
  const Json compare = json_of("compare fp32.onnx int8.onnx --rounds 3 --json");
  ASSERT_EQ(compare["differences"].size(), 1u);
  expect_numbers(compare["differences"][0], {"speedup", "size_ratio"});
  EXPECT_FALSE(compare["differences"][0].contains("top1_drop_pp"));
  EXPECT_EQ(compare["broken_limits"].size(), 0u);
  const Json with_data = json_of("compare fp32.onnx int8.onnx --data roads --rounds 3 --json");
  expect_numbers(with_data["differences"][0], {"top1_drop_pp"});
}

TEST_F(JsonTest, QuantizeTellsWhatItWrote) {
  const Json quantize =
      json_of("quantize fp32.onnx --config static_int8_per_channel --data roads -o q.onnx --json");
  EXPECT_EQ(quantize["model_file"], "q.onnx");
  EXPECT_EQ(quantize["config"], "static_int8_per_channel");
  expect_numbers(quantize, {"file_bytes", "size_ratio"});
  EXPECT_EQ(quantize["file_bytes"], get("q.onnx").size());
}

TEST_F(JsonTest, QuantizeTellsWhichLayersOtherKernelsSaturateIn) {
  const std::string command = "quantize fp32.onnx --data roads -o q.onnx --json";
  const Json saturation = json_of(command)["saturation"];
  ASSERT_FALSE(saturation.empty()) << "drawn weights have a pair past the bound in 64 channels";
  for (const Json& layer : saturation) {
    expect_keys(layer, {"layer"});
    expect_numbers(layer, {"channels", "pairs", "share"});
    EXPECT_GE(layer["pairs"], layer["channels"]);
    EXPECT_GT(layer["share"], 0.0);
    EXPECT_LE(layer["share"], 1.0);
  }
  EXPECT_EQ(json_of(command + " --reduce-range")["saturation"], Json::array());
}

TEST_F(JsonTest, AWeightOnlyFileIsPackedAndSaysSo) {
  const Json quantize = json_of("quantize fp32.onnx --config weight_only_w4_g32 -o w4.onnx --json");
  EXPECT_EQ(quantize["config"], "weight_only_w4_g32");
  EXPECT_EQ(quantize["saturation"], Json::array()) << "activations are float";
  const Json info = json_of("info w4.onnx --layers --json");
  EXPECT_EQ(info["opset"], 21);
  EXPECT_EQ(info["parameters"], 7 * 64 + 64 + 64 * 3 + 3);
  // Codes, scales (one block of 7, two of 32) and float biases.
  EXPECT_EQ(info["weight_bytes"], (7 * 64 + 64 * 3) / 2 + 4 * (64 + 2 * 3) + 4 * (64 + 3));
  ASSERT_EQ(info["layers"].size(), 2u) << info["layers"];
  for (const Json& layer : info["layers"]) {
    EXPECT_EQ(layer["weight_dtype"], "int4");
    EXPECT_EQ(layer["weight_bits"], 4);
    EXPECT_EQ(layer["kernel"].get<std::string>().find("gemm_f32_w4/"), 0u) << layer;
  }
  EXPECT_EQ(info["layers"][1]["weight_scale"].size(), 6u);
  const std::string name = info["layers"][1]["name"];
  const Json weights = json_of("info w4.onnx --json --weights " + name);
  EXPECT_EQ(weights["shape"], Json({64, 3}));
  for (const Json& value : weights["values"]) {
    EXPECT_LE(std::abs(value.get<int>()), 7);
  }
  EXPECT_EQ(json_of("quantize fp32.onnx --config weight_only_w8 -o w8.onnx --json")["config"],
            "weight_only_w8");
  EXPECT_EQ(json_of("info w8.onnx --json")["opset"], 13);
  EXPECT_GT(json_of("eval w4.onnx --data roads --against fp32.onnx --json")["agreement"], 50.0);
}

TEST_F(JsonTest, DataListsEverySet) {
  const Json sets = json_of("data list --json")["sets"];
  std::map<std::string, bool> present;
  for (const Json& set : sets) present[set["name"]] = set["present"];
  EXPECT_EQ(present.size(), 8u);
  EXPECT_TRUE(present["shapes10"]);
  EXPECT_TRUE(present["roads"]);
  EXPECT_FALSE(present["cifar10"]);
  EXPECT_TRUE(present.contains("csv:FILE?label=COL"));
  EXPECT_EQ(json_of("data check roads --json")["present"], true);
  EXPECT_EQ(json_of("data fetch cifar10 --json")["name"], "cifar10");
}

TEST_F(JsonTest, NamesThatAreNotUtf8AreShownAllTheSame) {
  put_traffic_net("\xff.onnx");
  json_of("info \xff.onnx --json");
  json_of("eval \xff.onnx --data roads --limit 10 --json");
}

TEST_F(JsonTest, QuietProgramsSayNothingElse) {
  const ProcessResult result = octet("eval fp32.onnx --data roads --json -q");
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace octet
