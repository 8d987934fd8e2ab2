#include <algorithm>
#include <cstring>
#include <sstream>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kClasses = 10;
constexpr std::size_t kImageBytes = 3 * 32 * 32;
constexpr std::size_t kRecordBytes = 1 + kImageBytes;  // the label, then the red, green, blue plane
const char* const kFolder = "cifar10/cifar-10-batches-bin";

std::vector<std::string> read_class_names(const fs::path& path) {
  std::istringstream text(read_text_file(path, 4096));
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.size() != kClasses) {
    fail(ErrorKind::kBadData, path.string(), ": found ", names.size(),
         " class names, accepted: 10, one per line");
  }
  return names;
}

struct Records {
  std::vector<std::byte> pixels;
  std::vector<std::int32_t> labels;
};

void append_records(const fs::path& path, Records& records) {
  const std::vector<std::byte> bytes = read_file(path);
  const std::size_t count = bytes.size() / kRecordBytes;
  if (count == 0 || bytes.size() % kRecordBytes != 0) {
    fail(ErrorKind::kBadData, path.string(), ": truncated in record ", count, ": found ",
         bytes.size(), " bytes, accepted: a multiple of ", kRecordBytes, " (label and 32x32x3)");
  }
  records.pixels.resize((records.labels.size() + count) * kImageBytes);
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* record = bytes.data() + i * kRecordBytes;
    const int label = std::to_integer<int>(record[0]);
    if (label >= static_cast<int>(kClasses)) {
      fail(ErrorKind::kBadData, path.string(), ": record ", i, ": found label ", label,
           ", accepted: 0 to 9");
    }
    std::memcpy(records.pixels.data() + records.labels.size() * kImageBytes, record + 1,
                kImageBytes);
    records.labels.push_back(label);
  }
}

Dataset to_dataset(Records records, const std::vector<std::string>& class_names) {
  Dataset data = make_dataset("cifar10", {3, 32, 32}, DType::kUInt8,
                              static_cast<std::int64_t>(records.labels.size()), class_names);
  std::ranges::copy(records.pixels, data.samples.mutable_raw());
  data.labels = std::move(records.labels);
  data.preprocessing = {
      .divisor = 255.0f, .mean = {0.4914f, 0.4822f, 0.4465f}, .std = {0.2470f, 0.2435f, 0.2616f}};
  return data;
}

}  // namespace

DataSplits load_cifar10(const std::string&, const DataOptions& options) {
  const auto find = [&](const std::string& file) {
    return find_data_file("cifar10", options, fs::path(kFolder) / file);
  };
  std::vector<fs::path> train_files;
  for (int i = 1; i <= 5; ++i) {
    train_files.push_back(find("data_batch_" + std::to_string(i) + ".bin"));
  }
  const fs::path test_file = find("test_batch.bin");
  const std::vector<std::string> class_names = read_class_names(find("batches.meta.txt"));
  Records train, test;
  train.pixels.reserve(train_files.size() * std::filesystem::file_size(train_files[0]));
  for (const fs::path& file : train_files) append_records(file, train);
  append_records(test_file, test);

  DataSplits splits;
  std::tie(splits.train, splits.validation) =
      split_validation(to_dataset(std::move(train), class_names), options);
  splits.test = to_dataset(std::move(test), class_names);
  return splits;
}

}  // namespace octet
