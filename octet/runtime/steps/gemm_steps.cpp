#include <algorithm>
#include <cmath>
#include <utility>

#include "octet/base/error.h"
#include "octet/graph/quantized_constant.h"
#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/kernels/quantize/quantize.h"
#include "octet/runtime/steps/conv_steps.h"
#include "octet/runtime/steps/copy_steps.h"
#include "octet/runtime/steps/float_weights.h"
#include "octet/runtime/steps/gemm_rows.h"
#include "octet/runtime/steps/gemm_tiles.h"
#include "octet/runtime/steps/packed_weights.h"

namespace octet {

std::size_t GemmRows::scratch_bytes() const {
  return pointer_bytes() + packed_.kernel->scratch_bytes(summands_, k_);
}

void GemmRows::run(const RunContext& context, const std::uint8_t* a, std::int64_t m,
                   const GemmU8S8Args& output) const noexcept {
  const GemmU8S8Kernel& kernel = *packed_.kernel;
  const GemmTiles tiles{m, k_, n_, kernel.mr, kernel.nr, blocks_};
  for_each_gemm_tile(context, tiles, [&](const ProductTile& tile, int thread) {
    auto* scratch = context.thread_scratch<std::byte>(thread);
    auto* rows = reinterpret_cast<const std::uint8_t**>(scratch);
    GemmU8S8Args args = output;
    args.rows = tile.rows;
    for (int pointer = 0; pointer < summands_ * args.rows; ++pointer) {
      rows[pointer] = a + (tile.row + pointer % args.rows) * k_;
    }
    args.taps = summands_;
    args.channels = k_;
    args.n = tile.columns;
    args.a = rows;
    args.weights =
        context.get<std::byte>(packed_.weights) + kernel.packed_bytes(summands_, k_, tile.column);
    args.bias += tile.column;
    if (args.multiplier != nullptr) args.multiplier += tile.column;
    if (args.c != nullptr) args.c += tile.row * args.c_stride + tile.column;
    if (args.acc != nullptr) args.acc += tile.row * args.acc_stride + tile.column;
    args.scratch = scratch + pointer_bytes();
    kernel.run(args);
  });
}

namespace {

class GemmU8Step final : public Step {
 public:
  GemmU8Step(GemmRows rows, std::int64_t rows_per_outer, Stored in, Stored out,
             const OutputStage& stage)
      : rows_(rows),
        rows_per_outer_(rows_per_outer),
        in_(std::move(in)),
        out_(std::move(out)),
        zero_(stage.zero_point),
        q_low_(stage.q_low),
        q_high_(stage.q_high) {}
  void run(const RunContext& context) noexcept override {
    GemmU8S8Args args{};
    args.bias = context.get<std::int32_t>(rows_.packed().bias);
    args.multiplier = context.get<float>(rows_.packed().multiplier);
    args.c = context.get<std::uint8_t>(out_.buffer);
    args.c_stride = rows_.n();
    args.c_zero = zero_;
    args.q_low = q_low_;
    args.q_high = q_high_;
    rows_.run(context, context.get<std::uint8_t>(in_.buffer),
              context.outer(in_.dims) * rows_per_outer_, args);
  }

 private:
  GemmRows rows_;
  std::int64_t rows_per_outer_;
  Stored in_, out_;
  std::int32_t zero_, q_low_, q_high_;
};

/// Integer sums, dequantized: the output of the layer stays float.
class GemmU8ToFloatStep final : public Step {
 public:
  GemmU8ToFloatStep(GemmRows rows, std::int64_t rows_per_outer, const QuantizeKernel& quantize,
                    Stored in, Stored out, BufferId sums, Clamp clamp)
      : rows_(rows),
        rows_per_outer_(rows_per_outer),
        quantize_(quantize),
        in_(std::move(in)),
        out_(std::move(out)),
        sums_(sums),
        clamp_(clamp) {}
  void run(const RunContext& context) noexcept override {
    const std::int64_t m = context.outer(in_.dims) * rows_per_outer_;
    GemmU8S8Args args{};
    args.bias = context.get<std::int32_t>(rows_.packed().bias);
    args.acc = context.get<std::int32_t>(sums_);
    args.acc_stride = rows_.n();
    rows_.run(context, context.get<std::uint8_t>(in_.buffer), m, args);
    quantize_.dequantize_sums({m, rows_.n(), context.get<std::int32_t>(sums_),
                               context.get<float>(rows_.packed().multiplier), nullptr,
                               context.get<float>(out_.buffer), clamp_.low, clamp_.high});
  }

