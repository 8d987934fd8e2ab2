#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/onnx/onnx.h"

namespace octet::cli {

/// What a user says of a model's inputs that the file leaves open.
struct ModelInputs {
  std::vector<std::string> dims;   ///< NAME=SIZE of a symbol, INPUT:AXIS=SIZE of any dimension
  std::vector<std::string> fixed;  ///< NAME=NUMBER or NAME=FILE: an input that becomes a constant
};

/// The parts of a text "NAME=VALUE". `option` is its name and form, "--dim NAME=SIZE", which the
/// Error(kUsage) for another text names.
std::pair<std::string, std::string> name_and_value(const std::string& option,
                                                   const std::string& text);

/// An .npy or .pb file. Error(kUsage) for another ending.
Tensor read_tensor(const std::filesystem::path& file);

/// The model, read under these limits, with the inputs of `inputs.fixed` as constants.
Graph import_with(const std::filesystem::path& file, const ModelInputs& inputs,
                  ImportOptions limits, FileFacts* facts = nullptr);

/// The shapes of the graph's inputs with the sizes of `dims` put in. Error(kUsage) for a name that
/// no input has, a size that is none or contradicts the model.
std::map<std::string, Shape> sized_inputs(const Graph& graph, std::span<const std::string> dims);

/// import_with, for inputs of these sizes.
Graph import_sized(const std::filesystem::path& file, const ModelInputs& inputs,
                   ImportOptions limits, FileFacts* facts = nullptr);

/// Error(kUsage) that says which sizes --dim has to give, unless all but the batch are known.
void require_known_inputs(const Graph& graph, const std::string& model_name);

}  // namespace octet::cli
