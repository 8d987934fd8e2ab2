#include "octet/data/npy.h"
#include "tests/cli/cli_test.h"

// Data sets that are missing, damaged or of the wrong kind, as `octet eval` meets them.

namespace octet {
namespace {

constexpr std::size_t kRecordBytes = 1 + 3 * 32 * 32;
const char* const kCifar = "data/cifar10/cifar-10-batches-bin/";

std::string cifar_batch(int records, int first_label) {
  std::string bytes;
  for (int i = 0; i < records; ++i) {
    bytes += static_cast<char>((first_label + i) % 10);
    bytes += std::string(kRecordBytes - 1, static_cast<char>(7 * i));
  }
  return bytes;
}

class BadDataTest : public CliTest {
 protected:
  void SetUp() override { put_traffic_net("m.onnx"); }

  /// CIFAR-10 with ten images per file.
  void put_cifar10() const {
    for (int i = 1; i <= 5; ++i) {
      put(kCifar + ("data_batch_" + std::to_string(i) + ".bin"), cifar_batch(10, i));
    }
    put(std::string(kCifar) + "test_batch.bin", cifar_batch(10, 0));
    put(std::string(kCifar) + "batches.meta.txt",
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n");
  }

  void put_npy(const std::string& name, const Tensor& tensor) const {
    write_npy(tensor, folder_ / name);
  }
};

TEST_F(BadDataTest, TinyCifar10IsReadWhole) {
  put_cifar10();
  const auto status = json_of("data check cifar10 --json");
  EXPECT_EQ(status["present"], true);
  EXPECT_TRUE(status["detail"].get<std::string>().starts_with("45 train, 5 validation, 10 test"))
      << status;
}

TEST_F(BadDataTest, MissingSetsSayWhereWasLookedAndHowToGetThem) {
  for (const char* name : {"cifar10", "mnist", "traffic"}) {
    expect_fails(std::string("eval m.onnx --data ") + name, 66,
                 {(folder_ / "data" / name).string(), "--data-dir", "OCTET_DATA_DIR"});
  }
  expect_fails("eval m.onnx --data cifar10 --data-dir elsewhere", 66, {"elsewhere/cifar10"});
  expect_fails("eval m.onnx --data csv:none.csv?label=y", 66, {"none.csv"});
  expect_fails("eval m.onnx --data npy:x.npy,y.npy", 66, {"x.npy"});
  expect_fails("eval m.onnx --data images:none", 66, {"none"});
}

TEST_F(BadDataTest, AMissingFileOfASetIsNamed) {
  put_cifar10();
  std::filesystem::remove(folder_ / kCifar / "data_batch_3.bin");
  expect_fails("eval m.onnx --data cifar10", 66, {"data_batch_3.bin"});
  put_cifar10();
  std::filesystem::remove(folder_ / kCifar / "batches.meta.txt");
  expect_fails("eval m.onnx --data cifar10", 66, {"batches.meta.txt"});
}

TEST_F(BadDataTest, TruncatedCifar10NamesFileAndRecord) {
  put_cifar10();
  put(std::string(kCifar) + "data_batch_4.bin", cifar_batch(10, 4).substr(0, 7 * kRecordBytes + 9));
  const std::vector<std::string> says{"data_batch_4.bin", "record 7"};
  expect_fails("eval m.onnx --data cifar10", 65, says);
  expect_fails("train --model small_cnn --data cifar10 -o t.onnx", 65, says);
  expect_fails("quantize m.onnx --config static_int8_per_channel --data cifar10 -o q.onnx", 65,
               says);
  expect_fails("pipeline --model small_cnn --data cifar10 --tiny -o run", 65, says);
  put(std::string(kCifar) + "data_batch_4.bin", "");
  expect_fails("eval m.onnx --data cifar10", 65, {"data_batch_4.bin"});
}

TEST_F(BadDataTest, ALabelOutOfRangeNamesFileAndRecord) {
  put_cifar10();
  std::string batch = cifar_batch(10, 2);
  batch[6 * kRecordBytes] = 10;
  put(std::string(kCifar) + "data_batch_2.bin", batch);
  expect_fails("train --model small_cnn --data cifar10 -o t.onnx", 65,
               {"data_batch_2.bin", "record 6", "label 10", "0 to 9"});
}

TEST_F(BadDataTest, DataCheckTellsDamagedFromMissing) {
  const ProcessResult missing = octet("data check cifar10");
  EXPECT_EQ(missing.exit_code, 66);
  EXPECT_NE(missing.err.find("cifar-10-binary.tar.gz"), std::string::npos) << missing.err;
  put_cifar10();
  put(std::string(kCifar) + "test_batch.bin", "short");
  const ProcessResult damaged = octet("data check cifar10");
  EXPECT_EQ(damaged.exit_code, 65);
  EXPECT_NE(damaged.err.find("test_batch.bin"), std::string::npos) << damaged.err;

  const ProcessResult as_json = octet("data check cifar10 --json");
  EXPECT_EQ(as_json.exit_code, 65);
  const auto status = nlohmann::json::parse(as_json.out, nullptr, false);
  EXPECT_EQ(status.value("present", true), false) << as_json.out;
}

TEST_F(BadDataTest, TablesNameLineAndColumn) {
  const std::string header = "a,b,c,d,e,f,g,y\n", row = "1,2,3,4,5,6,7,";
  std::string rows;
  for (int i = 0; i < 30; ++i) rows += row + std::to_string(i % 3) + "\n";
  const std::string eval = "eval m.onnx --data csv:t.csv?label=y";
  put("t.csv", header + rows);
  expect_works(eval);
  put("t.csv", header + rows + "1,2,nan,4,5,6,7,0\n");
  expect_fails(eval, 65, {"t.csv", "32", "'c'", "nan"});
  put("t.csv", header + rows + "1,2,3\n");
  expect_fails(eval, 65, {"t.csv", "32", "3", "8"});
  put("t.csv", header + rows + "1,2,three,4,5,6,7,0\n");
  expect_fails(eval, 65, {"t.csv", "32", "'c'", "three"});
  put("t.csv", header + rows + "1,2,,4,5,6,7,0\n");
  expect_fails(eval, 65, {"t.csv", "32", "'c'"});
  put("t.csv", "");
  expect_fails(eval, 65, {"t.csv"});
  put("t.csv", header);
  expect_fails(eval, 65, {"t.csv"});
  put("t.csv", header + rows);
  expect_fails("eval m.onnx --data csv:t.csv?label=yy", 64, {"yy", "did you mean 'y'"});
  expect_fails("eval m.onnx --data csv:t.csv?lable=y", 64, {"lable", "did you mean 'label'"});
}

TEST_F(BadDataTest, ArraysOfTheWrongKindAreRefused) {
  const std::string eval = "eval m.onnx --data npy:x.npy,y.npy";
  const Tensor x(DType::kFloat32, {30, 7});
  std::vector<std::int64_t> classes;
  for (int i = 0; i < 30; ++i) classes.push_back(i % 3);
  put_npy("x.npy", x);
  put_npy("y.npy", Tensor::from<std::int64_t>({30}, classes));
  expect_works(eval);
  put_npy("y.npy", Tensor(DType::kFloat32, {30}));
  expect_fails(eval, 65, {"y.npy", "float"});
  put_npy("y.npy", Tensor(DType::kInt64, {29}));
  expect_fails(eval, 65, {"y.npy", "[29]", "30"});
  put_npy("y.npy", Tensor::from<std::int32_t>({30}, std::vector<std::int32_t>(30, -1)));
  expect_fails(eval, 65, {"y.npy", "-1"});
  put_npy("y.npy", Tensor::from<std::int64_t>({30}, classes));
  put_npy("x.npy", Tensor(DType::kFloat32, {30}));
  expect_fails(eval, 65, {"x.npy", "[30]"});
  put_npy("x.npy", Tensor::from<float>({30, 7}, std::vector<float>(210, NAN)));
  expect_fails(eval, 65, {"x.npy", "nan"});
  put("x.npy", "no array");
  expect_fails(eval, 65, {"x.npy"});
  put_npy("x.npy", x);
  put("x.npy", get("x.npy").substr(0, 500));
  expect_fails(eval, 65, {"x.npy"});
}

TEST_F(BadDataTest, OneClassAloneIsNoTask) {
  std::string rows;
  for (int i = 0; i < 30; ++i) rows += "1,2,3,4,5,6,7,0\n";
  put("t.csv", "a,b,c,d,e,f,g,y\n" + rows);
  expect_fails("train --model traffic_net --data csv:t.csv?label=y -o t.onnx", 65, {"1 classes"});
}

TEST_F(BadDataTest, DamagedResultsAreRefused) {
  const auto expect_refused = [&](const std::string& text, const std::string& says) {
    put("run/results.json", text);
    expect_fails("report run", 65, {"results.json", says});
    expect_fails("compare run run", 65, {"results.json", says});
  };
  expect_refused("", "");
  expect_refused("{\"configs\": [", "");
  expect_refused("[]", "");
  expect_refused("{\"title\": 3}", "title");
  expect_refused(std::string(100000, '['), "");
}

TEST_F(BadDataTest, InputsOfRunMustFitTheModel) {
  const std::string run = "run m.onnx --output-dir out --input input=x.npy";
  expect_fails(run, 66, {"x.npy"});
  put_npy("x.npy", Tensor(DType::kFloat32, {2, 6}));
  expect_fails(run, 65, {"'input'", "[2, 6]", "[N, 7]"});
  put_npy("x.npy", Tensor(DType::kInt64, {2, 7}));
  expect_fails(run, 65, {"'input'", "int64", "float32"});
  put_npy("x.npy", Tensor(DType::kFloat32, {2, 7}));
  put("file", "");
  expect_fails("run m.onnx --output-dir file --input input=x.npy", 73, {"file"});
  expect_fails("run m.onnx --output-dir file/out --input input=x.npy", 73, {"file"});
}

}  // namespace
}  // namespace octet
