// Clip and Where: an element of one of the inputs.

#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/elementwise_arithmetic.h"
#include "octet/graph/functions/elementwise_loop.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

void require_number(const FunctionInputs& inputs) {
  inputs.require_dtype(
      0, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt32, DType::kInt64});
}

class ClampElements final : public TensorFunction {
 public:
  explicit ClampElements(const Clamp& clamp) : clamp_(clamp) {}

  std::string_view onnx_name() const override { return "Clip"; }
  std::vector<Attribute> attributes() const override {
    return {{"min", clamp_.low}, {"max", clamp_.high}};
  }
  ElementFlow flow() const override { return ElementFlow::kElementwise; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_number(inputs);
    return {{inputs.dtype(0), inputs.shape(0)}};
  }
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    return with_number(inputs[0].dtype, [&]<typename T>(T) {
      const Bounds<T> bounds = bounds_of<T>(clamp_);
      return map_elements<T, T>(
          outputs[0], [=](T x) { return clamped(x, bounds); }, inputs[0]);
    });
  }

 private:
  Clamp clamp_;
};

class ClipByInputs final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Clip"; }
  FunctionArity arity() const override { return {.inputs = 1, .max_inputs = 3}; }

  ElementFlow flow() const override { return ElementFlow::kElementwise; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_number(inputs);
    inputs.require_equal_dtypes();
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (!inputs.has(i) || !inputs.shape(i).is_static()) continue;
      if (inputs.shape(i).num_elements() != 1) {
        fail_node(ErrorKind::kBadData, inputs.node(), i == 1 ? "min" : "max", " has shape ",
                  to_string(inputs.shape(i)), ", accepted: one element");
      }
    }
    return {{inputs.dtype(0), inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const auto has = [&](std::size_t i) { return i < inputs.size() && inputs[i].present; };
    for (const std::size_t i : {1, 2}) {
      if (has(i) && inputs[i].num_elements() != 1) return false;
    }
    return with_number(inputs[0].dtype, [&]<typename T>(T) {
      const bool has_low = has(1), has_high = has(2);
      const T low = has_low ? *inputs[1].as<T>() : T{0};
      const T high = has_high ? *inputs[2].as<T>() : T{0};
      return map_elements<T, T>(
          outputs[0],
          [=](T x) {
            const T raised = has_low ? larger(x, low) : x;
            return has_high ? smaller(raised, high) : raised;
          },
          inputs[0]);
    });
  }
};

class Where final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Where"; }
  FunctionArity arity() const override { return {.inputs = 3, .max_inputs = 3}; }

  ElementFlow flow() const override { return ElementFlow::kElementwise; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kBool});
    inputs.require_dtype(2, {inputs.dtype(1)});
    const Node& node = inputs.node();
    const Shape values = broadcast_shape(node, inputs.shape(1), inputs.shape(2));
    return {{inputs.dtype(1), broadcast_shape(node, inputs.shape(0), values)}};
  }
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    return with_type(inputs[1].dtype, [&]<typename T>(T) {
      return map_elements<T, bool, T, T>(
          outputs[0], [](bool first, T a, T b) { return first ? a : b; }, inputs[0], inputs[1],
          inputs[2]);
    });
  }
};

}  // namespace

Op clamp_elements(const Clamp& clamp) { return Function{std::make_shared<ClampElements>(clamp)}; }
Op clip_by_inputs() { return Function{std::make_shared<ClipByInputs>()}; }
Op where() { return Function{std::make_shared<Where>()}; }

}  // namespace octet
