#include "octet/runtime/session.h"

#include <algorithm>
#include <limits>

#include "octet/base/error.h"
#include "octet/base/nibbles.h"
#include "octet/graph/functions/conditional.h"
#include "octet/graph/shape_inputs.h"
#include "octet/graph/specialize.h"

namespace octet {
namespace {

constexpr int kMaxStages = 64;  // each one specializes and compiles what is left of the network

/// Whether one plan serves every batch: all sizes are known but for the first of some tensors.
bool only_batch_varies(const Graph& graph) {
  for (const Value& value : graph.values()) {
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
      const std::int64_t dim = value.shape[axis];
      if (dim < 0 && (axis > 0 || dim != kDynamicDim)) return false;
    }
  }
  return std::ranges::none_of(graph.nodes(), [](const Node& node) {
    return has_shape_inputs(node) || is_conditional(node.op);
  });
}

bool has_batch(const Graph& graph) {
  return std::ranges::any_of(graph.inputs(),
                             [&](ValueId id) { return !graph.value(id).shape.is_static(); });
}

std::vector<Tensor> run_plan(Plan& plan, const std::map<std::string, const Tensor*>& inputs,
                             int batch) {
  // A plan sees elements of 4 bits with a byte each.
  std::vector<Tensor> wide;
  std::vector<const void*> in;
  for (const PlanTensor& input : plan.inputs()) {
    wide.push_back(unpack_nibbles(*inputs.at(input.name)));
    in.push_back(wide.back().raw());
  }
  std::vector<Tensor> results;
  for (const PlanTensor& output : plan.outputs()) {
    results.emplace_back(byte_type(output.dtype), output.shape.with_batch(batch));
  }
  std::vector<void*> out;
  for (Tensor& result : results) out.push_back(result.mutable_raw());
  plan.run(in, out, batch);
  if (const std::string* node = plan.undefined_node()) {
    fail(ErrorKind::kBadData, "run: node '", *node, "': its result is not defined for these data");
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const DType dtype = plan.outputs()[i].dtype;
    if (is_packed(dtype)) results[i] = pack_nibbles(results[i], dtype);
  }
  return results;
}

const Node* first_waiting_node(const Graph& graph) {
  const auto found = std::ranges::find_if(
      graph.nodes(), [&](const Node& node) { return waits_for_elements(graph, node); });
  return found == graph.nodes().end() ? nullptr : &*found;
}

/// What the node waits for.
std::vector<ValueId> variable_inputs(const Graph& graph, const Node& node) {
  std::vector<ValueId> result;
  for (const ValueId id : deciding_inputs(node)) {
    if (!graph.value(id).constant && std::ranges::find(result, id) == result.end()) {
      result.push_back(id);
    }
  }
  return result;
}

}  // namespace

Session::Session(Graph graph, CompileOptions options)
    : graph_(std::move(graph)),
      options_(std::move(options)),
      only_batch_varies_(only_batch_varies(graph_)) {}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs) {
  const std::optional<std::int64_t> batch = check(inputs);
  const Inputs named = by_name(inputs);
  const bool empty =
      std::ranges::any_of(inputs, [](const Tensor& input) { return input.num_elements() == 0; });
  if (!empty && only_batch_varies_) {
    if (Plan* plan = batch_plan(batch.value_or(1))) {
      return run_plan(*plan, named, static_cast<int>(batch.value_or(1)));
    }
  }
  if (Plan* plan = find_plan(inputs, named)) return run_plan(*plan, named, 1);
  Graph concrete;
  if (Plan* plan = compile_for(inputs, named, concrete)) return run_plan(*plan, named, 1);
  return run_in_stages(std::move(concrete), named);
}

std::optional<std::int64_t> Session::check(std::span<const Tensor> inputs) const {
  if (inputs.size() != graph_.inputs().size()) {
    fail(ErrorKind::kBadData, "run: ", inputs.size(),
         " inputs, accepted: ", graph_.inputs().size());
  }
  std::optional<std::int64_t> batch;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph_.value(graph_.inputs()[i]);
    const Shape& shape = inputs[i].shape();
    bool fits = inputs[i].dtype() == value.dtype && shape.rank() == value.shape.rank();
    for (int axis = 0; fits && axis < shape.rank(); ++axis) {
      const std::int64_t dim = value.shape[axis];
      if (dim == kDynamicDim && !batch) batch = shape[axis];
      fits = dim == kUnknownDim || shape[axis] == (dim == kDynamicDim ? *batch : dim);
    }
    if (!fits) {
      fail(ErrorKind::kBadData, "input '", value.name, "': found ", to_string(inputs[i].dtype()),
           " ", to_string(shape), ", accepted: ", to_string(value.dtype), " ",
           to_string(value.shape), batch ? " with N = " + std::to_string(*batch) : "");
    }
  }
  return batch;
}

