#include "octet/cli/calibration_inputs.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/data/npy.h"

namespace octet::cli {
namespace {

/// The shape of one sample; the first dimension of the input is the number of them.
Shape sample_shape_of(const Graph& graph) {
  if (graph.inputs().size() != 1 || graph.value(graph.inputs()[0]).dtype != DType::kFloat32 ||
      graph.value(graph.inputs()[0]).shape.rank() < 2) {
    fail(ErrorKind::kUnsupported, "calibration: ", graph.inputs().size(),
         " inputs, accepted: a network with one float32 input [n, ...]");
  }
  const Shape& input = graph.value(graph.inputs()[0]).shape;
  Shape sample(std::vector(input.dims().begin() + 1, input.dims().end()));
  if (!sample.is_static()) {
    fail(ErrorKind::kUnsupported, "calibration: the input is ", to_string(input),
         ", accepted: known sizes but for the first");
  }
  return sample;
}

Dataset unlabelled(std::string name, Shape sample_shape, Tensor samples) {
  Dataset data;
  data.name = std::move(name);
  data.labels.assign(static_cast<std::size_t>(samples.shape()[0]), 0);
  data.class_names = {"none"};
  data.sample_shape = std::move(sample_shape);
  data.samples = std::move(samples);
  data.preprocessing = {.divisor = 1.0f, .mean = {0.0f}, .std = {1.0f}};
  return data;
}

}  // namespace

Dataset drawn_inputs(const Graph& graph, int count, std::uint32_t seed) {
  const Shape sample = sample_shape_of(graph);
  std::vector<std::int64_t> dims{count};
  dims.insert(dims.end(), sample.dims().begin(), sample.dims().end());
  Tensor samples(DType::kFloat32, Shape(dims));
  Rng rng(seed);
  for (float& element : samples.mutable_data<float>()) element = rng.normal();
  return unlabelled("N(0, 1)", sample, std::move(samples));
}

Dataset inputs_from_file(const Graph& graph, const std::string& file) {
  const Shape sample = sample_shape_of(graph);
  Tensor samples = read_npy(file);
  const Shape& found = samples.shape();
  const bool fits =
      samples.dtype() == DType::kFloat32 && found.rank() == sample.rank() + 1 && found[0] > 0 &&
      std::equal(sample.dims().begin(), sample.dims().end(), found.dims().begin() + 1);
  if (!fits) {
    fail(ErrorKind::kBadData, file, ": ", to_string(samples.dtype()), " ", to_string(found),
         ", accepted: float32 samples of ", to_string(sample), ", 1 or more");
  }
  return unlabelled(file, sample, std::move(samples));
}

}  // namespace octet::cli
