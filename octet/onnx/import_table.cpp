#include <algorithm>
#include <iterator>

#include "octet/base/names.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/onnx.h"

namespace octet {
namespace {

constexpr OpImport kOps[] = {
    {"Abs", 6, import_member<import_unary, UnaryFunction::kAbs>},
    {"Acos", 7, import_member<import_unary, UnaryFunction::kAcos>},
    {"Acosh", 9, import_member<import_unary, UnaryFunction::kAcosh>},
    {"Add", 7, import_plain<Add, 2>},
    {"And", 7, import_member<import_binary, BinaryFunction::kAnd>},
    {"ArgMax", 1, import_member<import_arg_extreme, true>},
    {"ArgMin", 1, import_member<import_arg_extreme, false>},
    {"Asin", 7, import_member<import_unary, UnaryFunction::kAsin>},
    {"Asinh", 9, import_member<import_unary, UnaryFunction::kAsinh>},
    {"Atan", 7, import_member<import_unary, UnaryFunction::kAtan>},
    {"Atanh", 9, import_member<import_unary, UnaryFunction::kAtanh>},
    {"AveragePool", 7, import_average_pool},
    {"BatchNormalization", 7, import_batch_norm},
    {"BitwiseAnd", 18, import_member<import_binary, BinaryFunction::kBitwiseAnd>},
    {"BitwiseOr", 18, import_member<import_binary, BinaryFunction::kBitwiseOr>},
    {"BitwiseXor", 18, import_member<import_binary, BinaryFunction::kBitwiseXor>},
    {"Cast", 6, import_cast},
    {"CastLike", 15, import_cast_like},
    {"Ceil", 6, import_member<import_unary, UnaryFunction::kCeil>},
    {"Celu", 12, import_member<import_unary, UnaryFunction::kCelu>},
    {"Clip", 6, import_clip},
    {"Concat", 4, import_concat},
    {"ConstantOfShape", 9, import_constant_of_shape},
    {"Conv", 1, import_conv},
    {"ConvInteger", 10, import_conv_integer},
    {"ConvTranspose", 1, import_conv_transpose},
    {"Cos", 7, import_member<import_unary, UnaryFunction::kCos>},
    {"Cosh", 9, import_member<import_unary, UnaryFunction::kCosh>},
    {"CumSum", 11, import_cum_sum},
    {"DepthToSpace", 1, import_depth_to_space},
    {"DequantizeLinear", 10, import_dequantize_linear},
    {"Div", 7, import_plain<Div, 2>},
    {"Dropout", 7, import_dropout},
    {"DynamicQuantizeLinear", 11, import_dynamic_quantize_linear},
    {"Elu", 6, import_member<import_unary, UnaryFunction::kElu>},
    {"Equal", 7, import_member<import_binary, BinaryFunction::kEqual>},
    {"Erf", 9, import_member<import_unary, UnaryFunction::kErf>},
    {"Exp", 6, import_member<import_unary, UnaryFunction::kExp>},
    {"Expand", 8, import_expand},
    {"Flatten", 1, import_flatten},
    {"Floor", 6, import_member<import_unary, UnaryFunction::kFloor>},
    {"GRU", 7, import_gru},
    {"Gather", 1, import_gather},
    {"GatherElements", 11, import_gather_elements},
    {"GatherND", 11, import_gather_nd},
    {"Gelu", 20, import_gelu},
    {"Gemm", 7, import_gemm},
    {"GlobalAveragePool", 1, import_plain<GlobalAveragePool, 1>},
    {"GlobalMaxPool", 1, import_global_max_pool},
    {"Greater", 7, import_member<import_binary, BinaryFunction::kGreater>},
    {"GreaterOrEqual", 12, import_member<import_binary, BinaryFunction::kGreaterOrEqual>},
    {"GroupNormalization", 18, import_group_norm},
    {"HardSigmoid", 6, import_hard_sigmoid},
    {"HardSwish", 14, import_plain<HardSwish, 1>},
    {"Identity", 1, import_plain<Identity, 1>},
    {"InstanceNormalization", 6, import_instance_norm},
    {"IsNaN", 9, import_member<import_unary, UnaryFunction::kIsNaN>},
    {"LRN", 1, import_lrn},
    {"LSTM", 7, import_lstm},
    {"LayerNormalization", 17, import_layer_norm},
    {"LeakyRelu", 6, import_member<import_unary, UnaryFunction::kLeakyRelu>},
    {"Less", 7, import_member<import_binary, BinaryFunction::kLess>},
    {"LessOrEqual", 12, import_member<import_binary, BinaryFunction::kLessOrEqual>},
    {"Log", 6, import_member<import_unary, UnaryFunction::kLog>},
    {"LogSoftmax", 1, import_log_softmax},
    {"MatMul", 1, import_plain<MatMul, 2>},
    {"MatMulInteger", 10, import_mat_mul_integer},
    {"Max", 6, import_member<import_variadic, BinaryFunction::kMax>},
    {"MaxPool", 1, import_max_pool},
    {"Mean", 6, import_mean},
    {"MeanVarianceNormalization", 9, import_mean_variance_norm},
    {"Min", 6, import_member<import_variadic, BinaryFunction::kMin>},
    {"Mish", 18, import_member<import_unary, UnaryFunction::kMish>},
    {"Mod", 10, import_mod},
    {"Mul", 7, import_plain<Mul, 2>},
    {"Neg", 6, import_member<import_unary, UnaryFunction::kNeg>},
    {"Not", 1, import_member<import_unary, UnaryFunction::kNot>},
    {"OneHot", 9, import_one_hot},
    {"Or", 7, import_member<import_binary, BinaryFunction::kOr>},
    {"PRelu", 7, import_member<import_binary, BinaryFunction::kPRelu>},
    {"Pad", 2, import_pad},
    {"Pow", 7, import_member<import_binary, BinaryFunction::kPow>},
    {"QLinearConv", 10, import_qlinear_conv},
    {"QLinearMatMul", 10, import_qlinear_mat_mul},
    {"QuantizeLinear", 10, import_quantize_linear},
    {"RNN", 7, import_rnn},
    {"Range", 11, import_range},
    {"Reciprocal", 6, import_member<import_unary, UnaryFunction::kReciprocal>},
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
    {"Round", 11, import_member<import_unary, UnaryFunction::kRound>},
    {"Selu", 6, import_member<import_unary, UnaryFunction::kSelu>},
    {"Shape", 1, import_shape_of},
    {"Sigmoid", 6, import_plain<Sigmoid, 1>},
    {"Sign", 9, import_member<import_unary, UnaryFunction::kSign>},
    {"Sin", 7, import_member<import_unary, UnaryFunction::kSin>},
    {"Sinh", 9, import_member<import_unary, UnaryFunction::kSinh>},
    {"Size", 1, import_size},
    {"Slice", 1, import_slice},
    {"Softmax", 1, import_softmax},
    {"Softplus", 1, import_member<import_unary, UnaryFunction::kSoftplus>},
    {"Softsign", 1, import_member<import_unary, UnaryFunction::kSoftsign>},
    {"SpaceToDepth", 1, import_space_to_depth},
    {"Split", 2, import_split},
    {"Sqrt", 6, import_member<import_unary, UnaryFunction::kSqrt>},
    {"Squeeze", 1, import_squeeze},
    {"Sub", 7, import_plain<Sub, 2>},
    {"Sum", 6, import_sum},
    {"Tan", 7, import_member<import_unary, UnaryFunction::kTan>},
    {"Tanh", 6, import_plain<Tanh, 1>},
    {"ThresholdedRelu", 10, import_member<import_unary, UnaryFunction::kThresholdedRelu>},
    {"Tile", 6, import_tile},
    {"Transpose", 1, import_transpose},
    {"Trilu", 14, import_trilu},
    {"Unsqueeze", 1, import_unsqueeze},
    {"Upsample", 7, import_upsample},
    {"Where", 9, import_where},
    {"Xor", 7, import_member<import_binary, BinaryFunction::kXor>},
};
static_assert(std::ranges::is_sorted(kOps, {}, &OpImport::name));

}  // namespace

const OpImport* find_op_import(std::string_view name) {
  const auto found = std::ranges::lower_bound(kOps, name, {}, &OpImport::name);
  return found != std::end(kOps) && found->name == name ? found : nullptr;
}

const OpImport* find_microsoft_import(std::string_view name) {
  static constexpr OpImport kMicrosoftOps[] = {{"MatMulNBits", 1, import_mat_mul_nbits},
                                               {"QGemm", 1, import_qgemm}};
  const auto* found = std::ranges::find(kMicrosoftOps, name, &OpImport::name);
  return found != std::end(kMicrosoftOps) ? found : nullptr;
}

std::vector<OperatorSupport> supported_operators() {
  std::vector<OperatorSupport> operators{{"Constant", 1}, {"If", 1}};
  for (const OpImport& op : kOps) operators.push_back({op.name, op.since});
  std::ranges::sort(operators, {}, &OperatorSupport::name);
  return operators;
}

std::string nearest_operator(const std::string& name) {
  std::vector<std::string> names;
  for (const OperatorSupport& known : supported_operators()) names.emplace_back(known.name);
  const auto nearest = name.size() < 100 ? nearest_name(name, names) : std::nullopt;
  return (nearest ? "; did you mean '" + *nearest + "'?" : "") + ", accepted: one of the " +
         std::to_string(names.size()) + " that 'octet operators' lists";
}

}  // namespace octet
