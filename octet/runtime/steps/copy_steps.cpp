#include "octet/runtime/steps/copy_steps.h"

#include <algorithm>
#include <cstring>

#include "octet/base/error.h"
#include "octet/graph/evaluate.h"
#include "octet/runtime/kernels/layout/layout.h"

namespace octet {
namespace {

/// Copies a box of elements between two strided tensors.
struct CopyRegion {
  BufferId src{}, dst{};
  std::size_t element_bytes = 4;
  Shape dims;                                          ///< of the box; dims[0] may be kDynamicDim
  std::vector<std::int64_t> src_strides, dst_strides;  ///< in elements
  std::int64_t src_offset = 0, dst_offset = 0;         ///< in elements
};

std::vector<std::int64_t> row_major_strides(const Shape& dims) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(dims.rank()), 1);
  for (int axis = dims.rank() - 2; axis >= 0; --axis) {
    const auto i = static_cast<std::size_t>(axis);
    strides[i] = strides[i + 1] * dims[axis + 1];
  }
  return strides;
}

void copy_box(const CopyRegion& region, int axis, std::int64_t outer, const std::byte* src,
              std::byte* dst) noexcept {
  const auto bytes = static_cast<std::int64_t>(region.element_bytes);
  if (axis == region.dims.rank()) {
    std::memcpy(dst, src, region.element_bytes);
    return;
  }
  const auto i = static_cast<std::size_t>(axis);
  const std::int64_t count = axis == 0 ? outer : region.dims[axis];
  const std::int64_t src_step = region.src_strides[i] * bytes;
  const std::int64_t dst_step = region.dst_strides[i] * bytes;
  if (axis == region.dims.rank() - 1 && src_step == bytes && dst_step == bytes) {
    std::memcpy(dst, src, static_cast<std::size_t>(count * bytes));
    return;
  }
  for (std::int64_t k = 0; k < count; ++k) {
    copy_box(region, axis + 1, outer, src + k * src_step, dst + k * dst_step);
  }
}

class CopyStep final : public Step {
 public:
  explicit CopyStep(CopyRegion region) : region_(std::move(region)) {}
  void run(const RunContext& context) noexcept override {
    const auto bytes = static_cast<std::int64_t>(region_.element_bytes);
    copy_box(region_, 0, context.outer(region_.dims),
             context.get<std::byte>(region_.src) + region_.src_offset * bytes,
             context.get<std::byte>(region_.dst) + region_.dst_offset * bytes);
  }

 private:
  CopyRegion region_;
};

class FillStep final : public Step {
 public:
  FillStep(Stored dst, float value) : dst_(std::move(dst)), value_(value) {}
  void run(const RunContext& context) noexcept override {
    const std::int64_t count = context.outer(dst_.dims) * dst_.elements_per_outer();
    if (dst_.dtype == DType::kUInt8) {
      std::memset(context.get<std::byte>(dst_.buffer), dst_.zero_point,
                  static_cast<std::size_t>(count));
    } else {
      std::fill_n(context.get<float>(dst_.buffer), count, value_);
    }
  }

 private:
  Stored dst_;
  float value_;
};

/// Between the caller's layout (NCHW, int8) and ours (NHWC, uint8), sample by sample.
struct LayoutChange {
  BufferId src{}, dst{};
  Shape dims;  ///< physical (NHWC) if rank 4
  std::size_t element_bytes = 4;
  bool to_nhwc = true;
  bool flip_sign = false;  ///< int8 <-> uint8
};

