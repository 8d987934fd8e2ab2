#pragma once

#include <string>
#include <vector>

namespace octet::fuzz {

/// The kinds of file that data_fuzz tells apart by an input's first byte.
enum class DataKind {
  kCifarRecords,
  kCifarNames,
  kMnistImages,
  kMnistLabels,
  kCsv,
  kTraffic,
  kNpySamples,
  kNpyLabels,
  kPng,
  kJpeg,
  kPreprocessing,
};
inline constexpr std::size_t kDataKinds = 11;

/// A file in the data folder.
struct DataFile {
  const char* path;
  std::string content;
};

/// A small data set of every kind: the first kDataKinds files are those that the fuzzer replaces,
/// in the order of DataKind; the rest completes the sets.
const std::vector<DataFile>& healthy_files();

}  // namespace octet::fuzz
