#include "octet/runtime/steps/function_step.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/runtime/steps/step.h"

namespace octet {
namespace {

template <typename Byte>
BasicTensorView<Byte> view_at(const Located& where, const RunContext& context) {
  BasicTensorView<Byte> view;
  view.dtype = where.dtype;
  view.rank = where.dims.rank();
  std::ranges::copy(where.dims.dims(), view.dims.begin());
  if (view.rank > 0) view.dims[0] = context.outer(where.dims);
  view.strides = where.strides;
  view.data = context.get<Byte>(where.buffer);
  return view;
}

class FunctionStep final : public Step {
 public:
  FunctionStep(std::shared_ptr<const TensorFunction> function, std::string node_name,
               std::vector<std::optional<Located>> inputs, std::vector<Located> outputs)
      : function_(std::move(function)),
        node_name_(std::move(node_name)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        in_(inputs_.size()),
        out_(outputs_.size()) {}

  void run(const RunContext& context) noexcept override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      in_[i] = inputs_[i] ? view_at<const std::byte>(*inputs_[i], context)
                          : ConstTensorView{.present = false};
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      out_[i] = view_at<std::byte>(outputs_[i], context);
    }
    if (!function_->compute(in_, out_, context.thread_scratch<std::byte>(0))) {
      context.report_undefined(node_name_);
    }
  }

 private:
  std::shared_ptr<const TensorFunction> function_;
  std::string node_name_;
  std::vector<std::optional<Located>> inputs_;
  std::vector<Located> outputs_;
  std::vector<ConstTensorView> in_;  // filled anew by every run, which may not allocate
  std::vector<TensorView> out_;
};

TensorType type_of(const PlanBuilder& builder, ValueId id) {
  const Value& value = builder.graph().value(id);
  return {value.dtype, value.shape.with_batch(builder.options().max_batch)};
}

}  // namespace

void lower_function(PlanBuilder& builder, const Node& node,
                    std::shared_ptr<const TensorFunction> function) {
  std::vector<std::optional<Located>> inputs;
  std::vector<TensorType> input_types, output_types;
  std::vector<BufferId> touches;
  for (const std::optional<ValueId>& id : node.inputs) {
    inputs.push_back(id ? std::optional(builder.located(*id)) : std::nullopt);
    input_types.push_back(id ? type_of(builder, *id) : TensorType{});
    if (id) touches.push_back(inputs.back()->buffer);
  }
  std::vector<Located> outputs;
  for (const ValueId id : node.outputs) {
    outputs.push_back(builder.define_located(id));
    output_types.push_back(type_of(builder, id));
    touches.push_back(outputs.back().buffer);
  }
  builder.request_scratch(function->scratch_bytes(input_types, output_types));
  const std::string name(function->onnx_name());
  builder.add_step(std::make_unique<FunctionStep>(std::move(function), node.name, std::move(inputs),
                                                  std::move(outputs)),
                   {node.name, name, "definition/reference"}, std::move(touches));
}

void lower_moved_codes(PlanBuilder& builder, const Node& node, const IntegerNode& integer) {
  const auto function = function_of(node.op);
  const ActivationCodes& codes = integer.inputs[0];
  std::vector<std::optional<Located>> inputs{in_graph_order(builder.stored(codes.integers))};
  std::vector<TensorType> input_types{type_of(builder, *node.inputs[0])}, output_types;
  std::vector<BufferId> touches{inputs[0]->buffer};
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const std::optional<ValueId>& id = node.inputs[i];
    inputs.push_back(id ? std::optional(builder.located(*id)) : std::nullopt);
    input_types.push_back(id ? type_of(builder, *id) : TensorType{});
    if (id) touches.push_back(inputs.back()->buffer);
  }
  std::vector<Located> outputs;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const auto& out = i == 0 ? integer.output : integer.other_outputs[i - 1];
    const Stored to =
        out ? builder.define(out->integers, DType::kUInt8, codes.scale, codes.zero_point)
            : builder.add_temporary_tensor(
                  physical_dims(builder.graph().value(node.outputs[i]).shape), DType::kUInt8);
    outputs.push_back(in_graph_order(to));
    output_types.push_back(type_of(builder, node.outputs[i]));
    touches.push_back(to.buffer);
  }
  input_types[0].dtype = DType::kUInt8;
  for (TensorType& type : output_types) type.dtype = DType::kUInt8;
  builder.request_scratch(function->scratch_bytes(input_types, output_types));
  builder.add_step(
      std::make_unique<FunctionStep>(function, node.name, std::move(inputs), std::move(outputs)),
      {node.name, std::string(op_name(node.op)), "definition/codes"}, std::move(touches));
}

}  // namespace octet
