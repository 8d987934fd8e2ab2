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

/// From stored values to the network's input: (x / divisor - mean[c]) / std[c], channel by channel,
/// in float32, division and not multiplication by a reciprocal. Images: divisor 255 and then the
/// customary mean and std; tables: divisor 1 and the column's mean and std over the training rows.
/// One mean and std stand for all channels.
struct Preprocessing {
  float divisor = 255.0f;  ///< x / divisor
  std::vector<float> mean{0.0f};
  std::vector<float> std{1.0f};
  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};
/// Stored in the model's metadata under "octet.preprocessing", as JSON:
/// {"divisor":255.0,"mean":[0.1307],"std":[0.3081]}, with the digits that read back as equal
/// floats.
std::string to_json(const Preprocessing& preprocessing);
/// Error(kBadData) unless all numbers are finite, divisor and std above 0, and mean as long as std.
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

/// Disjoint parts. Calibration takes the beginning of the training part in its stored order,
/// without augmentation. Nothing is ever calibrated or selected on `test`.
///
/// Where a set has no validation part of its own, it is drawn by the seed out of the stored
/// training set, but never out of its first 1,024 samples: they start `train` whatever the seed and
/// the fraction, so calibration and golden values do not move. (Smaller sets give their end;
/// `traffic` gives the end of its published training part.) `csv`, `npy` and `images` without part
/// folders have no test part of their own either: the first fifth of a permutation by the seed
/// becomes it. Models of such a set are comparable only under one seed: with another one, what was
/// trained on is in `test`.
struct DataSplits {
  Dataset train;
  Dataset validation;
  Dataset test;
};

struct DataOptions {
  std::filesystem::path data_dir = "data";
  std::uint32_t seed = 1;             ///< of generated sets and of the validation split
  double validation_fraction = 0.1;   ///< of the stored training set; 0: no validation part at all
  std::optional<std::int64_t> limit;  ///< at most so many samples per part (for quick runs)
};

/// Loads `shapes10`, `roads`, `cifar10`, `mnist`, `traffic`,
/// `csv:FILE?label=COL[&features=A,B,...]`: all numeric columns but the label, or those named;
/// `images:DIR[?size=S]`: DIR/CLASS/*.png|jpg, or DIR/{train,test[,val]}/CLASS/*; S resizes to SxS;
/// `npy:X.npy,Y.npy`: X [n, features], [n, h, w] or [n, c, h, w], Y integers [n].
/// Checked while reading: magic numbers, counts, truncation (with the record's index), labels in
/// range, NaN, two classes or more, each of them in train. Error(kUsage) with the nearest name for
/// an unknown one, Error(kNoInput) saying where it looked and how to get it, Error(kBadData) for
/// damage, Error(kUnsupported) for forms of .npy that only NumPy reads.
DataSplits load_data(const std::string& name, const DataOptions& options);
std::vector<std::string> dataset_names();

struct Augmentation {
  int crop_padding = 0;  ///< random crop after zero padding by this many pixels
  bool horizontal_flip = false;
};

/// Writes samples[indices] to `out` [indices.size(), sample_shape...] as network input. Padding of
/// the crop is black before preprocessing, as torchvision's RandomCrop on images. With no
/// augmentation `rng` may be null and is not touched. Draws per sample, in the order of `indices`:
/// top and left by below(2 * crop_padding + 1) if crop_padding > 0, then flip by below(2) if asked.
void fill_batch(const Dataset& data, std::span<const std::int32_t> indices,
                const Preprocessing& preprocessing, const Augmentation& augmentation, Rng* rng,
                std::span<float> out);

/// What `octet data list` and `check` show.
struct DataStatus {
  std::string name;
  bool present = false;  ///< of check_data: and whole
  std::string detail;    ///< counts, or what is missing or damaged and where
  std::string how_to_get;
};
/// Looks for files without reading them.
std::vector<DataStatus> list_data(const DataOptions& options);
/// Reads everything. Only Error(kUsage) is thrown: what is missing or damaged is the answer.
DataStatus check_data(const std::string& name, const DataOptions& options);

}  // namespace octet