class LayoutStep final : public Step {
 public:
  explicit LayoutStep(LayoutChange change) : change_(std::move(change)) {}
  void run(const RunContext& context) noexcept override {
    const auto* src = context.get<std::byte>(change_.src);
    auto* dst = context.get<std::byte>(change_.dst);
    const Shape& dims = change_.dims;
    std::int64_t sample = static_cast<std::int64_t>(change_.element_bytes);
    for (int axis = 1; axis < dims.rank(); ++axis) sample *= dims[axis];
    const std::int64_t count = context.outer(dims);
    if (count * sample == 0) return;  // the other axes may be as long as they like
    if (dims.rank() == 4) {
      const auto convert = change_.to_nhwc ? nchw_to_nhwc : nhwc_to_nchw;
      for (std::int64_t n = 0; n < count; ++n) {
        convert(static_cast<int>(change_.element_bytes), static_cast<int>(dims[3]),
                dims[1] * dims[2], src + n * sample, dst + n * sample);
      }
    } else if (src != dst) {
      std::memcpy(dst, src, static_cast<std::size_t>(count * sample));
    }
    if (change_.flip_sign) {
      for (std::int64_t i = 0; i < count * sample; ++i) dst[i] ^= std::byte{0x80};
    }
  }

 private:
  LayoutChange change_;
};

bool bytes_equal_in_both_layouts(const Shape& logical) {
  return logical.rank() != 4 || logical[1] == 1 || (logical[2] == 1 && logical[3] == 1);
}

void require_batch_untouched(const Node& node, bool touched) {
  if (touched) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name, "' (", op_name(node.op),
         "): changes the batch dimension");
  }
}

}  // namespace

Stored to_graph_order(PlanBuilder& builder, const Stored& stored, const std::string& name) {
  if (stored.dims.rank() != 4) return stored;
  const Stored flat = builder.add_temporary_tensor({stored.dims[0], stored.elements_per_outer()},
                                                   stored.dtype, stored.scale, stored.zero_point);
  builder.add_step(std::make_unique<LayoutStep>(LayoutChange{
                       stored.buffer, flat.buffer, stored.dims, size_bytes(stored.dtype), false}),
                   {name, "Transpose", "layout/nhwc_to_nchw"}, {stored.buffer, flat.buffer});
  return flat;
}

void add_from_graph_order_step(PlanBuilder& builder, BufferId from, const Stored& to,
                               const std::string& name) {
  builder.add_step(std::make_unique<LayoutStep>(
                       LayoutChange{from, to.buffer, to.dims, size_bytes(to.dtype), true}),
                   {name, "Transpose", "layout/nchw_to_nhwc"}, {from, to.buffer});
}

namespace {

/// Elements that are neither floats nor codes lie in the caller's layout already.
void copy_located_to_output(PlanBuilder& builder, ValueId value, std::size_t output_index) {
  const Located from = builder.located(value);
  BufferSpec spec;
  spec.kind = BufferKind::kOutput;
  spec.io_index = output_index;
  builder.buffers.push_back(std::move(spec));
  const auto to = static_cast<BufferId>(builder.buffers.size() - 1);
  // Three axes at most: LayoutStep permutes those of rank 4.
  std::int64_t rest = 1;
  for (int axis = 1; axis < from.dims.rank(); ++axis) rest *= from.dims[axis];
  const Shape flat{from.dims.rank() > 0 ? from.dims[0] : 1, rest};
  builder.add_step(std::make_unique<LayoutStep>(
                       LayoutChange{from.buffer, to, flat, size_bytes(from.dtype), false, false}),
                   {builder.graph().value(value).name, "Output", "copy/rows"}, {from.buffer});
}

}  // namespace

BufferId external_input(PlanBuilder& builder, ValueId value) {
  const auto& inputs = builder.graph().inputs();
  const auto at = std::ranges::find(inputs, value) - inputs.begin();
  for (std::size_t id = 0; id < builder.buffers.size(); ++id) {
    const BufferSpec& spec = builder.buffers[id];
    if (spec.kind == BufferKind::kInput && spec.io_index == static_cast<std::size_t>(at)) {
      return static_cast<BufferId>(id);
    }
  }
  BufferSpec spec;
  spec.kind = BufferKind::kInput;
  spec.io_index = static_cast<std::size_t>(at);
  builder.buffers.push_back(std::move(spec));
  return static_cast<BufferId>(builder.buffers.size() - 1);
}

