#include "octet/cli/pipeline.h"

#include <fmt/core.h>

#include <algorithm>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/bench/environment.h"
#include "octet/cli/console.h"
#include "octet/cli/measure.h"
#include "octet/cli/models.h"
#include "octet/cli/qat_text.h"
#include "octet/cli/recipes.h"
#include "octet/cli/write_model.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/quant/quant_points.h"
#include "octet/report/report.h"
#include "octet/train/qat.h"
#include "octet/zoo/zoo.h"

namespace octet::cli {
namespace {

constexpr std::int64_t kTinySamples = 512;

/// One model of the run: the configuration's name, what it is, and the file that was written.
struct WrittenModel {
  std::string name, description;
  std::filesystem::path file;
};

class Pipeline {
 public:
  Pipeline(const PipelineRequest& request, const GlobalOptions& global)
      : request_(request), global_(global) {}

  RunRecord run() {
    choose_configs();
    Graph model = prepare();
    trained_ = request_.from ? std::move(model) : train_float(model);
    write("fp32_baseline", "float32, batch norm folded", folded(trained_));
    for (const QuantSpec& spec : configs_) add_config(spec);
    RunRecord record = measure();
    write_report(record, request_.output);
    return record;
  }

 private:
  void choose_configs() {
    for (const std::string& name : request_.configs) configs_.push_back(parse_config(name));
    if (!configs_.empty()) return;
    for (const std::string& name : config_names()) configs_.push_back(parse_config(name));
    if (!can_train()) left_out_ = std::erase_if(configs_, needs_training);
  }

  static bool needs_training(const QuantSpec& spec) { return spec.scheme == Scheme::kQat; }

  /// The model to start from, the data and the folder. What cannot be done is refused here, before
  /// the hours of training.
  Graph prepare() {
    std::optional<Graph> given;
    if (request_.from) given = read_model(*request_.from, global_);
    data_ =
        load(request_.data, global_, request_.tiny ? std::optional(kTinySamples) : std::nullopt);
    Graph model = given ? std::move(*given)
                        : build_model(request_.model, {.classes = data_.train.num_classes(),
                                                       .input_size = request_.input_size,
                                                       .seed = global_.seed});
    require_fits(model, data_.train, request_.from.value_or(request_.model));
    require_float_graph(model);
    for (const int batch : request_.batches) {
      require_batch(model, batch, request_.from.value_or(request_.model));
    }
    training_ = default_training(request_.model, data_.train.sample_shape.rank());
    apply(request_.training, training_);
    if (!request_.from || std::ranges::any_of(configs_, needs_training)) require_training();
    make_output_folder(request_.output);
    if (left_out_ > 0)
      note(global_, "qat_int8 is left out: there is no octet-train.so beside this program");
    return model;
  }

  static Graph folded(Graph graph) {
    run_passes(graph, inference_passes());
    return graph;
  }

  void require_not_stopped(bool stopped) const {
    if (stopped) throw CLI::RuntimeError(stop_exit_code());
  }

  TrainOptions common(TrainOptions options) const {
    options.seed = global_.seed;
    options.threads = thread_count(global_);
    options.device = request_.training.device;
    options.stop = &stop_requested();
    if (request_.tiny) options.epochs = 1;
    return options;
  }

  /// The zoo's name, or the file's: a folder says nothing about the model.
  std::string model_name() const {
    return request_.from ? std::filesystem::path(*request_.from).stem().string() : request_.model;
  }

  Graph train_float(const Graph& model) {
    warn_about_slow_blas(global_);
    note(global_, fmt::format("training {} on {} ({} samples)", request_.model, request_.data,
                              data_.train.size()));
    TrainResult result =
        train(model, data_, common(training_), training_progress(global_, "train"));
    require_not_stopped(result.stopped);
    return std::move(result.best);
  }

  void write(const std::string& name, const std::string& description, Graph graph) {
    // A model without a word on preprocessing would be fed by the data set's own; say it.
    graph.metadata.try_emplace("octet.preprocessing", to_json(data_.train.preprocessing));
    graph.metadata["octet.config"] = name;
    const std::filesystem::path file = request_.output / (name + ".onnx");
    write_model(graph, file, global_);
    written_.push_back({name, description, file});
    note(global_, fmt::format("wrote {} ({} bytes)", file.string(), file_bytes(file)));
  }

