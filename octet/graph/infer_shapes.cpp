#include <algorithm>

#include "octet/graph/check_node.h"
#include "octet/graph/known_elements.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_inference.h"
#include "octet/graph/shape_inputs.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

class ShapeInference {
 public:
  explicit ShapeInference(Graph& graph) : graph_(graph), known_(graph.values().size()) {}

  KnownValues run(const NodeVisitor& visit = {}) {
    for (std::size_t i = 0; i < known_.size(); ++i) {
      take_constant(ValueId{static_cast<std::uint32_t>(i)});
    }
    for (Node& node : graph_.nodes()) {
      infer(node);
      if (!visit) continue;
      visit(node, known_);
      for (const ValueId id : node.outputs) take_constant(id);
    }
    return std::move(known_);
  }

 private:
  void take_constant(ValueId id) {
    Value& value = graph_.value(id);
    if (!value.constant) return;
    value.dtype = value.constant->dtype();
    value.shape = value.constant->shape();
    if (value.constant->num_elements() <= kMaxKnownElements) {
      known_[static_cast<std::size_t>(id)] = known_constant(*value.constant);
    }
  }

  void infer(const Node& node) {
    check_node(graph_, node);
    const std::optional<Op> op = move_shape_inputs(graph_, node, known_);
    if (op && has_shape_inputs(node)) check_attributes(graph_, node, *op);
    const std::vector<TensorType> types = op ? output_types(node, *op) : types_before_run(node);
    for (std::size_t i = 0; i < types.size(); ++i) {
      require_reasonable(node, types[i].shape);
      Value& output = graph_.value(node.outputs[i]);
      output.dtype = types[i].dtype;
      output.shape = types[i].shape;
    }
    if (op) {
      known_[static_cast<std::size_t>(node.outputs[0])] = known_output(graph_, node, *op, known_);
    }
  }

  static void require_reasonable(const Node& node, const Shape& shape) {
    std::int64_t count = 1;
    for (std::int64_t dim : shape.dims()) {
      if (dim > 0 && count > kMaxElements / dim) {
        fail_node(ErrorKind::kBadData, node, "output ", to_string(shape),
                  " has more than 2^40 elements");
      }
      if (dim > 0) count *= dim;
    }
    if (shape.rank() > kMaxViewRank) {
      fail_node(ErrorKind::kUnsupported, node, "output of rank ", shape.rank(),
                ", accepted: up to ", kMaxViewRank);
    }
  }

  /// Functions see tensors as views.
  static void require_viewable(const Node& node, std::span<const Shape> shapes) {
    for (const Shape& shape : shapes) {
      if (shape.rank() > kMaxViewRank) {
        fail_node(ErrorKind::kUnsupported, node, "a tensor of rank ", shape.rank(),
                  ", accepted: up to ", kMaxViewRank);
      }
    }
  }

  std::vector<TensorType> types_before_run(const Node& node) const {
    return {{graph_.value(*node.inputs[0]).dtype, shape_before_run(graph_, node, known_)}};
  }

  std::vector<TensorType> output_types(const Node& node, const Op& op) const;
  Shape constant_of_shape(const Node& node) const;
  void check_gather(const Node& node, const Gather& gather, const Shape& x) const;
  void check_channel_axis(const Node& node, const TensorQuantParams& params, const Shape& x) const;

  Graph& graph_;
  KnownValues known_;
};

Shape ShapeInference::constant_of_shape(const Node& node) const {
  const Shape& length = graph_.value(*node.inputs[0]).shape;
  if (length.rank() != 1 || !length.is_static()) {
    fail_node(length.rank() != 1 ? ErrorKind::kBadData : ErrorKind::kUnsupported, node,
              "the shape is a tensor ", to_string(length), ", accepted: one of a known length");
  }
  if (length[0] > kMaxViewRank) {
    fail_node(ErrorKind::kUnsupported, node, "output of rank ", length[0], ", accepted: up to ",
              kMaxViewRank);
  }
  const std::optional<KnownElements>& dims = known_[static_cast<std::size_t>(*node.inputs[0])];
  std::vector<std::int64_t> shape(static_cast<std::size_t>(length[0]), kUnknownDim);
  for (std::size_t i = 0; dims && i < dims->size(); ++i) {
    if (dims->symbol_at(i) == Symbol::kBatch) shape[i] = kDynamicDim;
    if (dims->symbol_at(i) != Symbol::kNumber) continue;
    shape[i] = *(*dims)[i];
    if (shape[i] < 0) {
      fail_node(ErrorKind::kBadData, node, "dimension ", shape[i], ", accepted: 0 or more");
    }
  }
  return Shape(std::move(shape));
}

void ShapeInference::check_gather(const Node& node, const Gather& gather, const Shape& x) const {
  const std::optional<KnownElements>& indices = known_[static_cast<std::size_t>(*node.inputs[1])];
  const std::int64_t dim = x[normalized_axis(node, gather.axis, x.rank())];
  if (!indices || dim < 0) return;
  for (std::size_t i = 0; i < indices->size(); ++i) {
    const std::int64_t index = (*indices)[i].value_or(0);
    if (index < -dim || index >= dim) {
      fail_node(ErrorKind::kBadData, node, "index ", index, " into an axis of size ", dim,
                ", accepted: ", -dim, " to ", dim - 1);
    }
  }
}

