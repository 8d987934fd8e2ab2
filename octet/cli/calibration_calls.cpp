#include "octet/cli/calibration_calls.h"

#include <algorithm>
#include <cstring>

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/base/rng.h"
#include "octet/cli/console.h"
#include "octet/cli/model_inputs.h"
#include "octet/graph/functions/conditional.h"
#include "octet/runtime/session.h"

namespace octet::cli {
namespace {

std::vector<std::string> names_of(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<std::string> names;
  for (const ValueId id : values) names.push_back(graph.value(id).name);
  return names;
}

void require_name(const std::string& what, const std::string& name,
                  const std::vector<std::string>& names) {
  if (std::ranges::find(names, name) == names.end()) fail_unknown_name(what, name, names);
}

bool fits(const Shape& given, const Shape& declared) {
  if (given.rank() != declared.rank()) return false;
  for (int axis = 0; axis < given.rank(); ++axis) {
    if (declared[axis] >= 0 && given[axis] != declared[axis]) return false;
  }
  return true;
}

Shape without_first(const Shape& shape) {
  return Shape(std::vector(shape.dims().begin() + (shape.rank() > 0 ? 1 : 0), shape.dims().end()));
}

/// Part `index` of a tensor along its first dimension.
Tensor part_of(const Tensor& tensor, int index) {
  Tensor part(tensor.dtype(), without_first(tensor.shape()));
  std::memcpy(part.mutable_raw(),
              tensor.raw() + part.size_bytes() * static_cast<std::size_t>(index),
              part.size_bytes());
  return part;
}

std::string symbol_of(const Value& input, int axis) {
  const auto index = static_cast<std::size_t>(axis);
  return index < input.dim_names.size() ? input.dim_names[index] : "";
}

/// A tensor for every call, or with one more dimension in front for all of them.
Tensor read_fitting(const std::string& file, const Value& input, const Shape& shape) {
  Tensor tensor = read_tensor(file);
  const bool per_call = tensor.shape().rank() == shape.rank() + 1;
  const Shape one = per_call ? without_first(tensor.shape()) : tensor.shape();
  if (tensor.dtype() != input.dtype || !fits(one, shape) || (per_call && tensor.shape()[0] == 0)) {
    fail(ErrorKind::kBadData, file, ": ", to_string(tensor.dtype()), " ", to_string(tensor.shape()),
         ", accepted for input '", input.name, "': ", to_string(input.dtype), " ", to_string(shape),
         ", or with one more dimension in front that counts the calls");
  }
  return tensor;
}

/// What the symbols of an input are in a file's tensor.
void note_sizes(const Value& input, const Shape& found,
                std::map<std::string, std::int64_t>& sizes) {
  const int first = found.rank() - input.shape.rank();
  for (int axis = 0; axis < input.shape.rank(); ++axis) {
    const std::string symbol = symbol_of(input, axis);
    if (input.shape[axis] < 0 && !symbol.empty()) sizes.emplace(symbol, found[first + axis]);
  }
}

Shape with_known_sizes(const Value& input, Shape shape,
                       const std::map<std::string, std::int64_t>& sizes) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto known = sizes.find(symbol_of(input, axis));
    if (shape[axis] < 0 && known != sizes.end()) shape[axis] = known->second;
  }
  return shape;
}

/// One call is one sample where nothing says otherwise.
Shape with_batch_of_1(const Value& input, Shape shape) {
  shape = shape.with_batch(1);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] >= 0) continue;
    const std::string symbol = symbol_of(input, axis);
    fail(ErrorKind::kUsage, "calibration: input '", input.name, "' is ", to_string(input.shape),
         ", accepted: known sizes; give this one as --dim ",
         symbol.empty() ? input.name + ":" + std::to_string(axis) : symbol, "=SIZE");
  }
  return shape;
}

}  // namespace

CalibrationCalls::CalibrationCalls(const Graph& graph, const CallsRequest& request,
                                   std::uint32_t seed)
    : seed_(seed), count_(request.samples) {
  const std::vector<std::string> inputs = names_of(graph, graph.inputs());
  const std::vector<std::string> outputs = names_of(graph, graph.outputs());
  std::map<std::string, std::string> files;
  bool draws = false;
  for (const std::string& text : request.inputs) {
    if (text == "normal") {
      draws = true;
      continue;
    }
    const auto [name, file] = name_and_value("--calib-inputs NAME=FILE", text);
    require_name("input", name, inputs);
    if (!files.emplace(name, file).second) {
      fail(ErrorKind::kUsage, "--calib-inputs ", name,
           ": given twice, accepted: one file per input");
    }
  }
  for (const std::string& text : request.feedback) {
    const auto [output, input] = name_and_value("--calib-feedback OUTPUT=INPUT", text);
    require_name("output", output, outputs);
    require_name("input", input, inputs);
    feedback_.emplace_back(output, input);
  }
  std::map<std::string, Shape> shapes = sized_inputs(graph, request.dims);
  std::map<std::string, Tensor> given;
  std::map<std::string, std::int64_t> sizes;
  for (const auto& [name, file] : files) {
    const Value& input = graph.value(graph.find_value(name).value());
    given[name] = read_fitting(file, input, shapes.at(name));
    note_sizes(input, given[name].shape(), sizes);
  }
  for (const ValueId id : graph.inputs()) {
    const Value& input = graph.value(id);
    const auto tensor = given.find(input.name);
    if (tensor != given.end()) {
      add_file(input, std::move(tensor->second));
    } else {
      add_other(input, draws, with_known_sizes(input, shapes.at(input.name), sizes));
    }
  }
}

