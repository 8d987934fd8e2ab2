#include <array>
#include <tuple>

#include "octet/base/error.h"
#include "octet/data/gzip.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kImageMagic = 0x00000803;  // unsigned bytes, 3 dimensions
constexpr std::uint32_t kLabelMagic = 0x00000801;
constexpr std::uint32_t kSide = 28;
constexpr std::uint32_t kMaxCount = 10'000'000;

std::uint32_t read_big_endian(GzipReader& file, const fs::path& path) {
  std::array<std::byte, 4> bytes;
  if (file.read(bytes) != bytes.size()) {
    fail(ErrorKind::kBadData, path.string(), ": truncated in the IDX header");
  }
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint32_t>(byte);
  return value;
}

/// Magic number and count, both checked.
std::uint32_t read_header(GzipReader& file, const fs::path& path, std::uint32_t magic) {
  const std::uint32_t found = read_big_endian(file, path);
  if (found != magic) {
    fail(ErrorKind::kBadData, path.string(), ": found magic number ", found, ", accepted: ", magic);
  }
  const std::uint32_t count = read_big_endian(file, path);
  if (count == 0 || count > kMaxCount) {
    fail(ErrorKind::kBadData, path.string(), ": found a count of ", count, ", accepted: 1 to ",
         kMaxCount);
  }
  return count;
}

/// `count` records, read in pieces so that a header that lies costs no memory, and then the end.
std::vector<std::byte> read_records(GzipReader& file, const fs::path& path, std::size_t count,
                                    std::size_t record_bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 22;
  const std::size_t size = count * record_bytes;
  std::vector<std::byte> bytes;
  while (bytes.size() < size) {
    const std::size_t start = bytes.size();
    bytes.resize(start + std::min(kPiece, size - start));
    const std::size_t got = file.read(std::span(bytes).subspan(start));
    if (start + got < bytes.size()) {
      fail(ErrorKind::kBadData, path.string(), ": truncated in record ",
           (start + got) / record_bytes, ", the header announces ", count);
    }
  }
  std::byte more;
  if (file.read(std::span(&more, 1)) != 0) {
    fail(ErrorKind::kBadData, path.string(), ": holds more than the ", count,
         " records of its header");
  }
  return bytes;
}

std::vector<std::int32_t> read_labels(const fs::path& path) {
  GzipReader file(path);
  const std::uint32_t count = read_header(file, path, kLabelMagic);
  std::vector<std::int32_t> labels;
  for (const std::byte byte : read_records(file, path, count, 1)) {
    const int label = std::to_integer<int>(byte);
    if (label > 9) {
      fail(ErrorKind::kBadData, path.string(), ": record ", labels.size(), ": found label ", label,
           ", accepted: 0 to 9");
    }
    labels.push_back(label);
  }
  return labels;
}

Dataset read_part(const DataOptions& options, const std::string& prefix) {
  const fs::path image_path =
      find_data_file("mnist", options, "mnist/" + prefix + "-images-idx3-ubyte.gz");
  const fs::path label_path =
      find_data_file("mnist", options, "mnist/" + prefix + "-labels-idx1-ubyte.gz");
  GzipReader file(image_path);
  const std::uint32_t count = read_header(file, image_path, kImageMagic);
  const std::uint32_t height = read_big_endian(file, image_path);
  const std::uint32_t width = read_big_endian(file, image_path);
  if (height != kSide || width != kSide) {
    fail(ErrorKind::kBadData, image_path.string(), ": found images of ", height, 'x', width,
         ", accepted: 28x28");
  }
  const std::vector<std::byte> pixels = read_records(file, image_path, count, kSide * kSide);
  std::vector<std::int32_t> labels = read_labels(label_path);
  if (labels.size() != count) {
    fail(ErrorKind::kBadData, label_path.string(), ": found ", labels.size(), " labels for ", count,
         " images in ", image_path.string());
  }
  std::vector<std::string> class_names;
  for (int digit = 0; digit < 10; ++digit) class_names.push_back(std::to_string(digit));
  Dataset data = make_dataset("mnist", {1, kSide, kSide}, DType::kUInt8, count, class_names);
  std::ranges::copy(pixels, data.samples.mutable_raw());
  data.labels = std::move(labels);
  data.preprocessing = {.divisor = 255.0f, .mean = {0.1307f}, .std = {0.3081f}};
  return data;
}

}  // namespace

DataSplits load_mnist(const std::string&, const DataOptions& options) {
  Dataset stored_train = read_part(options, "train");
  DataSplits splits;
  splits.test = read_part(options, "t10k");
  std::tie(splits.train, splits.validation) = split_validation(std::move(stored_train), options);
  return splits;
}

}  // namespace octet
