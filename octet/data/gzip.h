#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace octet {

/// Reads a file of known length piece by piece, decompressing it if it is gzip. No more memory is
/// taken than the caller asks for, whatever the compressed data claims.
class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Fills `out` as far as there is content and returns how many bytes that were.
  /// Error(kBadData) if the compressed data is damaged.
  std::size_t read(std::span<std::byte> out);

 private:
  struct Stream;
  std::filesystem::path path_;
  std::vector<std::byte> file_;
  std::size_t position_ = 0;        ///< in file_, where it is not compressed
  std::unique_ptr<Stream> stream_;  ///< null where it is not compressed
};

}  // namespace octet
