#include "octet/runtime/plan_builder.h"

#include <algorithm>
#include <cstring>

#include "octet/base/error.h"
#include "octet/base/nibbles.h"
#include "octet/graph/quantized_constant.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/steps/copy_steps.h"
#include "octet/runtime/steps/quantize_steps.h"

namespace octet {

std::int64_t Stored::elements_per_outer() const {
  std::int64_t count = 1;
  for (int axis = 1; axis < dims.rank(); ++axis) count *= dims[axis];
  return count;
}

double tensor_bytes(const Shape& shape, DType dtype, int batch) {
  double bytes = static_cast<double>(size_bytes(dtype));
  for (const std::int64_t dim : shape.dims()) {
    bytes *= static_cast<double>(dim == kDynamicDim ? batch : dim);
  }
  return bytes;
}

Shape physical_dims(const Shape& shape) {
  if (shape.rank() != 4) return shape;
  return {shape[0], shape[2], shape[3], shape[1]};
}

int physical_axis(int rank, int axis) {
  if (axis < 0) axis += rank;
  if (rank != 4) return axis;
  constexpr int kNhwc[] = {0, 3, 1, 2};
  return kNhwc[axis];
}

PlanBuilder::PlanBuilder(const Graph& graph, const CompileOptions& options)
    : graph_(graph),
      options_(options),
      nodes_(graph),
      stored_(graph.values().size()),
      uses_(graph.values().size(), 0) {
  for (const Node& node : graph.nodes()) {
    for (const auto& input : node.inputs) {
      if (input) ++uses_[static_cast<std::size_t>(*input)];
    }
  }
  for (const Value& value : graph.values()) {
    if (std::ranges::find(value.shape.dims(), kUnknownDim) != value.shape.dims().end()) {
      fail(ErrorKind::kUnsupported, "compile: value '", value.name, "' of shape ",
           to_string(value.shape),
           ": a size is known only at run time, accepted: known ones (give the sizes of the "
           "inputs' dimensions, or constants for the inputs that hold a shape)");
    }
    for (int axis = 1; axis < value.shape.rank(); ++axis) {
      if (value.shape[axis] == kDynamicDim) {
        fail(ErrorKind::kUnsupported, "compile: value '", value.name, "' of shape ",
             to_string(value.shape), ": only the first dimension may be dynamic");
      }
    }
  }
  for (const Node& node : graph.nodes()) require_memory_for(node);
}

void PlanBuilder::require_memory_for(const Node& node) const {
  for (const ValueId id : node.outputs) {
    const Value& value = graph_.value(id);
    const double bytes = tensor_bytes(value.shape, value.dtype, options_.max_batch);
    if (bytes <= static_cast<double>(options_.max_memory_bytes)) continue;
    fail(ErrorKind::kUnsupported, "compile: node '", node.name, "' (", op_name(node.op),
         "): its result ", to_string(value.dtype), " ",
         to_string(value.shape.with_batch(options_.max_batch)), " takes ", bytes,
         " bytes, accepted: at most ", options_.max_memory_bytes);
  }
}

bool PlanBuilder::has(ValueId value) const {
  return stored_[static_cast<std::size_t>(value)].first || located_.contains(value);
}

void PlanBuilder::define_as(ValueId value, Stored stored) {
  stored_[static_cast<std::size_t>(value)] = {true, std::move(stored)};
}

std::int64_t PlanBuilder::max_outer(const Shape& dims) const {
  if (dims.rank() == 0) return 1;
  return dims[0] == kDynamicDim ? options_.max_batch : dims[0];
}

std::size_t PlanBuilder::max_bytes(const Shape& dims, DType dtype) const {
  return static_cast<std::size_t>(dims.with_batch(options_.max_batch).num_elements()) *
         size_bytes(dtype);
}

const Stored& PlanBuilder::define(ValueId value, DType dtype, float scale,
                                  std::int32_t zero_point) {
  const Value& info = graph_.value(value);
  Stored stored{{}, physical_dims(info.shape), dtype, scale, zero_point};
  // A result that nobody else reads and whose layout is the caller's is written in place.
  const auto output = std::ranges::find(graph_.outputs(), value);
  const bool direct = output != graph_.outputs().end() && dtype == info.dtype &&
                      info.shape.rank() != 4 && uses_[static_cast<std::size_t>(value)] == 0 &&
                      std::ranges::count(graph_.outputs(), value) == 1;
  BufferSpec spec;
  spec.size_bytes = max_bytes(stored.dims, dtype) + AlignedBuffer::kOverread;
  if (direct) {
    spec.kind = BufferKind::kOutput;
    spec.io_index = static_cast<std::size_t>(output - graph_.outputs().begin());
  }
  stored.buffer = static_cast<BufferId>(buffers.size());
  buffers.push_back(std::move(spec));
  define_as(value, stored);
  return stored_[static_cast<std::size_t>(value)].second;
}

const Stored& PlanBuilder::stored(ValueId value) {
  const auto index = static_cast<std::size_t>(value);
  if (stored_[index].first) return stored_[index].second;
  if (located_.contains(value)) {
    store_located(value);
    return stored_[index].second;
  }
  if (graph_.value(value).constant) return store_constant(value);
  if (std::ranges::find(graph_.inputs(), value) != graph_.inputs().end()) {
    add_input_step(*this, value);
  } else if (const Node* node = nodes_.producer(value)) {
    if (const auto constant = quantized_constant(graph_, *node)) {
      define_as(value, store_float_constant(*this, dequantize(*constant)));
    } else if (const auto codes = nodes_.dequantized(value)) {
      add_dequantize_step(*this, value, codes->integers);
    }
  }
  if (!stored_[index].first) {
    fail(ErrorKind::kUnsupported, "compile: value '", graph_.value(value).name,
         "' is needed by an operator that cannot read it in this form");
  }
  return stored_[index].second;
}

const Stored& PlanBuilder::store_constant(ValueId value) {
  const Tensor& tensor = *graph_.value(value).constant;
  if (tensor.dtype() == DType::kUInt8 || tensor.dtype() == DType::kInt8) {
    define_as(value, store_code_constant(*this, tensor));
    return stored_[static_cast<std::size_t>(value)].second;
  }
  if (tensor.dtype() != DType::kFloat32) {
    fail(ErrorKind::kUnsupported, "compile: constant '", graph_.value(value).name, "' of type ",
         to_string(tensor.dtype()), " is used where only float32 can be computed");
  }
  define_as(value, store_float_constant(*this, tensor));
  return stored_[static_cast<std::size_t>(value)].second;
}

namespace {

/// Row-major strides, axis by axis; inner dimensions are static, so the batch does not matter.
Located row_major(BufferId buffer, DType dtype, const Shape& dims) {
  return {buffer, dtype, dims, row_major_strides(dims.with_batch(1).dims())};
}

bool is_stored_as_it_is(DType dtype) { return dtype == DType::kFloat32 || dtype == DType::kUInt8; }

}  // namespace

Located in_graph_order(const Stored& stored) {
  const Shape& dims = stored.dims;
  Located physical = row_major(stored.buffer, stored.dtype, dims);
  if (dims.rank() != 4) return physical;
  const auto& strides = physical.strides;
  return {stored.buffer,
          stored.dtype,
          {dims[0], dims[3], dims[1], dims[2]},
          {strides[0], strides[3], strides[1], strides[2]}};
}

const Located& PlanBuilder::located(ValueId value) {
  if (const auto found = located_.find(value); found != located_.end()) return found->second;
  const Value& info = graph_.value(value);
  const bool is_input = std::ranges::find(graph_.inputs(), value) != graph_.inputs().end();
  if (info.constant) {
    const Tensor elements = unpack_nibbles(*info.constant);
    AlignedBuffer bytes(elements.size_bytes());
    if (bytes.size_bytes() > 0) std::memcpy(bytes.data(), elements.raw(), bytes.size_bytes());
    return located_[value] = row_major(add_constant(std::move(bytes)), info.dtype, info.shape);
  }
  if (is_input) {
    return located_[value] = row_major(external_input(*this, value), info.dtype, info.shape);
  }
  const Stored& codes = stored(value);
  if (is_stored_as_it_is(info.dtype)) return located_[value] = in_graph_order(codes);
  const Stored moved = add_moved_codes(*this, codes, info.name);
  Located result = in_graph_order(moved);
  result.dtype = info.dtype;
  return located_[value] = result;
}

const Located& PlanBuilder::define_located(ValueId value) {
  const Value& info = graph_.value(value);
  if (is_stored_as_it_is(info.dtype)) {
    return located_[value] = in_graph_order(define(value, info.dtype));
  }
  const Stored dense = add_temporary_tensor(info.shape, info.dtype);
  return located_[value] = row_major(dense.buffer, info.dtype, info.shape);
}

void PlanBuilder::store_located(ValueId value) {
  const Located from = located_.at(value);
  const Value& info = graph_.value(value);
  if (std::ranges::find(graph_.inputs(), value) != graph_.inputs().end()) {
    add_input_step(*this, value);
    return;
  }
  if (info.constant) {
    store_constant(value);
    return;
  }
  if (info.dtype != DType::kInt8) {
    fail(ErrorKind::kUnsupported, "compile: value '", info.name, "' of type ",
         to_string(info.dtype), " is used where only 8-bit integers and floats can be computed");
  }
  define_as(value, add_codes_of_int8(*this, from.buffer, from.dims, info.name));
}

BufferId PlanBuilder::add_temporary(std::size_t size_bytes) {
  BufferSpec spec;
  spec.size_bytes = size_bytes + AlignedBuffer::kOverread;
  buffers.push_back(std::move(spec));
  return static_cast<BufferId>(buffers.size() - 1);
}

Stored PlanBuilder::add_temporary_tensor(Shape dims, DType dtype, float scale,
                                         std::int32_t zero_point) {
  const BufferId buffer = add_temporary(max_bytes(dims, dtype));
  return {buffer, std::move(dims), dtype, scale, zero_point};
}

BufferId PlanBuilder::add_constant(AlignedBuffer bytes) {
  BufferSpec spec;
  spec.kind = BufferKind::kConstant;
  spec.size_bytes = bytes.size_bytes();
  spec.constant = std::move(bytes);
  buffers.push_back(std::move(spec));
  return static_cast<BufferId>(buffers.size() - 1);
}

template <typename T>
BufferId PlanBuilder::add_constant(const std::vector<T>& values, std::size_t padding) {
  AlignedBuffer bytes((values.size() + padding) * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size() * sizeof(T));
  return add_constant(std::move(bytes));
}
template BufferId PlanBuilder::add_constant(const std::vector<float>&, std::size_t);
template BufferId PlanBuilder::add_constant(const std::vector<std::int32_t>&, std::size_t);
template BufferId PlanBuilder::add_constant(const std::vector<std::uint8_t>&, std::size_t);

void PlanBuilder::add_step(std::unique_ptr<Step> step, PlanLayer layer,
                           std::vector<BufferId> touches) {
  const int index = static_cast<int>(steps.size());
  for (const BufferId id : touches) {
    BufferSpec& spec = buffers[static_cast<std::size_t>(id)];
    if (spec.first < 0) spec.first = index;
    spec.last = index;
  }
  steps.push_back(std::move(step));
  layers.push_back(std::move(layer));
}

void PlanBuilder::request_scratch(std::size_t bytes_per_thread) {
  scratch_per_thread = std::max(scratch_per_thread, bytes_per_thread);
}

}  // namespace octet
