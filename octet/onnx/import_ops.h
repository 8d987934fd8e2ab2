#pragma once

#include "octet/onnx/node_reader.h"

// One function per ONNX operator; import_table.cpp lists them.

namespace octet {

// import_window.cpp
void import_conv(NodeReader& node);
void import_max_pool(NodeReader& node);
void import_average_pool(NodeReader& node);

// import_compute.cpp
void import_gemm(NodeReader& node);
void import_batch_norm(NodeReader& node);
void import_clip(NodeReader& node);
void import_hard_sigmoid(NodeReader& node);
void import_softmax(NodeReader& node);

// import_shape.cpp
void import_concat(NodeReader& node);
void import_flatten(NodeReader& node);
void import_reshape(NodeReader& node);
void import_transpose(NodeReader& node);
void import_squeeze(NodeReader& node);
void import_unsqueeze(NodeReader& node);
void import_slice(NodeReader& node);
void import_pad(NodeReader& node);
void import_dropout(NodeReader& node);
void import_shape_of(NodeReader& node);
void import_gather(NodeReader& node);
void import_cast(NodeReader& node);
void import_constant_of_shape(NodeReader& node);

// import_quant.cpp
void import_quantize_linear(NodeReader& node);
void import_dequantize_linear(NodeReader& node);
void import_dynamic_quantize_linear(NodeReader& node);
void import_mat_mul_integer(NodeReader& node);

/// An operator without attributes whose inputs and output are octet's.
template <typename OpType, int kInputs>
void import_plain(NodeReader& node) {
  node.expect_inputs(kInputs, kInputs);
  std::vector<std::optional<ValueId>> inputs;
  inputs.reserve(kInputs);
  for (int i = 0; i < kInputs; ++i) inputs.emplace_back(node.input(i));
  node.emit(OpType{}, std::move(inputs));
}

}  // namespace octet