void add_input_step(PlanBuilder& builder, ValueId value) {
  const Value& info = builder.graph().value(value);
  const BufferId source = external_input(builder, value);
  if (info.dtype == DType::kFloat32 && bytes_equal_in_both_layouts(info.shape) &&
      info.shape.rank() != 4) {
    builder.define_as(value, {source, info.shape, DType::kFloat32});
    return;
  }
  if (info.dtype != DType::kFloat32 && info.dtype != DType::kUInt8 && info.dtype != DType::kInt8) {
    fail(ErrorKind::kUnsupported, "compile: input '", info.name, "' of type ",
         to_string(info.dtype), ", accepted: float32, uint8, int8");
  }
  const DType dtype = info.dtype == DType::kFloat32 ? DType::kFloat32 : DType::kUInt8;
  const Stored to = builder.add_temporary_tensor(physical_dims(info.shape), dtype);
  builder.define_as(value, to);
  builder.add_step(
      std::make_unique<LayoutStep>(LayoutChange{source, to.buffer, to.dims, size_bytes(dtype), true,
                                                info.dtype == DType::kInt8}),
      {info.name, "Input", "layout/nchw_to_nhwc"}, {to.buffer});
}

void add_output_step(PlanBuilder& builder, ValueId value, std::size_t output_index) {
  const Value& info = builder.graph().value(value);
  const bool is_byte = info.dtype == DType::kUInt8 || info.dtype == DType::kInt8;
  if (info.dtype != DType::kFloat32 && (!is_byte || info.constant)) {
    copy_located_to_output(builder, value, output_index);
    return;
  }
  const Stored from = builder.stored(value);
  const BufferSpec& source = builder.buffers[static_cast<std::size_t>(from.buffer)];
  if (source.kind == BufferKind::kOutput && source.io_index == output_index) return;
  BufferSpec spec;
  spec.kind = BufferKind::kOutput;
  spec.io_index = output_index;
  builder.buffers.push_back(std::move(spec));
  const auto to = static_cast<BufferId>(builder.buffers.size() - 1);
  builder.add_step(
      std::make_unique<LayoutStep>(LayoutChange{from.buffer, to, from.dims, size_bytes(from.dtype),
                                                false, info.dtype == DType::kInt8}),
      {info.name, "Output", "layout/nhwc_to_nchw"}, {from.buffer});
}

Stored add_moved_codes(PlanBuilder& builder, const Stored& codes, const std::string& name) {
  // Flat, so that the layout stays as it is.
  const Shape flat{codes.dims.rank() > 0 ? codes.dims[0] : 1, codes.elements_per_outer()};
  Stored to = builder.add_temporary_tensor(codes.dims, DType::kUInt8);
  builder.add_step(
      std::make_unique<LayoutStep>(LayoutChange{codes.buffer, to.buffer, flat, 1, false, true}),
      {name, "Cast", "layout/int8"}, {codes.buffer, to.buffer});
  return to;
}

Stored add_codes_of_int8(PlanBuilder& builder, BufferId source, const Shape& shape,
                         const std::string& name) {
  const Stored to = builder.add_temporary_tensor(physical_dims(shape), DType::kUInt8);
  builder.add_step(
      std::make_unique<LayoutStep>(LayoutChange{source, to.buffer, to.dims, 1, true, true}),
      {name, "Cast", "layout/int8"}, {source, to.buffer});
  return to;
}

