#pragma once

#include <string>
#include <vector>

#include "octet/train/qat.h"

namespace octet::cli {

/// One line per fake-quantized tensor, as people expect from a prepared or converted model.
std::string to_text(const std::vector<FakeQuantInfo>& tensors);

}  // namespace octet::cli
