#pragma once

#include <optional>

#include "octet/graph/op.h"

namespace octet {

/// The clamp that a Relu or Clip is; nullopt for every other operator.
inline std::optional<Clamp> as_clamp(const Op& op) {
  if (std::holds_alternative<Relu>(op)) return Clamp{.low = 0.0f};
  const auto* clip = std::get_if<Clip>(&op);
  return clip ? std::optional(clip->range) : std::nullopt;
}

}  // namespace octet
