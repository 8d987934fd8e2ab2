#pragma once

#include "octet/graph/functions/arrangement_views.h"

// What typed operators and functions of the same meaning share.

namespace octet {

/// Runs along `axis` of x at the places that `indices` holds. False if one is out of range.
bool gather_along_axis(int axis, const ConstTensorView& x, const ConstTensorView& indices,
                       const TensorView& out) noexcept;

/// dst = src with pads[i] elements before and pads[i + rank] after axis i, negative ones cropped.
bool pad_with_constant(const ShortList& pads, const std::byte* value, const ConstTensorView& x,
                       const TensorView& out) noexcept;

}  // namespace octet
