#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/data/csv_reader.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

constexpr std::size_t kFeatures = 7;
const std::array<std::string, kFeatures> kColumns = {
    "total_vehicle",  "am_peak_vehicle", "pm_peak_vehicle", "n_appr_vehicle",
    "e_appr_vehicle", "s_appr_vehicle",  "w_appr_vehicle"};
constexpr std::uint32_t kSplitSeed = 42;  // of the published split, whatever the run's seed

/// numpy.percentile with its default, linear interpolation; `sorted` ascending.
double percentile(const std::vector<double>& sorted, double percent) {
  const double position = percent / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const double above = sorted[std::min(below + 1, sorted.size() - 1)];
  return sorted[below] + (above - sorted[below]) * (position - static_cast<double>(below));
}

/// Rows of the seven features, one after the other.
std::vector<double> read_rows(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kMaxCsvBytes);
  CsvReader reader(path, text);
  std::array<std::size_t, kFeatures> columns;
  for (std::size_t f = 0; f < kFeatures; ++f) {
    if (std::ranges::find(reader.columns(), kColumns[f]) == reader.columns().end()) {
      fail(ErrorKind::kBadData, path.string(), ": has no column '", kColumns[f], "'");
    }
    columns[f] = reader.column(kColumns[f]);
  }
  std::vector<double> rows;
  for (std::vector<std::string> cells; reader.next(cells);) {
    for (const std::size_t column : columns) {
      rows.push_back(reader.number(cells[column], column, std::numeric_limits<float>::max()));
    }
  }
  if (rows.size() < 10 * kFeatures) {
    fail(ErrorKind::kBadData, path.string(), ": found ", rows.size() / kFeatures,
         " rows, accepted: 10 or more");
  }
  return rows;
}

/// The class of a row is the third of all rows its total volume lies in.
std::vector<std::int32_t> label_rows(const std::vector<double>& rows) {
  std::vector<double> sorted;
  for (std::size_t i = 0; i < rows.size(); i += kFeatures) sorted.push_back(rows[i]);
  const std::vector<double> totals = sorted;
  std::ranges::sort(sorted);
  const double low = percentile(sorted, 33), high = percentile(sorted, 67);
  std::vector<std::int32_t> labels;
  for (const double total : totals) labels.push_back(total < low ? 0 : total < high ? 1 : 2);
  return labels;
}

}  // namespace

// The published recipe: percentiles over the whole table, then scikit-learn's split with
// random_state 42, then StandardScaler on its 5,023 training rows. Validation rows come from the
// end of the training part, in the permutation's order; mean and std stay those of all of it.
DataSplits load_traffic(const std::string&, const DataOptions& options) {
  const std::vector<double> rows =
      read_rows(find_data_file("traffic", options, "traffic/trafficdata.csv"));
  Dataset table =
      make_dataset("traffic", {static_cast<std::int64_t>(kFeatures)}, DType::kFloat32,
                   static_cast<std::int64_t>(rows.size() / kFeatures), {"low", "medium", "high"});
  std::ranges::transform(rows, table.samples.mutable_data<float>().begin(),
                         [](double value) { return static_cast<float>(value); });
  table.labels = label_rows(rows);

  const TrainTestIndices split = split_test(table.size(), kSplitSeed);
  table.preprocessing = measure_preprocessing(select(table, split.train), 1.0f);
  const auto train_count = split.train.size() - static_cast<std::size_t>(validation_count(
                                                    options.validation_fraction,
                                                    static_cast<std::int64_t>(split.train.size())));
  const std::span<const std::int32_t> train(split.train);
  return {.train = select(table, train.first(train_count)),
          .validation = select(table, train.subspan(train_count)),
          .test = select(table, split.test)};
}

}  // namespace octet
