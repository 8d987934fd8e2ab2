#pragma once

#include "octet/runtime/plan_builder.h"
#include "octet/runtime/steps/window.h"

// The first layer of an image network has three channels: a tap of its window is three elements
// long, and finding it costs more than multiplying it. In NHWC the taps of one row of the window
// lie side by side, so that they are one tap of kernel width x channels, if the rows of the image
// bring their padding along.

namespace octet {

/// Whether the taps of a row are better read as one: few channels, several taps, side by side.
bool merges_rows(const WindowGeometry& geometry, int groups);

/// A convolution whose taps are rows.
struct MergedRows {
  WindowGeometry geometry;  ///< its kernel has one column
  Stored input;             ///< with padding at both ends of each row, if the window reaches there
  int channels = 0;         ///< of a tap: those of all taps of a row
};

/// Adds the step that pads the rows with `padding` (the zero point, or 0 in float) if there must be
/// one. Weights [outputs][taps][channels] keep their order.
MergedRows merge_rows(PlanBuilder& builder, const Node& node, const WindowGeometry& geometry,
                      const Stored& in, int padding);

}  // namespace octet
