#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/steps/window.h"

namespace octet {

/// The geometry of a convolution whose shapes were inferred.
WindowGeometry conv_geometry(const Graph& graph, const Node& node, const Conv2d& conv);
/// The geometry of a pool; ceil_mode is already in the output's shape.
WindowGeometry pool_geometry(const Graph& graph, const Node& node, const PoolWindow& window);

}  // namespace octet
