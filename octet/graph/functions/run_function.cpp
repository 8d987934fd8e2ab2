#include "octet/graph/functions/run_function.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "octet/base/aligned_buffer.h"
#include "octet/base/nibbles.h"
#include "octet/graph/graph.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

std::vector<TensorType> infer_types(const Op& op, const OptionalTensors& inputs,
                                    std::size_t outputs) {
  Graph graph;
  std::vector<std::optional<ValueId>> ids;
  for (const std::optional<Tensor>& input : inputs) {
    ids.emplace_back();
    if (input) ids.back() = graph.add_constant("in" + std::to_string(ids.size()), *input);
  }
  std::vector<ValueId> results;
  for (std::size_t i = 0; i < outputs; ++i) {
    results.push_back(graph.add_value("out" + std::to_string(i)));
    graph.add_output(results.back());
  }
  graph.add_node("node", op, ids, results);
  infer_shapes(graph);
  std::vector<TensorType> types;
  for (const ValueId id : results) types.push_back({graph.value(id).dtype, graph.value(id).shape});
  return types;
}

template <typename View>
void reverse_strides(View& view) {
  std::int64_t stride = 1;
  for (int axis = 0; axis < view.rank; ++axis) {
    view.strides[static_cast<std::size_t>(axis)] = stride;
    stride *= view.dims[static_cast<std::size_t>(axis)];
  }
}

template <typename From, typename To>
void copy_elements(const From& from, const To& to) {
  const auto bytes = static_cast<std::int64_t>(size_bytes(from.dtype));
  for_each_index<2>(std::span(from.dims).first(static_cast<std::size_t>(from.rank)),
                    {from.strides, to.strides}, [&](std::int64_t, const auto& offsets) {
                      std::memcpy(to.data + offsets[1] * bytes, from.data + offsets[0] * bytes,
                                  static_cast<std::size_t>(bytes));
                    });
}

/// Like apply(), on tensors whose first axis is innermost.
std::optional<std::vector<Tensor>> apply_reversed(const TensorFunction& function,
                                                  const OptionalTensors& inputs,
                                                  const std::vector<TensorType>& outputs) {
  std::vector<Tensor> storage, results;
  std::vector<ConstTensorView> in;
  std::vector<TensorView> out;
  std::vector<TensorType> in_types;
  storage.reserve(inputs.size() + outputs.size());
  for (const std::optional<Tensor>& input : inputs) {
    in.push_back({.present = false});
    in_types.push_back(input ? TensorType{input->dtype(), input->shape()} : TensorType{});
    if (!input) continue;
    const Tensor bytes = unpack_nibbles(*input);
    storage.emplace_back(bytes.dtype(), bytes.shape());
    TensorView view = mutable_view_of(storage.back());
    reverse_strides(view);
    copy_elements(view_of(bytes), view);
    in.back() = view_of(storage.back());
    in.back().dtype = input->dtype();
    reverse_strides(in.back());
  }
  for (const TensorType& type : outputs) {
    storage.emplace_back(byte_type(type.dtype), type.shape);
    out.push_back(mutable_view_of(storage.back()));
    out.back().dtype = type.dtype;
    reverse_strides(out.back());
  }
  AlignedBuffer scratch(function.scratch_bytes(in_types, outputs));
  if (!function.compute(in, out, scratch.data())) return std::nullopt;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const DType dtype = outputs[i].dtype;
    results.emplace_back(byte_type(dtype), outputs[i].shape);
    copy_elements(out[i], mutable_view_of(results.back()));
    if (is_packed(dtype)) results.back() = pack_nibbles(results.back(), dtype);
  }
  return results;
}

}  // namespace

std::optional<std::vector<Tensor>> run_function(const Op& op, const OptionalTensors& inputs,
                                                std::size_t outputs) {
  const std::vector<TensorType> types = infer_types(op, inputs, outputs);
  const auto function = function_of(op);
  auto dense = apply(*function, inputs, types);
  const auto reversed = apply_reversed(*function, inputs, types);
  EXPECT_EQ(dense.has_value(), reversed.has_value());
  if (!dense || !reversed) return std::nullopt;
  for (std::size_t i = 0; i < outputs; ++i) {
    EXPECT_EQ((*dense)[i], (*reversed)[i]) << "output " << i << " depends on the memory layout";
  }
  return dense;
}

Tensor run_one(const Op& op, const OptionalTensors& inputs) {
  const auto results = run_function(op, inputs);
  EXPECT_TRUE(results) << op_name(op) << " is not defined";
  return results ? results->front() : Tensor();
}

Shape inferred_shape(const Op& op, const std::vector<std::pair<DType, Shape>>& inputs) {
  Graph graph;
  std::vector<std::optional<ValueId>> ids;
  for (const auto& [dtype, shape] : inputs) {
    ids.emplace_back(graph.add_input("in" + std::to_string(ids.size()), dtype, shape));
  }
  const ValueId y = graph.add("node", op, ids);
  graph.add_output(y);
  infer_shapes(graph);
  return graph.value(y).shape;
}

std::string error_of_types(ErrorKind kind, const Op& op, const OptionalTensors& inputs) {
  try {
    infer_types(op, inputs, 1);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find("node 'node'"), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

Tensor bools(Shape shape, const std::vector<int>& values) {
  Tensor result(DType::kBool, std::move(shape));
  std::ranges::transform(values, result.mutable_data<bool>().begin(),
                         [](int value) { return value != 0; });
  return result;
}

Tensor small_numbers(DType dtype, const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  Tensor result(dtype, shape);
  const auto fill = [&]<typename T>(T) {
    for (T& element : result.mutable_data<T>()) {
      element = static_cast<T>(static_cast<int>(random() % 19) - 9);
    }
  };
  if (dtype == DType::kFloat32) fill(float{});
  if (dtype == DType::kInt32) fill(std::int32_t{});
  if (dtype == DType::kInt64) fill(std::int64_t{});
  return result;
}

}  // namespace octet
