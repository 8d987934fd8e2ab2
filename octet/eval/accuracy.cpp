#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/eval/evaluate.h"

namespace octet {
namespace {

double percent(std::int64_t part, std::int64_t whole) {
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// How many classes come before `label`: those with a larger logit, or an equal one and a lower
/// index.
std::int64_t rank_of(std::span<const float> logits, std::int32_t label) {
  const float own = logits[static_cast<std::size_t>(label)];
  std::int64_t rank = 0;
  for (std::size_t j = 0; j < logits.size(); ++j) {
    rank += logits[j] > own || (logits[j] == own && j < static_cast<std::size_t>(label));
  }
  return rank;
}

/// -log softmax(logits)[label], with the largest logit taken out so that no exponential overflows.
double cross_entropy(std::span<const float> logits, std::int32_t label) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum) - logits[static_cast<std::size_t>(label)];
}

void require_same_samples(const Predictions& predictions, const Dataset& data) {
  const std::size_t count = static_cast<std::size_t>(data.size());
  if (predictions.predicted.size() != count || predictions.classes != data.num_classes() ||
      predictions.logits.size() != count * static_cast<std::size_t>(predictions.classes)) {
    fail(ErrorKind::kBadData, "evaluate '", data.name, "': predictions of ",
         predictions.predicted.size(), " samples and ", predictions.classes,
         " classes, accepted: ", count, " and ", data.num_classes());
  }
  if (count == 0) {
    fail(ErrorKind::kBadData, "evaluate '", data.name, "': no samples, accepted: 1 or more");
  }
}

std::int32_t checked_label(const Dataset& data, std::size_t sample) {
  const std::int32_t label = data.labels[sample];
  if (label < 0 || label >= data.num_classes()) {
    fail(ErrorKind::kBadData, "evaluate '", data.name, "': sample ", sample, ": label ", label,
         ", accepted: 0..", data.num_classes() - 1);
  }
  return label;
}

}  // namespace

AccuracyRecord accuracy(const Predictions& predictions, const Dataset& data) {
  require_same_samples(predictions, data);
  const auto classes = static_cast<std::size_t>(predictions.classes);
  std::vector<std::int64_t> correct(classes, 0), seen(classes, 0);
  std::int64_t top1 = 0, top5 = 0;
  double loss = 0;
  for (std::size_t i = 0; i < predictions.predicted.size(); ++i) {
    const std::int32_t label = checked_label(data, i);
    const std::span<const float> logits(predictions.logits.data() + i * classes, classes);
    const std::int64_t rank = rank_of(logits, label);
    top1 += rank == 0;
    top5 += rank < 5;
    loss += cross_entropy(logits, label);
    correct[static_cast<std::size_t>(label)] += rank == 0;
    ++seen[static_cast<std::size_t>(label)];
  }

  AccuracyRecord record;
  record.data = data.name;
  record.samples = data.size();
  record.correct = top1;
  record.top1 = percent(top1, data.size());
  record.top5 = percent(top5, data.size());
  record.loss = loss / static_cast<double>(data.size());
  for (std::size_t c = 0; c < classes; ++c) {
    // The accuracy of a class without samples was not measured.
    if (seen[c] > 0) record.per_class[data.class_names[c]] = percent(correct[c], seen[c]);
  }
  return record;
}

void compare_predictions(const Predictions& predictions, const Predictions& reference,
                         const Dataset& data, AccuracyRecord& record) {
  require_same_samples(predictions, data);
  require_same_samples(reference, data);
  std::int64_t equal = 0, only_this = 0, only_reference = 0;
  for (std::size_t i = 0; i < predictions.predicted.size(); ++i) {
    const std::int32_t label = checked_label(data, i);
    const bool this_right = predictions.predicted[i] == label;
    const bool reference_right = reference.predicted[i] == label;
    equal += predictions.predicted[i] == reference.predicted[i];
    only_this += this_right && !reference_right;
    only_reference += reference_right && !this_right;
  }
  record.agreement = percent(equal, data.size());
  record.mcnemar_p = mcnemar_p(only_this, only_reference);
  record.top1_drop_pp =
      100.0 * static_cast<double>(only_reference - only_this) / static_cast<double>(data.size());
}

double mcnemar_p(std::int64_t only_a, std::int64_t only_b) {
  if (only_a < 0 || only_b < 0) {
    fail(ErrorKind::kInternal, "mcnemar: counts ", only_a, " and ", only_b,
         ", accepted: 0 or more");
  }
  const std::int64_t n = only_a + only_b;
  const std::int64_t k = std::min(only_a, only_b);
  if (n == 0 || only_a == only_b) return 1.0;
  // P(X <= k) for X ~ Binomial(n, 1/2), relative to its largest term, P(X = k): going down, each
  // term is the last one times i / (n - i + 1) < 1.
  double relative = 1.0, sum = 1.0;
  for (std::int64_t i = k; i > 0 && relative > 1e-18 * sum; --i) {
    relative *= static_cast<double>(i) / static_cast<double>(n - i + 1);
    sum += relative;
  }
  const auto log_factorial = [](std::int64_t m) { return std::lgamma(static_cast<double>(m) + 1); };
  const double log_largest = log_factorial(n) - log_factorial(k) - log_factorial(n - k) -
                             static_cast<double>(n) * std::log(2.0);
  return std::min(1.0, 2.0 * std::exp(log_largest) * sum);
}

double sqnr_db(std::span<const float> expected, std::span<const float> actual) {
  if (expected.size() != actual.size()) {
    fail(ErrorKind::kInternal, "sqnr: ", actual.size(), " elements, accepted: ", expected.size());
  }
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = double{expected[i]} - actual[i];
    signal += double{expected[i]} * expected[i];
    noise += difference * difference;
  }
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(signal / noise);
}

}  // namespace octet
