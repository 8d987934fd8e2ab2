#pragma once

#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// For tests: the graph's outputs by the definitions of its operators (function_of), on inputs in
/// the graph's order.
std::vector<Tensor> run_definitions(Graph graph, const std::vector<Tensor>& inputs);

}  // namespace octet
