#include "octet/base/error.h"
#include "tests/cli/cli_test.h"

// Model files that are missing, damaged, or of the wrong kind; outputs that cannot be written.

namespace octet {
namespace {

/// Every command that reads a model, with MODEL in place of its name.
const char* const kReaders[] = {
    "info MODEL",
    "info MODEL --layers --json",
    "eval MODEL --data roads",
    "eval ok.onnx --data roads --against MODEL",
    "bench ok.onnx MODEL --rounds 3 --batch 1",
    "quantize MODEL --config dynamic_int8 -o q.onnx",
    "quantize MODEL --config static_int8_per_channel --data roads -o q.onnx",
    "qat MODEL --data roads -o q.onnx",
    "train --from MODEL --data roads -o t.onnx",
    "compare ok.onnx MODEL --rounds 3",
    "run MODEL --input input=x.npy --output-dir out",
};

std::string with_model(std::string command_line, const std::string& model) {
  return command_line.replace(command_line.find("MODEL"), 5, model);
}

class BadModelTest : public CliTest {
 protected:
  void SetUp() override { put_traffic_net("ok.onnx"); }
};

TEST_F(BadModelTest, MissingFilesAreNamedByEveryCommand) {
  for (const char* reader : kReaders) {
    expect_fails(with_model(reader, "nowhere.onnx"), 66, {"nowhere.onnx"});
  }
  expect_fails("info .", 66, {"not a regular file"});
  expect_fails("report nowhere", 66, {"nowhere"});
  expect_fails("compare ok.onnx nowhere --rounds 3", 66, {"nowhere"});
}

TEST_F(BadModelTest, PipelineLeavesNoFolderBehindAMissingModel) {
  expect_fails("pipeline --from nowhere.onnx --data roads -o run", 66, {"nowhere.onnx"});
}

TEST_F(BadModelTest, FilesThatAreNoOnnxAreRefusedByEveryCommand) {
  put("text.onnx", "this is no model\n");
  for (const char* reader : kReaders) {
    expect_fails(with_model(reader, "text.onnx"), 65, {"text.onnx"});
  }
}

TEST_F(BadModelTest, TheMessageSaysWhatWasFoundInstead) {
  put("empty.onnx", "");
  put("png.onnx", std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16));
  put("gzip.onnx", std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
  put("zero.onnx", std::string(4096, '\0'));
  expect_fails("info empty.onnx", 65, {"empty.onnx", "empty"});
  expect_fails("info png.onnx", 65, {"png.onnx", "PNG"});
  expect_fails("info gzip.onnx", 65, {"gzip.onnx", "gzip"});
  expect_fails("info zero.onnx", 65, {"zero.onnx"});
}

TEST_F(BadModelTest, TruncatedModelsAreRefusedAtAnyOffset) {
  const std::string whole = get("ok.onnx");
  for (const std::size_t size : {std::size_t{1}, whole.size() / 7, whole.size() / 3,
                                 whole.size() / 2, whole.size() - 40, whole.size() - 1}) {
    put("cut.onnx", whole.substr(0, size));
    expect_fails("quantize cut.onnx --config dynamic_int8 -o q.onnx", 65, {"cut.onnx"});
  }
  put("long.onnx", whole + "trailing garbage");
  expect_fails("info long.onnx", 65, {"long.onnx"});
}

TEST_F(BadModelTest, QuantizedModelsAreNotQuantizedAgain) {
  expect_works("quantize ok.onnx --config static_int8_per_channel --data roads -o q.onnx");
  for (const char* config : {"static_int8_per_channel", "dynamic_int8"}) {
    expect_fails(std::string("quantize q.onnx --data roads -o qq.onnx --config ") + config, 65,
                 {"quantized already"});
  }
  expect_fails("pipeline --from q.onnx --data roads --configs dynamic_int8 -o run", 65,
               {"quantized already"});
  if (kTrains) expect_fails("qat q.onnx --data roads -o qq.onnx", 65, {"quantized already"});
}

TEST_F(BadModelTest, ModelsThatDoNotFitTheDataAreRefused) {
  put_model("two_classes.onnx", dense_model(kDynamicDim, 7, 2));
  put_model("six_features.onnx", dense_model(kDynamicDim, 6, 3));
  for (const char* command :
       {"eval MODEL --data roads", "eval ok.onnx --data roads --against MODEL",
        "quantize MODEL --config static_int8_per_channel --data roads -o q.onnx",
        "qat MODEL --data roads -o q.onnx", "train --from MODEL --data roads -o t.onnx",
        "pipeline --from MODEL --data roads --configs dynamic_int8 -o run",
        "compare ok.onnx MODEL --data roads --rounds 3"}) {
    expect_fails(with_model(command, "two_classes.onnx"), 65,
                 {"two_classes.onnx", "[N, 2]", "3 classes"});
    expect_fails(with_model(command, "six_features.onnx"), 65,
                 {"six_features.onnx", "[N, 6]", "[7]"});
  }
  expect_fails("eval ok.onnx --data shapes10 --limit 10", 65, {"ok.onnx", "[3, 32, 32]"});
  expect_fails("train --model small_cnn --data roads -o t.onnx", 65, {"small_cnn", "[7]"});
  expect_fails("train --model traffic_net --classes 4 --data roads -o t.onnx", 65, {"3 classes"});
}

/// Evaluation hands one float buffer in and takes one out: any other model would run past them.
TEST_F(BadModelTest, OnlyFloatClassifiersWithOneOutputAreEvaluated) {
  const TensorQuantParams params{.scale = {0.5f}, .zero_point = {0}, .dtype = DType::kUInt8};
  Graph bytes_in;
  const ValueId input = bytes_in.add_input("input", DType::kUInt8, {kDynamicDim, 7});
  const ValueId real = bytes_in.add("real", DequantizeLinear{params}, {input});
  const ValueId weight = bytes_in.add_constant("weight", Tensor(DType::kFloat32, {3, 7}));
  bytes_in.add_output(bytes_in.add("dense", Gemm{}, {real, weight}));
  infer_shapes(bytes_in);
  put_model("bytes_in.onnx", bytes_in);
  expect_fails("eval bytes_in.onnx --data roads", 65, {"bytes_in.onnx", "uint8", "float32"});

  Graph bytes_out = dense_model(kDynamicDim, 7, 3);
  const ValueId logits = bytes_out.outputs()[0];
  bytes_out.outputs() = {bytes_out.add("codes", QuantizeLinear{params}, {logits})};
  infer_shapes(bytes_out);
  put_model("bytes_out.onnx", bytes_out);
  expect_fails("eval bytes_out.onnx --data roads", 65, {"bytes_out.onnx", "uint8", "float32"});

  Graph two = dense_model(kDynamicDim, 7, 3);
  two.add_output(two.add("probabilities", Softmax{}, {two.outputs()[0]}));
  infer_shapes(two);
  put_model("two.onnx", two);
  expect_fails("eval two.onnx --data roads", 65, {"two.onnx", "2 outputs"});

  Graph none;
  const ValueId constant = none.add_constant("constant", Tensor(DType::kFloat32, {1, 3}));
  none.add_output(none.add("relu", Relu{}, {constant}));
  infer_shapes(none);
  put_model("no_input.onnx", none);
  expect_fails("eval no_input.onnx --data roads", 65, {"no_input.onnx", "0 inputs"});
  expect_works("info no_input.onnx --layers");
}

TEST_F(BadModelTest, ABatchThatTheModelFixesIsKept) {
  put_model("fixed.onnx", dense_model(4, 7, 3));
  expect_fails("bench fixed.onnx --batch 8 --rounds 3", 65, {"fixed.onnx", "4", "8"});
  expect_works("bench fixed.onnx --batch 4 --rounds 3 --no-memory");
  expect_fails("pipeline --from fixed.onnx --data roads --bench-batch 1,4 -o run", 65,
               {"fixed.onnx", "4", "1"});
  expect_works(
      "quantize fixed.onnx --config static_int8_per_channel --data roads -o q.onnx "
      "--calib-samples 10");
  expect_works("bench fixed.onnx q.onnx --batch 4 --rounds 3");
}

TEST_F(BadModelTest, PreprocessingThatMakesNoSenseIsRefused) {
  for (const char* json :
       {"{", "[]", "{}", R"({"divisor":0,"mean":[0],"std":[1]})",
        R"({"divisor":1,"mean":[0,0],"std":[1,1]})", R"({"divisor":1,"mean":[0],"std":[0]})",
        R"({"divisor":"x","mean":[0],"std":[1]})", R"({"divisor":1,"mean":[],"std":[]})"}) {
    SCOPED_TRACE(json);
    Graph graph = dense_model(kDynamicDim, 7, 3);
    graph.metadata["octet.preprocessing"] = json;
    put_model("odd.onnx", graph);
    expect_fails("eval odd.onnx --data roads", 65, {"preprocessing"});
  }
}

TEST_F(BadModelTest, EvaluatesModelsOfAnyFixedBatch) {
  put_model("any.onnx", dense_model(kDynamicDim, 7, 3));
  const auto expected = json_of("eval any.onnx --data roads --limit 10 --json");
  for (const int batch : {1, 4}) {
    put_model("fixed.onnx", dense_model(batch, 7, 3));
    const auto found = json_of("eval fixed.onnx --data roads --limit 10 --json");
    EXPECT_EQ(found["correct"], expected["correct"]);
    EXPECT_EQ(found["loss"], expected["loss"]);
  }
}

TEST_F(BadModelTest, OutputsThatCannotBeWrittenAreRefusedBeforeTheWork) {
  put("file", "");
  put("folder/kept", "");
  for (const std::string command :
       {"quantize ok.onnx --config dynamic_int8 -o ", "qat ok.onnx --data roads -o ",
        "train --model traffic_net --data roads -o "}) {
    expect_fails(command + "missing/q.onnx", 73, {"missing"});
    expect_fails(command + "file/q.onnx", 73, {"file"});
    expect_fails(command + "folder", 73, {"folder"});
    expect_fails(command + "folder/", 73, {"folder"});
  }
  for (const std::string output : {"file", "file/run"}) {
    expect_fails("pipeline --from ok.onnx --data roads --configs dynamic_int8 -o " + output, 73,
                 {"file"});
  }
}

TEST_F(BadModelTest, ReadOnlyFoldersAreRefusedBeforeTheWork) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write into a read-only folder";
  put("locked/kept", "");
  std::filesystem::permissions(
      folder_ / "locked", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  expect_fails("quantize ok.onnx --config dynamic_int8 -o locked/q.onnx", 73, {"locked"});
  std::filesystem::permissions(folder_ / "locked", std::filesystem::perms::owner_all);
}

/// The program alone in a folder, as an edge device has it.
TEST_F(BadModelTest, WithoutItsTrainingModuleTheProgramDoesAllButTrain) {
  install_program_alone();
  const std::vector<std::string> says{"octet-train.so", "OCTET_WITH_TORCH=OFF", "--from"};
  expect_fails("train --model traffic_net --data roads --limit 64 -o t.onnx", 69, says);
  expect_fails("qat ok.onnx --data roads --limit 64 -o q.onnx", 69, says);
  expect_fails("pipeline --model traffic_net --data roads --tiny -o run", 69, says);
  expect_fails("pipeline --from ok.onnx --data roads --configs qat_int8 -o run", 69, says);
  expect_works("quantize ok.onnx --config dynamic_int8 -o q.onnx");
}

TEST_F(BadModelTest, ADamagedTrainingModuleIsSaidToBeOne) {
  install_program_alone();
  put("octet-train.so", "not a library");
  expect_fails("train --model traffic_net --data roads --limit 64 -o t.onnx", 69,
               {"octet-train.so", "could not be loaded"});
}

}  // namespace
}  // namespace octet
