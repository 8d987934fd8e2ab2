#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "octet/data/dataset.h"

namespace octet {

/// The beginning of a stored training set that never becomes validation: calibration takes its
/// samples there, so they do not move when the seed or the validation fraction does.
inline constexpr std::int64_t kProtectedTrainSamples = 1024;

/// An empty Dataset for `count` samples, zero-filled.
Dataset make_dataset(std::string name, Shape sample_shape, DType dtype, std::int64_t count,
                     std::vector<std::string> class_names);
std::int64_t sample_bytes(const Dataset& data);

/// The samples at `indices`, in that order.
Dataset select(const Dataset& data, std::span<const std::int32_t> indices);

/// round(fraction * count), never all of them. Error(kUsage) unless 0 <= fraction < 1.
std::int64_t validation_count(double fraction, std::int64_t count);

/// Takes round(fraction * n) validation samples out of a stored training set: drawn by Rng(seed)
/// among the samples behind the protected beginning (behind n - count if the set is too small for
/// that). Both parts keep the stored order.
std::pair<Dataset, Dataset> split_validation(Dataset stored_train, const DataOptions& options);

/// The first ceil(0.2 n) entries of the permutation Rng(seed) are the test part, the others, in the
/// permutation's order, the training part (as sklearn's train_test_split with random_state=seed).
struct TrainTestIndices {
  std::vector<std::int32_t> train, test;
};
TrainTestIndices split_test(std::int64_t count, std::uint32_t seed);

/// Mean and population standard deviation of x / divisor over all samples: per channel for
/// [c, h, w] samples, per feature for [c]. A constant channel gets std 1.
Preprocessing measure_preprocessing(const Dataset& train, float divisor);

/// For a set without parts of its own: split_test by the seed, then preprocessing measured on the
/// training part (with 255 as the divisor of bytes, else 1), then split_validation.
DataSplits split_and_standardize(Dataset all, const DataOptions& options);

/// How many channels `Preprocessing` has for such samples.
std::int64_t channels_of(const Shape& sample_shape);

}  // namespace octet
