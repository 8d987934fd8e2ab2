#include "octet/graph/passes/passes.h"

#include <algorithm>
#include <vector>

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/graph/check_node.h"
#include "octet/graph/functions/conditional.h"

namespace octet {
namespace {

bool fold(Graph& graph, const PassOptions& options) { return fold_constants(graph, options.fold); }

template <bool (*kRun)(Graph&)>
bool plain(Graph& graph, const PassOptions&) {
  return kRun(graph);
}

constexpr Pass kInferencePasses[] = {
    // First: the others look for constants where exporters write subgraphs.
    {"fold-constants", fold},
    // Before the fusions: an Identity (a Dropout) between two nodes hides them from each other.
    {"remove-identities", plain<remove_identities>},
    // Before the batch norms, which change a bias, and the activations, which follow it.
    {"fold-biases", plain<fold_biases>},
    // Before the activations: between a Conv and its Relu stands the BatchNorm.
    {"fold-batch-norm", plain<fold_batch_norm>},
    {"fold-channel-scales", plain<fold_channel_scales>},
    // Before the activations: it puts a Relu behind a pair to where it can be fused.
    {"carry-codes", plain<carry_codes>},
    {"fuse-activations", plain<fuse_activations>},
    // Last: the passes above leave constants and shape arithmetic that nobody reads.
    {"remove-dead-nodes", plain<remove_dead_nodes>},
};

constexpr Pass kImportPasses[] = {
    {"fold-constants", fold},
    {"remove-identities", plain<remove_identities>},
    {"remove-dead-nodes", plain<remove_dead_nodes>},
};

}  // namespace

void check_pass_name(std::string_view name) {
  std::vector<std::string> names;
  for (const Pass& pass : kInferencePasses) names.emplace_back(pass.name);
  if (std::ranges::find(names, name) == names.end()) {
    fail_unknown_name("pass", std::string(name), names);
  }
}

std::span<const Pass> import_passes() { return kImportPasses; }
std::span<const Pass> inference_passes() { return kInferencePasses; }

void run_passes(Graph& graph, std::span<const Pass> passes, const PassOptions& options) {
  for (const std::string& name : options.disabled) check_pass_name(name);
  infer_shapes(graph);
  rewrite_branches(graph, [&](Graph& branch) { run_passes(branch, passes, options); });
  for (const Pass& pass : passes) {
    if (options.disabled.contains(pass.name) || !pass.run(graph, options)) continue;
    try {
      check_structure(graph);
    } catch (const Error& error) {
      fail(ErrorKind::kInternal, "pass '", pass.name, "' broke the graph: ", error.what());
    }
    // A pass may reveal a size that a node hid, and so a contradiction that was in the file.
    try {
      infer_shapes(graph);
      verify(graph);
    } catch (const Error& error) {
      fail(error.kind(), "after pass '", pass.name, "': ", error.what());
    }
  }
}

}  // namespace octet
