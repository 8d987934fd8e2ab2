#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "octet/data/parts.h"
#include "octet/data/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

constexpr std::size_t kRecord = 3073;
const char* const kFolder = "cifar10/cifar-10-batches-bin/";

class Cifar10Test : public DataFilesTest {
 protected:
  /// Six files of `count` records; record i of file f has label (f + i) % 10 and red corner i.
  void put_set(int count) {
    for (int f = 1; f <= 6; ++f) {
      std::string content;
      for (int i = 0; i < count; ++i) {
        std::string record(kRecord, static_cast<char>(f));
        record[0] = static_cast<char>((f + i) % 10);
        record[1] = static_cast<char>(i);
        content += record;
      }
      put_batch(f, content);
    }
    put(kFolder + std::string("batches.meta.txt"),
        "airplane\nautomobile\nbird\ncat\r\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
  }
  void put_batch(int f, const std::string& content) {
    put(kFolder + (f == 6 ? "test_batch.bin" : "data_batch_" + std::to_string(f) + ".bin"),
        content);
  }
};

TEST_F(Cifar10Test, TrainHoldsTheFilesInTheirOrder) {
  put_set(20);
  DataOptions whole = options();
  whole.validation_fraction = 0;
  const DataSplits splits = load_data("cifar10", whole);
  EXPECT_EQ(splits.train.size(), 100);
  EXPECT_EQ(splits.validation.size(), 0);
  EXPECT_EQ(splits.test.size(), 20);
  EXPECT_EQ(splits.train.sample_shape, Shape({3, 32, 32}));
  EXPECT_EQ(splits.train.class_names[3], "cat");
  EXPECT_EQ(splits.train.preprocessing.mean, (std::vector<float>{0.4914f, 0.4822f, 0.4465f}));
  const auto bytes = splits.train.samples.data<std::uint8_t>();
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_EQ(splits.train.labels[i], (i / 20 + 1 + i % 20) % 10);
    ASSERT_EQ(bytes[i * 3072], i % 20);
    ASSERT_EQ(bytes[i * 3072 + 3071], i / 20 + 1);
  }
}

TEST_F(Cifar10Test, ALimitAppliesToEveryPart) {
  put_set(20);
  DataOptions few = options();
  few.limit = 7;
  const DataSplits splits = load_data("cifar10", few);
  EXPECT_EQ(splits.train.size(), 7);
  EXPECT_EQ(splits.validation.size(), 7);
  EXPECT_EQ(splits.test.size(), 7);
  few.limit = 0;
  EXPECT_EQ(load_error("cifar10", few).kind(), ErrorKind::kUsage);
}

TEST_F(Cifar10Test, AMissingFileSaysWhereItWasSoughtAndHowToGetIt) {
  put_set(10);
  std::filesystem::remove(folder_ / kFolder / "data_batch_4.bin");
  const Error error = load_error("cifar10", options());
  EXPECT_EQ(error.kind(), ErrorKind::kNoInput);
  EXPECT_THAT(error.what(), HasSubstr((folder_ / kFolder / "data_batch_4.bin").string()));
  EXPECT_THAT(error.what(), HasSubstr("--data-dir"));
  EXPECT_THAT(error.what(), HasSubstr("OCTET_DATA_DIR"));
  EXPECT_THAT(error.what(), HasSubstr("cifar-10-binary.tar.gz"));
}

TEST_F(Cifar10Test, ATruncatedFileIsNamedWithTheRecord) {
  put_set(10);
  put_batch(3, std::string(5 * kRecord + 100, '\1'));
  const Error error = load_error("cifar10", options());
  EXPECT_EQ(error.kind(), ErrorKind::kBadData);
  EXPECT_THAT(error.what(), HasSubstr("data_batch_3.bin: truncated in record 5"));
  put_batch(3, "");
  EXPECT_EQ(load_error("cifar10", options()).kind(), ErrorKind::kBadData);
}

TEST_F(Cifar10Test, ALabelOutOfRangeIsNamedWithTheRecord) {
  put_set(10);
  std::string content(4 * kRecord, '\1');
  content[2 * kRecord] = 10;
  put_batch(6, content);
  const Error error = load_error("cifar10", options());
  EXPECT_EQ(error.kind(), ErrorKind::kBadData);
  EXPECT_THAT(error.what(), HasSubstr("test_batch.bin: record 2: found label 10"));
  content[2 * kRecord] = '\xFF';
  put_batch(6, content);
  EXPECT_THAT(load_error("cifar10", options()).what(), HasSubstr("label 255"));
}

TEST_F(Cifar10Test, AWrongNumberOfClassNamesIsBadData) {
  put_set(10);
  put(kFolder + std::string("batches.meta.txt"), "cat\ndog\n");
  EXPECT_THAT(load_error("cifar10", options()).what(), HasSubstr("found 2 class names"));
}

TEST_F(Cifar10Test, AMissingClassInTrainIsBadData) {
  put_set(10);
  for (int f = 1; f <= 5; ++f) put_batch(f, std::string(4 * kRecord, static_cast<char>(f)));
  EXPECT_THAT(load_error("cifar10", options()).what(),
              HasSubstr("class 'airplane' has no sample in the training part"));
}

TEST(Cifar10RealDataTest, TheStoredOrderStartsTrainWhateverTheSeed) {
  const auto folder = real_data_folder("cifar10");
  if (!folder) GTEST_SKIP() << "no CIFAR-10: set OCTET_DATA_DIR";
  const DataSplits splits = load_data("cifar10", {.data_dir = *folder, .seed = 77});
  EXPECT_EQ(splits.train.size(), 45000);
  EXPECT_EQ(splits.validation.size(), 5000);
  EXPECT_EQ(splits.test.size(), 10000);
  const auto first = read_file(*folder / kFolder / "data_batch_1.bin");
  for (std::size_t i = 0; i < kProtectedTrainSamples; ++i) {
    ASSERT_EQ(splits.train.labels[i], std::to_integer<int>(first[i * kRecord]));
    ASSERT_EQ(std::memcmp(splits.train.samples.raw() + i * 3072, &first[i * kRecord + 1], 3072), 0);
  }
}

}  // namespace
}  // namespace octet