 private:
  GemmRows rows_;
  std::int64_t rows_per_outer_;
  const QuantizeKernel& quantize_;
  Stored in_, out_;
  BufferId sums_;
  Clamp clamp_;
};

class GemmF32Step final : public Step {
 public:
  GemmF32Step(const GemmF32Kernel& kernel, PackedFloat packed, std::int64_t rows_per_outer, int k,
              int n, Stored in, Stored out, Clamp clamp)
      : kernel_(kernel),
        packed_(packed),
        rows_per_outer_(rows_per_outer),
        k_(k),
        n_(n),
        in_(std::move(in)),
        out_(std::move(out)),
        clamp_(clamp),
        blocks_(product_blocks({.n = n,
                                .steps = k,
                                .mr = kernel.mr,
                                .nr = kernel.nr,
                                .column_bytes = std::int64_t{k} * 4,
                                .row_bytes = std::int64_t{k} * 4,
                                .splits_depth = true})) {}
  std::size_t scratch_bytes() const { return sizeof(void*) * static_cast<std::size_t>(kernel_.mr); }
  void run(const RunContext& context) noexcept override {
    const float* a = context.get<float>(in_.buffer);
    float* c = context.get<float>(out_.buffer);
    const GemmTiles tiles{
        context.outer(in_.dims) * rows_per_outer_, k_, n_, kernel_.mr, kernel_.nr, blocks_};
    for_each_gemm_tile(context, tiles, [&](const ProductTile& tile, int thread) {
      auto* rows = context.thread_scratch<const float*>(thread);
      for (int r = 0; r < tile.rows; ++r) rows[r] = a + (tile.row + r) * k_ + tile.depth;
      const Clamp clamp = tile.depth + tile.depths == k_ ? clamp_ : Clamp{};
      const auto* weights = context.get<std::byte>(packed_.weights) +
                            kernel_.packed_bytes(1, k_, tile.column) +
                            kernel_.packed_bytes(1, tile.depth, tile.columns);
      kernel_.run({.rows = tile.rows,
                   .taps = 1,
                   .channels = tile.depths,
                   .n = tile.columns,
                   .a = rows,
                   .weights = reinterpret_cast<const float*>(weights),
                   .bias = context.get<float>(packed_.bias) + tile.column,
                   .c = c + tile.row * n_ + tile.column,
                   .c_stride = n_,
                   .low = clamp.low,
                   .high = clamp.high,
                   .continues = tile.depth > 0});
    });
  }

