#include "octet/data/csv_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "octet/base/error.h"
#include "octet/base/names.h"

namespace octet {
namespace {

constexpr std::size_t kMaxColumns = 10000;
constexpr std::size_t kMaxNameLength = 1000;

std::string shown(std::string_view cell) {
  constexpr std::size_t kMaxShown = 60;
  if (cell.empty()) return "an empty cell";
  std::string text("'");
  return text.append(cell.substr(0, kMaxShown)).append(cell.size() > kMaxShown ? "...'" : "'");
}

std::string_view trimmed(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t')) cell.remove_suffix(1);
  return cell;
}

}  // namespace

bool parse_number(std::string_view cell, double& value) {
  cell = trimmed(cell);
  if (cell.size() > 1 && cell.front() == '+' && cell[1] != '-') cell.remove_prefix(1);
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return error == std::errc{} && end == cell.data() + cell.size();
}

CsvReader::CsvReader(const std::filesystem::path& path, std::string_view text)
    : path_(path), text_(text) {
  if (text_.starts_with("\xEF\xBB\xBF")) position_ = 3;
  if (text_.find('\0') != std::string_view::npos) {
    fail(ErrorKind::kBadData, path_.string(), ": holds NUL bytes, accepted: a UTF-8 text file");
  }
  if (!read_record(columns_)) {
    fail(ErrorKind::kBadData, path_.string(), ": empty, accepted: a header line and rows");
  }
  for (std::string& name : columns_) {
    name = trimmed(name);
    if (name.size() > kMaxNameLength || columns_.size() > kMaxColumns) {
      fail(ErrorKind::kBadData, path_.string(), ": a header of ", columns_.size(),
           " columns, one with ", name.size(), " characters, accepted: at most ", kMaxColumns,
           " columns with names of at most ", kMaxNameLength);
    }
  }
}

std::size_t CsvReader::column(std::string_view name) const {
  const auto found = std::ranges::find(columns_, name);
  if (found == columns_.end()) {
    fail_unknown_name(path_.string() + ": column", name, columns_);
  }
  if (std::ranges::count(columns_, name) > 1) {
    fail(ErrorKind::kBadData, path_.string(), ": two columns are named '", name, "'");
  }
  return static_cast<std::size_t>(found - columns_.begin());
}

bool CsvReader::next(std::vector<std::string>& cells) {
  if (!read_record(cells)) return false;
  ++row_;
  if (cells.size() < columns_.size()) {
    fail(ErrorKind::kBadData, path_.string(), ": line ", line_, " (row ", row_, "): found ",
         cells.size(), " cells, column '", columns_[cells.size()],
         "' is missing, accepted: ", columns_.size(), " cells");
  }
  if (cells.size() > columns_.size()) {
    fail(ErrorKind::kBadData, path_.string(), ": line ", line_, " (row ", row_, "): found ",
         cells.size(), " cells, the last column '", columns_.back(), "' is number ",
         columns_.size());
  }
  return true;
}

double CsvReader::number(std::string_view cell, std::size_t column, double limit) const {
  double value = 0;
  if (!parse_number(cell, value) || !(std::fabs(value) <= limit)) {
    fail_cell(cell, column, "a finite number");
  }
  return value;
}

void CsvReader::fail_cell(std::string_view cell, std::size_t column,
                          std::string_view accepted) const {
  fail(ErrorKind::kBadData, path_.string(), ": line ", line_, " (row ", row_, "), column '",
       columns_[column], "': found ", shown(cell), ", accepted: ", accepted);
}

void CsvReader::read_quoted(std::string& cell) {
  ++position_;
  while (true) {
    const std::size_t quote = text_.find('"', position_);
    if (quote == std::string_view::npos) {
      fail(ErrorKind::kBadData, path_.string(), ": line ", line_, ": a quote is never closed");
    }
    const std::string_view piece = text_.substr(position_, quote - position_);
    next_line_ += std::ranges::count(piece, '\n');
    cell += piece;
    position_ = quote + 1;
    if (position_ == text_.size() || text_[position_] != '"') break;
    cell += '"';
    ++position_;
  }
  const std::string_view rest = text_.substr(position_, 2);
  if (!rest.empty() && rest[0] != ',' && rest[0] != '\n' && rest != "\r\n" && rest != "\r") {
    fail(ErrorKind::kBadData, path_.string(), ": line ", next_line_, ": found '", rest[0],
         "' behind a closing quote, accepted: a comma or the end of the line");
  }
}

bool CsvReader::read_record(std::vector<std::string>& cells) {
  while (text_.substr(position_).starts_with('\n') || text_.substr(position_).starts_with("\r\n")) {
    position_ += text_[position_] == '\n' ? 1 : 2;
    ++next_line_;
  }
  if (position_ >= text_.size()) return false;
  line_ = next_line_;
  std::size_t used = 0;
  while (true) {
    if (used == cells.size()) cells.emplace_back();
    std::string& cell = cells[used++];
    cell.clear();
    if (position_ < text_.size() && text_[position_] == '"') read_quoted(cell);
    const std::size_t end = std::min(text_.find_first_of(",\n", position_), text_.size());
    cell += text_.substr(position_, end - position_);
    position_ = std::min(end + 1, text_.size());
    if (end == text_.size() || text_[end] == '\n') {
      if (cell.ends_with('\r')) cell.pop_back();
      ++next_line_;
      break;
    }
  }
  cells.resize(used);
  return true;
}

}  // namespace octet
