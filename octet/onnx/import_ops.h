#pragma once

#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/reduction.h"
#include "octet/onnx/node_reader.h"

// One function per ONNX operator; import_table.cpp lists them.

namespace octet {

// import_window.cpp
void import_conv(NodeReader& node);
void import_conv_transpose(NodeReader& node);
void import_max_pool(NodeReader& node);
void import_average_pool(NodeReader& node);

// import_compute.cpp
void import_gemm(NodeReader& node);

// import_reduction.cpp
void import_reduce(NodeReader& node, Reduction reduction);
void import_arg_extreme(NodeReader& node, bool of_max);
void import_global_max_pool(NodeReader& node);

// import_normalization.cpp
void import_softmax(NodeReader& node);
void import_log_softmax(NodeReader& node);
void import_batch_norm(NodeReader& node);
void import_layer_norm(NodeReader& node);
void import_instance_norm(NodeReader& node);
void import_group_norm(NodeReader& node);
void import_lrn(NodeReader& node);
void import_mean_variance_norm(NodeReader& node);

// import_elementwise.cpp
void import_unary(NodeReader& node, UnaryFunction function);
void import_binary(NodeReader& node, BinaryFunction function);
/// Any number of inputs, two at a time.
void import_variadic(NodeReader& node, BinaryFunction function);
void import_gelu(NodeReader& node);
void import_mod(NodeReader& node);
void import_sum(NodeReader& node);
void import_mean(NodeReader& node);
void import_where(NodeReader& node);
void import_clip(NodeReader& node);
void import_hard_sigmoid(NodeReader& node);
void import_dropout(NodeReader& node);
void import_cast(NodeReader& node);
void import_cast_like(NodeReader& node);

// import_shape.cpp
void import_concat(NodeReader& node);
void import_flatten(NodeReader& node);
void import_reshape(NodeReader& node);
void import_transpose(NodeReader& node);
void import_squeeze(NodeReader& node);
void import_unsqueeze(NodeReader& node);
void import_slice(NodeReader& node);
void import_pad(NodeReader& node);
void import_shape_of(NodeReader& node);
void import_gather(NodeReader& node);
void import_constant_of_shape(NodeReader& node);

// import_arrangement.cpp
void import_resize(NodeReader& node);
void import_upsample(NodeReader& node);
void import_expand(NodeReader& node);
void import_tile(NodeReader& node);
void import_range(NodeReader& node);
void import_size(NodeReader& node);
void import_split(NodeReader& node);
void import_depth_to_space(NodeReader& node);
void import_space_to_depth(NodeReader& node);
void import_gather_elements(NodeReader& node);
void import_gather_nd(NodeReader& node);
void import_one_hot(NodeReader& node);
void import_trilu(NodeReader& node);
void import_cum_sum(NodeReader& node);

// import_quant.cpp
void import_quantize_linear(NodeReader& node);
void import_dequantize_linear(NodeReader& node);
void import_dynamic_quantize_linear(NodeReader& node);
void import_mat_mul_integer(NodeReader& node);
void import_conv_integer(NodeReader& node);
void import_qlinear_conv(NodeReader& node);
void import_qlinear_mat_mul(NodeReader& node);
/// Error(kBadData) for a constant scale that is none; `zero_too`: unless it is 0.
void check_constant_scales(NodeReader& node, int input, bool zero_too);
// Of the domain com.microsoft; expand_qlinear.cpp has the other ones.
void import_mat_mul_nbits(NodeReader& node);
void import_qgemm(NodeReader& node);

// import_recurrent.cpp
void import_lstm(NodeReader& node);
void import_gru(NodeReader& node);
void import_rnn(NodeReader& node);

/// An operator without attributes whose inputs and output are octet's.
template <typename OpType, int kInputs>
void import_plain(NodeReader& node) {
  node.expect_inputs(kInputs, kInputs);
  std::vector<std::optional<ValueId>> inputs;
  inputs.reserve(kInputs);
  for (int i = 0; i < kInputs; ++i) inputs.emplace_back(node.input(i));
  node.emit(OpType{}, std::move(inputs));
}

/// An operator of a family whose members differ in one argument.
template <auto kImport, auto kWhich>
void import_member(NodeReader& node) {
  kImport(node, kWhich);
}

}  // namespace octet
