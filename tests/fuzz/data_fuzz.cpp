// Bytes as a file of each kind that octet/data reads: the first byte chooses the kind, the rest is
// the file, beside which a healthy data set lies.

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "octet/data/dataset.h"
#include "octet/data/image_file.h"
#include "octet/data/npy.h"
#include "tests/fuzz/data_files.h"
#include "tests/fuzz/fuzz.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace octet::fuzz {
namespace {

namespace fs = std::filesystem;

/// A healthy file of every kind, in memory where there is such a folder; removed at the end.
class DataFolder {
 public:
  DataFolder() {
    const fs::path shm = "/dev/shm";
    root_ = (fs::exists(shm) ? shm : fs::temp_directory_path()) /
            ("octet_data_fuzz_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    for (const DataFile& file : healthy_files()) put(file.path, file.content);
  }
  ~DataFolder() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  void put(const fs::path& name, std::string_view content) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << content;
  }
  std::string path(const char* name) const { return (root_ / name).string(); }
  DataOptions options() const { return {.data_dir = root_}; }

 private:
  fs::path root_;
};

const DataFolder& folder() {
  static const DataFolder kFolder;
  return kFolder;
}

void check_part(const Dataset& data) {
  if (data.samples.shape().rank() < 1 || data.samples.shape()[0] != data.size()) {
    broken("one label for each sample");
  }
  for (const std::int32_t label : data.labels) {
    if (label < 0 || label >= data.num_classes()) broken("labels are classes");
  }
  std::vector<std::int32_t> indices;
  for (std::int32_t i = 0; i < std::min<std::int64_t>(data.size(), 4); ++i) indices.push_back(i);
  const std::int64_t elements = data.sample_shape.num_elements();
  if (indices.empty() || elements > 1 << 16) return;
  std::vector<float> batch(indices.size() * static_cast<std::size_t>(elements));
  fill_batch(data, indices, data.preprocessing, {}, nullptr, batch);
}

void load(const std::string& name) {
  const DataSplits splits = load_data(name, folder().options());
  for (const Dataset* part : {&splits.train, &splits.validation, &splits.test}) check_part(*part);
}

void read_one_image(const std::string& path) {
  const Image image = read_image(path);
  if (image.rgb.size() != std::size_t{3} * static_cast<std::size_t>(image.width) *
                              static_cast<std::size_t>(image.height)) {
    broken("an image has three bytes for each pixel");
  }
  if (image.rgb.size() < 1 << 20) resize(image, 9, 7);
}

void read(DataKind kind, const std::string& path) {
  switch (kind) {
    case DataKind::kCifarRecords:
    case DataKind::kCifarNames:
      return load("cifar10");
    case DataKind::kMnistImages:
    case DataKind::kMnistLabels:
      return load("mnist");
    case DataKind::kCsv:
      return load("csv:" + path + "?label=label");
    case DataKind::kTraffic:
      return load("traffic");
    case DataKind::kNpySamples:
      accepted([&] { read_npy(path); });
      [[fallthrough]];
    case DataKind::kNpyLabels:
      return load("npy:" + folder().path("x.npy") + "," + folder().path("y.npy"));
    case DataKind::kPng:
    case DataKind::kJpeg:
      accepted([&] { read_one_image(path); });
      return load("images:" + folder().path("images"));
    case DataKind::kPreprocessing: {
      std::ifstream file(path, std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      const Preprocessing read = preprocessing_from_json(text);
      if (preprocessing_from_json(to_json(read)) != read) broken("preprocessing reads as written");
    }
  }
}

/// Gives each chunk of a PNG file the checksum that it should have.
void repair_png(std::uint8_t* data, std::size_t size) {
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | data[at + i];
    return value;
  };
  for (std::size_t at = 8; at + 12 <= size;) {
    const std::size_t length = number(at);
    if (length > size - at - 12) return;
    const auto sum =
        static_cast<std::uint32_t>(crc32(0, data + at + 4, static_cast<uInt>(length + 4)));
    for (std::size_t i = 0; i < 4; ++i) {
      data[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    }
    at += length + 12;
  }
}

}  // namespace
}  // namespace octet::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  const bool is_png = mutated > 9 && std::memcmp(data + 1, "\x89PNG\r\n\x1a\n", 8) == 0;
  // Otherwise no change of a PNG file gets further than the checksum that it breaks.
  if (is_png && seed % 8 != 0) octet::fuzz::repair_png(data + 1, mutated - 1);
  return mutated;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace octet::fuzz;
  if (size == 0) return 0;
  const DataFile& healthy = healthy_files()[data[0] % kDataKinds];
  const std::string_view content(reinterpret_cast<const char*>(data + 1), size - 1);
  folder().put(healthy.path, content);
  accepted([&] { read(static_cast<DataKind>(data[0] % kDataKinds), folder().path(healthy.path)); });
  folder().put(healthy.path, healthy.content);
  return 0;
}