Session::Inputs Session::by_name(std::span<const Tensor> inputs) const {
  Inputs named;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    named[graph_.value(graph_.inputs()[i]).name] = &inputs[i];
  }
  return named;
}

Plan Session::compiled(const Graph& graph, int max_batch) {
  ++compilations_;
  CompileOptions options = options_;
  options.max_batch = max_batch;
  return compile(graph, options);
}

Plan* Session::batch_plan(std::int64_t batch) {
  if (batch > std::numeric_limits<int>::max()) {
    fail(ErrorKind::kUnsupported, "run: a batch of ", batch, ", accepted: less than 2^31");
  }
  if (batch_plan_ && batch <= batch_plan_->max_batch()) return &*batch_plan_;
  try {
    batch_plan_ = compiled(graph_, std::max(options_.max_batch, static_cast<int>(batch)));
  } catch (const Error& error) {
    // A kernel may need to know the batch: the plans for one batch each are as good.
    if (error.kind() != ErrorKind::kUnsupported || !has_batch(graph_)) throw;
    only_batch_varies_ = false;
    return nullptr;
  }
  return &*batch_plan_;
}

Plan* Session::find_plan(std::span<const Tensor> inputs, const Inputs& named) {
  const auto found = std::ranges::find_if(plans_, [&](const Specialized& plan) {
    return std::ranges::equal(plan.shapes, inputs, {}, {}, &Tensor::shape) &&
           std::ranges::all_of(plan.values, [&](const auto& entry) {
             return *named.at(entry.first) == entry.second;
           });
  });
  if (found == plans_.end()) return nullptr;
  plans_.splice(plans_.begin(), plans_, found);
  return &plans_.front().plan;
}

Plan* Session::compile_for(std::span<const Tensor> inputs, const Inputs& named, Graph& concrete) {
  std::map<std::string, Shape> shapes;
  std::map<std::string, Tensor> values;
  for (const auto& [name, tensor] : named) {
    shapes[name] = tensor->shape();
    if (tensor->num_elements() == 0)
      values[name] = *tensor;  // its elements are known: there is none
  }
  concrete = specialize(graph_, shapes, values, options_.passes.fold);
  // Sizes, axes and switches are integers; floats give them only to Range, Resize and their kin.
  for (const bool integers_only : {true, false}) {
    for (;;) {
      const std::vector<std::string> decide = inputs_that_decide(concrete, integers_only);
      if (decide.empty()) break;
      for (const std::string& name : decide) values[name] = *named.at(name);
      concrete = specialize(graph_, shapes, values, options_.passes.fold);
    }
  }
  if (first_waiting_node(concrete)) return nullptr;
  std::vector<Shape> key;
  for (const Tensor& input : inputs) key.push_back(input.shape());
  plans_.push_front({std::move(key), std::move(values), compiled(concrete)});
  if (plans_.size() > kMaxPlans) plans_.pop_back();
  return &plans_.front().plan;
}

std::vector<Tensor> Session::run_in_stages(Graph concrete, const Inputs& inputs) {
  for (int stage_count = 0; const Node* waiting = first_waiting_node(concrete); ++stage_count) {
    if (stage_count == kMaxStages) {
      fail(ErrorKind::kUnsupported, "run: node '", waiting->name, "' (", op_name(waiting->op),
           "): the size of its result depends on a chain of more than ", kMaxStages,
           " others that only the data tell");
    }
    const std::vector<ValueId> needed = variable_inputs(concrete, *waiting);
    if (needed.empty()) {
      fail(ErrorKind::kUnsupported, "run: node '", waiting->name, "' (", op_name(waiting->op),
           "): the size of its result depends on more elements than octet looks at");
    }
    Graph stage = concrete;
    stage.outputs() = needed;
    std::vector<std::string> names;
    for (const ValueId id : needed) names.push_back(concrete.value(id).name);
    stage = specialize(stage, {}, {}, options_.passes.fold);
    Plan plan = compiled(stage);
    std::vector<Tensor> results = run_plan(plan, inputs, 1);
    std::map<std::string, Tensor> values;
    for (std::size_t i = 0; i < names.size(); ++i) values[names[i]] = std::move(results[i]);
    concrete = specialize(concrete, {}, values, options_.passes.fold);
  }
  Plan plan = compiled(concrete);
  return run_plan(plan, inputs, 1);
}

}  // namespace octet
