#include <algorithm>
#include <iterator>

#include "octet/onnx/import_ops.h"

namespace octet {
namespace {

constexpr OpImport kOps[] = {
    {"Add", 7, import_plain<Add, 2>},
    {"ArgMax", 1, import_member<import_arg_extreme, true>},
    {"ArgMin", 1, import_member<import_arg_extreme, false>},
    {"AveragePool", 7, import_average_pool},
    {"BatchNormalization", 7, import_batch_norm},
    {"Cast", 6, import_cast},
    {"Clip", 6, import_clip},
    {"Concat", 4, import_concat},
    {"ConstantOfShape", 9, import_constant_of_shape},
    {"Conv", 1, import_conv},
    {"CumSum", 11, import_cum_sum},
    {"DepthToSpace", 1, import_depth_to_space},
    {"DequantizeLinear", 10, import_dequantize_linear},
    {"Div", 7, import_plain<Div, 2>},
    {"Dropout", 7, import_dropout},
    {"DynamicQuantizeLinear", 11, import_dynamic_quantize_linear},
    {"Expand", 8, import_expand},
    {"Flatten", 1, import_flatten},
    {"Gather", 1, import_gather},
    {"GatherElements", 11, import_gather_elements},
    {"GatherND", 11, import_gather_nd},
    {"Gemm", 7, import_gemm},
    {"GlobalAveragePool", 1, import_plain<GlobalAveragePool, 1>},
    {"GlobalMaxPool", 1, import_global_max_pool},
    {"GroupNormalization", 18, import_group_norm},
    {"HardSigmoid", 6, import_hard_sigmoid},
    {"HardSwish", 14, import_plain<HardSwish, 1>},
    {"Identity", 1, import_plain<Identity, 1>},
    {"InstanceNormalization", 6, import_instance_norm},
    {"LRN", 1, import_lrn},
    {"LayerNormalization", 17, import_layer_norm},
    {"LogSoftmax", 1, import_log_softmax},
    {"MatMul", 1, import_plain<MatMul, 2>},
    {"MatMulInteger", 10, import_mat_mul_integer},
    {"MaxPool", 1, import_max_pool},
    {"MeanVarianceNormalization", 9, import_mean_variance_norm},
    {"Mul", 7, import_plain<Mul, 2>},
    {"OneHot", 9, import_one_hot},
    {"Pad", 2, import_pad},
    {"QuantizeLinear", 10, import_quantize_linear},
    {"Range", 11, import_range},
    {"ReduceL1", 1, import_member<import_reduce, Reduction::kL1>},
    {"ReduceL2", 1, import_member<import_reduce, Reduction::kL2>},
    {"ReduceLogSum", 1, import_member<import_reduce, Reduction::kLogSum>},
    {"ReduceLogSumExp", 1, import_member<import_reduce, Reduction::kLogSumExp>},
    {"ReduceMax", 1, import_member<import_reduce, Reduction::kMax>},
    {"ReduceMean", 1, import_member<import_reduce, Reduction::kMean>},
    {"ReduceMin", 1, import_member<import_reduce, Reduction::kMin>},
    {"ReduceProd", 1, import_member<import_reduce, Reduction::kProd>},
    {"ReduceSum", 1, import_member<import_reduce, Reduction::kSum>},
    {"ReduceSumSquare", 1, import_member<import_reduce, Reduction::kSumSquare>},
    {"Relu", 6, import_plain<Relu, 1>},
    {"Reshape", 5, import_reshape},
    {"Resize", 10, import_resize},
    {"Shape", 1, import_shape_of},
    {"Sigmoid", 6, import_plain<Sigmoid, 1>},
    {"Size", 1, import_size},
    {"Slice", 1, import_slice},
    {"Softmax", 1, import_softmax},
    {"SpaceToDepth", 1, import_space_to_depth},
    {"Split", 2, import_split},
    {"Squeeze", 1, import_squeeze},
    {"Sub", 7, import_plain<Sub, 2>},
    {"Tanh", 6, import_plain<Tanh, 1>},
    {"Tile", 6, import_tile},
    {"Transpose", 1, import_transpose},
    {"Trilu", 14, import_trilu},
    {"Unsqueeze", 1, import_unsqueeze},
    {"Upsample", 7, import_upsample},
};
static_assert(std::ranges::is_sorted(kOps, {}, &OpImport::name));

}  // namespace

const OpImport* find_op_import(std::string_view name) {
  const auto found = std::ranges::lower_bound(kOps, name, {}, &OpImport::name);
  return found != std::end(kOps) && found->name == name ? found : nullptr;
}

std::string op_import_names() {
  std::string names = "Constant";
  for (const OpImport& op : kOps) names += ", " + std::string(op.name);
  return names;
}

}  // namespace octet
