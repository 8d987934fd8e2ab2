#include "octet/runtime/steps/eltwise_steps.h"

#include <algorithm>
#include <cstring>

#include "octet/runtime/kernels/eltwise/eltwise.h"
#include "octet/runtime/steps/copy_steps.h"

namespace octet {
namespace {

/// How an operand is read while the output is written in order: elements per step of each output
/// axis, 0 where it is broadcast.
using BroadcastStrides = std::vector<std::int64_t>;

bool has_one_element(const Shape& shape) {
  return std::ranges::all_of(shape.dims(), [](std::int64_t dim) { return dim == 1; });
}

BroadcastStrides broadcast_strides(const Shape& operand, const Shape& output) {
  BroadcastStrides strides(static_cast<std::size_t>(output.rank()), 0);
  std::int64_t step = 1;
  const int missing = output.rank() - operand.rank();
  for (int axis = operand.rank() - 1; axis >= 0; --axis) {
    const std::int64_t dim = operand[axis];
    const bool broadcast = dim == 1 && output[axis + missing] != 1;
    if (!broadcast) strides[static_cast<std::size_t>(axis + missing)] = step;
    if (dim != kDynamicDim) step *= dim;
  }
  return strides;
}

class EltwiseStep final : public Step {
 public:
  EltwiseStep(const EltwiseKernel& kernel, bool is_add, Stored a, Stored b, Stored c, Clamp clamp)
      : kernel_(kernel),
        is_add_(is_add),
        a_(std::move(a)),
        b_(std::move(b)),
        c_(std::move(c)),
        clamp_(clamp),
        a_strides_(broadcast_strides(a_.dims, c_.dims)),
        b_strides_(broadcast_strides(b_.dims, c_.dims)) {
    find_run();
  }

  /// A broadcast operand is repeated into scratch so that the kernel always reads two runs.
  std::size_t scratch_bytes() const { return a_repeats_ || b_repeats_ ? 2 * repeats_bytes() : 0; }

  void run(const RunContext& context) noexcept override {
    if (flat_) {
      run_flat(context);
      return;
    }
    std::int64_t outer = c_.dims.rank() > 0 ? context.outer(c_.dims) : 1;
    for (int axis = 1; axis < run_axis_; ++axis) outer *= c_.dims[axis];
    if (run_axis_ == 0) outer = 1;
    for (std::int64_t index = 0; index < outer; ++index) run_at(context, index);
  }

 private:
  /// Both operands are read in the output's order, or are one number.
  void run_flat(const RunContext& context) noexcept {
    const std::int64_t count = context.outer(c_.dims) * c_.elements_per_outer();
    context.pool->parallel_for(count, run_, [&](std::int64_t begin, std::int64_t end, int thread) {
      auto* scratch = context.thread_scratch<std::byte>(thread);
      const std::byte* a = a_repeats_ ? repeat(offset(context, std::as_const(a_), 0), scratch)
                                      : offset(context, std::as_const(a_), begin);
      const std::byte* b =
          b_repeats_ ? repeat(offset(context, std::as_const(b_), 0), scratch + repeats_bytes())
                     : offset(context, std::as_const(b_), begin);
      call(a, b, offset(context, c_, begin), end - begin);
    });
  }

  /// Of one repeated operand.
  std::size_t repeats_bytes() const {
    return (static_cast<std::size_t>(run_) + 64) * sizeof(float);
  }

  /// The trailing axes along which each operand is either dense or constant form one kernel call.
  void find_run() {
    const int rank = c_.dims.rank();
    a_repeats_ = a_.dims != c_.dims;
    b_repeats_ = b_.dims != c_.dims;
    flat_ = (!a_repeats_ || has_one_element(a_.dims)) && (!b_repeats_ || has_one_element(b_.dims));
    if (flat_) {
      // What is repeated stays in the first cache, beside what it meets.
      run_ = a_repeats_ || b_repeats_ ? 2048 : 16384;
      return;
    }
    run_axis_ = rank;
    std::int64_t dense = 1;
    bool a_dense = true, a_constant = true, b_dense = true, b_constant = true;
    while (run_axis_ > 1) {
      const auto axis = static_cast<std::size_t>(run_axis_ - 1);
      const std::int64_t dim = c_.dims[run_axis_ - 1];
      const bool one = dim == 1;
      const bool a_d = a_dense && (one || a_strides_[axis] == dense);
      const bool a_c = a_constant && (one || a_strides_[axis] == 0);
      const bool b_d = b_dense && (one || b_strides_[axis] == dense);
      const bool b_c = b_constant && (one || b_strides_[axis] == 0);
      if ((!a_d && !a_c) || (!b_d && !b_c)) break;
      a_dense = a_d;
      a_constant = a_c;
      b_dense = b_d;
      b_constant = b_c;
      dense *= dim;
      --run_axis_;
    }
    run_ = dense;
    a_repeats_ = !a_dense;
    b_repeats_ = !b_dense;
  }

  const std::byte* offset(const RunContext& context, const Stored& t,
                          std::int64_t elements) const noexcept {
    return context.get<std::byte>(t.buffer) +
           static_cast<std::size_t>(elements) * size_bytes(t.dtype);
  }
  std::byte* offset(const RunContext& context, Stored& t, std::int64_t elements) noexcept {
    return context.get<std::byte>(t.buffer) +
           static_cast<std::size_t>(elements) * size_bytes(t.dtype);
  }

