#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/data/dataset.h"

namespace octet {

/// A folder of its own for each test, removed behind it.
class DataFilesTest : public testing::Test {
 protected:
  DataFilesTest() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("octet_data_") + info->test_suite_name() + "_" + info->name() + "_" +
               std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~DataFilesTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  /// Writes `content` to folder / name, making folders as need be, and returns the path.
  std::filesystem::path put(const std::filesystem::path& name, std::string_view content) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    // Not write_file: its fsync costs more than all else in tests that write hundreds of files.
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  DataOptions options() const { return {.data_dir = folder_}; }

  std::filesystem::path folder_;
};

/// The error of `run`, or a test failure and an Error without text.
inline Error error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was raised";
  return Error(ErrorKind::kInternal, "");
}

inline Error load_error(const std::string& name, const DataOptions& options) {
  return error_of([&] { load_data(name, options); });
}

/// The folder of the real data sets: $OCTET_DATA_DIR, else ../shared/data beside the repository or
/// beside the folder of its worktrees.
inline std::optional<std::filesystem::path> real_data_folder(std::string_view data_set) {
  std::vector<std::filesystem::path> candidates;
  if (const char* folder = std::getenv("OCTET_DATA_DIR")) candidates.emplace_back(folder);
  const std::filesystem::path root =
      std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  candidates.push_back(root / "../shared/data");
  candidates.push_back(root / "../../shared/data");
  for (const std::filesystem::path& candidate : candidates) {
    if (std::filesystem::is_directory(candidate / data_set)) return candidate;
  }
  return std::nullopt;
}

}  // namespace octet
