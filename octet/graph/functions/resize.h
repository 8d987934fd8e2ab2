#pragma once

#include "octet/graph/op.h"

// ONNX's Resize, for any axes and any number of them.

namespace octet {

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class CoordinateMode {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfCropAndResize,
};
enum class NearestMode { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
/// Whether sizes are taken as they are, or as bounds within which the proportions are kept.
enum class AspectPolicy { kStretch, kNotLarger, kNotSmaller };

struct ResizeOptions {
  ResizeMode mode = ResizeMode::kNearest;
  CoordinateMode coordinates = CoordinateMode::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  AspectPolicy policy = AspectPolicy::kStretch;
  float cubic_coefficient = -0.75f;
  float extrapolation_value = 0.0f;
  bool exclude_outside = false;
  bool antialias = false;
  std::vector<std::int64_t> axes;  ///< empty: all of them
};

/// x, optional roi, optional scales, optional sizes; an input of no elements counts as absent, and
/// exactly one of scales and sizes must be there.
Op resize(ResizeOptions options);

}  // namespace octet
