#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "octet/base/error.h"
#include "octet/graph/graph.h"
#include "octet/graph/tensor_function.h"

// For the tests of functions that move elements: a node of constants, inferred and computed.

namespace octet {

using MaybeTensors = std::vector<std::optional<Tensor>>;

template <typename T>
Tensor tensor(Shape shape, std::initializer_list<T> values) {
  return Tensor::from(std::move(shape), std::span<const T>(values.begin(), values.size()));
}
inline Tensor list(const std::vector<std::int64_t>& values) {
  return Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values);
}
/// 0, 1, 2 ...
template <typename T>
Tensor counted(Shape shape) {
  Tensor result(dtype_of<T>(), std::move(shape));
  T next{};
  for (T& element : result.mutable_data<T>()) element = next++;
  return result;
}
template <typename T>
std::vector<T> elements_of(const Tensor& tensor) {
  return {tensor.data<T>().begin(), tensor.data<T>().end()};
}

/// A graph of one node. Inputs from `variables` on are graph inputs, the others constants.
struct OneNode {
  Graph graph;
  std::vector<ValueId> outputs;

  OneNode(const Op& op, const MaybeTensors& inputs, std::size_t count, std::size_t variables) {
    std::vector<std::optional<ValueId>> ids;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = "in" + std::to_string(i);
      ids.emplace_back();
      if (!inputs[i]) continue;
      ids.back() = i < variables ? graph.add_constant(name, *inputs[i])
                                 : graph.add_input(name, inputs[i]->dtype(), inputs[i]->shape());
    }
    for (std::size_t i = 0; i < count; ++i) {
      outputs.push_back(graph.add_value("out" + std::to_string(i)));
      graph.add_output(outputs.back());
    }
    graph.add_node("node", op, ids, outputs);
    infer_shapes(graph);
    verify(graph);
  }

  std::vector<TensorType> types() const {
    std::vector<TensorType> result;
    for (const ValueId id : outputs)
      result.push_back({graph.value(id).dtype, graph.value(id).shape});
    return result;
  }
};

inline std::optional<std::vector<Tensor>> try_run(const Op& op, const MaybeTensors& inputs,
                                                  std::size_t count = 1) {
  const OneNode node(op, inputs, count, inputs.size());
  return apply(*function_of(op), inputs, node.types());
}

inline std::vector<Tensor> run_all(const Op& op, const MaybeTensors& inputs, std::size_t count) {
  auto result = try_run(op, inputs, count);
  EXPECT_TRUE(result) << "not defined";
  return result ? std::move(*result) : std::vector<Tensor>(count);
}

inline Tensor run(const Op& op, const MaybeTensors& inputs) { return run_all(op, inputs, 1)[0]; }

/// The inferred shape when the inputs from number `variables` on are known only at run time.
inline Shape shape_with_variables(const Op& op, const MaybeTensors& inputs, std::size_t variables) {
  return OneNode(op, inputs, 1, variables).types()[0].shape;
}

inline std::string error_of(ErrorKind kind, const Op& op, const MaybeTensors& inputs,
                            std::size_t count = 1) {
  try {
    const OneNode node(op, inputs, count, inputs.size());
    return "no error: " + to_string(node.graph);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr("node 'node'"));
    return error.what();
  }
}

/// The bytes of a tensor of rank 4 in channels-last order, and the view that reads them so.
struct ChannelsLast {
  std::vector<std::byte> bytes;
  std::array<std::int64_t, kMaxViewRank> strides{};

  explicit ChannelsLast(const Tensor& tensor) : bytes(tensor.size_bytes()) {
    const Shape& s = tensor.shape();
    strides = {s[1] * s[2] * s[3], 1, s[3] * s[1], s[1]};
    const std::size_t size = octet::size_bytes(tensor.dtype());
    for_each_index<2>(s.dims(), {row_major_strides(s.dims()), strides},
                      [&](std::int64_t, const std::array<std::int64_t, 2>& offsets) {
                        std::memcpy(bytes.data() + static_cast<std::size_t>(offsets[1]) * size,
                                    tensor.raw() + static_cast<std::size_t>(offsets[0]) * size,
                                    size);
                      });
  }
};

/// The function of one output on channels-last images gives the same as on row-major ones.
inline void expect_same_channels_last(const Op& op, const MaybeTensors& inputs) {
  const Tensor expected = run(op, inputs);
  std::vector<ChannelsLast> images;
  std::vector<ConstTensorView> in;
  std::vector<TensorType> types;
  images.reserve(inputs.size());
  for (const std::optional<Tensor>& input : inputs) {
    in.push_back(input ? view_of(*input) : ConstTensorView{.present = false});
    types.push_back(input ? TensorType{input->dtype(), input->shape()} : TensorType{});
    if (!input || input->shape().rank() != 4) continue;
    images.emplace_back(*input);
    in.back().data = images.back().bytes.data();
    in.back().strides = images.back().strides;
  }
  Tensor blank(expected.dtype(), expected.shape());
  const bool image = expected.shape().rank() == 4;
  ChannelsLast result(image ? blank : Tensor(DType::kBool, Shape{0, 0, 0, 0}));
  TensorView out = mutable_view_of(blank);
  if (image) {
    out.data = result.bytes.data();
    out.strides = result.strides;
  }
  const TensorType out_type{expected.dtype(), expected.shape()};
  std::vector<std::byte> scratch(function_of(op)->scratch_bytes(types, std::span(&out_type, 1)) +
                                 8);
  ASSERT_TRUE(function_of(op)->compute(in, std::span(&out, 1), scratch.data()));
  if (image) {
    EXPECT_EQ(result.bytes, ChannelsLast(expected).bytes);
  } else {
    EXPECT_TRUE(blank == expected);
  }
}

}  // namespace octet
