#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace octet {

enum class Scheme {
  kFloat,       ///< fp32_baseline
  kDynamic,     ///< linear layers: integer weights, activations quantized per call
  kStatic,      ///< weights and activations with fixed parameters from calibration
  kQat,         ///< as kStatic, after quantization-aware fine-tuning
  kWeightOnly,  ///< weights are integers in the file, all arithmetic is float32
};

enum class CalibrationMethod {
  kMinMax,         ///< smallest and largest value of the whole calibration set
  kMovingAverage,  ///< moving average (0.01) of per-batch minima and maxima
};

/// A configuration: what is quantized, to how many bits, and how ranges are chosen.
struct QuantSpec {
  std::string name = "static_int8_per_channel";
  Scheme scheme = Scheme::kStatic;
  int weight_bits = 8;
  int activation_bits = 8;
  bool per_channel = true;
  /// Weights of a linear layer that share a scale along its depth (kWeightOnly); 0: all of a
  /// channel.
  int block_size = 0;
  CalibrationMethod calibration = CalibrationMethod::kMinMax;
  /// PyTorch's default observers: weight scale max|w| / 127.5 on [-128, 127], activation scales
  /// for 0..127 (the integers still saturate at 0..255, as torch's quint8 does).
  bool torch_compat = false;
  /// Weights on 7 bits, for runtimes whose u8 x s8 kernels saturate.
  bool reduce_range = false;
};

/// Parses `fp32_baseline`, `dynamic_int8`, `static_int8_per_tensor`, `static_int8_per_channel`,
/// `qat_int8`, `static_w{2..8}a{4..8}[_per_tensor]` and `weight_only_w{2,3,4,8}[_g32|_g128]`.
/// Error(kUsage) naming the nearest configuration otherwise.
QuantSpec parse_config(std::string_view name);
/// The named configurations, in the order of tables.
std::vector<std::string> config_names();
/// "8-bit weights per channel, 8-bit activations, min-max"
std::string describe(const QuantSpec& spec);

}  // namespace octet