namespace {

/// The bytes of a constant, channels-last if it is of rank 4, with room behind them.
AlignedBuffer laid_out(const Tensor& tensor) {
  AlignedBuffer bytes(tensor.size_bytes() + AlignedBuffer::kOverread);
  if (tensor.size_bytes() == 0) return bytes;
  if (tensor.shape().rank() != 4) {
    std::memcpy(bytes.data(), tensor.raw(), tensor.size_bytes());
    return bytes;
  }
  const Shape dims = physical_dims(tensor.shape());
  const auto element = static_cast<int>(size_bytes(tensor.dtype()));
  const std::int64_t sample = dims[1] * dims[2] * dims[3] * element;
  for (std::int64_t n = 0; n < dims[0]; ++n) {
    nchw_to_nhwc(element, static_cast<int>(dims[3]), dims[1] * dims[2], tensor.raw() + n * sample,
                 bytes.data() + n * sample);
  }
  return bytes;
}

}  // namespace

Stored store_float_constant(PlanBuilder& builder, const Tensor& tensor) {
  return {builder.add_constant(laid_out(tensor)), physical_dims(tensor.shape()), DType::kFloat32};
}

Stored store_code_constant(PlanBuilder& builder, const Tensor& tensor) {
  AlignedBuffer bytes = laid_out(tensor);
  if (tensor.dtype() == DType::kInt8) {
    for (std::size_t i = 0; i < tensor.size_bytes(); ++i) bytes.data()[i] ^= std::byte{0x80};
  }
  return {builder.add_constant(std::move(bytes)), physical_dims(tensor.shape()), DType::kUInt8};
}

void lower_reshape(PlanBuilder& builder, const Node& node, ValueId input, ValueId output) {
  const Shape& in_shape = builder.graph().value(input).shape;
  const Shape& out_shape = builder.graph().value(output).shape;
  require_batch_untouched(node, in_shape.rank() > 0 && in_shape[0] == kDynamicDim &&
                                    (out_shape.rank() == 0 || out_shape[0] != kDynamicDim));
  Stored stored = builder.stored(input);
  if (!bytes_equal_in_both_layouts(in_shape)) stored = to_graph_order(builder, stored, node.name);
  const Shape dims = physical_dims(out_shape);
  if (bytes_equal_in_both_layouts(out_shape)) {
    stored.dims = dims;
    builder.define_as(output, stored);
    return;
  }
  const Stored to =
      builder.add_temporary_tensor(dims, stored.dtype, stored.scale, stored.zero_point);
  builder.add_step(std::make_unique<LayoutStep>(LayoutChange{stored.buffer, to.buffer, dims,
                                                             size_bytes(stored.dtype), true}),
                   {node.name, std::string(op_name(node.op)), "layout/nchw_to_nhwc"},
                   {stored.buffer, to.buffer});
  builder.define_as(output, to);
}

void lower_transpose(PlanBuilder& builder, const Node& node, const Transpose& op, ValueId input,
                     ValueId output) {
  const Stored from = builder.stored(input);
  const int rank = from.dims.rank();
  const std::vector<int> perm = permutation_of(op, rank);
  const Stored to = builder.define(output, from.dtype, from.scale, from.zero_point);
  require_batch_untouched(node, rank > 0 && from.dims[0] == kDynamicDim && perm[0] != 0);
  const auto in_strides = row_major_strides(from.dims);
  CopyRegion region{from.buffer, to.buffer, size_bytes(from.dtype), to.dims, {}, {}};
  region.dst_strides = row_major_strides(to.dims);
  region.src_strides.resize(static_cast<std::size_t>(rank));
  for (int axis = 0; axis < rank; ++axis) {
    region.src_strides[static_cast<std::size_t>(physical_axis(rank, axis))] =
        in_strides[static_cast<std::size_t>(
            physical_axis(rank, perm[static_cast<std::size_t>(axis)]))];
  }
  builder.add_step(std::make_unique<CopyStep>(std::move(region)),
                   {node.name, "Transpose", "copy/strided"}, {from.buffer, to.buffer});
}

