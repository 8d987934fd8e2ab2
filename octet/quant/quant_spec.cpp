#include "octet/quant/quant_spec.h"

#include <algorithm>
#include <optional>

#include "octet/base/error.h"
#include "octet/base/names.h"

namespace octet {
namespace {

constexpr int kMinWeightBits = 2, kMaxWeightBits = 8;
constexpr int kMinActivationBits = 4, kMaxActivationBits = 8;

std::string static_name(int weight_bits, int activation_bits, bool per_channel) {
  return "static_w" + std::to_string(weight_bits) + "a" + std::to_string(activation_bits) +
         (per_channel ? "" : "_per_tensor");
}

constexpr int kWeightOnlyBits[] = {2, 3, 4, 8};
constexpr int kBlockSizes[] = {0, 32, 128};

std::string weight_only_name(int bits, int block_size) {
  return "weight_only_w" + std::to_string(bits) +
         (block_size > 0 ? "_g" + std::to_string(block_size) : "");
}

/// Every accepted name, for the nearest one to a misspelling.
std::vector<std::string> all_names() {
  std::vector<std::string> names = config_names();
  for (int weight = kMinWeightBits; weight <= kMaxWeightBits; ++weight) {
    for (int activation = kMinActivationBits; activation <= kMaxActivationBits; ++activation) {
      names.push_back(static_name(weight, activation, true));
      names.push_back(static_name(weight, activation, false));
    }
  }
  for (const int bits : kWeightOnlyBits) {
    for (const int block_size : kBlockSizes) names.push_back(weight_only_name(bits, block_size));
  }
  return names;
}

std::optional<QuantSpec> find_named(std::string_view name) {
  QuantSpec spec;
  spec.name = name;
  if (name == "fp32_baseline") {
    spec.scheme = Scheme::kFloat;
    spec.weight_bits = spec.activation_bits = 32;
    return spec;
  }
  if (name == "dynamic_int8") {
    spec.scheme = Scheme::kDynamic;
    return spec;
  }
  if (name == "static_int8_per_tensor") {
    spec.per_channel = false;
    return spec;
  }
  if (name == "static_int8_per_channel") return spec;
  if (name == "qat_int8") {
    spec.scheme = Scheme::kQat;
    spec.calibration = CalibrationMethod::kMovingAverage;
    return spec;
  }
  return std::nullopt;
}

std::optional<QuantSpec> find_bit_widths(std::string_view name) {
  for (int weight = kMinWeightBits; weight <= kMaxWeightBits; ++weight) {
    for (int activation = kMinActivationBits; activation <= kMaxActivationBits; ++activation) {
      for (const bool per_channel : {true, false}) {
        if (name != static_name(weight, activation, per_channel)) continue;
        QuantSpec spec;
        spec.name = name;
        spec.weight_bits = weight;
        spec.activation_bits = activation;
        spec.per_channel = per_channel;
        return spec;
      }
    }
  }
  return std::nullopt;
}

std::optional<QuantSpec> find_weight_only(std::string_view name) {
  for (const int bits : kWeightOnlyBits) {
    for (const int block_size : kBlockSizes) {
      if (name != weight_only_name(bits, block_size)) continue;
      QuantSpec spec;
      spec.name = name;
      spec.scheme = Scheme::kWeightOnly;
      spec.weight_bits = bits;
      spec.activation_bits = 32;
      spec.block_size = block_size;
      return spec;
    }
  }
  return std::nullopt;
}

std::string describe_weights(const QuantSpec& spec) {
  const int bits = spec.reduce_range ? std::min(spec.weight_bits, 7) : spec.weight_bits;
  return std::to_string(bits) + "-bit weights per " + (spec.per_channel ? "channel" : "tensor");
}

}  // namespace

QuantSpec parse_config(std::string_view name) {
  if (std::optional<QuantSpec> spec = find_named(name)) return *spec;
  if (std::optional<QuantSpec> spec = find_bit_widths(name)) return *spec;
  if (std::optional<QuantSpec> spec = find_weight_only(name)) return *spec;
  std::string accepted;
  for (const std::string& config : config_names()) accepted += config + ", ";
  accepted += "static_w{2..8}a{4..8}[_per_tensor], weight_only_w{2,3,4,8}[_g32|_g128]";
  const std::optional<std::string> nearest = nearest_name(name, all_names());
  fail(ErrorKind::kUsage, "unknown configuration '", name, "'",
       nearest ? "; did you mean '" + *nearest + "'?" : ";", " accepted: ", accepted);
}

std::vector<std::string> config_names() {
  return {"fp32_baseline", "dynamic_int8", "static_int8_per_tensor", "static_int8_per_channel",
          "qat_int8"};
}

std::string describe(const QuantSpec& spec) {
  if (spec.scheme == Scheme::kFloat) return "float32";
  if (spec.scheme == Scheme::kDynamic) {
    QuantSpec effective = spec;
    effective.per_channel = spec.per_channel && !spec.torch_compat;
    return describe_weights(effective) +
           " in linear layers, 8-bit activations quantized per call, convolutions float32";
  }
  if (spec.scheme == Scheme::kWeightOnly) {
    return describe_weights(spec) +
           (spec.block_size > 0
                ? ", of linear layers per block of " + std::to_string(spec.block_size)
                : "") +
           ", activations float32";
  }
  std::string text =
      describe_weights(spec) + ", " + std::to_string(spec.activation_bits) + "-bit activations, " +
      (spec.calibration == CalibrationMethod::kMinMax ? "min-max" : "moving average");
  if (spec.torch_compat) text += ", PyTorch's scales";
  if (spec.scheme == Scheme::kQat) text += ", fine-tuned with fake quantization";
  return text;
}

}  // namespace octet
