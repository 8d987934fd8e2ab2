#include "octet/runtime/steps/window_geometry.h"

namespace octet {
namespace {

WindowGeometry geometry(const Graph& graph, const Node& node) {
  const Shape& in = graph.value(*node.inputs[0]).shape;
  const Shape& out = graph.value(node.outputs[0]).shape;
  WindowGeometry g;
  g.channels = static_cast<int>(in[1]);
  g.in_h = static_cast<int>(in[2]);
  g.in_w = static_cast<int>(in[3]);
  g.out_h = static_cast<int>(out[2]);
  g.out_w = static_cast<int>(out[3]);
  return g;
}

}  // namespace

WindowGeometry conv_geometry(const Graph& graph, const Node& node, const Conv2d& conv) {
  WindowGeometry g = geometry(graph, node);
  const Shape& weight = graph.value(*node.inputs[1]).shape;
  g.kernel = {static_cast<int>(weight[2]), static_cast<int>(weight[3])};
  g.stride = conv.stride;
  g.dilation = conv.dilation;
  g.pad_top = conv.padding[0];
  g.pad_left = conv.padding[1];
  return g;
}

WindowGeometry pool_geometry(const Graph& graph, const Node& node, const PoolWindow& window) {
  WindowGeometry g = geometry(graph, node);
  g.kernel = window.kernel;
  g.stride = window.stride;
  g.dilation = window.dilation;
  g.pad_top = window.padding[0];
  g.pad_left = window.padding[1];
  return g;
}

}  // namespace octet
