#include "octet/cli/models.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/cli/console.h"
#include "octet/cpu/thread_pool.h"

namespace octet::cli {

int thread_count(const GlobalOptions& global) {
  return global.threads > 0 ? global.threads : available_cores();
}

Isa instruction_set(const GlobalOptions& global) { return parse_isa(global.isa); }

namespace {

std::int64_t memory_of_this_machine() {
  return static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE);
}

}  // namespace

CompileOptions compile_options(const GlobalOptions& global, int max_batch) {
  CompileOptions options{.isa = instruction_set(global),
                         .threads = thread_count(global),
                         .max_batch = max_batch,
                         .passes = global.passes};
  options.passes.fold.max_result_bytes = global.import.max_fold_bytes;
  options.max_memory_bytes =
      global.max_memory_bytes > 0 ? global.max_memory_bytes : memory_of_this_machine();
  return options;
}

Graph read_model(const std::filesystem::path& file, const GlobalOptions& global) {
  return import_onnx(file, global.import);
}

DataOptions data_options(const GlobalOptions& global) {
  DataOptions options;
  options.seed = global.seed;
  options.data_dir = global.data_dir;
  if (options.data_dir.empty()) {
    const char* from_environment = std::getenv("OCTET_DATA_DIR");
    options.data_dir = from_environment != nullptr ? from_environment : "data";
  }
  return options;
}

Preprocessing preprocessing_of(const Graph& graph, const Dataset& data) {
  const auto found = graph.metadata.find("octet.preprocessing");
  return found == graph.metadata.end() ? data.preprocessing
                                       : preprocessing_from_json(found->second);
}

void require_fits(const Graph& graph, const Dataset& data, const std::string& model_name) {
  if (graph.inputs().size() != 1) {
    fail(ErrorKind::kBadData, model_name, ": ", graph.inputs().size(),
         " inputs, a classifier has 1");
  }
  if (graph.outputs().size() != 1) {
    fail(ErrorKind::kBadData, model_name, ": ", graph.outputs().size(),
         " outputs, a classifier has 1");
  }
  for (const ValueId id : {graph.inputs()[0], graph.outputs()[0]}) {
    const Value& value = graph.value(id);
    if (value.dtype == DType::kFloat32) continue;
    fail(ErrorKind::kBadData, model_name, ": '", value.name, "' is ", to_string(value.dtype),
         ", accepted: float32");
  }
  const Shape& input = graph.value(graph.inputs()[0]).shape;
  std::vector<std::int64_t> expected{input.rank() > 0 ? input[0] : 1};
  expected.insert(expected.end(), data.sample_shape.dims().begin(), data.sample_shape.dims().end());
  if (input != Shape(expected) || input[0] == 0) {
    fail(ErrorKind::kBadData, model_name, ": input is ", to_string(input), ", data set '",
         data.name, "' has samples of ", to_string(data.sample_shape));
  }
  const Shape& output = graph.value(graph.outputs()[0]).shape;
  if (output.rank() != 2 || output[1] != data.num_classes()) {
    fail(ErrorKind::kBadData, model_name, ": output is ", to_string(output), ", data set '",
         data.name, "' has ", data.num_classes(), " classes");
  }
}

bool depends_on_batch(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [](const Node& node) {
    return std::holds_alternative<DynamicQuantizeLinear>(node.op);
  });
}

int usable_batch(const Graph& graph, int wanted) {
  // A table or a state beside it has a first dimension that is no batch.
  std::optional<std::int64_t> fixed;
  for (const ValueId id : graph.inputs()) {
    const Shape& input = graph.value(id).shape;
    if (input.rank() == 0) continue;
    if (input[0] == kDynamicDim) return wanted;
    if (!fixed) fixed = input[0];
  }
  return static_cast<int>(fixed.value_or(wanted));
}

void require_batch(const Graph& graph, int batch, const std::string& model_name) {
  const int usable = usable_batch(graph, batch);
  if (usable == batch) return;
  fail(ErrorKind::kBadData, model_name, ": its batch is fixed to ", usable, ", found batch ",
       batch);
}

