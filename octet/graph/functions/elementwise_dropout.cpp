#include <random>

#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/elementwise_loop.h"
#include "octet/graph/node_error.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

constexpr float kDefaultRatio = 0.5f;  // ONNX's

/// numpy's RandomState.uniform: 53 bits of two draws.
double uniform(std::mt19937& generator) {
  const std::uint32_t high = static_cast<std::uint32_t>(generator()) >> 5;
  const std::uint32_t low = static_cast<std::uint32_t>(generator()) >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

class Dropout final : public TensorFunction {
 public:
  explicit Dropout(std::optional<std::int64_t> seed) : seed_(seed) {}

  std::string_view onnx_name() const override { return "Dropout"; }
  FunctionArity arity() const override {
    return {.inputs = 1, .max_inputs = 3, .outputs = 1, .max_outputs = 2};
  }
  std::vector<Attribute> attributes() const override {
    if (!seed_) return {};
    return {{"seed", *seed_}};
  }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32});
    inputs.require_dtype(1, {DType::kFloat32});
    inputs.require_dtype(2, {DType::kBool});
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (!inputs.has(i) || !inputs.shape(i).is_static()) continue;
      if (inputs.shape(i).num_elements() != 1) {
        fail_node(ErrorKind::kBadData, inputs.node(), i == 1 ? "ratio" : "training_mode",
                  " has shape ", to_string(inputs.shape(i)), ", accepted: one element");
      }
    }
    return {{DType::kFloat32, inputs.shape(0)}, {DType::kBool, inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const auto has = [&](std::size_t i) { return i < inputs.size() && inputs[i].present; };
    for (const std::size_t i : {1, 2}) {
      if (has(i) && inputs[i].num_elements() != 1) return false;
    }
    const float ratio = has(1) ? *inputs[1].as<float>() : kDefaultRatio;
    const bool training = has(2) && *inputs[2].as<bool>();
    const bool has_mask = outputs.size() > 1 && outputs[1].present;
    if (!training) {
      if (has_mask) {
        map_elements<bool, float>(
            outputs[1], [](float) { return true; }, inputs[0]);
      }
      return map_elements<float, float>(
          outputs[0], [](float x) { return x; }, inputs[0]);
    }
    if (!(ratio >= 0.0f && ratio < 1.0f)) return false;
    drop(inputs[0], outputs[0], has_mask ? &outputs[1] : nullptr, ratio);
    return true;
  }

 private:
  void drop(const ConstTensorView& x, const TensorView& y, const TensorView* mask,
            float ratio) const noexcept {
    std::mt19937 generator(static_cast<std::uint32_t>(seed_.value_or(0)));
    const float scale = 1.0f / (1.0f - ratio);
    const auto dims = std::span(x.dims).first(static_cast<std::size_t>(x.rank));
    const std::array strides{x.strides, y.strides, mask != nullptr ? mask->strides : y.strides};
    for_each_index(dims, strides, [&](std::int64_t, const auto& offsets) {
      const bool keeps = uniform(generator) >= double{ratio};
      // As the reference multiplies: what is dropped keeps its sign, infinity becomes NaN.
      y.as<float>()[offsets[1]] = (keeps ? 1.0f : 0.0f) * x.as<float>()[offsets[0]] * scale;
      if (mask != nullptr) mask->as<bool>()[offsets[2]] = keeps;
    });
  }

  std::optional<std::int64_t> seed_;
};

}  // namespace

Op dropout(std::optional<std::int64_t> seed) { return Function{std::make_shared<Dropout>(seed)}; }

}  // namespace octet
