#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "octet/base/rng.h"
#include "octet/base/tensor.h"

namespace octet {

/// From stored values to the network's input: (x * scale - mean[c]) / std[c], channel by channel,
/// in float32, division and not multiplication by a reciprocal. Images: scale = 1/255 and then the
/// customary mean and std; tables: scale = 1 and the column's mean and std over the training rows.
struct Preprocessing {
  float divisor = 255.0f;  ///< x / divisor
  std::vector<float> mean{0.0f};
  std::vector<float> std{1.0f};
  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};
/// Stored in the model's metadata under "octet.preprocessing", as JSON.
std::string to_json(const Preprocessing& preprocessing);
Preprocessing preprocessing_from_json(const std::string& text);

/// Labelled samples in memory. Images stay bytes; tables stay floats.
struct Dataset {
  std::string name;
  Shape sample_shape;  ///< [3, 32, 32] or [7]
  std::vector<std::string> class_names;
  Tensor samples;                    ///< uint8 or float32, [count, sample_shape...], NCHW
  std::vector<std::int32_t> labels;  ///< one per sample, 0 .. class_names.size() - 1
  Preprocessing preprocessing;       ///< the data set's customary one

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  int num_classes() const { return static_cast<int>(class_names.size()); }
};

/// Disjoint parts. `calibration` is the beginning of the training part in its stored order, without
/// augmentation. Nothing is ever calibrated or selected on `test`.
struct DataSplits {
  Dataset train;
  Dataset validation;
  Dataset test;
};

struct DataOptions {
  std::filesystem::path data_dir = "data";
  std::uint32_t seed = 1;             ///< of generated sets and of the validation split
  double validation_fraction = 0.1;   ///< of the stored training set, where it has no own one
  std::optional<std::int64_t> limit;  ///< at most so many samples per part (for quick runs)
};

/// Loads `shapes10`, `roads`, `cifar10`, `mnist`, `traffic`, `csv:FILE?label=COL`, `images:DIR`,
/// `npy:X.npy,Y.npy`. Checked while reading: magic numbers, counts, truncation (with the record's
/// index), labels in range, NaN. Error(kUsage) with the nearest name for an unknown one,
/// Error(kNoInput) saying where it looked and how to get it, Error(kBadData) for damage.
DataSplits load_data(const std::string& name, const DataOptions& options);
std::vector<std::string> dataset_names();

struct Augmentation {
  int crop_padding = 0;  ///< random crop after zero padding by this many pixels
  bool horizontal_flip = false;
};

/// Writes samples[indices] to `out` [indices.size(), sample_shape...] as network input. Padding of
/// the crop is black before preprocessing, as torchvision's RandomCrop on images. With no
/// augmentation `rng` may be null.
void fill_batch(const Dataset& data, std::span<const std::int32_t> indices,
                const Preprocessing& preprocessing, const Augmentation& augmentation, Rng* rng,
                std::span<float> out);

/// What `octet data list` and `check` show.
struct DataStatus {
  std::string name;
  bool present = false;
  std::string detail;  ///< counts, or what is damaged and where
  std::string how_to_get;
};
std::vector<DataStatus> list_data(const DataOptions& options);
DataStatus check_data(const std::string& name, const DataOptions& options);

}  // namespace octet
