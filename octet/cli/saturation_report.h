#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "octet/quant/pair_saturation.h"

namespace octet::cli {

/// One line per layer that other runtimes' kernels would saturate in, and the advice; "" for none.
std::string saturation_text(const std::vector<LayerSaturation>& layers);
/// [{layer, channels, pairs, share}]
nlohmann::ordered_json saturation_json(const std::vector<LayerSaturation>& layers);

}  // namespace octet::cli
