#include "tests/fuzz/run_model.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "octet/base/nibbles.h"
#include "octet/base/rng.h"
#include "octet/graph/specialize.h"
#include "octet/runtime/session.h"
#include "tests/fuzz/fuzz.h"

namespace octet::fuzz {
namespace {

// A run costs at most elements x elements operations (a window as large as its input), a few
// seconds under the sanitizers.
constexpr std::int64_t kMaxElements = 1 << 14;
constexpr std::int64_t kMaxBytes = 1 << 17;
constexpr std::int64_t kMaxMacs = 1 << 22;
constexpr std::size_t kMaxNodes = 200;

float draw_float(Rng& rng) {
  static constexpr float kSpecial[] = {0.0f,
                                       -0.0f,
                                       1.0f,
                                       -1.0f,
                                       0.5f,
                                       1e30f,
                                       1e-40f,
                                       -1e30f,
                                       std::numeric_limits<float>::infinity(),
                                       std::numeric_limits<float>::quiet_NaN()};
  return rng.below(32) == 0 ? kSpecial[rng.below(std::size(kSpecial))] : rng.normal();
}

Tensor draw_tensor(DType dtype, const Shape& shape, Rng& rng) {
  Tensor tensor(dtype, shape);
  switch (dtype) {
    case DType::kFloat32:
      for (float& x : tensor.mutable_data<float>()) x = draw_float(rng);
      break;
    case DType::kInt32:
      for (auto& x : tensor.mutable_data<std::int32_t>()) x = static_cast<int>(rng.below(7)) - 2;
      break;
    case DType::kInt64:
      for (auto& x : tensor.mutable_data<std::int64_t>()) x = static_cast<int>(rng.below(7)) - 2;
      break;
    case DType::kInt4:
    case DType::kUInt4:
      return pack_nibbles(draw_tensor(byte_type(dtype), shape, rng), dtype);
    default: {
      const std::uint32_t bound = dtype == DType::kBool ? 2 : 256;
      std::byte* raw = tensor.mutable_raw();
      for (std::int64_t i = 0; i < tensor.num_elements(); ++i) raw[i] = std::byte(rng.below(bound));
    }
  }
  return tensor;
}

bool is_cheap(const Graph& graph) {
  std::int64_t elements = 0;
  for (const Value& value : graph.values()) {
    if (!value.shape.is_static()) continue;
    if (value.shape.num_elements() > kMaxElements) return false;
    elements += value.constant ? 0 : value.shape.num_elements();
  }
  return elements <= 8 * kMaxElements && graph.nodes().size() <= kMaxNodes &&
         count_macs(graph) <= kMaxMacs;
}

bool same_floats(std::span<const float> a, std::span<const float> b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return false;
  }
  return true;
}

bool same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.dtype() == DType::kFloat32) return same_floats(a.data<float>(), b.data<float>());
  return a == b;
}

}  // namespace

std::optional<std::vector<Tensor>> draw_inputs(const Graph& graph, std::uint32_t seed) {
  Rng rng(seed);
  const std::int64_t batch = 1 + rng.below(3), other = 1 + rng.below(5);
  std::map<std::string, Shape> shapes;
  std::int64_t elements = 0;
  for (const ValueId id : graph.inputs()) {
    Shape shape = graph.value(id).shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] < 0) shape[axis] = shape[axis] == kDynamicDim ? batch : other;
    }
    if ((elements += shape.num_elements()) > kMaxElements) return std::nullopt;
    shapes[graph.value(id).name] = shape;
  }
  if (!is_cheap(specialize(graph, shapes))) return std::nullopt;
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    inputs.push_back(draw_tensor(value.dtype, shapes.at(value.name), rng));
  }
  return inputs;
}

Outcome run_model(const Graph& graph, std::span<const Tensor> inputs, Isa isa) {
  Outcome outcome;
  try {
    outcome.outputs = Session(graph, {.isa = isa, .max_memory_bytes = kMaxBytes}).run(inputs);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInternal) broken(error.what());
    outcome.refusal = error.kind();
    outcome.message = error.what();
  }
  return outcome;
}

void expect_same(const Outcome& a, const Outcome& b, const std::string& promise) {
  if (a.refusal == ErrorKind::kUnsupported || b.refusal == ErrorKind::kUnsupported) return;
  if (a.refusal != b.refusal) broken(promise + ": one was refused: " + a.message + b.message);
  if (a.outputs.size() != b.outputs.size()) broken(promise + ": another number of outputs");
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    if (!same(a.outputs[i], b.outputs[i])) {
      broken(promise + ": output " + std::to_string(i) + " differs");
    }
  }
}

}  // namespace octet::fuzz
