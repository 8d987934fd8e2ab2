#include "octet/train/train_setup.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/train/torch_bridge.h"

namespace octet {
namespace {

constexpr const char* kPreprocessingKey = "octet.preprocessing";
constexpr const char* kClassesKey = "octet.classes";

void add_once(std::vector<ValueId>& list, const Graph& graph, const Node& node, std::size_t input) {
  if (input >= node.inputs.size() || !node.inputs[input]) return;
  const ValueId id = *node.inputs[input];
  const std::optional<Tensor>& constant = graph.value(id).constant;
  if (!constant || constant->dtype() != DType::kFloat32) return;
  if (std::find(list.begin(), list.end(), id) == list.end()) list.push_back(id);
}

std::string exact(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return {text, end};
}

void require_labels(const Dataset& part, const char* name) {
  for (std::size_t i = 0; i < part.labels.size(); ++i) {
    if (part.labels[i] >= 0 && part.labels[i] < part.num_classes()) continue;
    fail(ErrorKind::kBadData, "train: ", name, " sample ", i, " of '", part.name, "': label ",
         part.labels[i], ", accepted: 0 to ", part.num_classes() - 1);
  }
}

std::string data_hash(const DataSplits& data) {
  ContentHash hash;
  for (const Dataset* part : {&data.train, &data.validation}) {
    hash.add(std::as_bytes(std::span(part->labels)));
    hash.add(std::span(part->samples.raw(), part->samples.size_bytes()));
  }
  return hash.hex();
}

std::string graph_hash(const Graph& graph) {
  ContentHash hash;
  hash.add(to_string(graph));
  for (const Value& value : graph.values()) {
    if (value.constant) hash.add(std::span(value.constant->raw(), value.constant->size_bytes()));
  }
  return hash.hex();
}

}  // namespace

TrainableValues trainable_values(const Graph& graph) {
  TrainableValues values;
  for (const Node& node : graph.nodes()) {
    if (std::holds_alternative<Conv2d>(node.op) || std::holds_alternative<Gemm>(node.op)) {
      add_once(values.parameters, graph, node, 1);
      add_once(values.parameters, graph, node, 2);
    } else if (std::holds_alternative<MatMul>(node.op)) {
      add_once(values.parameters, graph, node, 1);
    } else if (std::holds_alternative<BatchNorm>(node.op)) {
      add_once(values.parameters, graph, node, 1);
      add_once(values.parameters, graph, node, 2);
      add_once(values.statistics, graph, node, 3);
      add_once(values.statistics, graph, node, 4);
    }
  }
  if (values.parameters.empty()) {
    fail(ErrorKind::kBadData, "train: graph '", graph.name,
         "' has no float weight, accepted: a float model");
  }
  return values;
}

void require_valid(const TrainOptions& options, bool has_batch_norm) {
  const auto require = [](bool ok, const char* what, auto found, const char* accepted) {
    if (!ok) fail(ErrorKind::kUsage, "train: ", what, ": found ", found, ", accepted: ", accepted);
  };
  require(options.epochs >= 1, "epochs", options.epochs, "1 or more");
  require(options.batch >= 0, "batch", options.batch, "1 or more, or 0 for the whole set");
  require(!(has_batch_norm && options.batch == 1), "batch", options.batch,
          "2 or more for a model with batch norm: one sample has no variance");
  require(std::isfinite(options.lr) && options.lr > 0, "lr", options.lr, "more than 0");
  require(options.momentum >= 0 && options.momentum < 1, "momentum", options.momentum,
          "0 or more, less than 1");
  require(!options.nesterov || options.momentum > 0 || options.optimizer == Optimizer::kAdam,
          "momentum", options.momentum, "more than 0 with nesterov");
  require(std::isfinite(options.weight_decay) && options.weight_decay >= 0, "weight decay",
          options.weight_decay, "0 or more");
  require(options.step_epochs >= 1, "step epochs", options.step_epochs, "1 or more");
  require(std::isfinite(options.step_gamma) && options.step_gamma > 0, "step gamma",
          options.step_gamma, "more than 0");
  require(options.threads >= 0 && options.threads <= 1024, "threads", options.threads, "0 to 1024");
  require(!options.resume || options.checkpoint, "resume", "no checkpoint", "a checkpoint file");
  if (options.checkpoint) require_writable(*options.checkpoint);
}

void require_fit(const Graph& graph, const DataSplits& data) {
  const Dataset& train = data.train;
  if (train.size() == 0) {
    fail(ErrorKind::kBadData, "train: data '", train.name, "' has no training samples");
  }
  std::vector<std::int64_t> input = graph.value(graph.inputs()[0]).shape.dims();
  const std::vector<std::int64_t>& sample = train.sample_shape.dims();
  if (input.empty() || !std::equal(input.begin() + 1, input.end(), sample.begin(), sample.end())) {
    fail(ErrorKind::kBadData, "train: graph '", graph.name, "' takes ",
         to_string(graph.value(graph.inputs()[0]).shape), ", data '", train.name, "' has samples ",
         to_string(train.sample_shape), ", accepted: [N, sample shape...]");
  }
  const Shape& output = graph.value(graph.outputs()[0]).shape;
  if (output.rank() != 2 || output[1] != train.num_classes()) {
    fail(ErrorKind::kBadData, "train: graph '", graph.name, "' gives ", to_string(output),
         ", data '", train.name, "' has ", train.num_classes(), " classes, accepted: [N, classes]");
  }
  require_labels(train, "training");
  require_labels(data.validation, "validation");
}

Preprocessing preprocessing_of(const Graph& graph, const Dataset& data) {
  const auto found = graph.metadata.find(kPreprocessingKey);
  return found == graph.metadata.end() ? data.preprocessing
                                       : preprocessing_from_json(found->second);
}

void describe_data(Graph& graph, const Dataset& data, const Preprocessing& preprocessing) {
  graph.metadata[kPreprocessingKey] = to_json(preprocessing);
  graph.metadata[kClassesKey] = nlohmann::json(data.class_names).dump();
}

Fingerprint fingerprint_of(const Graph& graph, const DataSplits& data,
                           const TrainOptions& options) {
  const auto number = [](auto value) { return exact(static_cast<double>(value)); };
  return {
      {"model", graph_hash(graph)},
      {"preprocessing", to_json(preprocessing_of(graph, data.train))},
      {"data", data.train.name},
      {"training samples", number(data.train.size())},
      {"validation samples", number(data.validation.size())},
      {"data contents", data_hash(data)},
      {"epochs", number(options.epochs)},
      {"batch", number(options.batch)},
      {"optimizer", options.optimizer == Optimizer::kSgd ? "sgd" : "adam"},
      {"lr", number(options.lr)},
      {"momentum", number(options.momentum)},
      {"nesterov", number(options.nesterov)},
      {"weight decay", number(options.weight_decay)},
      {"schedule", number(static_cast<int>(options.schedule))},
      {"step epochs", number(options.step_epochs)},
      {"step gamma", number(options.step_gamma)},
      {"crop padding", number(options.augmentation.crop_padding)},
      {"horizontal flip", number(options.augmentation.horizontal_flip)},
      {"shuffle", number(options.shuffle)},
      {"seed", number(options.seed)},
      // Sums split over threads and devices differ in the last bits.
      {"threads", number(resolve_threads(options.threads))},
      {"device", options.device},
  };
}

std::int64_t steps_per_epoch(std::int64_t samples, int batch, bool has_batch_norm) {
  if (batch == 0) return 1;
  const std::int64_t rest = samples % batch;
  const bool keep_rest = rest > 1 || (rest == 1 && !has_batch_norm);
  return samples / batch + (keep_rest ? 1 : 0);
}

}  // namespace octet