bool CalibrationCalls::is_fed(const std::string& input) const {
  return std::ranges::any_of(feedback_, [&](const auto& entry) { return entry.second == input; });
}

void CalibrationCalls::add_file(const Value& input, Tensor tensor) {
  const bool per_call = tensor.shape().rank() == input.shape.rank() + 1;
  if (per_call && !is_fed(input.name)) {
    count_ = static_cast<int>(std::min<std::int64_t>(count_, tensor.shape()[0]));
  }
  sources_.push_back({input.name, std::move(tensor), per_call, false});
}

void CalibrationCalls::add_other(const Value& input, bool draws, const Shape& shape) {
  const bool fed = is_fed(input.name);
  if (!fed && !(draws && input.dtype == DType::kFloat32)) {
    fail(ErrorKind::kUsage, "calibration: nothing gives input '", input.name, "' (",
         to_string(input.dtype), " ", to_string(input.shape), "), accepted: --calib-inputs ",
         input.name, "=FILE", input.dtype == DType::kFloat32 ? " or normal" : "", ", or --set ",
         input.name, "=VALUE, which makes it a constant");
  }
  sources_.push_back({input.name, Tensor(input.dtype, with_batch_of_1(input, shape)), false, !fed});
}

std::vector<Tensor> CalibrationCalls::inputs(int call,
                                             const std::map<std::string, Tensor>& fed) const {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const Source& source = sources_[i];
    if (const auto before = fed.find(source.name); before != fed.end()) {
      result.push_back(before->second);
      continue;
    }
    Tensor tensor = source.per_call ? part_of(source.tensor, call) : source.tensor;
    if (source.drawn) {
      // A generator of its own: a call draws the same whoever asks, and in which order.
      Rng rng(seed_ + static_cast<std::uint32_t>(call) * 0x9e3779b9u +
              static_cast<std::uint32_t>(i) * 0x85ebca6bu);
      for (float& element : tensor.mutable_data<float>()) element = rng.normal();
    }
    result.push_back(std::move(tensor));
  }
  return result;
}

CallRecord record_calls(const Graph& graph, const CalibrationCalls& calls,
                        const GlobalOptions& global) {
  CallRecord record;
  record.fed.resize(static_cast<std::size_t>(calls.count()));
  std::vector<const Node*> conditionals;
  Graph observed = graph;
  observed.outputs().clear();
  for (const auto& [output, input] : calls.feedback()) {
    observed.add_output(graph.find_value(output).value());
  }
  for (const Node& node : graph.nodes()) {
    if (!is_conditional(node.op)) continue;
    conditionals.push_back(&node);
    // A copy: the condition may be an input, or serve two.
    observed.add_output(observed.add("observed_" + node.name, Identity{}, {*node.inputs[0]}));
  }
  if (observed.outputs().empty()) return record;
  infer_shapes(observed);
  Session session(std::move(observed), compile_options(global));
  for (std::size_t call = 0; call < record.fed.size(); ++call) {
    const std::vector<Tensor> results =
        session.run(calls.inputs(static_cast<int>(call), record.fed[call]));
    std::size_t next = 0;
    for (const auto& [output, input] : calls.feedback()) {
      const Tensor& result = results[next++];
      if (call + 1 < record.fed.size()) record.fed[call + 1][input] = result;
    }
    for (const Node* node : conditionals) {
      record.conditions[node->name].push_back(results[next++].data<bool>()[0]);
    }
    throw_if_stopped();
  }
  return record;
}

ActivationSource calls_source(const Graph& graph, const CalibrationCalls& calls,
                              const CallRecord& record, const GlobalOptions& global,
                              const std::function<bool(int call)>& chosen) {
  return [&graph, &calls, &record, &global, chosen](std::span<const ValueId> requested,
                                                    const ActivationSink& sink) {
    if (requested.empty()) return;
    Graph tapped = graph;
    tapped.outputs().assign(requested.begin(), requested.end());
    Session session(std::move(tapped), compile_options(global));
    ProgressBar bar(global, "calibrate", "calls");
    for (int call = 0; call < calls.count(); ++call) {
      if (chosen && !chosen(call)) continue;
      const std::vector<Tensor> results =
          session.run(calls.inputs(call, record.fed[static_cast<std::size_t>(call)]));
      for (std::size_t i = 0; i < requested.size(); ++i) {
        sink(requested[i], results[i].data<float>());
      }
      throw_if_stopped();
      bar.update(call + 1, calls.count());
    }
  };
}

}  // namespace octet::cli
