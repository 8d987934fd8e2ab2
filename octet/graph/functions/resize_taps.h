#pragma once

#include "octet/graph/functions/resize.h"

namespace octet {

/// How one axis is resampled.
struct ResizeAxis {
  std::int64_t in = 1, out = 1;  ///< sizes
  double scale = 1.0;            ///< out / in, before rounding
  bool exact = true;             ///< the scale is the quotient of the sizes, not a given number
  double roi_begin = 0.0, roi_end = 1.0;

  /// Copies element by element.
  bool is_identity(const ResizeOptions& options) const;
};

/// The input elements that make up one output element along an axis, `count` adjacent ones.
struct ResizeTaps {
  std::int32_t first = 0;
  std::int32_t count = 0;  ///< 0: outside of the region of interest
};

/// An upper bound of the taps of any element of the axis.
std::int64_t max_taps(const ResizeOptions& options, std::int64_t in, std::int64_t out);

/// Fills in the taps of output element `x` and their weights, at most `capacity`. False if they
/// would be more.
bool make_taps(const ResizeOptions& options, const ResizeAxis& axis, std::int64_t x,
               std::int64_t capacity, ResizeTaps& taps, float* weights) noexcept;

}  // namespace octet
