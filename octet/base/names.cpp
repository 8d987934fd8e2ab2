#include "octet/base/names.h"

#include <algorithm>
#include <numeric>

#include "octet/base/error.h"

namespace octet {
namespace {

/// Levenshtein distance, one row of the table at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view word,
                                        std::span<const std::string> candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

void fail_unknown_name(std::string_view what, std::string_view found,
                       std::span<const std::string> accepted) {
  std::string list;
  for (const std::string& name : accepted) list += (list.empty() ? "" : ", ") + name;
  const std::optional<std::string> nearest = nearest_name(found, accepted);
  fail(ErrorKind::kUsage, "unknown ", what, " '", found, "'",
       nearest ? "; did you mean '" + *nearest + "'?" : ";", " accepted: ", list);
}

}  // namespace octet
