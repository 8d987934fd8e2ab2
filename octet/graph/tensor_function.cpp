#include "octet/graph/tensor_function.h"

#include <algorithm>
#include <cassert>
#include <map>

#include "octet/base/aligned_buffer.h"
#include "octet/base/nibbles.h"
#include "octet/graph/node_error.h"

namespace octet {

const Shape& FunctionInputs::shape(std::size_t input) const {
  return graph_.value(*node_.inputs[input]).shape;
}

DType FunctionInputs::dtype(std::size_t input) const {
  return graph_.value(*node_.inputs[input]).dtype;
}

std::optional<std::vector<std::int64_t>> FunctionInputs::integers(std::size_t input,
                                                                  bool allow_symbols) const {
  const auto& known = known_[static_cast<std::size_t>(*node_.inputs[input])];
  if (!known || known->value.dtype() == DType::kFloat32) return std::nullopt;
  if (!allow_symbols && !known->is_constant()) return std::nullopt;
  std::vector<std::int64_t> result;
  const auto append = [&]<typename T>(T) {
    for (const T element : known->value.data<T>()) result.push_back(element);
  };
  switch (known->value.dtype()) {
    case DType::kInt64:
      append(std::int64_t{});
      break;
    case DType::kInt32:
      append(std::int32_t{});
      break;
    case DType::kBool:
      append(bool{});
      break;
    default:
      return std::nullopt;
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (known->symbol_at(i) == Symbol::kBatch) result[i] = kDynamicDim;
    if (known->symbol_at(i) == Symbol::kUnknown) result[i] = kUnknownDim;
  }
  return result;
}

std::optional<std::vector<float>> FunctionInputs::floats(std::size_t input) const {
  const auto& known = known_[static_cast<std::size_t>(*node_.inputs[input])];
  if (!known || known->value.dtype() != DType::kFloat32) return std::nullopt;
  const auto elements = known->value.data<float>();
  return std::vector<float>(elements.begin(), elements.end());
}

void FunctionInputs::require_dtype(std::size_t input, std::initializer_list<DType> accepted) const {
  if (!has(input) || std::ranges::find(accepted, dtype(input)) != accepted.end()) return;
  std::string names;
  for (const DType type : accepted) {
    names += (names.empty() ? "" : ", ") + std::string(to_string(type));
  }
  fail_node(ErrorKind::kBadData, node_, "input ", input, " is ", to_string(dtype(input)),
            ", accepted: ", names);
}

void FunctionInputs::require_equal_dtypes() const {
  for (std::size_t i = 1; i < size(); ++i) {
    if (has(i)) require_dtype(i, {dtype(0)});
  }
}

std::size_t TensorFunction::scratch_bytes(std::span<const TensorType>,
                                          std::span<const TensorType>) const {
  return 0;
}

namespace {

/// Equal networks: the values of one are those of the other in the order of the nodes.
bool same_network(const Graph& a, const Graph& b) {
  if (a.inputs().size() != b.inputs().size() || a.outputs().size() != b.outputs().size() ||
      a.nodes().size() != b.nodes().size()) {
    return false;
  }
  std::map<ValueId, ValueId> partner;
  const auto pair_up = [&](ValueId in_a, ValueId in_b) { partner[in_a] = in_b; };
  const auto same_value = [&](ValueId in_a, ValueId in_b) {
    const std::optional<Tensor>& constant = a.value(in_a).constant;
    if (constant) return constant == b.value(in_b).constant;
    const auto known = partner.find(in_a);
    return known != partner.end() && known->second == in_b;
  };
  for (std::size_t i = 0; i < a.inputs().size(); ++i) pair_up(a.inputs()[i], b.inputs()[i]);
  for (std::size_t i = 0; i < a.nodes().size(); ++i) {
    const Node& node_a = a.nodes()[i];
    const Node& node_b = b.nodes()[i];
    const bool same_inputs =
        std::ranges::equal(node_a.inputs, node_b.inputs, [&](const auto& in_a, const auto& in_b) {
          return in_a && in_b ? same_value(*in_a, *in_b) : in_a.has_value() == in_b.has_value();
        });
    if (!same_inputs || node_a.outputs.size() != node_b.outputs.size() ||
        !(node_a.op == node_b.op)) {
      return false;
    }
    for (std::size_t k = 0; k < node_a.outputs.size(); ++k) {
      pair_up(node_a.outputs[k], node_b.outputs[k]);
    }
  }
  return std::ranges::equal(a.outputs(), b.outputs(), same_value);
}

}  // namespace

bool operator==(const Branch& a, const Branch& b) {
  return a.captures == b.captures && (a.graph == b.graph || same_network(*a.graph, *b.graph));
}

bool operator==(const TensorFunction& a, const TensorFunction& b) {
  return a.onnx_name() == b.onnx_name() && a.attributes() == b.attributes() &&
         std::ranges::equal(a.branches(), b.branches());
}

std::array<std::int64_t, kMaxViewRank> row_major_strides(std::span<const std::int64_t> dims) {
  std::array<std::int64_t, kMaxViewRank> strides{};
  std::int64_t stride = 1;
  for (std::size_t axis = dims.size(); axis > 0; --axis) {
    strides[axis - 1] = stride;
    stride *= dims[axis - 1];
  }
  return strides;
}

namespace {

template <typename View>
View typed_view(const Tensor& tensor) {
  View view;
  view.dtype = tensor.dtype();
  view.rank = tensor.shape().rank();
  std::ranges::copy(tensor.shape().dims(), view.dims.begin());
  view.strides = row_major_strides(tensor.shape().dims());
  return view;
}

}  // namespace

ConstTensorView view_of(const Tensor& tensor) {
  assert(!is_packed(tensor.dtype()));
  auto view = typed_view<ConstTensorView>(tensor);
  view.data = tensor.raw();
  return view;
}

TensorView mutable_view_of(Tensor& tensor) {
  assert(!is_packed(tensor.dtype()));
  auto view = typed_view<TensorView>(tensor);
  view.data = tensor.mutable_raw();
  return view;
}

std::optional<std::vector<Tensor>> apply(const TensorFunction& function,
                                         std::span<const std::optional<Tensor>> inputs,
                                         std::span<const TensorType> outputs) {
  std::vector<Tensor> wide;  // functions see a byte per element of 4 bits
  wide.reserve(inputs.size());
  std::vector<ConstTensorView> in;
  std::vector<TensorType> in_types;
  for (const std::optional<Tensor>& input : inputs) {
    in.push_back({.present = false});
    in_types.push_back(input ? TensorType{input->dtype(), input->shape()} : TensorType{});
    if (!input) continue;
    wide.push_back(unpack_nibbles(*input));
    in.back() = view_of(wide.back());
    in.back().dtype = input->dtype();
  }
  std::vector<Tensor> results;
  for (const TensorType& type : outputs) results.emplace_back(byte_type(type.dtype), type.shape);
  std::vector<TensorView> out;
  for (std::size_t i = 0; i < results.size(); ++i) {
    out.push_back(mutable_view_of(results[i]));
    out.back().dtype = outputs[i].dtype;
  }
  AlignedBuffer scratch(function.scratch_bytes(in_types, outputs));
  if (!function.compute(in, out, scratch.data())) return std::nullopt;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (is_packed(outputs[i].dtype)) results[i] = pack_nibbles(results[i], outputs[i].dtype);
  }
  return results;
}

}  // namespace octet
