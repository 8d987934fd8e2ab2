#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace octet {

/// A model file whose large initializers stay on disk until their tensors are made, so that no
/// second copy of the weights is ever in memory.
class ModelFile {
 public:
  /// Nothing where there is no use in it: for what is not a regular file, is larger than
  /// `max_bytes` or has a structure that is damaged on the way to its initializers. Reading it as a
  /// whole says then what is wrong with it.
  static std::optional<ModelFile> open(const std::filesystem::path& file, std::size_t max_bytes);

  /// The ModelProto without the raw_data of its large initializers.
  std::span<const std::byte> skeleton() const { return skeleton_; }
  void drop_skeleton() { skeleton_ = {}; }
  /// The bytes of raw_data that were left out of initializer number `index`; 0: none.
  std::size_t left_out(int index) const;
  /// Reads them. Error(kIo) starting with `where` if the file changed meanwhile.
  void read(int index, std::span<std::byte> bytes, std::string_view where) const;

 private:
  struct Extent {
    std::uint64_t offset = 0, size = 0;
  };
  class Descriptor;
  class Scanner;

  std::shared_ptr<const Descriptor> file_;
  std::vector<std::byte> skeleton_;
  std::map<int, Extent> initializers_;
};

}  // namespace octet
