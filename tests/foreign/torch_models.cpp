// PyTorch: torch.ao.quantization's FakeQuantize modules, exported with opset 13.

#include <algorithm>
#include <cmath>

#include "tests/foreign/foreign_writer.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;

/// Float weights behind QuantizeLinear, scales of shape [1], float biases.
class TorchWriter : public ForeignWriter {
 public:
  explicit TorchWriter(bool per_channel) : ForeignWriter(13, 7), per_channel_(per_channel) {}

  std::string activation(const std::string& value, float scale, int zero) {
    return pair(value, scale, zero, DType::kUInt8, true);
  }

  std::string weight(const std::string& name, const Shape& shape, std::uint32_t seed) {
    const Tensor numbers = normal_tensor(shape, seed, 0.15f);
    model.constant(name, numbers);
    const std::int64_t channels = per_channel_ ? shape[0] : 1;
    const std::int64_t inner = numbers.num_elements() / channels;
    std::vector<float> scale;
    for (std::int64_t c = 0; c < channels; ++c) {
      float largest = 0;
      for (std::int64_t i = 0; i < inner; ++i) {
        largest = std::max(
            largest, std::abs(numbers.data<float>()[static_cast<std::size_t>(c * inner + i)]));
      }
      scale.push_back(largest / 127.5f);
    }
    model.constant(name + ".scale", Tensor::from(Shape{channels}, scale));
    // Equal zero points are one initializer, which others reach through Identity or Cast.
    const std::string zero = name + ".zero";
    if (first_zero_.empty()) {
      model.constant(zero + "_shared", zero_points(DType::kInt8, channels, 0));
      model.node("Identity", {zero + "_shared"}, {zero});
      first_zero_ = zero;
    } else {
      model.constant(zero + "_long", zero_points(DType::kInt32, channels, 0));
      set_int(model.node("Cast", {zero + "_long"}, {zero}), "to", octet_onnx::TensorProto::INT8);
    }
    auto& quantize = model.node("QuantizeLinear", {name, name + ".scale", zero}, {name + "_q"});
    auto& dequantize =
        model.node("DequantizeLinear", {name + "_q", name + ".scale", zero}, {name + "_dq"});
    if (per_channel_) {
      set_int(quantize, "axis", 0);
      set_int(dequantize, "axis", 0);
    }
    return name + "_dq";
  }

  std::string conv(const std::string& name, const std::string& x, const Shape& shape, int stride,
                   int groups, std::uint32_t seed) {
    const std::string w = weight(name + ".weight", shape, seed);
    model.constant(name + ".bias", normal_tensor({shape[0]}, seed + 100, 0.3f));
    set_conv(model.node("Conv", {x, w, name + ".bias"}, {name}), static_cast<int>(shape[2]), stride,
             groups);
    return name;
  }

  std::string linear(const std::string& name, const std::string& x, const Shape& shape,
                     std::uint32_t seed) {
    const std::string w = weight(name + ".weight", shape, seed);
    model.constant(name + ".bias", normal_tensor({shape[0]}, seed + 100, 0.3f));
    NodeProto& node = model.node("Gemm", {x, w, name + ".bias"}, {name});
    set_float(node, "alpha", 1.0f);
    set_float(node, "beta", 1.0f);
    set_int(node, "transB", 1);
    return name;
  }

 private:
  bool per_channel_;
  std::string first_zero_;
};