void ShapeInference::check_channel_axis(const Node& node, const TensorQuantParams& params,
                                        const Shape& x) const {
  if (!params.axis) return;
  const int axis = *params.axis;
  const auto count = static_cast<std::int64_t>(params.scale.size());
  if (axis < 0 || axis >= x.rank() || (x[axis] != count && x[axis] != kUnknownDim)) {
    fail_node(ErrorKind::kBadData, node, params.scale.size(), " scales along axis ", axis, " of ",
              to_string(x), ", accepted: one scale per index of that axis");
  }
}

std::vector<TensorType> ShapeInference::output_types(const Node& node, const Op& op) const {
  std::vector<Shape> in;
  for (const std::optional<ValueId>& input : node.inputs) {
    in.push_back(input ? graph_.value(*input).shape : Shape());
  }
  const DType dtype = graph_.value(*node.inputs[0]).dtype;  // of the first input
  using Types = std::vector<TensorType>;
  const auto same = [&](Shape shape) { return Types{{dtype, std::move(shape)}}; };
  const auto binary = [&] { return same(broadcast_shape(node, in[0], in[1])); };
  return std::visit(
      Overloaded{
          [&](const Conv2d& op) { return same(conv_shape(node, op, in)); },
          [&](const Gemm& op) { return same(gemm_shape(node, op, in)); },
          [&](const MatMul&) { return same(matmul_shape(node, in[0], in[1])); },
          [&](const Add&) { return binary(); },
          [&](const Mul&) { return binary(); },
          [&](const Sub&) { return binary(); },
          [&](const Div&) { return binary(); },
          [&](const BatchNorm&) { return same(batch_norm_shape(node, in)); },
          [&](const Relu&) { return same(in[0]); },
          [&](const Clip&) { return same(in[0]); },
          [&](const Sigmoid&) { return same(in[0]); },
          [&](const Tanh&) { return same(in[0]); },
          [&](const HardSigmoid&) { return same(in[0]); },
          [&](const HardSwish&) { return same(in[0]); },
          [&](const Softmax& op) {
            normalized_axis(node, op.axis, in[0].rank());
            return same(in[0]);
          },
          [&](const MaxPool& op) { return same(pool_shape(node, op.window, in[0])); },
          [&](const AveragePool& op) { return same(pool_shape(node, op.window, in[0])); },
          [&](const GlobalAveragePool&) { return same(global_pool_shape(node, in[0])); },
          [&](const Concat& op) { return same(concat_shape(node, op, in)); },
          [&](const Flatten& op) { return same(flatten_shape(node, op, in[0])); },
          [&](const Reshape& op) { return same(reshape_shape(node, op, in[0])); },
          [&](const Transpose& op) { return same(transpose_shape(node, op, in[0])); },
          [&](const Squeeze& op) { return same(squeeze_shape(node, op, in[0])); },
          [&](const Unsqueeze& op) { return same(unsqueeze_shape(node, op, in[0])); },
          [&](const Slice& op) { return same(slice_shape(node, op, in[0])); },
          [&](const Pad& op) { return same(pad_shape(node, op, in[0])); },
          [&](const Identity&) { return same(in[0]); },
          [&](const ShapeOf&) {
            return Types{{DType::kInt64, Shape{in[0].rank()}}};
          },
          [&](const Gather& op) {
            Shape shape = gather_shape(node, op, in[0], in[1]);
            check_gather(node, op, in[0]);
            return same(std::move(shape));
          },
          [&](const Cast& op) {
            return Types{{op.to, in[0]}};
          },
          [&](const ConstantOfShape& op) {
            return Types{{op.value.dtype(), constant_of_shape(node)}};
          },
          [&](const QuantizeLinear& op) {
            check_channel_axis(node, op.params, in[0]);
            return Types{{op.params.dtype, in[0]}};
          },
          [&](const DequantizeLinear& op) {
            check_channel_axis(node, op.params, in[0]);
            return Types{{DType::kFloat32, in[0]}};
          },
          [&](const DynamicQuantizeLinear&) {
            return Types{{DType::kUInt8, in[0]}, {DType::kFloat32, {}}, {DType::kUInt8, {}}};
          },
          [&](const MatMulInteger&) {
            return Types{{DType::kInt32, matmul_shape(node, in[0], in[1])}};
          },
          [&](const Function& function) {
            require_viewable(node, in);
            Types types = function.definition->output_types(FunctionInputs(graph_, node, known_));
            for (const TensorType& type : types) require_viewable(node, {&type.shape, 1});
            types.resize(node.outputs.size());  // the last ones may be left out
            return types;
          },
      },
      op);
}

}  // namespace

KnownValues infer_shapes_and_elements(Graph& graph) {
  check_structure(graph);
  return ShapeInference(graph).run();
}

void infer_shapes_and_visit(Graph& graph, const NodeVisitor& visit) {
  check_structure(graph);
  ShapeInference(graph).run(visit);
}

void infer_shapes(Graph& graph) { infer_shapes_and_elements(graph); }

}  // namespace octet
