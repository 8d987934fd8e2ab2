#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/data/csv_reader.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxClasses = 10000;

/// A column is numeric if its first cell that is not empty is a number.
std::vector<std::size_t> numeric_columns(const fs::path& path, std::string_view text,
                                         std::size_t label) {
  CsvReader reader(path, text);
  std::vector<std::optional<bool>> numeric(reader.columns().size());
  std::size_t unknown = numeric.size();
  for (std::vector<std::string> cells; unknown > 0 && reader.next(cells);) {
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (numeric[c] || cells[c].empty()) continue;
      double ignored = 0;
      numeric[c] = parse_number(cells[c], ignored);
      --unknown;
    }
  }
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < numeric.size(); ++c) {
    if (c != label && numeric[c].value_or(false)) columns.push_back(c);
  }
  return columns;
}

std::vector<std::size_t> named_columns(const CsvReader& reader, const std::string& names,
                                       std::size_t label) {
  std::vector<std::size_t> columns;
  for (std::size_t start = 0; start <= names.size();) {
    const std::size_t end = std::min(names.find(',', start), names.size());
    const std::size_t column = reader.column(names.substr(start, end - start));
    if (column == label || std::ranges::find(columns, column) != columns.end()) {
      fail(ErrorKind::kUsage, "csv: feature '", reader.columns()[column],
           "' is the label or given twice");
    }
    columns.push_back(column);
    start = end + 1;
  }
  return columns;
}

struct LabelledRows {
  std::vector<float> features;
  std::vector<std::int32_t> labels;           ///< index into `texts`
  std::map<std::string, std::int32_t> texts;  ///< every different label in the order of first use
};

LabelledRows read_rows(CsvReader& reader, const std::vector<std::size_t>& features,
                       std::size_t label) {
  LabelledRows rows;
  for (std::vector<std::string> cells; reader.next(cells);) {
    for (const std::size_t column : features) {
      rows.features.push_back(static_cast<float>(
          reader.number(cells[column], column, std::numeric_limits<float>::max())));
    }
    double value = 0;
    const bool is_nan = parse_number(cells[label], value) && std::isnan(value);
    if (cells[label].empty() || is_nan) reader.fail_cell(cells[label], label, "a class");
    const auto next = static_cast<std::int32_t>(rows.texts.size());
    rows.labels.push_back(rows.texts.try_emplace(cells[label], next).first->second);
    if (rows.texts.size() > kMaxClasses) {
      reader.fail_cell(cells[label], label, "at most 10000 different classes");
    }
  }
  return rows;
}

/// The classes in order, each with the ids of the texts that mean it.
using Classes = std::vector<std::pair<std::string, std::vector<std::int32_t>>>;

/// Whole numbers become classes in numeric order ("2" before "10", "1" the same as "1.0"), anything
/// else in the order of the texts.
Classes find_classes(const CsvReader& reader, std::size_t label, const LabelledRows& rows) {
  std::map<std::int64_t, std::vector<std::int32_t>> numbers;
  std::size_t numeric = 0;
  Classes texts;
  for (const auto& [text, id] : rows.texts) {
    texts.push_back({text, {id}});
    double value = 0;
    if (!parse_number(text, value)) continue;
    if (std::floor(value) != value || std::fabs(value) > 1e15) {
      reader.fail_cell(text, label, "whole numbers or texts as classes");
    }
    numbers[static_cast<std::int64_t>(value)].push_back(id);
    ++numeric;
  }
  if (numeric < rows.texts.size()) return texts;
  Classes classes;
  for (const auto& [value, ids] : numbers) classes.emplace_back(std::to_string(value), ids);
  return classes;
}

std::vector<std::int32_t> to_classes(const LabelledRows& rows, const Classes& classes) {
  std::vector<std::int32_t> class_of(rows.texts.size());
  for (std::size_t c = 0; c < classes.size(); ++c) {
    for (const std::int32_t id : classes[c].second) {
      class_of[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(c);
    }
  }
  std::vector<std::int32_t> labels;
  for (const std::int32_t id : rows.labels)
    labels.push_back(class_of[static_cast<std::size_t>(id)]);
  return labels;
}

}  // namespace

DataSplits load_csv(const std::string& argument, const DataOptions& options) {
  const std::vector<std::string> accepted = {"label", "features"};
  const SourceArgument parsed = parse_argument("csv", argument, accepted);
  if (!parsed.options.contains("label")) {
    fail(ErrorKind::kUsage, "csv: no label column, accepted: csv:FILE?label=COL");
  }
  const std::string text = read_text_file(parsed.path, kMaxCsvBytes);
  CsvReader reader(parsed.path, text);
  const std::size_t label = reader.column(parsed.options.at("label"));
  const std::vector<std::size_t> features =
      parsed.options.contains("features")
          ? named_columns(reader, parsed.options.at("features"), label)
          : numeric_columns(parsed.path, text, label);
  if (features.empty()) {
    fail(ErrorKind::kBadData, parsed.path.string(), ": no numeric column besides the label");
  }

  const LabelledRows rows = read_rows(reader, features, label);
  if (rows.labels.empty()) {
    fail(ErrorKind::kBadData, parsed.path.string(), ": has a header line but no rows");
  }
  const Classes classes = find_classes(reader, label, rows);
  std::vector<std::string> class_names;
  for (const auto& [name, ids] : classes) class_names.push_back(name);
  Dataset table = make_dataset("csv:" + parsed.path.filename().string(),
                               {static_cast<std::int64_t>(features.size())}, DType::kFloat32,
                               static_cast<std::int64_t>(rows.labels.size()), class_names);
  std::ranges::copy(rows.features, table.samples.mutable_data<float>().begin());
  table.labels = to_classes(rows, classes);
  return split_and_standardize(table, options);
}

}  // namespace octet
