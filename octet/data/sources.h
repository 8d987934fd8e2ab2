#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "octet/data/dataset.h"

namespace octet {

// One loader per data set; the table that lists them is in registry.cpp. `argument` is what follows
// the colon of the name. A loader returns whole parts: registry.cpp applies DataOptions.limit and
// checks what all sets must satisfy.

DataSplits load_shapes10(const std::string& argument, const DataOptions& options);
DataSplits load_roads(const std::string& argument, const DataOptions& options);
DataSplits load_cifar10(const std::string& argument, const DataOptions& options);
DataSplits load_mnist(const std::string& argument, const DataOptions& options);
DataSplits load_traffic(const std::string& argument, const DataOptions& options);
DataSplits load_csv(const std::string& argument, const DataOptions& options);
DataSplits load_images(const std::string& argument, const DataOptions& options);
DataSplits load_npy(const std::string& argument, const DataOptions& options);

/// The path itself if it exists; of a path that ends in .gz also the file without that ending.
/// Otherwise Error(kNoInput) saying where it looked, what sets the folder and how to get the set.
std::filesystem::path find_data_file(std::string_view data_set, const DataOptions& options,
                                     const std::filesystem::path& path_in_data_dir);

/// "FILE?label=COL&features=a,b" taken apart at the last '?'.
struct SourceArgument {
  std::filesystem::path path;
  std::map<std::string, std::string> options;
};
/// Error(kUsage) for an empty path, a part without '=', an option given twice or not in `accepted`.
SourceArgument parse_argument(const std::string& data_set, const std::string& argument,
                              std::span<const std::string> accepted);

}  // namespace octet
