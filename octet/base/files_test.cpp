#include "octet/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "octet/base/error.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("octet_files_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(FilesTest, WhatWasWrittenIsReadBackAndNothingElseIsLeft) {
  write_file(folder_ / "a", "first");
  write_file(folder_ / "a", "second");
  EXPECT_EQ(read_text_file(folder_ / "a"), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FilesTest, AMissingFileIsNoInput) {
  try {
    read_file(folder_ / "absent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 66);
  }
}

TEST_F(FilesTest, AFifoIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_THROW(read_file(folder_ / "fifo"), Error);
}

TEST_F(FilesTest, ALargerFileThanAllowedIsBadData) {
  write_file(folder_ / "a", "12345");
  try {
    read_file(folder_ / "a", 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 65);
  }
}

TEST_F(FilesTest, AnOutputInAMissingFolderOrOnAFolderIsRefusedBeforeTheWork) {
  for (const fs::path& path : {folder_ / "no" / "file", folder_, fs::path("")}) {
    try {
      require_writable(path);
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 73) << path;
    }
  }
}

TEST_F(FilesTest, AFailedWriteLeavesTheOldFile) {
  fs::create_directories(folder_ / "taken");  // rename of a file onto a folder fails
  EXPECT_THROW(write_file(folder_ / "taken", "x"), Error);
  EXPECT_TRUE(fs::is_directory(folder_ / "taken"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace octet
