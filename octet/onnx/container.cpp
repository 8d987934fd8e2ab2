#include "octet/onnx/container.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message_lite.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "octet/base/error.h"

namespace octet {
namespace {

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  std::string_view kind;
};
constexpr Signature kSignatures[] = {
    {0, "\x89PNG", "a PNG image"},
    {0,
     "\x7f"
     "ELF",
     "an ELF program or library"},
    {0, "\x1f\x8b", "gzip data"},
    {0, "PK\x03\x04", "a zip archive (a PyTorch checkpoint is one)"},
    {0, "\xff\xd8\xff", "a JPEG image"},
    {0, "\x89HDF", "an HDF5 file"},
    {0, "\x93NUMPY", "a NumPy array"},
    {0, "GIF8", "a GIF image"},
    {0, "%PDF", "a PDF document"},
    {0, "BZh", "bzip2 data"},
    {0, "\x28\xb5\x2f\xfd", "zstd data"},
    {0, "#!", "a script"},
    {0, "{", "JSON text"},
    {0, "<", "XML or HTML text"},
    {4, "TFL3", "a TensorFlow Lite model"},
    {257, "ustar", "a tar archive"},
};

/// Walks the fields of a protobuf message without a schema.
class WireScanner {
 public:
  explicit WireScanner(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t position() const { return position_; }
  bool at_end() const { return position_ == bytes_.size(); }

  /// Skips one field; false, with `position` at its start, if it is damaged.
  bool skip_field() {
    const std::size_t start = position_;
    const std::optional<std::uint64_t> tag = varint();
    const bool good = tag && (*tag >> 3) != 0 && skip_payload(*tag & 7);
    if (!good) position_ = start;
    return good;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70 && position_ < bytes_.size(); shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(bytes_[position_++]);
      value |= shift < 64 ? (byte & 0x7f) << shift : 0;
      if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
  }
  bool skip_bytes(std::uint64_t count) {
    if (count > bytes_.size() - position_) return false;
    position_ += count;
    return true;
  }
  bool skip_payload(std::uint64_t wire_type) {
    switch (wire_type) {
      case 0:
        return varint().has_value();
      case 1:
        return skip_bytes(8);
      case 2: {
        const std::optional<std::uint64_t> length = varint();
        return length && skip_bytes(*length);
      }
      case 5:
        return skip_bytes(4);
      default:
        return false;  // groups do not occur in ONNX
    }
  }

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace

std::string_view kind_of_file(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto found = std::ranges::find_if(kSignatures, [&](const Signature& signature) {
    return text.size() >= signature.offset &&
           text.substr(signature.offset).starts_with(signature.bytes);
  });
  return found == std::end(kSignatures) ? std::string_view{} : found->kind;
}

std::size_t offset_of_damage(std::span<const std::byte> bytes) {
  WireScanner scanner(bytes);
  while (!scanner.at_end() && scanner.skip_field()) {
  }
  return scanner.position();
}

void parse_proto(std::span<const std::byte> bytes, google::protobuf::MessageLite& message,
                 std::string_view where, int max_nesting) {
  if (bytes.empty()) fail(ErrorKind::kBadData, where, ": the file is empty");
  if (bytes.size() > kMaxProtoBytes) {
    fail(ErrorKind::kBadData, where, ": ", bytes.size(), " bytes, accepted: at most ",
         kMaxProtoBytes);
  }
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(max_nesting);
  if (message.ParsePartialFromCodedStream(&stream) && stream.ConsumedEntireMessage()) return;

  const std::string_view kind = kind_of_file(bytes);
  if (!kind.empty()) {
    fail(ErrorKind::kBadData, where, ": looks like ", kind, ", accepted: a protobuf message");
  }
  const std::size_t damage = offset_of_damage(bytes);
  if (damage == bytes.size()) {
    fail(ErrorKind::kBadData, where, ": damaged inside, or nested deeper than ", max_nesting,
         " messages (", bytes.size(), " bytes)");
  }
  fail(ErrorKind::kBadData, where, ": damaged or cut off: the field at byte offset ", damage,
       " of ", bytes.size(), " is not complete");
}

std::vector<std::byte> serialize_proto(const google::protobuf::MessageLite& message,
                                       std::string_view where) {
  const std::size_t size = message.ByteSizeLong();
  if (size > kMaxProtoBytes) {
    fail(ErrorKind::kUnsupported, where, ": ", size, " bytes, accepted: at most ", kMaxProtoBytes);
  }
  std::vector<std::byte> bytes(size);
  if (!message.SerializeToArray(bytes.data(), static_cast<int>(size))) {
    fail(ErrorKind::kInternal, where, ": the message could not be written");
  }
  return bytes;
}

}  // namespace octet
