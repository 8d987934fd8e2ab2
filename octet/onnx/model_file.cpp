#include "octet/onnx/model_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "octet/base/error.h"

namespace octet {
namespace {

// Field numbers of onnx.proto.
constexpr std::uint64_t kModelGraph = 7, kGraphInitializer = 5, kTensorRawData = 9;
constexpr std::uint64_t kLengthDelimited = 2;  // protobuf's wire type of bytes and messages
/// Less is not worth a read of its own.
constexpr std::uint64_t kMinLeftOut = std::uint64_t{64} << 10;

void append_varint(std::uint64_t value, std::vector<std::byte>& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(value | 0x80));
  out.push_back(static_cast<std::byte>(value));
}

void append_field(std::uint64_t number, std::span<const std::byte> content,
                  std::vector<std::byte>& out) {
  append_varint(number << 3 | kLengthDelimited, out);
  append_varint(content.size(), out);
  out.insert(out.end(), content.begin(), content.end());
}

}  // namespace

class ModelFile::Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// The size of a regular file.
  std::optional<std::uint64_t> size() const {
    struct stat info {};
    if (fd_ < 0 || ::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    return static_cast<std::uint64_t>(info.st_size);
  }

  /// False if the file ends before.
  bool read(std::uint64_t offset, std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t got = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      offset += static_cast<std::uint64_t>(got);
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
    return true;
  }

 private:
  int fd_;
};

/// Walks the fields of the file on the way to the initializers and copies all but their raw_data.
/// A step that returns false has met something that protobuf should judge.
class ModelFile::Scanner {
 public:
  Scanner(const Descriptor& file, std::uint64_t size) : file_(file), size_(size) {}

  bool model(std::vector<std::byte>& out, std::map<int, Extent>& initializers) {
    while (position_ < size_) {
      Field field;
      if (!next(size_, field)) return false;
      if (!field.is(kModelGraph)) {
        if (!copy(field, out)) return false;
        continue;
      }
      std::vector<std::byte> content;
      if (!graph(field.end, content, initializers)) return false;
      append_field(kModelGraph, content, out);
    }
    return true;
  }

 private:
  struct Field {
    std::uint64_t begin = 0, payload = 0, end = 0, tag = 0;
    bool is(std::uint64_t number) const { return tag == (number << 3 | kLengthDelimited); }
  };

  bool graph(std::uint64_t end, std::vector<std::byte>& out, std::map<int, Extent>& initializers) {
    while (position_ < end) {
      Field field;
      if (!next(end, field)) return false;
      if (!field.is(kGraphInitializer)) {
        if (!copy(field, out)) return false;
        continue;
      }
      std::vector<std::byte> content;
      Extent left_out;
      if (!tensor(field.end, content, left_out)) return false;
      append_field(kGraphInitializer, content, out);
      if (left_out.size > 0) initializers.emplace(count_, left_out);
      ++count_;
    }
    return true;
  }

  bool tensor(std::uint64_t end, std::vector<std::byte>& out, Extent& left_out) {
    bool has_raw_data = false;
    while (position_ < end) {
      Field field;
      if (!next(end, field)) return false;
      const bool is_raw_data = field.is(kTensorRawData);
      if (is_raw_data && has_raw_data) return false;
      has_raw_data = has_raw_data || is_raw_data;
      if (is_raw_data && field.end - field.payload >= kMinLeftOut) {
        left_out = {field.payload, field.end - field.payload};
        position_ = field.end;
      } else if (!copy(field, out)) {
        return false;
      }
    }
    return true;
  }

  /// Reads a tag and, for what has one, the length; `position_` is the payload's then.
  bool next(std::uint64_t end, Field& field) {
    field.begin = position_;
    if (!varint(end, field.tag)) return false;
    field.payload = position_;
    std::uint64_t length = 0;
    switch (field.tag & 7) {
      case 0:
        if (!varint(end, length)) return false;
        length = position_ - field.payload;
        break;
      case 1:
        length = 8;
        break;
      case kLengthDelimited:
        if (!varint(end, length)) return false;
        field.payload = position_;
        break;
      case 5:
        length = 4;
        break;
      default:
        return false;  // groups do not occur in ONNX
    }
    if (length > end - field.payload) return false;
    field.end = field.payload + length;
    position_ = field.payload;
    return true;
  }

  bool varint(std::uint64_t end, std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && position_ < end; shift += 7) {
      std::byte byte{};
      if (!byte_at(position_++, byte)) return false;
      value |= (std::to_integer<std::uint64_t>(byte) & 0x7f) << shift;
      if (std::to_integer<int>(byte) < 0x80) return true;
    }
    return false;
  }

  bool byte_at(std::uint64_t offset, std::byte& byte) {
    if (offset < window_begin_ || offset >= window_begin_ + window_size_) {
      window_begin_ = offset;
      window_size_ =
          static_cast<std::size_t>(std::min<std::uint64_t>(window_.size(), size_ - offset));
      if (!file_.read(offset, std::span(window_).first(window_size_))) return false;
    }
    byte = window_[static_cast<std::size_t>(offset - window_begin_)];
    return true;
  }

  /// Copies the field as it is; also past the window, which may hold it whole.
  bool copy(const Field& field, std::vector<std::byte>& out) {
    const std::size_t at = out.size();
    const auto length = static_cast<std::size_t>(field.end - field.begin);
    out.resize(at + length);
    position_ = field.end;
    if (field.begin >= window_begin_ && field.end <= window_begin_ + window_size_) {
      std::memcpy(out.data() + at, window_.data() + (field.begin - window_begin_), length);
      return true;
    }
    return file_.read(field.begin, std::span(out).subspan(at));
  }

  const Descriptor& file_;
  std::uint64_t size_, position_ = 0;
  int count_ = 0;  // initializers so far
  std::array<std::byte, 4096> window_{};
  std::uint64_t window_begin_ = 0;
  std::size_t window_size_ = 0;
};

std::optional<ModelFile> ModelFile::open(const std::filesystem::path& file, std::size_t max_bytes) {
  ModelFile model;
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  model.file_ =
      std::make_shared<const Descriptor>(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const std::optional<std::uint64_t> size = model.file_->size();
  if (!size || *size < kMinLeftOut || *size > max_bytes) return std::nullopt;
  Scanner scanner(*model.file_, *size);
  if (!scanner.model(model.skeleton_, model.initializers_)) return std::nullopt;
  return model;
}

std::size_t ModelFile::left_out(int index) const {
  const auto found = initializers_.find(index);
  return found == initializers_.end() ? 0 : static_cast<std::size_t>(found->second.size);
}

void ModelFile::read(int index, std::span<std::byte> bytes, std::string_view where) const {
  const Extent& extent = initializers_.at(index);
  if (bytes.size() != extent.size || !file_->read(extent.offset, bytes)) {
    fail(ErrorKind::kIo, where, ": the file changed while it was read");
  }
}

}  // namespace octet
