#include "octet/cli/measure.h"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "octet/base/error.h"
#include "octet/cli/console.h"
#include "octet/cli/models.h"
#include "octet/cli/timed_model.h"
#include "octet/graph/functions/conditional.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/quant/calibration.h"
#include "octet/quant/describe_quant.h"
#include "octet/quant/weight_only.h"
#include "octet/runtime/plan.h"

namespace octet::cli {
namespace {

/// Reference kernels on more work than this would take minutes.
constexpr std::int64_t kMaxVerifiedMacs = 500'000'000;

/// A wrong kernel has no speed: the answer of this machine's kernels must be the reference's.
void require_matches_reference(const Graph& graph, const std::string& name,
                               const GlobalOptions& global) {
  if (count_macs(graph) > kMaxVerifiedMacs) {
    note(global, fmt::format("{}: too large to be checked against the reference kernels", name));
    return;
  }
  TimedModel fast(graph, compile_options(global), 1);
  TimedModel reference(graph, {.isa = Isa::kBaseline, .passes = global.passes}, 1);
  fast.run();
  reference.run();
  for (std::size_t i = 0; i < fast.outputs().size(); ++i) {
    if (!(fast.outputs()[i] == reference.outputs()[i])) {
      fail(ErrorKind::kInternal, name, ": the kernels of this machine differ from the reference");
    }
  }
}

/// Runs octet-measure, which has only what a deployment needs, in a fresh process and reads the
/// figure it prints.
std::int64_t peak_rss_of_fresh_process(const std::filesystem::path& file, int batch,
                                       const ModelInputs& inputs, const GlobalOptions& global) {
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "octet-measure";
  if (!std::filesystem::exists(program)) {
    fail(ErrorKind::kInternal, "bench: ", program.string(), " is missing; it measures memory");
  }
  std::array<int, 2> channel{};
  if (::pipe(channel.data()) != 0) fail(ErrorKind::kIo, "bench: pipe: ", std::strerror(errno));
  std::vector<std::string> words{program.string(), file.string(), std::to_string(batch),
                                 std::to_string(thread_count(global)), global.isa};
  words.insert(words.end(), global.passes.disabled.begin(), global.passes.disabled.end());
  for (const std::string& dim : inputs.dims) words.push_back("--dim=" + dim);
  for (const std::string& fixed : inputs.fixed) words.push_back("--set=" + fixed);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail(ErrorKind::kIo, "bench: fork: ", std::strerror(errno));
  if (child == 0) {
    ::dup2(channel[1], STDOUT_FILENO);
    ::close(channel[0]);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
  }
  ::close(channel[1]);
  std::string text;
  std::array<char, 64> chunk{};
  for (ssize_t got; (got = ::read(channel[0], chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  ::close(channel[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  throw_if_stopped();  // Ctrl-C reaches the child too
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fail(ErrorKind::kInternal, "bench: measuring the memory of ", file.string(), " failed");
  }
  return std::stoll(text);
}

}  // namespace

QuantizedModel quantize_model(const Graph& model, const QuantSpec& spec, const Dataset& train,
                              int samples, const GlobalOptions& global) {
  const auto source_of = [&](const Graph& graph) {
    return calibration_source(graph, train, samples, global);
  };
  return quantize_model(model, spec, source_of, global);
}

QuantizedModel quantize_model(const Graph& model, const QuantSpec& spec, const SourceOf& source_of,
                              const GlobalOptions& global) {
  Graph graph = model;
  run_passes(graph, inference_passes(), global.passes);
  QuantizedModel result;
  switch (spec.scheme) {
    case Scheme::kFloat:
      result.graph = std::move(graph);
      return result;
    case Scheme::kDynamic:
      result.graph = insert_dynamic_quantization(graph, spec);
      rewrite_branches(result.graph,
                       [&](Graph& branch) { branch = insert_dynamic_quantization(branch, spec); });
      return result;
    case Scheme::kWeightOnly:
      result.graph = insert_weight_only(graph, spec);
      return result;
    case Scheme::kStatic:
    case Scheme::kQat:
      break;
  }
  const Calibration calibration = calibrate(graph, spec, source_of(graph));
  for (const auto& [value, count] : calibration.non_finite) {
    note(global, fmt::format("warning: {} non-finite activations of '{}' were skipped", count,
                             graph.value(value).name));
  }
  const QuantAssignment assignment = assign(graph, calibration.ranges, spec);
  result.graph = insert_qdq(graph, assignment, spec, &result.raised_scales);
  result.prepared = to_text(graph, calibration);
  result.converted = describe_assignment(graph, assignment);
  return result;
}

std::vector<ConfigRecord> bench_models(const BenchRequest& request, const GlobalOptions& global) {
  std::vector<ConfigRecord> records;
  std::vector<Graph> graphs;
  const int largest = *std::ranges::max_element(request.batches);
  for (const std::filesystem::path& file : request.files) {
    graphs.push_back(import_sized(file, request.inputs, global.import));
    require_known_inputs(graphs.back(), file.string());
    require_matches_reference(graphs.back(), file.string(), global);
    ConfigRecord record;
    record.name = file.stem().string();
    record.model_file = file.string();
    record.file_bytes = file_bytes(file);
    record.weight_bytes = constant_bytes(graphs.back());
    records.push_back(std::move(record));
  }
  for (const int batch : request.batches) {
    std::vector<std::unique_ptr<TimedModel>> models;
    std::vector<Subject> subjects;
    for (std::size_t i = 0; i < graphs.size(); ++i) {
      require_batch(graphs[i], batch, request.files[i].string());
      models.push_back(
          std::make_unique<TimedModel>(graphs[i], compile_options(global, batch), batch));
      subjects.push_back({records[i].name, [model = models.back().get()] {
                            throw_if_stopped();
                            model->run();
                          }});
      if (batch == largest) records[i].arena_bytes = models.back()->plan().arena_bytes();
    }
    const std::vector<LatencyRecord> latency = measure_latency(subjects, request.latency);
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].latency.push_back(latency[i]);
      records[i].latency.back().batch = batch;
      records[i].latency.back().threads = thread_count(global);
    }
  }
  if (request.memory) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].peak_rss_bytes =
          peak_rss_of_fresh_process(request.files[i], largest, request.inputs, global);
    }
  }
  return records;
}

}  // namespace octet::cli