 private:
  const GemmF32Kernel& kernel_;
  PackedFloat packed_;
  std::int64_t rows_per_outer_;
  int k_, n_;
  Stored in_, out_;
  Clamp clamp_;
  ProductBlocks blocks_;
};

}  // namespace

namespace {

/// The rows of every sample: the axes between the first and the last one.
std::int64_t rows_per_outer(const Shape& shape) {
  std::int64_t rows = 1;
  for (int axis = 1; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  return rows;
}

/// Clause 3: the float vector that is added behind a MatMul, as the int32 bias of the layer.
void add_float_bias(const PlanBuilder& builder, const Node& addition, const ActivationCodes& input,
                    IntegerWeights& weights) {
  for (const std::optional<ValueId>& id : addition.inputs) {
    const std::optional<Tensor>& bias = builder.graph().value(*id).constant;
    if (!bias) continue;
    for (std::size_t j = 0; j < weights.bias.size(); ++j) {
      const double scale = double{input.scale} * weights.scale[j];
      weights.bias[j] = static_cast<std::int32_t>(std::nearbyint(bias->data<float>()[j] / scale));
    }
  }
}

/// The step's output: `to` itself, or what add_from_graph_order_step brings into its layout.
Stored rows_of(PlanBuilder& builder, const Stored& to) {
  if (to.dims.rank() != 4) return to;
  return builder.add_temporary_tensor({to.dims[0], to.elements_per_outer()}, to.dtype, to.scale,
                                      to.zero_point);
}

}  // namespace

void lower_gemm_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer) {
  const auto* gemm = std::get_if<Gemm>(&node.op);
  const ActivationCodes& input = integer.inputs[0];
  IntegerWeights weights = read_weights(builder, node, input);
  Clamp activation = gemm != nullptr ? gemm->activation : Clamp{};
  ValueId result = node.outputs[0];
  if (integer.addition) {
    add_float_bias(builder, *integer.addition, input, weights);
    activation = std::get<Add>(integer.addition->op).activation;
    result = integer.addition->outputs[0];
  }
  const ActivationCodes* output = integer.output ? &*integer.output : nullptr;
  const OutputStage stage =
      make_output_stage(node, weights, input, output, intersect(activation, integer.clamp));
  const GemmRows rows(pack_gemm(builder, weights, stage, 0, weights.outputs), weights.inputs,
                      weights.outputs, weights.summands);
  builder.request_scratch(rows.scratch_bytes());
  const std::int64_t per_outer = rows_per_outer(builder.graph().value(input.integers).shape);
  const Stored in = to_graph_order(builder, builder.stored(input.integers), node.name);
  PlanLayer layer{node.name, std::string(op_name(node.op)),
                  "gemm_u8s8/" + std::string(rows.packed().kernel->name), "",
                  count_macs(builder.graph(), node)};
  const Stored to =
      output ? builder.define(output->integers, DType::kUInt8, output->scale, output->zero_point)
             : builder.define(result, DType::kFloat32);
  const Stored out = rows_of(builder, to);
  if (output) {
    builder.add_step(std::make_unique<GemmU8Step>(rows, per_outer, in, out, stage),
                     std::move(layer), {in.buffer, out.buffer});
  } else {
    const BufferId sums = builder.add_temporary(builder.max_bytes(out.dims, DType::kInt32));
    builder.add_step(
        std::make_unique<GemmU8ToFloatStep>(rows, per_outer, select_quantize(builder.isa()), in,
                                            out, sums, activation),
        std::move(layer), {in.buffer, out.buffer, sums});
  }
  if (out.buffer != to.buffer) {
    add_from_graph_order_step(builder, out.buffer, to, node.name + "/layout");
  }
}

namespace {

/// A constant, or the integers of one behind a DequantizeLinear.
bool is_constant_weight(const PlanBuilder& builder, ValueId id) {
  if (builder.graph().value(id).constant) return true;
  const Node* producer = builder.nodes().producer(id);
  return producer && is_quantized_constant(builder.graph(), *producer);
}

}  // namespace

bool has_gemm_f32(const PlanBuilder& builder, const Node& node) {
  const Shape& x = builder.graph().value(*node.inputs[0]).shape;
  const Shape& weight = builder.graph().value(*node.inputs[1]).shape;
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2];
  // Rank 4 is stored channels-last: its rows are not contiguous.
  return (x.rank() == 2 || x.rank() == 3) && weight.rank() == 2 &&
         is_constant_weight(builder, *node.inputs[1]) && weight.num_elements() > 0 &&
         (!has_bias || is_constant_weight(builder, *node.inputs[2]));
}

void lower_gemm_f32(PlanBuilder& builder, const Node& node) {
  const auto* gemm = std::get_if<Gemm>(&node.op);
  const FloatWeights weights =
      read_float_gemm_weights(builder, node, gemm != nullptr && gemm->transpose_b);
  const Stored in = builder.stored(*node.inputs[0]);
  const Stored out = builder.define(node.outputs[0], DType::kFloat32);
  const GemmF32Kernel& kernel = select_gemm_f32(builder.isa());
  auto step = std::make_unique<GemmF32Step>(
      kernel, pack_float(builder, kernel, weights, 0, weights.outputs), rows_per_outer(in.dims),
      weights.inputs, weights.outputs, in, out, gemm != nullptr ? gemm->activation : Clamp{});
  builder.request_scratch(step->scratch_bytes());
  builder.add_step(std::move(step),
                   {node.name, std::string(op_name(node.op)),
                    "gemm_f32/" + std::string(kernel.name), "", count_macs(builder.graph(), node)},
                   {in.buffer, out.buffer});
}

}  // namespace octet
