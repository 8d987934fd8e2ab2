#include "octet/cli/quantize_branches.h"

#include <algorithm>
#include <map>

#include "octet/graph/functions/conditional.h"
#include "octet/graph/passes/passes.h"
#include "octet/quant/describe_quant.h"

namespace octet::cli {
namespace {

constexpr const char* kBranchNames[] = {"else_branch", "then_branch"};

/// A float graph after the inference passes, and the calls that calibrate it.
class BranchQuantizer {
 public:
  BranchQuantizer(const Graph& graph, const QuantSpec& spec, const CalibrationCalls& calls,
                  const CallRecord& record, const GlobalOptions& global)
      : graph_(graph), spec_(spec), calls_(calls), record_(record), global_(global) {}

  /// The op of the node with what could be quantized inside.
  Op quantize(NodeId id, QuantizedModel& result, std::vector<FloatBranch>& left) {
    const Node& node = graph_.node(id);
    const std::span<const Branch> branches = branches_of(node.op);
    std::vector<Branch> quantized(branches.begin(), branches.end());
    for (const bool side : {false, true}) {
      const std::vector<bool>& conditions = record_.conditions.at(node.name);
      if (std::ranges::find(conditions, side) == conditions.end()) {
        left.push_back({node.name, kBranchNames[side], "no call of the calibration chose it"});
        continue;
      }
      const Branch& branch = branches[side];
      quantized[side].graph =
          std::make_shared<const Graph>(quantize_branch(id, side, *branch.graph, result));
      for (const Node& inner : branch.graph->nodes()) {
        if (!is_conditional(inner.op)) continue;
        left.push_back({inner.name, "both branches", "it lies in a branch of '" + node.name + "'"});
      }
    }
    return Function{
        std::make_shared<Conditional>(std::move(quantized[1]), std::move(quantized[0]))};
  }

 private:
  Graph quantize_branch(NodeId id, bool side, const Graph& branch, QuantizedModel& result) {
    Graph running = graph_;
    inline_branch(running, id, side);
    infer_shapes(running);
    const std::vector<bool>& conditions = record_.conditions.at(graph_.node(id).name);
    const auto chosen = [&](int call) {
      return conditions[static_cast<std::size_t>(call)] == side;
    };
    const ActivationSource whole = calls_source(running, calls_, record_, global_, chosen);
    // The values of the branch have the same names in the graph that it now is a part of.
    const ActivationSource source = [&](std::span<const ValueId> requested,
                                        const ActivationSink& sink) {
      std::vector<ValueId> there;
      std::map<ValueId, ValueId> here;
      for (const ValueId value : requested) {
        there.push_back(running.find_value(branch.value(value).name).value());
        here[there.back()] = value;
      }
      whole(there, [&](ValueId value, std::span<const float> elements) {
        sink(here.at(value), elements);
      });
    };
    const Calibration calibration = calibrate(branch, spec_, source);
    const QuantAssignment assignment = assign(branch, calibration.ranges, spec_);
    int raised_scales = 0;
    Graph quantized = insert_qdq(branch, assignment, spec_, &raised_scales);
    result.raised_scales += raised_scales;
    result.prepared += to_text(branch, calibration);
    result.converted += describe_assignment(branch, assignment);
    return quantized;
  }

  const Graph& graph_;
  const QuantSpec& spec_;
  const CalibrationCalls& calls_;
  const CallRecord& record_;
  const GlobalOptions& global_;
};

}  // namespace

QuantizedModel quantize_with_branches(const Graph& model, const QuantSpec& spec,
                                      const CalibrationCalls& calls, const GlobalOptions& global,
                                      std::vector<FloatBranch>& left) {
  Graph graph = model;
  run_passes(graph, inference_passes(), global.passes);
  normalize_branches(graph);
  const CallRecord record = record_calls(graph, calls, global);
  const auto source_of = [&](const Graph& prepared) {
    return calls_source(prepared, calls, record, global);
  };
  QuantizedModel result = quantize_model(graph, spec, source_of, global);
  BranchQuantizer branches(graph, spec, calls, record, global);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (!is_conditional(node.op)) continue;
    const Op op = branches.quantize(NodeId{static_cast<std::uint32_t>(i)}, result, left);
    result.graph.node(result.graph.find_node(node.name).value()).op = op;
  }
  infer_shapes(result.graph);
  normalize_branches(result.graph);
  return result;
}

}  // namespace octet::cli
