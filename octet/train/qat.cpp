#include "octet/train/qat.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "octet/base/error.h"
#include "octet/graph/passes/passes.h"
#include "octet/quant/calibration.h"
#include "octet/quant/layer_integers.h"
#include "octet/quant/quant_points.h"
#include "octet/train/fake_quant_network.h"
#include "octet/train/torch_bridge.h"
#include "octet/train/train_setup.h"
#include "octet/train/training_loop.h"

namespace octet {
namespace {

constexpr std::int64_t kCalibrationBatch = 32;

void require_valid(const QuantSpec& spec, const QatOptions& options) {
  if (spec.scheme != Scheme::kQat && spec.scheme != Scheme::kStatic) {
    fail(ErrorKind::kUsage, "qat: configuration '", spec.name,
         "' has no fixed activation parameters, accepted: qat_int8 or a static configuration");
  }
  if (options.calibration_samples < 1) {
    fail(ErrorKind::kUsage, "qat: calibration samples: found ", options.calibration_samples,
         ", accepted: 1 or more");
  }
  if (!(options.freeze_observers >= 0 && options.freeze_observers <= 1)) {
    fail(ErrorKind::kUsage, "qat: freeze observers: found ", options.freeze_observers,
         ", accepted: 0 to 1");
  }
  if (!(options.averaging > 0 && options.averaging <= 1)) {
    fail(ErrorKind::kUsage, "qat: averaging: found ", options.averaging,
         ", accepted: more than 0, at most 1");
  }
}

/// Ranges of the float network on the first training samples, in stored order.
std::map<ValueId, Range> initial_ranges(const Graph& graph, const QuantSpec& spec,
                                        const Dataset& data, const Preprocessing& preprocessing,
                                        int samples, const at::Device& device) {
  const at::NoGradGuard no_grad;
  const GraphExecutor executor(graph, device);
  const std::int64_t count = std::min<std::int64_t>(samples, data.size());
  const auto source = [&](std::span<const ValueId> requested, const ActivationSink& sink) {
    for (std::int64_t begin = 0; begin < count; begin += kCalibrationBatch) {
      std::vector<std::int32_t> indices(
          static_cast<std::size_t>(std::min(kCalibrationBatch, count - begin)));
      std::iota(indices.begin(), indices.end(), static_cast<std::int32_t>(begin));
      std::vector<std::int64_t> dims{static_cast<std::int64_t>(indices.size())};
      dims.insert(dims.end(), data.sample_shape.dims().begin(), data.sample_shape.dims().end());
      Tensor batch(DType::kFloat32, Shape(dims));
      fill_batch(data, indices, preprocessing, {}, nullptr, batch.mutable_data<float>());
      const auto values = executor.run(to_torch(batch, device), requested, /*training=*/false);
      for (std::size_t i = 0; i < requested.size(); ++i) {
        const Tensor value = from_torch(values[i]);
        sink(requested[i], value.data<float>());
      }
    }
  };
  return calibrate(graph, spec, source).ranges;
}

/// The integers of every layer, by weight; a weight that two layers share has those of the first.
std::map<ValueId, LayerIntegers> layer_integers(const Graph& graph,
                                                const QuantAssignment& assignment,
                                                const QuantSpec& spec) {
  const IntegerRoles roles(graph);
  const std::vector<ValueId> sources = code_sources(graph);
  std::map<ValueId, LayerIntegers> layers;
  for (const Node& node : graph.nodes()) {
    if (roles.of(node) != IntegerRole::kCompute) continue;
    const ValueId input = sources[static_cast<std::size_t>(*node.inputs[0])];
    layers.try_emplace(*node.inputs[1],
                       quantize_layer(graph, node, assignment.activations.at(input).scale,
                                      assignment, spec, roles.added_bias(node)));
  }
  return layers;
}

std::vector<FakeQuantInfo> describe(const Graph& graph, const std::map<ValueId, Range>& ranges,
                                    const QuantAssignment& assignment,
                                    const std::map<ValueId, LayerIntegers>& layers) {
  std::vector<FakeQuantInfo> infos;
  for (const ValueId id : activation_points(graph)) {
    const QuantParams& params = assignment.activations.at(id);
    infos.push_back({.name = graph.value(id).name,
                     .bits = params.bits,
                     .range = ranges.at(id),
                     .scale = {params.scale},
                     .zero_point = {params.zero_point}});
  }
  for (const ValueId id : weight_points(graph)) {
    const TensorQuantParams& params = layers.at(id).weight_params;
    const auto [min, max] = std::ranges::minmax(graph.value(id).constant->data<float>());
    infos.push_back({.name = graph.value(id).name,
                     .is_weight = true,
                     .bits = assignment.weight_bits.at(id),
                     .range = {min, max},
                     .scale = params.scale,
                     .zero_point = params.zero_point});
  }
  return infos;
}

void count_changes(const std::map<ValueId, LayerIntegers>& before,
                   const std::map<ValueId, LayerIntegers>& after, QatResult& result) {
  for (const auto& [id, layer] : after) {
    const auto old_codes = before.at(id).weight.data<std::int8_t>();
    const auto new_codes = layer.weight.data<std::int8_t>();
    for (std::size_t i = 0; i < new_codes.size(); ++i) {
      result.changed_weights += old_codes[i] != new_codes[i];
    }
    result.total_weights += static_cast<std::int64_t>(new_codes.size());
  }
}

Fingerprint qat_fingerprint(const Graph& graph, const QuantSpec& spec, const DataSplits& data,
                            const QatOptions& options) {
  Fingerprint fingerprint = fingerprint_of(graph, data, options.train);
  fingerprint.emplace_back("configuration", spec.name + ": " + describe(spec));
  fingerprint.emplace_back("calibration samples", std::to_string(options.calibration_samples));
  fingerprint.emplace_back("freeze observers", std::to_string(options.freeze_observers));
  fingerprint.emplace_back("averaging", std::to_string(options.averaging));
  return fingerprint;
}

}  // namespace

QatResult fine_tune_quantized(const Graph& trained, const QuantSpec& spec, const DataSplits& data,
                              const QatOptions& options, const ProgressSink& progress) {
  require_valid(spec, options);
  require_valid(options.train, /*has_batch_norm=*/false);
  const at::Device device = torch_device(options.train.device);
  const TorchSession session(options.train.threads, device);
  require_float_graph(trained);
  Graph graph = trained;
  run_passes(graph, inference_passes());
  require_fit(graph, data);
  const Preprocessing preprocessing = preprocessing_of(graph, data.train);
  describe_data(graph, data.train, preprocessing);

  const std::map<ValueId, Range> ranges =
      initial_ranges(graph, spec, data.train, preprocessing, options.calibration_samples, device);
  const QuantAssignment initial = assign(graph, ranges, spec);
  const auto initial_layers = layer_integers(graph, initial, spec);

  FakeQuantNetwork fake_quant(graph, spec, ranges, options.averaging, device);
  bool frozen = false;
  TrainableNetwork network;
  for (const ValueId id : trainable_values(graph).parameters) {
    network.parameters.push_back(fake_quant.executor().constant(id).requires_grad_());
  }
  network.state = fake_quant.observers();
  network.forward = [&](const at::Tensor& batch, bool training) {
    return fake_quant.forward(batch, /*observe=*/training && !frozen);
  };
  network.before_step = [&](std::int64_t step, std::int64_t steps) {
    frozen = static_cast<double>(step) >= options.freeze_observers * static_cast<double>(steps);
  };
  network.device = device;
  const TrainingJob job{data, preprocessing, options.train,
                        qat_fingerprint(graph, spec, data, options), progress};
  LoopResult loop = run_training(network, job);

  QatResult result;
  result.fine_tuned = fake_quant.executor().snapshot();
  result.assignment = assign(result.fine_tuned, fake_quant.ranges(), spec);
  result.quantized = insert_qdq(result.fine_tuned, result.assignment, spec);
  const auto layers = layer_integers(result.fine_tuned, result.assignment, spec);
  result.prepared = describe(graph, ranges, initial, initial_layers);
  result.converted = describe(result.fine_tuned, fake_quant.ranges(), result.assignment, layers);
  count_changes(initial_layers, layers, result);
  result.epochs = std::move(loop.epochs);
  result.stopped = loop.stopped;
  return result;
}

}  // namespace octet
