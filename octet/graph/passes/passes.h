#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>

#include "octet/graph/graph.h"

namespace octet {

/// How much memory constant folding may take: a few bytes of file can ask for many large results.
struct FoldLimits {
  std::int64_t max_result_bytes = std::int64_t{64} << 20;  ///< of one node; larger ones stay nodes
  /// Of all constants when folding is done, those that were there included. 0: max_result_bytes
  /// more than four times those: transposing, casting or dequantizing every weight is legitimate.
  std::int64_t max_constant_bytes = 0;
};
/// The limits with a number in place of max_constant_bytes = 0.
FoldLimits fold_limits_of(const Graph& graph, FoldLimits limits);

struct PassOptions {
  std::set<std::string, std::less<>> disabled;  ///< names of passes to skip
  FoldLimits fold;
};

/// A rewrite of the graph that keeps its outputs. Returns whether it changed anything.
struct Pass {
  std::string_view name;
  bool (*run)(Graph& graph, const PassOptions& options);
};

/// Replaces nodes whose inputs are all constants, including shape arithmetic over known dimensions;
/// moves constant shape, slice and pad inputs into the op. Never folds QuantizeLinear and
/// DequantizeLinear of a weight: they say that the weight is integer.
/// A result beyond the limits stays unfolded.
bool fold_constants(Graph& graph, const FoldLimits& limits = {});
/// Removes Identity (import maps Dropout to it), Clip without bounds and Cast to the same dtype.
/// One that copies an input or another output to a graph output stays: both keep their names.
bool remove_identities(Graph& graph);
/// Folds BatchNorm into the Conv2d or Gemm before it, computed in double.
bool fold_batch_norm(Graph& graph);
/// Folds what scales and shifts each output channel of a Conv2d or Gemm with int8 weights into the
/// weights' scales and the bias, computed in double: Mul, Div, Add, Sub and BatchNorm, as PyTorch
/// writes them behind a convolution that was trained with its batch norm.
bool fold_channel_scales(Graph& graph);
/// Makes a MatMul of rows and a constant matrix a Gemm, and an Add of one constant per channel the
/// bias of the Gemm or Conv2d before it: only these have integer kernels.
bool fold_biases(Graph& graph);
/// Fuses Relu and Clip (ReLU6) into the Conv2d, Gemm or Add that feeds only them.
bool fuse_activations(Graph& graph);
/// In a quantized graph, lets codes pass where other tools wrote numbers: an operator that moves or
/// selects elements, or cuts them at a code, gets a QuantizeLinear of its own behind a
/// DequantizeLinear; it changes places with a QuantizeLinear behind it; and a constant is moved as
/// codes. Keeps every bit.
bool carry_codes(Graph& graph);
/// Removes nodes and constants that no output depends on.
bool remove_dead_nodes(Graph& graph);

/// What import needs so that the other modules see clean graphs.
std::span<const Pass> import_passes();
/// What quantization and the runtime start from: everything, in order.
std::span<const Pass> inference_passes();

/// Error(kUsage) with the nearest name if no pass is called so.
void check_pass_name(std::string_view name);

/// Runs the passes in order, inside of branches first, and checks the graph after each: a pass that
/// broke it fails here, by name (kInternal); a contradiction that it revealed is kBadData. kUsage
/// for an unknown name.
void run_passes(Graph& graph, std::span<const Pass> passes, const PassOptions& options = {});

}  // namespace octet
