#include <algorithm>
#include <cmath>
#include <utility>

#include "octet/base/error.h"
#include "octet/runtime/kernels/quantize/quantize.h"
#include "octet/runtime/steps/conv_steps.h"
#include "octet/runtime/steps/gemm_rows.h"

namespace octet {
namespace {

/// The nodes of a dynamically quantized linear layer around its MatMulInteger.
struct DynamicLinear {
  ValueId input{};                  ///< float, before DynamicQuantizeLinear
  ValueId scales{};                 ///< the product of the scales
  ValueId output{};                 ///< float, after the bias and the fused activation
  const Tensor* weight = nullptr;   ///< int8 [k, n]
  std::vector<float> weight_scale;  ///< [n]
  std::vector<float> bias;          ///< [n]
  Clamp activation;
  std::vector<ValueId> absorbed;  ///< computed inside the layer
};

/// DynamicQuantizeLinear, MatMulInteger, Cast, Mul by the product of the scales, and the bias, in
/// one step. The range is that of all samples of the call, as ONNX defines it, so a dynamic model's
/// answer may depend on what else is in the batch.
class DynamicLinearStep final : public Step {
 public:
  struct Buffers {
    BufferId codes, sums, bias_sums, scale;
  };
  DynamicLinearStep(GemmRows rows, const QuantizeKernel& quantize, Stored in, Stored out,
                    Buffers buffers, const DynamicLinear& layer,
                    std::vector<std::int32_t> column_sums, BufferId bias)
      : rows_(rows),
        quantize_(quantize),
        in_(std::move(in)),
        out_(std::move(out)),
        buffers_(buffers),
        weight_scale_(layer.weight_scale),
        column_sums_(std::move(column_sums)),
        bias_(bias),
        clamp_(layer.activation) {}

  void run(const RunContext& context) noexcept override {
    const std::int64_t m = context.outer(in_.dims);
    const std::int64_t count = m * rows_.k();
    const float* x = context.get<float>(in_.buffer);
    float low = 0.0f, high = 0.0f;
    quantize_.min_max(count, x, &low, &high);
    // ONNX DynamicQuantizeLinear-11; equal bounds can only be 0 and give scale 1 / 255.
    const float scale = high == low ? 1.0f / 255.0f : (high - low) / 255.0f;
    // The bound stands first: of infinite ranges the quotient is NaN, and max gives its first then.
    const float zero = std::min(std::max(0.0f, std::nearbyint(0.0f - low / scale)), 255.0f);
    const auto zero_point = static_cast<std::int32_t>(zero);
    auto* codes = context.get<std::uint8_t>(buffers_.codes);
    quantize_.quantize({count, x, codes, scale, zero_point, 0, 255});

    auto* bias_sums = context.get<std::int32_t>(buffers_.bias_sums);
    auto* scales = context.get<float>(buffers_.scale);
    for (std::size_t j = 0; j < column_sums_.size(); ++j) {
      bias_sums[j] = -zero_point * column_sums_[j];
      scales[j] = scale * weight_scale_[j];
    }
    GemmU8S8Args args{};
    args.bias = bias_sums;
    args.acc = context.get<std::int32_t>(buffers_.sums);
    args.acc_stride = rows_.n();
    rows_.run(context, codes, m, args);
    quantize_.dequantize_sums({m, rows_.n(), context.get<std::int32_t>(buffers_.sums), scales,
                               context.get<float>(bias_), context.get<float>(out_.buffer),
                               clamp_.low, clamp_.high});
  }