Predictions predict_with_plan(const Graph& graph, const Dataset& data, const GlobalOptions& global,
                              const std::string& task) {
  const int batch = usable_batch(graph, depends_on_batch(graph) ? 1 : 64);
  Plan plan = compile(graph, compile_options(global, batch));
  const auto sample_elements = static_cast<std::size_t>(data.sample_shape.num_elements());
  const auto classes = static_cast<std::size_t>(data.num_classes());
  const auto whole_batch = static_cast<std::size_t>(batch);
  std::vector<float> padded_samples, padded_logits;
  const Classifier classifier = [&](std::span<const float> samples, int count,
                                    std::span<float> logits) {
    if (count == batch || usable_batch(graph, count) == count) {
      plan.run(samples.data(), logits.data(), count);
      return;
    }
    // The file fixes the batch. Copies fill it up: zeros would widen the ranges of dynamic scales.
    padded_samples.resize(sample_elements * whole_batch);
    padded_logits.resize(classes * whole_batch);
    for (std::size_t i = 0; i < padded_samples.size(); ++i) {
      padded_samples[i] = samples[i % samples.size()];
    }
    plan.run(padded_samples.data(), padded_logits.data(), batch);
    std::copy_n(padded_logits.begin(), logits.size(), logits.begin());
  };
  ProgressBar bar(global, task, "images");
  return predict(classifier, data, preprocessing_of(graph, data), batch, [&](std::int64_t done) {
    throw_if_stopped();
    bar.update(done, data.size());
  });
}

ActivationSource calibration_source(const Graph& graph, const Dataset& data, int samples,
                                    const GlobalOptions& global) {
  return [&graph, &data, samples, &global](std::span<const ValueId> requested,
                                           const ActivationSink& sink) {
    Graph tapped = graph;
    tapped.outputs().assign(requested.begin(), requested.end());
    const int batch = usable_batch(graph, 32);
    Plan plan = compile(tapped, compile_options(global, batch));
    std::vector<Tensor> results;
    std::vector<void*> outputs;
    for (const PlanTensor& output : plan.outputs()) {
      results.emplace_back(DType::kFloat32, output.shape.with_batch(batch));
    }
    for (Tensor& result : results) outputs.push_back(result.mutable_raw());
    const Preprocessing preprocessing = preprocessing_of(graph, data);
    const std::int64_t count = std::min<std::int64_t>(samples, data.size());
    std::vector<float> input(static_cast<std::size_t>(data.sample_shape.num_elements() * batch));
    ProgressBar bar(global, "calibrate", "images");
    for (std::int64_t first = 0; first < count; first += batch) {
      const auto now = static_cast<int>(std::min<std::int64_t>(batch, count - first));
      std::vector<std::int32_t> indices(static_cast<std::size_t>(now));
      std::iota(indices.begin(), indices.end(), static_cast<std::int32_t>(first));
      fill_batch(
          data, indices, preprocessing, {}, nullptr,
          std::span(input).first(static_cast<std::size_t>(data.sample_shape.num_elements() * now)));
      const void* in = input.data();
      plan.run(std::span(&in, 1), outputs, now);
      for (std::size_t i = 0; i < requested.size(); ++i) {
        const auto values = results[i].data<float>();
        sink(requested[i], values.first(values.size() / static_cast<std::size_t>(batch) *
                                        static_cast<std::size_t>(now)));
      }
      throw_if_stopped();
      bar.update(first + now, count);
    }
  };
}

DataSplits load(const std::string& name, const GlobalOptions& global,
                std::optional<std::int64_t> limit, double validation_fraction) {
  DataOptions options = data_options(global);
  options.limit = limit;
  options.validation_fraction = validation_fraction;
  return load_data(name, options);
}

const Dataset& part(const DataSplits& data, const std::string& split) {
  if (split == "train") return data.train;
  if (split == "validation") return data.validation;
  if (split == "test") return data.test;
  const std::vector<std::string> accepted{"train", "validation", "test"};
  fail_unknown_name("split", split, accepted);
}

std::int64_t file_bytes(const std::filesystem::path& file) {
  return static_cast<std::int64_t>(std::filesystem::file_size(file));
}

}  // namespace octet::cli
