#pragma once

#include "octet/base/error.h"
#include "octet/graph/graph.h"

namespace octet {

/// Throws Error with "node 'conv1' (Conv): " before the parts.
template <typename... Parts>
[[noreturn]] void fail_node(ErrorKind kind, const Node& node, const Parts&... parts) {
  fail(kind, "node '", node.name, "' (", op_name(node.op), "): ", parts...);
}

}  // namespace octet
