#pragma once

#include <string>
#include <vector>

#include "octet/cpu/isa.h"
#include "octet/graph/graph.h"
#include "octet/quant/quant_assignment.h"

// The zoo's networks in a state in which a wrong integer anywhere would show: random weights and
// random batch-norm statistics, so that no scale, shift or zero point is trivial.

namespace octet {

/// As built, with batch norm; mobilenet_v2 for inputs of 32 x 32.
Graph lively_network(const std::string& model);
/// Batch norm folded, activations fused: what is quantized.
Graph inference_form(Graph graph);

/// Standard normal, times `scale`.
Tensor normal_batch(const Graph& graph, std::int64_t samples, std::uint32_t seed,
                    float scale = 1.0f);

/// The graph's outputs for `batch`.
std::vector<Tensor> run_plan(const Graph& graph, const Tensor& batch, Isa isa = host_isa());

struct Quantized {
  Graph source;  ///< in inference form
  QuantSpec spec;
  QuantAssignment assignment;
  Graph graph;  ///< in Q/DQ form
};
/// Calibrated on a random batch of 8.
Quantized quantized_network(const std::string& model, const std::string& config);
/// The same of any float network.
Quantized quantized_graph(Graph network, const std::string& config);
/// 10 log10 (power of `expected` / power of the difference).
double signal_to_noise_db(const Tensor& expected, const Tensor& actual);

/// Adds every quantized activation to the graph's outputs and returns their names, in that order.
std::vector<std::string> expose_codes(Graph& graph);

struct ZooCase {
  std::string model, config;
};
/// Five networks, four configurations.
std::vector<ZooCase> zoo_cases();
std::string case_name(const ZooCase& zoo_case);

}  // namespace octet
