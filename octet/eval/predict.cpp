#include <algorithm>
#include <cmath>
#include <numeric>

#include "octet/base/error.h"
#include "octet/eval/evaluate.h"

namespace octet {
namespace {

void require_finite(const Dataset& data, std::int64_t first, int classes,
                    std::span<const float> logits) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isfinite(logits[i])) continue;
    const std::size_t row = static_cast<std::size_t>(classes);
    fail(ErrorKind::kBadData, "evaluate '", data.name, "': sample ",
         first + static_cast<std::int64_t>(i / row), ": logit ", i % row, " is ", logits[i],
         ", accepted: finite numbers");
  }
}

}  // namespace

Predictions predict(const Classifier& classifier, const Dataset& data,
                    const Preprocessing& preprocessing, int batch,
                    const std::function<void(std::int64_t done)>& progress) {
  if (batch < 1) fail(ErrorKind::kUsage, "evaluate: batch ", batch, ", accepted: 1 or more");
  Predictions predictions;
  predictions.classes = data.num_classes();
  if (data.size() > 0 && predictions.classes < 1) {
    fail(ErrorKind::kBadData, "evaluate '", data.name, "': no classes, accepted: 1 or more");
  }
  const std::int64_t classes = predictions.classes;
  const std::int64_t sample_elements = data.sample_shape.num_elements();
  predictions.logits.resize(static_cast<std::size_t>(data.size() * classes));
  predictions.predicted.reserve(static_cast<std::size_t>(data.size()));

  const auto largest = static_cast<std::size_t>(std::min<std::int64_t>(batch, data.size()));
  std::vector<float> samples(largest * static_cast<std::size_t>(sample_elements));
  std::vector<std::int32_t> indices(largest);
  for (std::int64_t first = 0; first < data.size(); first += batch) {
    const std::int64_t count = std::min<std::int64_t>(batch, data.size() - first);
    indices.resize(static_cast<std::size_t>(count));
    std::iota(indices.begin(), indices.end(), static_cast<std::int32_t>(first));
    const std::span<float> input(samples.data(), static_cast<std::size_t>(count * sample_elements));
    fill_batch(data, indices, preprocessing, Augmentation{}, nullptr, input);

    const std::span<float> logits(predictions.logits.data() + first * classes,
                                  static_cast<std::size_t>(count * classes));
    classifier(input, static_cast<int>(count), logits);
    require_finite(data, first, predictions.classes, logits);
    for (std::int64_t i = 0; i < count; ++i) {
      const float* row = logits.data() + i * classes;
      // max_element returns the first of equal elements: the lowest index wins a tie.
      predictions.predicted.push_back(
          static_cast<std::int32_t>(std::max_element(row, row + classes) - row));
    }
    if (progress) progress(first + count);
  }
  return predictions;
}

}  // namespace octet
