#include "octet/onnx/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "octet/base/files.h"
#include "octet/graph/functions/conditional.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using testing::HasSubstr;

/// Weights on both sides of the size from which they stay in the file, of each kind of data.
TestModel weighty() {
  TestModel model;
  model.input("x", {1, 200}).output("y").output("z").output("m").output("n");
  model.constant("small", ramp({200})).constant("w", ramp({200, 200}));
  model.constant("v", ramp({200, 200}));
  model.node("MatMul", {"x", "w"}, {"a"});
  model.node("Add", {"a", "small"}, {"b"});
  model.node("MatMul", {"b", "v"}, {"y"});
  Tensor mask(DType::kBool, {1 << 17}), integers(DType::kInt64, {1 << 14});
  for (int i = 0; i < 1 << 17; i += 3)
    mask.mutable_data<bool>()[static_cast<std::size_t>(i)] = true;
  for (std::int64_t& i : integers.mutable_data<std::int64_t>()) i = -5;
  model.constant("mask", mask).constant("integers", integers);
  model.node("Not", {"mask"}, {"m"});
  model.node("Neg", {"integers"}, {"n"});
  model.node("Relu", {"x"}, {"z"});
  return model;
}

class WeightyFileTest : public testing::Test {
 protected:
  ~WeightyFileTest() override { std::filesystem::remove(file_); }
  void write(std::span<const std::byte> bytes) { write_file(file_, bytes); }

  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() /
      ("octet_weighty_file_" + std::to_string(::getpid()) + ".onnx");
};

TEST_F(WeightyFileTest, LeavesLargeDataInTheFile) {
  const std::vector<std::byte> bytes = weighty().bytes();
  write(bytes);
  const auto file = ModelFile::open(file_, bytes.size());
  ASSERT_TRUE(file);
  EXPECT_LT(file->skeleton().size(), 2000u);
  EXPECT_EQ(file->left_out(0), 0u);
  EXPECT_EQ(file->left_out(1), 160000u);
  EXPECT_EQ(file->left_out(3), std::size_t{1} << 17);
  std::vector<std::byte> data(160000);
  file->read(2, data, "test");
  EXPECT_EQ(std::memcmp(data.data(), ramp({200, 200}).raw(), data.size()), 0);
  EXPECT_FALSE(ModelFile::open(file_, bytes.size() - 1));
  EXPECT_FALSE(ModelFile::open(testing::TempDir(), bytes.size()));
}

TEST_F(WeightyFileTest, AFileGivesTheGraphThatItsBytesGive) {
  const std::vector<std::byte> bytes = weighty().bytes();
  write(bytes);
  FileFacts facts;
  const Graph from_file = import_onnx(file_, {}, &facts);
  const Graph from_bytes = import_onnx(std::span<const std::byte>(bytes));
  EXPECT_EQ(to_string(from_file), to_string(from_bytes));
  EXPECT_EQ(to_onnx(from_file), to_onnx(from_bytes));
  EXPECT_EQ(facts.opset, 13);
  EXPECT_EQ(facts.ir_version, 8);
}

TEST_F(WeightyFileTest, ADamagedFileFailsAsItsBytesDo) {
  const std::vector<std::byte> bytes = weighty().bytes();
  for (const double share : {0.1, 0.5, 0.9, 0.999}) {
    const auto part =
        std::span(bytes).first(static_cast<std::size_t>(share * static_cast<double>(bytes.size())));
    write(part);
    const std::string of_bytes = expect_error(ErrorKind::kBadData, [&] { import_onnx(part); });
    const std::string of_file = expect_error(ErrorKind::kBadData, [&] { import_onnx(file_); });
    EXPECT_EQ(of_file, file_.string() + ": " + of_bytes);
  }
}

TEST_F(WeightyFileTest, AWeightOfTheWrongLengthIsNamed) {
  TestModel model = weighty();
  model.graph().mutable_initializer(1)->set_dims(0, 201);
  write(model.bytes());
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { import_onnx(file_); }),
              HasSubstr("initializer 'w': raw_data holds 160000 bytes, accepted: 160800"));
}

TEST_F(WeightyFileTest, AFileThatShrinksMeanwhileIsAnError) {
  const std::vector<std::byte> bytes = weighty().bytes();
  write(bytes);
  const auto file = ModelFile::open(file_, bytes.size());
  ASSERT_TRUE(file);
  std::filesystem::resize_file(file_, 1000);
  std::vector<std::byte> data(160000);
  EXPECT_THAT(expect_error(ErrorKind::kIo, [&] { file->read(2, data, "weight"); }),
              HasSubstr("weight: the file changed"));
}

TEST(FixedNumbersTest, FillTheInputWhateverItsType) {
  TestModel model;
  model.input("x", {2, 3}).input("k", {2}, DType::kInt64).input("s", {}).output("y");
  model.node("Reshape", {"x", "k"}, {"r"});
  model.node("Mul", {"r", "s"}, {"y"});
  const std::vector<std::byte> bytes = model.bytes();
  const auto read = [&](std::map<std::string, double> numbers) {
    return import_onnx(std::span<const std::byte>(bytes), {.fixed_numbers = std::move(numbers)});
  };
  const Graph graph = read({{"s", 0.5}});
  ASSERT_EQ(graph.inputs().size(), 2u);
  EXPECT_EQ(graph.value(*graph.nodes()[1].inputs[1]).constant, Tensor::scalar(0.5f));
  EXPECT_THAT(expect_error(ErrorKind::kUsage,
                           [&] {
                             read({{"k", 0.5}});
                           }),
              HasSubstr("fixed to 0.5, accepted: a number that int64 has"));
  EXPECT_THAT(expect_error(ErrorKind::kUsage,
                           [&] {
                             read({{"nothing", 1}});
                           }),
              HasSubstr("accepted: x, k, s"));
}

}  // namespace
}  // namespace octet
