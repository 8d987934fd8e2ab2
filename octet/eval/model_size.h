#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "octet/graph/graph.h"

namespace octet {

/// Bytes of the constants that a graph reads, by element type ("int8", "float32"): which weights
/// are integers, and what is left in float. Their sum is constant_bytes(graph).
std::map<std::string, std::int64_t> constant_bytes_by_dtype(const Graph& graph);

}  // namespace octet
