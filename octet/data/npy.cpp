#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/data/npy_file.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxClasses = 10000;

/// [n, f] is a table, [n, c, h, w] are images, [n, h, w] images of one channel.
Shape sample_shape_of(const NpyArray& x) {
  const std::vector<std::int64_t>& dims = x.shape();
  if (dims.size() < 2 || dims.size() > 4) {
    fail(ErrorKind::kBadData, x.path().string(), ": found shape ", to_string(Shape(dims)),
         ", accepted: [n, features], [n, height, width] or [n, channels, height, width]");
  }
  if (dims.size() == 3) return {1, dims[1], dims[2]};
  return Shape(std::vector<std::int64_t>(dims.begin() + 1, dims.end()));
}

std::vector<std::int32_t> read_labels(const NpyArray& y, std::int64_t samples) {
  if (!y.is_integer()) {
    fail(ErrorKind::kBadData, y.path().string(), ": float labels, accepted: integers from 0");
  }
  if (y.shape().size() != 1 || y.shape()[0] != samples) {
    fail(ErrorKind::kBadData, y.path().string(), ": found labels of shape ",
         to_string(Shape(y.shape())), " for ", samples, " samples, accepted: [", samples, "]");
  }
  std::vector<std::int32_t> labels;
  for (const std::int64_t label : y.to_integers()) {
    if (label < 0 || label >= kMaxClasses) {
      fail(ErrorKind::kBadData, y.path().string(), ": label of sample ", labels.size(), ": found ",
           label, ", accepted: 0 to ", kMaxClasses - 1);
    }
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return labels;
}

void copy_floats(const NpyArray& x, Dataset& data) {
  const std::span<float> dst = data.samples.mutable_data<float>();
  const std::vector<double> src = x.to_doubles();
  const auto per_sample = static_cast<std::size_t>(data.sample_shape.num_elements());
  for (std::size_t i = 0; i < src.size(); ++i) {
    if (!(std::fabs(src[i]) <= std::numeric_limits<float>::max())) {
      fail(ErrorKind::kBadData, x.path().string(), ": sample ", i / per_sample, ", element ",
           i % per_sample, ": found ", src[i], ", accepted: finite float32 values");
    }
    dst[i] = static_cast<float>(src[i]);
  }
}

}  // namespace

DataSplits load_npy(const std::string& argument, const DataOptions& options) {
  const std::size_t comma = argument.find(',');
  if (comma == std::string::npos || comma != argument.rfind(',') || comma == 0 ||
      comma + 1 == argument.size()) {
    fail(ErrorKind::kUsage, "npy: found '", argument, "', accepted: npy:X.npy,Y.npy");
  }
  const NpyArray x = NpyArray::read(argument.substr(0, comma));
  const NpyArray y = NpyArray::read(argument.substr(comma + 1));
  const Shape sample_shape = sample_shape_of(x);
  if (x.num_elements() == 0) {
    fail(ErrorKind::kBadData, x.path().string(), ": no elements in shape ",
         to_string(Shape(x.shape())));
  }
  std::vector<std::int32_t> labels = read_labels(y, x.shape()[0]);
  std::vector<std::string> class_names;
  for (std::int32_t c = 0; c <= std::ranges::max(labels); ++c) {
    class_names.push_back(std::to_string(c));
  }
  const bool bytes = x.type() == NpyType::kUInt8 && sample_shape.rank() == 3;
  Dataset data = make_dataset("npy:" + x.path().filename().string(), sample_shape,
                              bytes ? DType::kUInt8 : DType::kFloat32, x.shape()[0], class_names);
  if (bytes) {
    std::ranges::copy(x.raw(), data.samples.mutable_raw());
  } else {
    copy_floats(x, data);
  }
  data.labels = std::move(labels);
  return split_and_standardize(std::move(data), options);
}

}  // namespace octet