  void add_config(const QuantSpec& spec) {
    if (spec.scheme == Scheme::kFloat) return;
    if (spec.scheme == Scheme::kQat) {
      add_qat(spec);
      return;
    }
    QuantizedModel quantized =
        quantize_model(trained_, spec, data_.train, request_.calibration_samples, global_);
    if (global_.verbose) {
      note(global_, "prepared:\n" + quantized.prepared + "converted:\n" + quantized.converted);
    }
    write(spec.name, describe(spec), std::move(quantized.graph));
  }

  void add_qat(const QuantSpec& spec) {
    const auto name = trained_.metadata.find("octet.model");
    QatOptions options =
        default_qat(name == trained_.metadata.end() ? request_.model : name->second,
                    data_.train.sample_shape.rank());
    if (request_.qat_epochs) options.train.epochs = *request_.qat_epochs;
    options.train = common(options.train);
    options.calibration_samples = request_.calibration_samples;
    QatResult result =
        fine_tune_quantized(trained_, spec, data_, options, training_progress(global_, "qat"));
    require_not_stopped(result.stopped);
    if (global_.verbose) {
      note(global_,
           "prepared:\n" + to_text(result.prepared) + "converted:\n" + to_text(result.converted));
    }
    note(global_, fmt::format("qat: {} of {} integer weights differ from post-training",
                              result.changed_weights, result.total_weights));
    write(spec.name, describe(spec) + fmt::format(", {} epochs", options.train.epochs),
          std::move(result.quantized));
    if (request_.equal_budget) add_fine_tuned_float(options.train);
  }

  /// What the same steps do to the float model: without it QAT's gain would be training time.
  void add_fine_tuned_float(const TrainOptions& options) {
    TrainResult result =
        train(folded(trained_), data_, options, training_progress(global_, "equal budget"));
    require_not_stopped(result.stopped);
    write("fp32_finetuned", fmt::format("float32, fine-tuned for QAT's {} epochs", options.epochs),
          std::move(result.best));
  }

  RunRecord measure() {
    RunRecord record;
    record.title = model_name() + " on " + request_.data;
    record.model = model_name();
    record.data = request_.data;
    record.seed = global_.seed;
    record.command = global_.command;
    BenchRequest bench;
    bench.batches = request_.batches;
    bench.latency = request_.latency;
    for (const WrittenModel& model : written_) bench.files.push_back(model.file);
    std::vector<AccuracyRecord> accuracies = evaluate_all();
    note(global_, "timing, all models interleaved");
    record.configs = bench_models(bench, global_);
    for (std::size_t i = 0; i < written_.size(); ++i) {
      record.configs[i].name = written_[i].name;
      record.configs[i].model_file = written_[i].file.filename().string();
      record.configs[i].description = written_[i].description;
      record.configs[i].accuracy = std::move(accuracies[i]);
    }
    record.environment = describe_environment(instruction_set(global_), thread_count(global_));
    return record;
  }

  /// Reads back every file and runs it on the test part; the first one is the reference.
  std::vector<AccuracyRecord> evaluate_all() {
    std::vector<AccuracyRecord> records;
    Predictions reference;
    for (const WrittenModel& model : written_) {
      Predictions predictions = predict_with_plan(read_model(model.file, global_), data_.test,
                                                  global_, "eval " + model.name);
      AccuracyRecord record = accuracy(predictions, data_.test);
      record.data = request_.data;
      record.split = "test";
      if (records.empty()) {
        reference = std::move(predictions);
      } else {
        compare_predictions(predictions, reference, data_.test, record);
      }
      records.push_back(std::move(record));
    }
    return records;
  }

  const PipelineRequest& request_;
  const GlobalOptions& global_;
  DataSplits data_;
  Graph trained_;
  TrainOptions training_;
  std::vector<QuantSpec> configs_;
  std::size_t left_out_ = 0;  ///< configurations that this program cannot make
  std::vector<WrittenModel> written_;
};

}  // namespace

RunRecord run_pipeline(const PipelineRequest& request, const GlobalOptions& global) {
  return Pipeline(request, global).run();
}

}  // namespace octet::cli