/// Conv and Relu apart: the Relu stands behind the pair of the Conv and has none of its own, nor
/// has the pool behind it.
ForeignModel torch_qat(bool per_channel) {
  TorchWriter net(per_channel);
  net.model.input("x", {2, 3, 12, 12});
  std::string x = net.activation("x", 0.03f, 119);
  x = net.activation(net.conv("c1", x, {8, 3, 3, 3}, 1, 1, 1), 0.02f, 121);
  net.model.node("Relu", {x}, {"r1"});
  NodeProto& pool = net.model.node("MaxPool", {"r1"}, {"p1"});
  set_int(pool, "ceil_mode", 0);
  set_ints(pool, "kernel_shape", {2, 2});
  set_ints(pool, "pads", {0, 0, 0, 0});
  set_ints(pool, "strides", {2, 2});
  x = net.activation(net.conv("c2", "p1", {8, 1, 3, 3}, 1, 8, 2), 0.011f, 130);
  net.model.node("Relu", {x}, {"r2"});
  const std::string left =
      net.activation(net.conv("c3", "r2", {16, 8, 1, 1}, 1, 1, 3), 0.012f, 117);
  const std::string right =
      net.activation(net.conv("c4", "r2", {16, 8, 3, 3}, 1, 1, 4), 0.024f, 125);
  net.model.node("Add", {left, right}, {"sum"});
  x = net.activation("sum", 0.03f, 120);
  set_tensor(net.model.node("Constant", {}, {"low"}), "value", Tensor::scalar(0.0f));
  set_tensor(net.model.node("Constant", {}, {"high"}), "value", Tensor::scalar(6.0f));
  net.model.node("Clip", {x, "low", "high"}, {"r3"});
  x = net.activation("r3", 0.03f, 0);
  net.model.node("GlobalAveragePool", {x}, {"gap"});
  // Eager mode observes no pool; a model that was taught to do so has integers there too.
  x = per_channel ? "gap" : net.activation("gap", 0.008f, 0);
  set_int(net.model.node("Flatten", {x}, {"flat"}), "axis", 1);
  x = net.activation(net.linear("fc", "flat", {10, 16}, 5), 0.01f, 128);
  net.model.node("Identity", {x}, {"y"});
  net.model.output("y");
  ForeignModel result{per_channel ? "torch_qat_per_channel" : "torch_qat_per_tensor", net.model};
  if (per_channel) {
    result.float_layers = {{"gap", "the output is read as float"}, {"fc", "input 'flat' is float"}};
  }
  return result;
}

/// Conv, BatchNorm and Relu trained together: the convolution of scaled weights is divided by that
/// scale, and the batch norm stays a node.
ForeignModel torch_qat_conv_bn() {
  TorchWriter net(true);
  net.model.input("x", {2, 3, 8, 8});
  std::string x = net.activation("x", 0.03f, 119);
  const std::string w = net.weight("c1.weight", {8, 3, 3, 3}, 6);
  set_tensor(net.model.node("Constant", {}, {"no_bias"}), "value", Tensor(DType::kFloat32, {8}));
  set_conv(net.model.node("Conv", {x, w, "no_bias"}, {"c1"}), 3, 1);
  Tensor factor = normal_tensor({1, 8, 1, 1}, 7, 0.2f);
  for (float& value : factor.mutable_data<float>()) value += 1.0f;
  net.model.constant("factor", factor).constant("c1.bias", normal_tensor({1, 8, 1, 1}, 8, 0.3f));
  net.model.node("Div", {"c1", "factor"}, {"c1_div"});
  net.model.node("Add", {"c1_div", "c1.bias"}, {"c1_add"});
  Tensor variance = normal_tensor({8}, 9, 0.1f);
  for (float& value : variance.mutable_data<float>()) value = 1.0f + value;
  net.model.constant("bn.weight", variance).constant("bn.bias", normal_tensor({8}, 10, 0.2f));
  net.model.constant("bn.mean", normal_tensor({8}, 11, 0.2f)).constant("bn.var", variance);
  set_float(net.model.node("BatchNormalization",
                           {"c1_add", "bn.weight", "bn.bias", "bn.mean", "bn.var"}, {"bn"}),
            "epsilon", 1e-5f);
  net.model.node("Relu", {"bn"}, {"relu"});
  x = net.activation("relu", 0.012f, 0);
  net.model.node("Identity", {x}, {"y"});
  net.model.output("y");
  return {"torch_qat_conv_bn", net.model};
}

}  // namespace

std::vector<ForeignModel> torch_models() {
  return {torch_qat(true), torch_qat(false), torch_qat_conv_bn()};
}

}  // namespace octet
