#include "octet/cli/saturation_report.h"

#include <fmt/core.h>

namespace octet::cli {

std::string saturation_text(const std::vector<LayerSaturation>& layers) {
  if (layers.empty()) return "";
  std::string text = fmt::format(
      "{} {} would saturate in ONNX Runtime on a CPU with AVX2 but without VNNI (octet is "
      "exact):\n",
      layers.size(), layers.size() == 1 ? "layer" : "layers");
  for (const LayerSaturation& layer : layers) {
    text += fmt::format("  {}: {} of {} output channels, {} of {} weight pairs ({:.2f} %)\n",
                        layer.layer, layer.pairs.channels, layer.pairs.total_channels,
                        layer.pairs.pairs, layer.pairs.total_pairs, layer.pairs.share() * 100);
  }
  return text +
         "for such machines quantize with --reduce-range: weights of 7 bits never saturate\n";
}

nlohmann::ordered_json saturation_json(const std::vector<LayerSaturation>& layers) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const LayerSaturation& layer : layers) {
    list.push_back({{"layer", layer.layer},
                    {"channels", layer.pairs.channels},
                    {"pairs", layer.pairs.pairs},
                    {"share", layer.pairs.share()}});
  }
  return list;
}

}  // namespace octet::cli