void lower_slice(PlanBuilder& builder, const Node& node, const Slice& op, ValueId input,
                 ValueId output) {
  const Stored from = builder.stored(input);
  const int rank = from.dims.rank();
  const Stored to = builder.define(output, from.dtype, from.scale, from.zero_point);
  CopyRegion region{from.buffer, to.buffer, size_bytes(from.dtype), to.dims, {}, {}};
  region.dst_strides = row_major_strides(to.dims);
  region.src_strides = row_major_strides(from.dims);
  for (std::size_t i = 0; i < op.axes.size(); ++i) {
    const int axis = physical_axis(rank, static_cast<int>(op.axes[i]));
    const std::int64_t dim = from.dims[axis];
    require_batch_untouched(node, dim == kDynamicDim);
    const SliceRange range =
        slice_range(dim, op.starts[i], op.ends[i], op.steps.empty() ? 1 : op.steps[i]);
    const auto at = static_cast<std::size_t>(axis);
    region.src_offset += range.start * region.src_strides[at];
    // A step past the whole axis leads nowhere, and may be any number.
    if (to.dims[axis] > 1) region.src_strides[at] *= range.step;
  }
  builder.add_step(std::make_unique<CopyStep>(std::move(region)),
                   {node.name, "Slice", "copy/strided"}, {from.buffer, to.buffer});
}

void lower_pad(PlanBuilder& builder, const Node& node, const Pad& op, ValueId input,
               ValueId output) {
  const Stored from = builder.stored(input);
  const int rank = from.dims.rank();
  const Stored to = builder.define(output, from.dtype, from.scale, from.zero_point);
  builder.add_step(std::make_unique<FillStep>(to, op.value), {node.name, "Pad", "copy/fill"},
                   {to.buffer});
  CopyRegion region{from.buffer, to.buffer, size_bytes(from.dtype), from.dims, {}, {}};
  region.src_strides = row_major_strides(from.dims);
  region.dst_strides = row_major_strides(to.dims);
  for (int axis = 0; axis < rank; ++axis) {
    const std::int64_t before = op.pads[static_cast<std::size_t>(axis)];
    const std::int64_t after = op.pads[static_cast<std::size_t>(axis + rank)];
    if (before == 0 && after == 0) continue;
    const int physical = physical_axis(rank, axis);
    require_batch_untouched(node, from.dims[physical] == kDynamicDim);
    const auto at = static_cast<std::size_t>(physical);
    // The part of the result that comes from the input; negative pads leave some of that out.
    const std::int64_t low = std::max<std::int64_t>(0, before);
    const std::int64_t high = std::min(to.dims[physical], before + from.dims[physical]);
    if (high <= low) return;
    region.dims[physical] = high - low;
    region.src_offset += (low - before) * region.src_strides[at];
    region.dst_offset += low * region.dst_strides[at];
  }
  builder.add_step(std::make_unique<CopyStep>(std::move(region)),
                   {node.name, "Pad", "copy/strided"}, {from.buffer, to.buffer});
}

void lower_concat(PlanBuilder& builder, const Node& node, const Concat& op,
                  const std::vector<Stored>& inputs, ValueId output, float scale,
                  std::int32_t zero_point, DType dtype) {
  const Stored to = builder.define(output, dtype, scale, zero_point);
  const int axis = physical_axis(to.dims.rank(), op.axis);
  require_batch_untouched(node, to.dims[axis] == kDynamicDim);
  std::int64_t position = 0;
  for (const Stored& from : inputs) {
    CopyRegion region{from.buffer, to.buffer, size_bytes(dtype), from.dims, {}, {}};
    region.src_strides = row_major_strides(from.dims);
    region.dst_strides = row_major_strides(to.dims);
    region.dst_offset = position * region.dst_strides[static_cast<std::size_t>(axis)];
    position += from.dims[axis];
    builder.add_step(std::make_unique<CopyStep>(std::move(region)),
                     {node.name, "Concat", "copy/strided"}, {from.buffer, to.buffer});
  }
}

}  // namespace octet
