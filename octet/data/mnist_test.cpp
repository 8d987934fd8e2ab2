#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "octet/data/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string gzip(const std::string& content) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, content.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// Image i is filled with the byte i.
std::string images(std::uint32_t count) {
  std::string content = big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28);
  for (std::uint32_t i = 0; i < count; ++i) content += std::string(784, static_cast<char>(i));
  return content;
}

std::string labels(std::uint32_t count) {
  std::string content = big_endian(0x801) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i) content += static_cast<char>(i % 10);
  return content;
}

class MnistTest : public DataFilesTest {
 protected:
  void SetUp() override {
    put("mnist/train-images-idx3-ubyte.gz", gzip(images(40)));
    put("mnist/train-labels-idx1-ubyte.gz", gzip(labels(40)));
    put("mnist/t10k-images-idx3-ubyte", images(10));
    put("mnist/t10k-labels-idx1-ubyte", labels(10));
  }
  Error error_with(const std::string& file, const std::string& content) {
    put("mnist/" + file, content);
    const Error error = load_error("mnist", options());
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), HasSubstr(file));
    return error;
  }
  Error error_with_images(const std::string& content) {
    return error_with("train-images-idx3-ubyte.gz", content);
  }
  Error error_with_labels(const std::string& content) {
    return error_with("train-labels-idx1-ubyte.gz", content);
  }
};

TEST_F(MnistTest, CompressedAndPlainFilesAreRead) {
  DataOptions whole = options();
  whole.validation_fraction = 0;
  const DataSplits splits = load_data("mnist", whole);
  EXPECT_EQ(splits.train.size(), 40);
  EXPECT_EQ(splits.test.size(), 10);
  EXPECT_EQ(splits.train.sample_shape, Shape({1, 28, 28}));
  EXPECT_EQ(splits.train.samples.data<std::uint8_t>()[784 * 39], 39);
  EXPECT_EQ(splits.train.labels[39], 9);
  EXPECT_EQ(splits.train.preprocessing,
            (Preprocessing{.divisor = 255, .mean = {0.1307f}, .std = {0.3081f}}));
}

TEST_F(MnistTest, AMissingFileSaysHowToGetIt) {
  std::filesystem::remove(folder_ / "mnist/t10k-labels-idx1-ubyte");
  const Error error = load_error("mnist", options());
  EXPECT_EQ(error.kind(), ErrorKind::kNoInput);
  EXPECT_THAT(error.what(), HasSubstr("t10k-labels-idx1-ubyte.gz does not exist"));
  EXPECT_THAT(error.what(), HasSubstr("to get the set"));
}

TEST_F(MnistTest, ABadMagicNumberIsNamed) {
  EXPECT_THAT(error_with_images(gzip(labels(40))).what(), HasSubstr("magic number 2049"));
  EXPECT_THAT(error_with_images("").what(), HasSubstr("truncated in the IDX header"));
}

TEST_F(MnistTest, TruncationIsNamedWithTheRecord) {
  const std::string content = images(40).substr(0, 16 + 784 * 17 + 100);
  EXPECT_THAT(error_with_images(gzip(content)).what(), HasSubstr("truncated in record 17"));
  EXPECT_THAT(error_with_images(content).what(), HasSubstr("truncated in record 17"));
  std::string compressed = gzip(images(40));
  compressed.resize(compressed.size() / 2);
  EXPECT_THAT(error_with_images(compressed).what(), HasSubstr("truncated in record"));
}

TEST_F(MnistTest, ACountBeyondTheFileCostsNoMemory) {
  const std::string header = big_endian(0x803) + big_endian(9'999'999) + big_endian(28) +
                             big_endian(28) + std::string(784, 'x');
  EXPECT_THAT(error_with_images(gzip(header)).what(), HasSubstr("truncated in record 1"));
  EXPECT_THAT(error_with_images(gzip(images(0))).what(), HasSubstr("a count of 0"));
}

TEST_F(MnistTest, AGzipBombIsRefusedAfterTheAnnouncedBytes) {
  const std::string bomb = gzip(images(40) + std::string(64 << 20, '\0'));
  EXPECT_LT(bomb.size(), 100000u);
  EXPECT_THAT(error_with_images(bomb).what(), HasSubstr("holds more than the 40 records"));
  EXPECT_THAT(error_with_images(gzip(images(40)) + "garbage").what(), HasSubstr("7 bytes behind"));
}

TEST_F(MnistTest, DamagedCompressionIsNoticed) {
  std::string damaged = gzip(images(40));
  damaged[damaged.size() - 6] ^= 1;  // of the checksum
  EXPECT_THAT(error_with_images(damaged).what(), HasSubstr("damaged gzip data"));
}

TEST_F(MnistTest, LabelsMustMatchTheImagesAndTheirRange) {
  EXPECT_THAT(error_with_labels(labels(39)).what(), HasSubstr("39 labels for 40 images"));
  std::string wrong = labels(40);
  wrong[8 + 23] = 10;
  EXPECT_THAT(error_with_labels(wrong).what(), HasSubstr("record 23: found label 10"));
}

TEST_F(MnistTest, OtherImageSizesAreRefused) {
  EXPECT_THAT(
      error_with_images(big_endian(0x803) + big_endian(1) + big_endian(1u << 31) + big_endian(28))
          .what(),
      HasSubstr("2147483648x28, accepted: 28x28"));
}

TEST(MnistRealDataTest, TheOfficialCountsAndTheFirstLabels) {
  const auto folder = real_data_folder("mnist");
  if (!folder) GTEST_SKIP() << "no MNIST: set OCTET_DATA_DIR";
  const DataSplits splits = load_data("mnist", {.data_dir = *folder});
  EXPECT_EQ(splits.train.size(), 54000);
  EXPECT_EQ(splits.validation.size(), 6000);
  EXPECT_EQ(splits.test.size(), 10000);
  EXPECT_THAT(std::vector<int>(splits.train.labels.begin(), splits.train.labels.begin() + 5),
              testing::ElementsAre(5, 0, 4, 1, 9));
  EXPECT_THAT(std::vector<int>(splits.test.labels.begin(), splits.test.labels.begin() + 4),
              testing::ElementsAre(7, 2, 1, 0));
}

}  // namespace
}  // namespace octet
