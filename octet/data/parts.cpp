#include "octet/data/parts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <tuple>

#include "octet/base/error.h"

namespace octet {
namespace {

std::vector<std::int32_t> iota(std::int64_t first, std::int64_t last) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(last - first));
  std::iota(values.begin(), values.end(), static_cast<std::int32_t>(first));
  return values;
}

struct Moments {
  double mean = 0, variance = 0;
};

/// Two passes, as numpy: the sum of squares of large counts would cancel.
template <typename T>
Moments moments_of_channel(std::span<const T> samples, std::int64_t channels, std::int64_t plane,
                           std::int64_t channel, double divisor) {
  const auto stride = static_cast<std::size_t>(channels * plane);
  const auto each = [&](auto&& visit) {
    for (std::size_t start = static_cast<std::size_t>(channel * plane); start < samples.size();
         start += stride) {
      for (const T& x : samples.subspan(start, static_cast<std::size_t>(plane))) {
        visit(static_cast<double>(x) / divisor);
      }
    }
  };
  const double count = static_cast<double>(samples.size()) / static_cast<double>(channels);
  Moments moments;
  each([&](double x) { moments.mean += x; });
  moments.mean /= count;
  each([&](double x) { moments.variance += (x - moments.mean) * (x - moments.mean); });
  moments.variance /= count;
  return moments;
}

}  // namespace

Dataset make_dataset(std::string name, Shape sample_shape, DType dtype, std::int64_t count,
                     std::vector<std::string> class_names) {
  std::vector<std::int64_t> dims = sample_shape.dims();
  dims.insert(dims.begin(), count);
  Dataset data;
  data.name = std::move(name);
  data.sample_shape = std::move(sample_shape);
  data.class_names = std::move(class_names);
  data.samples = Tensor(dtype, Shape(std::move(dims)));
  data.labels.resize(static_cast<std::size_t>(count));
  return data;
}

std::int64_t sample_bytes(const Dataset& data) {
  return data.sample_shape.num_elements() *
         static_cast<std::int64_t>(size_bytes(data.samples.dtype()));
}

Dataset select(const Dataset& data, std::span<const std::int32_t> indices) {
  Dataset part = make_dataset(data.name, data.sample_shape, data.samples.dtype(),
                              static_cast<std::int64_t>(indices.size()), data.class_names);
  part.preprocessing = data.preprocessing;
  const auto bytes = static_cast<std::size_t>(sample_bytes(data));
  const std::byte* src = data.samples.raw();
  std::byte* dst = part.samples.mutable_raw();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto index = static_cast<std::size_t>(indices[i]);
    std::memcpy(dst + i * bytes, src + index * bytes, bytes);
    part.labels[i] = data.labels[index];
  }
  return part;
}

std::int64_t validation_count(double fraction, std::int64_t count) {
  if (!(fraction >= 0 && fraction < 1)) {
    fail(ErrorKind::kUsage, "validation fraction: found ", fraction, ", accepted: 0 <= x < 1");
  }
  const auto rounded = std::llround(fraction * static_cast<double>(count));
  return std::max<std::int64_t>(0, std::min<std::int64_t>(rounded, count - 1));
}

std::pair<Dataset, Dataset> split_validation(Dataset stored_train, const DataOptions& options) {
  const std::int64_t total = stored_train.size();
  const std::int64_t count = validation_count(options.validation_fraction, total);
  if (count == 0) {
    Dataset none = select(stored_train, {});
    return {std::move(stored_train), std::move(none)};
  }
  const std::int64_t first = std::min(kProtectedTrainSamples, total - count);
  std::vector<std::int32_t> rest = iota(first, total);
  Rng(options.seed).shuffle(rest);
  std::sort(rest.begin(), rest.begin() + count);
  std::sort(rest.begin() + count, rest.end());
  std::vector<std::int32_t> train = iota(0, first);
  train.insert(train.end(), rest.begin() + count, rest.end());
  rest.resize(static_cast<std::size_t>(count));
  return {select(stored_train, train), select(stored_train, rest)};
}

TrainTestIndices split_test(std::int64_t count, std::uint32_t seed) {
  std::vector<std::int32_t> order = iota(0, count);
  Rng(seed).shuffle(order);
  const std::int64_t test = (count + 4) / 5;
  return {.train = {order.begin() + test, order.end()},
          .test = {order.begin(), order.begin() + test}};
}

std::int64_t channels_of(const Shape& sample_shape) {
  return sample_shape.rank() == 0 ? 1 : sample_shape[0];
}

Preprocessing measure_preprocessing(const Dataset& train, float divisor) {
  const std::int64_t channels = channels_of(train.sample_shape);
  const std::int64_t plane = train.sample_shape.num_elements() / channels;
  Preprocessing result{.divisor = divisor, .mean = {}, .std = {}};
  for (std::int64_t c = 0; c < channels; ++c) {
    const Moments moments =
        train.samples.dtype() == DType::kUInt8
            ? moments_of_channel(train.samples.data<std::uint8_t>(), channels, plane, c, divisor)
            : moments_of_channel(train.samples.data<float>(), channels, plane, c, divisor);
    const auto std = static_cast<float>(std::sqrt(moments.variance));
    result.mean.push_back(static_cast<float>(moments.mean));
    result.std.push_back(std > 0 ? std : 1.0f);
  }
  return result;
}

DataSplits split_and_standardize(Dataset all, const DataOptions& options) {
  const TrainTestIndices split = split_test(all.size(), options.seed);
  Dataset train = select(all, split.train);
  const float divisor = all.samples.dtype() == DType::kUInt8 ? 255.0f : 1.0f;
  if (train.size() > 0) train.preprocessing = measure_preprocessing(train, divisor);
  DataSplits splits;
  splits.test = select(all, split.test);
  splits.test.preprocessing = train.preprocessing;
  std::tie(splits.train, splits.validation) = split_validation(std::move(train), options);
  return splits;
}

}  // namespace octet
