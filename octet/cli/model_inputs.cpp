#include "octet/cli/model_inputs.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/data/npy.h"
#include "octet/graph/specialize.h"

namespace octet::cli {
namespace {

template <typename Number>
std::optional<Number> number_of(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

std::string dim_name(const Value& input, int axis) {
  const auto index = static_cast<std::size_t>(axis);
  return index < input.dim_names.size() ? input.dim_names[index] : "";
}

/// How --dim names a size of an input: by its symbol, or by its place where it has none.
std::string option_name(const Value& input, int axis) {
  const std::string symbol = dim_name(input, axis);
  return !symbol.empty() ? symbol : input.name + ":" + std::to_string(axis);
}

std::vector<std::string> open_dims(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs()) {
    const Value& input = graph.value(id);
    for (int axis = 0; axis < input.shape.rank(); ++axis) {
      const std::string name = option_name(input, axis);
      if (input.shape[axis] >= 0 || std::ranges::find(names, name) != names.end()) continue;
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace

std::pair<std::string, std::string> name_and_value(const std::string& option,
                                                   const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    const std::size_t space = option.find(' ');
    fail(ErrorKind::kUsage, option.substr(0, space), " ", text,
         ": accepted: ", option.substr(space + 1));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Tensor read_tensor(const std::filesystem::path& file) {
  if (file.extension() == ".npy") return read_npy(file);
  if (file.extension() == ".pb") return read_tensor_proto(file);
  fail(ErrorKind::kUsage, file.string(), ": unknown kind of tensor file, accepted: .npy, .pb");
}

Graph import_with(const std::filesystem::path& file, const ModelInputs& inputs,
                  ImportOptions options, FileFacts* facts) {
  for (const std::string& text : inputs.fixed) {
    const auto [name, value] = name_and_value("--set NAME=VALUE", text);
    if (options.fixed_numbers.contains(name) || options.fixed_inputs.contains(name)) {
      fail(ErrorKind::kUsage, "--set ", name, ": given twice, accepted: one value per input");
    }
    if (const auto number = number_of<double>(value)) {
      options.fixed_numbers[name] = *number;
    } else {
      options.fixed_inputs[name] = read_tensor(value);
    }
  }
  return import_onnx(file, options, facts);
}

std::map<std::string, Shape> sized_inputs(const Graph& graph, std::span<const std::string> dims) {
  std::map<std::string, Shape> shapes;
  for (const ValueId id : graph.inputs()) shapes[graph.value(id).name] = graph.value(id).shape;
  for (const std::string& text : dims) {
    const auto [name, value] = name_and_value("--dim NAME=SIZE", text);
    const std::optional<std::int64_t> size = number_of<std::int64_t>(value);
    if (!size || *size < 0) {
      fail(ErrorKind::kUsage, "--dim ", text, ": found ", value, ", accepted: a size, 0 or more");
    }
    bool found = false;
    for (const ValueId id : graph.inputs()) {
      const Value& input = graph.value(id);
      for (int axis = 0; axis < input.shape.rank(); ++axis) {
        const bool is_it =
            dim_name(input, axis) == name || input.name + ":" + std::to_string(axis) == name;
        if (!is_it) continue;
        found = true;
        if (input.shape[axis] >= 0 && input.shape[axis] != *size) {
          fail(ErrorKind::kUsage, "--dim ", text, ": dimension ", axis, " of input '", input.name,
               "' is ", input.shape[axis]);
        }
        shapes.at(input.name)[axis] = *size;
      }
    }
    if (!found) fail_unknown_name("dimension", name, open_dims(graph));
  }
  return shapes;
}

Graph import_sized(const std::filesystem::path& file, const ModelInputs& inputs,
                   ImportOptions limits, FileFacts* facts) {
  Graph graph = import_with(file, inputs, std::move(limits), facts);
  return inputs.dims.empty() ? graph : specialize(graph, sized_inputs(graph, inputs.dims));
}

void require_known_inputs(const Graph& graph, const std::string& model_name) {
  for (const ValueId id : graph.inputs()) {
    const Value& input = graph.value(id);
    for (int axis = 0; axis < input.shape.rank(); ++axis) {
      if (input.shape[axis] != kUnknownDim) continue;
      fail(ErrorKind::kUsage, model_name, ": input '", input.name, "' is ", to_string(input.shape),
           ", accepted: known sizes but for the batch; give this one as "
           "--dim ",
           option_name(input, axis), "=SIZE");
    }
  }
}

}  // namespace octet::cli
