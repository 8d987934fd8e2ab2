#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// A CSV file (RFC 4180: commas, optional double quotes, LF or CRLF) with a header line. A UTF-8
/// byte order mark and empty lines are skipped. Every error names the file, the line and the
/// column.
class CsvReader {
 public:
  /// Reads the header. `text` must outlive the reader.
  CsvReader(const std::filesystem::path& path, std::string_view text);

  const std::vector<std::string>& columns() const { return columns_; }
  /// Error(kUsage) with the nearest name if there is none, Error(kBadData) if there are two.
  std::size_t column(std::string_view name) const;

  /// The next record: one cell per column, else Error(kBadData). False at the end.
  bool next(std::vector<std::string>& cells);
  /// Of the record just read, counted from 1 for the first one behind the header.
  std::int64_t row() const { return row_; }

  /// The cell as a finite number; '.' is the decimal point in every locale. Error(kBadData) for
  /// anything else: empty, text, NaN, infinity, or too large for `limit`.
  double number(std::string_view cell, std::size_t column, double limit) const;
  [[noreturn]] void fail_cell(std::string_view cell, std::size_t column,
                              std::string_view accepted) const;

 private:
  bool read_record(std::vector<std::string>& cells);
  void read_quoted(std::string& cell);

  std::filesystem::path path_;
  std::string_view text_;
  std::size_t position_ = 0;
  std::int64_t line_ = 0;       ///< where the current record begins
  std::int64_t next_line_ = 1;  ///< at position_
  std::int64_t row_ = 0;
  std::vector<std::string> columns_;
};

/// The whole of `cell` as a number, blanks around it and a leading '+' apart; also nan and inf.
bool parse_number(std::string_view cell, double& value);

/// Text files up to this size are read.
inline constexpr std::size_t kMaxCsvBytes = std::size_t{1} << 29;

}  // namespace octet
