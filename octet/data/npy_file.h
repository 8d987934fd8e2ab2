#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "octet/base/error.h"

namespace octet {

enum class NpyType : std::uint8_t { kFloat32, kFloat64, kUInt8, kInt8, kInt32, kInt64 };

/// An array as numpy.save writes it: format 1.0 or 2.0, little-endian, row-major.
class NpyArray {
 public:
  /// Error(kNoInput) if the file is missing, Error(kUnsupported) for what only numpy itself can
  /// read (pickled objects, Fortran order, big-endian and other types), Error(kBadData) for damage.
  static NpyArray read(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  NpyType type() const { return type_; }
  bool is_integer() const { return type_ != NpyType::kFloat32 && type_ != NpyType::kFloat64; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::int64_t num_elements() const { return num_elements_; }

  /// The elements, converted. Doubles hold every type but int64 beyond 2^53 exactly.
  std::vector<double> to_doubles() const;
  /// Only of integers.
  std::vector<std::int64_t> to_integers() const;
  std::span<const std::byte> raw() const;

 private:
  template <typename T>
  std::vector<T> converted() const;

  std::filesystem::path path_;
  NpyType type_ = NpyType::kFloat32;
  std::vector<std::int64_t> shape_;
  std::int64_t num_elements_ = 1;
  std::vector<std::byte> file_;
  std::size_t offset_ = 0;  ///< of the first element in the file
};

}  // namespace octet