 private:
  GemmRows rows_;
  const QuantizeKernel& quantize_;
  Stored in_, out_;
  Buffers buffers_;
  std::vector<float> weight_scale_;
  std::vector<std::int32_t> column_sums_;
  BufferId bias_;
  Clamp clamp_;
};

template <typename T>
const Node* producer_of_type(const PlanBuilder& builder, ValueId value) {
  const Node* node = builder.nodes().producer(value);
  return node && std::holds_alternative<T>(node->op) ? node : nullptr;
}

std::vector<float> broadcast(const Tensor& tensor, std::size_t count) {
  const auto values = tensor.data<float>();
  if (values.size() == 1) return std::vector<float>(count, values[0]);
  return {values.begin(), values.end()};
}

/// The other operand of a two-input node.
ValueId other_input(const Node& node, ValueId one) {
  return *node.inputs[node.inputs[0] == one ? 1 : 0];
}

std::optional<DynamicLinear> match(const PlanBuilder& builder, const Node& matmul) {
  const Graph& graph = builder.graph();
  const IntegerNodeFinder& nodes = builder.nodes();
  const Node* quantize = producer_of_type<DynamicQuantizeLinear>(builder, *matmul.inputs[0]);
  const Value& weight = graph.value(*matmul.inputs[1]);
  if (!quantize || quantize->outputs[0] != *matmul.inputs[0] || !weight.constant ||
      weight.dtype != DType::kInt8 || weight.shape.rank() != 2 ||
      graph.value(*matmul.inputs[0]).shape.rank() != 2) {
    return std::nullopt;
  }
  if (matmul.inputs.size() < 3 || matmul.inputs[2] != quantize->outputs[2]) return std::nullopt;
  if (matmul.inputs.size() > 3 && matmul.inputs[3]) {
    const auto& zero = graph.value(*matmul.inputs[3]).constant;
    if (!zero || zero->dtype() != DType::kInt8 ||
        std::ranges::any_of(zero->data<std::int8_t>(), [](std::int8_t z) { return z != 0; })) {
      return std::nullopt;
    }
  }
  const Node* cast = nodes.only_reader(matmul.outputs[0]);
  if (!cast || !std::holds_alternative<Cast>(cast->op)) return std::nullopt;
  const Node* scaled = nodes.only_reader(cast->outputs[0]);
  if (!scaled || !std::holds_alternative<Mul>(scaled->op)) return std::nullopt;
  const Node* scales = producer_of_type<Mul>(builder, other_input(*scaled, cast->outputs[0]));
  if (!scales ||
      (scales->inputs[0] != quantize->outputs[1] && scales->inputs[1] != quantize->outputs[1])) {
    return std::nullopt;
  }
  const auto& weight_scale = graph.value(other_input(*scales, quantize->outputs[1])).constant;
  const auto n = static_cast<std::size_t>(weight.shape[1]);
  const auto fits = [n](const std::optional<Tensor>& tensor) {
    return tensor && tensor->dtype() == DType::kFloat32 &&
           (tensor->num_elements() == 1 || static_cast<std::size_t>(tensor->num_elements()) == n);
  };
  if (!fits(weight_scale)) return std::nullopt;

  DynamicLinear layer;
  layer.input = *quantize->inputs[0];
  layer.scales = scales->outputs[0];
  layer.output = scaled->outputs[0];
  layer.absorbed = {cast->outputs[0]};
  layer.weight = &*weight.constant;
  layer.weight_scale = broadcast(*weight_scale, n);
  layer.bias.assign(n, 0.0f);
  const Node* add = nodes.only_reader(scaled->outputs[0]);
  if (add && std::holds_alternative<Add>(add->op) &&
      fits(graph.value(other_input(*add, scaled->outputs[0])).constant)) {
    layer.bias = broadcast(*graph.value(other_input(*add, scaled->outputs[0])).constant, n);
    layer.absorbed.push_back(layer.output);
    layer.output = add->outputs[0];
    layer.activation = std::get<Add>(add->op).activation;
  }
  return layer;
}

}  // namespace

bool only_dynamic_linears_read(const PlanBuilder& builder, const Node& quantize) {
  const IntegerNodeFinder& nodes = builder.nodes();
  const auto readers = [&](std::size_t output) { return nodes.readers(quantize.outputs[output]); };
  std::vector<ValueId> scales;
  for (const std::size_t output : {0u, 2u}) {
    if (nodes.is_graph_output(quantize.outputs[output])) return false;
    for (const NodeId reader : readers(output)) {
      const Node& node = builder.graph().node(reader);
      if (!std::holds_alternative<MatMulInteger>(node.op)) return false;
      const auto layer = match(builder, node);
      if (!layer || !nodes.only_reader(layer->scales)) return false;
      scales.push_back(layer->scales);
    }
  }
  if (nodes.is_graph_output(quantize.outputs[1])) return false;
  return std::ranges::all_of(readers(1), [&](NodeId reader) {
    return std::ranges::find(scales, builder.graph().node(reader).outputs[0]) != scales.end();
  });
}

bool lower_dynamic_linear(PlanBuilder& builder, const Node& node) {
  const auto layer = match(builder, node);
  if (!layer) return false;
  const int k = static_cast<int>(layer->weight->shape()[0]);
  const int n = static_cast<int>(layer->weight->shape()[1]);
  IntegerWeights weights{n,  1, k, std::vector<std::int8_t>(static_cast<std::size_t>(k) * n),
                         {}, {}};
  std::vector<std::int32_t> column_sums(static_cast<std::size_t>(n), 0);
  const auto source = layer->weight->data<std::int8_t>();
  for (int i = 0; i < k; ++i) {
    for (int j = 0; j < n; ++j) {
      const std::int8_t w = source[static_cast<std::size_t>(i) * n + j];
      weights.values[static_cast<std::size_t>(j) * k + i] = w;
      column_sums[static_cast<std::size_t>(j)] += w;
    }
  }
  weights.scale.assign(static_cast<std::size_t>(n), 1.0f);
  weights.bias.assign(static_cast<std::size_t>(n), 0);
  // Proves that no sum overflows for the largest zero point; the run-time one is smaller.
  const ActivationCodes worst{{}, 1.0f, 255};
  const OutputStage stage = make_output_stage(node, weights, worst, nullptr, {});
  const GemmRows rows(pack_gemm(builder, weights, stage, 0, n), k, n);
  builder.request_scratch(rows.scratch_bytes());

  for (const ValueId value : layer->absorbed) builder.absorb(value);
  const Stored in = builder.stored(layer->input);
  const Stored out = builder.define(layer->output, DType::kFloat32);
  const auto panel = static_cast<std::size_t>(rows.packed().kernel->nr);
  const std::size_t columns = (static_cast<std::size_t>(n) + panel - 1) / panel * panel;
  const DynamicLinearStep::Buffers buffers{
      builder.add_temporary(builder.max_bytes(in.dims, DType::kUInt8)),
      builder.add_temporary(builder.max_bytes(out.dims, DType::kInt32)),
      builder.add_temporary(columns * sizeof(std::int32_t)),
      builder.add_temporary(columns * sizeof(float))};
  const BufferId bias = builder.add_constant(layer->bias);
  const QuantizeKernel& quantize = select_quantize(builder.isa());
  builder.add_step(
      std::make_unique<DynamicLinearStep>(rows, quantize, in, out, buffers, *layer,
                                          std::move(column_sums), bias),
      {node.name, "MatMulInteger", "dynamic_linear_u8s8/" + std::string(rows.packed().kernel->name),
       "", count_macs(builder.graph(), node)},
      {in.buffer, out.buffer, buffers.codes, buffers.sums, buffers.bias_sums, buffers.scale});
  return true;
}

}  // namespace octet