  const std::byte* repeat(const std::byte* element, std::byte* scratch) const noexcept {
    if (c_.dtype == DType::kUInt8) {
      std::memset(scratch, static_cast<int>(*element), static_cast<std::size_t>(run_));
    } else {
      std::fill_n(reinterpret_cast<float*>(scratch), run_,
                  *reinterpret_cast<const float*>(element));
    }
    return scratch;
  }

  void run_at(const RunContext& context, std::int64_t index) noexcept {
    std::int64_t a_at = 0, b_at = 0, rest = index;
    for (int axis = run_axis_ - 1; axis >= 0; --axis) {
      const std::int64_t dim = axis == 0 ? context.outer(c_.dims) : c_.dims[axis];
      const std::int64_t position = rest % dim;
      rest /= dim;
      a_at += position * a_strides_[static_cast<std::size_t>(axis)];
      b_at += position * b_strides_[static_cast<std::size_t>(axis)];
    }
    const std::byte* a = offset(context, std::as_const(a_), a_at);
    const std::byte* b = offset(context, std::as_const(b_), b_at);
    auto* scratch = context.thread_scratch<std::byte>(0);
    if (a_repeats_) a = repeat(a, scratch);
    if (b_repeats_) b = repeat(b, scratch + repeats_bytes());
    call(a, b, offset(context, c_, index * run_), run_);
  }

  void call(const std::byte* a, const std::byte* b, std::byte* c,
            std::int64_t count) const noexcept {
    if (c_.dtype == DType::kUInt8) {
      const EltwiseU8Args args{count,
                               reinterpret_cast<const std::uint8_t*>(a),
                               reinterpret_cast<const std::uint8_t*>(b),
                               reinterpret_cast<std::uint8_t*>(c),
                               a_.scale,
                               b_.scale,
                               c_.scale,
                               a_.zero_point,
                               b_.zero_point,
                               c_.zero_point,
                               clamp_.low,
                               clamp_.high};
      (is_add_ ? kernel_.add_u8 : kernel_.mul_u8)(args);
      return;
    }
    const EltwiseF32Args args{count,
                              reinterpret_cast<const float*>(a),
                              reinterpret_cast<const float*>(b),
                              reinterpret_cast<float*>(c),
                              clamp_.low,
                              clamp_.high};
    (is_add_ ? kernel_.add_f32 : kernel_.mul_f32)(args);
  }

  const EltwiseKernel& kernel_;
  bool is_add_;
  Stored a_, b_, c_;
  Clamp clamp_;
  BroadcastStrides a_strides_, b_strides_;
  bool flat_ = false, a_repeats_ = false, b_repeats_ = false;
  int run_axis_ = 0;
  std::int64_t run_ = 1;
};

/// `shape` behind axes of size 1.
Shape with_rank(const Shape& shape, int rank) {
  std::vector<std::int64_t> dims(static_cast<std::size_t>(rank - shape.rank()), 1);
  dims.insert(dims.end(), shape.dims().begin(), shape.dims().end());
  return Shape(dims);
}

/// An operand with the output's rank, so that axes correspond in the runtime's layout.
Stored operand(PlanBuilder& builder, ValueId value, int rank) {
  const Value& info = builder.graph().value(value);
  if (info.shape.rank() == rank || rank != 4) return builder.stored(value);
  return store_float_constant(builder, info.constant->reshaped(with_rank(info.shape, rank)));
}

/// The same of codes.
Stored code_operand(PlanBuilder& builder, ValueId integers, int rank) {
  const Value& info = builder.graph().value(integers);
  if (!info.constant || info.shape.rank() == rank || rank != 4) return builder.stored(integers);
  return store_code_constant(builder, info.constant->reshaped(with_rank(info.shape, rank)));
}

}  // namespace

bool has_eltwise_kernel(const Graph& graph, const Node& node) {
  const int rank = graph.value(node.outputs[0]).shape.rank();
  return std::ranges::all_of(node.inputs, [&](const std::optional<ValueId>& input) {
    const Value& value = graph.value(*input);
    if (value.shape.rank() == rank) return true;
    return rank == 4 ? value.constant.has_value() : value.shape.rank() != 4;
  });
}

void lower_eltwise(PlanBuilder& builder, const Node& node, const IntegerNode* integer) {
  const bool is_add = std::holds_alternative<Add>(node.op);
  Clamp clamp = is_add ? std::get<Add>(node.op).activation : Clamp{};
  if (integer) clamp = intersect(clamp, integer->clamp);
  const int rank = builder.graph().value(node.outputs[0]).shape.rank();
  Stored operands[2];
  for (std::size_t i = 0; i < 2; ++i) {
    if (integer) {
      operands[i] = code_operand(builder, integer->inputs[i].integers, rank);
      operands[i].scale = integer->inputs[i].scale;
      operands[i].zero_point = integer->inputs[i].zero_point;
    } else {
      operands[i] = operand(builder, *node.inputs[i], rank);
    }
  }
  const Stored out = integer ? builder.define(integer->output->integers, DType::kUInt8,
                                              integer->output->scale, integer->output->zero_point)
                             : builder.define(node.outputs[0], DType::kFloat32);
  const EltwiseKernel& kernel = select_eltwise(builder.isa());
  auto step = std::make_unique<EltwiseStep>(kernel, is_add, operands[0], operands[1], out, clamp);
  builder.request_scratch(step->scratch_bytes());
  const std::string family = std::string(is_add ? "add_" : "mul_") + (integer ? "u8/" : "f32/");
  builder.add_step(std::move(step),
                   {node.name, std::string(op_name(node.op)), family + std::string(kernel.name)},
                   {operands[0].buffer, operands[1].buffer, out.buffer});
}

}  // namespace octet
