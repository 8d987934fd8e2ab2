#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "octet/base/error.h"
#include "octet/cpu/isa.h"
#include "octet/graph/graph.h"

namespace octet::fuzz {

/// Tensors that the graph takes, sizes that only a run knows being small. Floats lie around zero
/// with some special values among them, integers are small enough to be axes and sizes. nullopt for
/// a graph whose run would be long or large.
std::optional<std::vector<Tensor>> draw_inputs(const Graph& graph, std::uint32_t seed);

/// What came of one run: the outputs, or why there are none.
struct Outcome {
  std::vector<Tensor> outputs;
  std::optional<ErrorKind> refusal;
  std::string message;
};
Outcome run_model(const Graph& graph, std::span<const Tensor> inputs, Isa isa);

/// Both gave the same bytes (a NaN equals a NaN: numerics leaves its payload open), or were refused
/// for the same reason. Ends the process otherwise. How much memory a plan takes depends on the
/// instruction set: kUnsupported on one side decides nothing.
void expect_same(const Outcome& a, const Outcome& b, const std::string& promise);

}  // namespace octet::fuzz
