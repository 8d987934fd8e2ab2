#include "octet/data/npy_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "octet/base/files.h"
#include "octet/base/shape.h"

namespace octet {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeader = 1 << 16;
constexpr std::size_t kMaxRank = 8;

struct TypeName {
  std::string_view descr;
  NpyType type;
  std::size_t size;
};
constexpr TypeName kTypes[] = {
    {"<f4", NpyType::kFloat32, 4}, {"<f8", NpyType::kFloat64, 8}, {"|u1", NpyType::kUInt8, 1},
    {"|i1", NpyType::kInt8, 1},    {"<i4", NpyType::kInt32, 4},   {"<i8", NpyType::kInt64, 8},
};
constexpr std::string_view kAccepted = ", accepted: <f4, <f8, |u1, |i1, <i4, <i8 in C order";

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// The header is a Python dict literal: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(const std::filesystem::path& path, std::string_view text)
      : path_(path), text_(text) {}

  Header parse() {
    Header header;
    int seen = 0;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        header.descr = string();
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        fail_header();
      }
      ++seen;
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (seen != 3 || !text_.empty()) fail_header();
    return header;
  }

 private:
  [[noreturn]] void fail_header() const {
    fail(ErrorKind::kBadData, path_.string(), ": damaged header near '", text_.substr(0, 20),
         "', accepted: a dict of descr, fortran_order and shape");
  }
  void skip_blanks() {
    const std::size_t first = text_.find_first_not_of(" \t\r\n");
    text_.remove_prefix(std::min(first, text_.size()));
  }
  bool accept(char c) {
    skip_blanks();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_header();
  }
  std::string string() {
    skip_blanks();
    // A list in place of a name describes records of several fields.
    if (text_.starts_with('[')) {
      fail(ErrorKind::kUnsupported, path_.string(), ": found a structured type", kAccepted);
    }
    const char quote = text_.starts_with('"') ? '"' : '\'';
    expect(quote);
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) fail_header();
    const std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    skip_blanks();
    const bool value = text_.starts_with("True");
    if (!value && !text_.starts_with("False")) fail_header();
    text_.remove_prefix(value ? 4 : 5);
    return value;
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (error != std::errc{} || values.size() == kMaxRank) fail_header();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      values.push_back(value);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  const std::filesystem::path& path_;
  std::string_view text_;
};

const TypeName& require_type(const std::filesystem::path& path, const Header& header) {
  if (header.descr.find('O') != std::string::npos) {
    fail(ErrorKind::kUnsupported, path.string(),
         ": holds pickled Python objects, which are not read", kAccepted);
  }
  if (header.descr.starts_with('>')) {
    fail(ErrorKind::kUnsupported, path.string(), ": found big-endian '", header.descr, "'",
         kAccepted);
  }
  const auto type = std::ranges::find(kTypes, header.descr, &TypeName::descr);
  if (type == std::end(kTypes)) {
    fail(ErrorKind::kUnsupported, path.string(), ": found type '", header.descr, "'", kAccepted);
  }
  if (header.fortran_order) {
    fail(ErrorKind::kUnsupported, path.string(), ": found Fortran order", kAccepted);
  }
  return *type;
}

}  // namespace

NpyArray NpyArray::read(const std::filesystem::path& path) {
  NpyArray array;
  array.path_ = path;
  array.file_ = read_file(path, std::size_t{1} << 34);
  const std::string_view text(reinterpret_cast<const char*>(array.file_.data()),
                              array.file_.size());
  if (!text.starts_with(kMagic) || text.size() < 10) {
    fail(ErrorKind::kBadData, path.string(), ": no NumPy array: found ", text.size(),
         " bytes without the magic number \\x93NUMPY");
  }
  const int major = text[6], minor = text[7];
  if ((major != 1 && major != 2) || minor != 0) {
    fail(ErrorKind::kUnsupported, path.string(), ": found format ", major, ".", minor,
         ", accepted: 1.0 and 2.0");
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes && 8 + i < text.size(); ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(text[8 + i])) << (8 * i);
  }
  array.offset_ = 8 + length_bytes + length;
  if (length > kMaxHeader || array.offset_ > text.size()) {
    fail(ErrorKind::kBadData, path.string(), ": truncated: a header of ", length,
         " bytes in a file of ", text.size());
  }
  const Header header = HeaderParser(path, text.substr(8 + length_bytes, length)).parse();
  const TypeName& type = require_type(path, header);
  array.type_ = type.type;
  array.shape_ = header.shape;
  array.num_elements_ = Shape(header.shape).num_elements();

  const std::size_t found = text.size() - array.offset_;
  const std::size_t expected = static_cast<std::size_t>(array.num_elements_) * type.size;
  if (found != expected) {
    const std::int64_t rows = header.shape.empty() || header.shape[0] == 0 ? 1 : header.shape[0];
    const std::size_t row_bytes =
        std::max<std::size_t>(1, expected / static_cast<std::size_t>(rows));
    fail(ErrorKind::kBadData, path.string(), ": found ", found, " bytes of elements",
         found < expected ? " (truncated in sample " + std::to_string(found / row_bytes) + ")"
                          : std::string(),
         ", the header announces ", expected);
  }
  return array;
}

std::span<const std::byte> NpyArray::raw() const { return std::span(file_).subspan(offset_); }

template <typename T>
std::vector<T> NpyArray::converted() const {
  std::vector<T> values(static_cast<std::size_t>(num_elements_));
  const auto convert = [&]<typename From>(From) {
    const std::byte* src = raw().data();
    for (std::size_t i = 0; i < values.size(); ++i) {
      From value;  // elements need not be aligned in the file
      std::memcpy(&value, src + i * sizeof(From), sizeof(From));
      values[i] = static_cast<T>(value);
    }
  };
  switch (type_) {
    case NpyType::kFloat32:
      convert(float{});
      break;
    case NpyType::kFloat64:
      convert(double{});
      break;
    case NpyType::kUInt8:
      convert(std::uint8_t{});
      break;
    case NpyType::kInt8:
      convert(std::int8_t{});
      break;
    case NpyType::kInt32:
      convert(std::int32_t{});
      break;
    case NpyType::kInt64:
      convert(std::int64_t{});
      break;
  }
  return values;
}

std::vector<double> NpyArray::to_doubles() const { return converted<double>(); }

std::vector<std::int64_t> NpyArray::to_integers() const {
  if (!is_integer()) fail(ErrorKind::kInternal, path_.string(), ": floats taken as integers");
  return converted<std::int64_t>();
}

}  // namespace octet
