#include "octet/train/training_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <span>

#include "octet/base/error.h"
#include "octet/train/optimizer.h"
#include "octet/train/torch_bridge.h"
#include "octet/train/train_setup.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kProgressSeconds = 0.2;
constexpr int kEvaluationBatch = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::vector<Tensor> copy_out(const std::vector<at::Tensor>& tensors) {
  std::vector<Tensor> result;
  for (const at::Tensor& tensor : tensors) result.push_back(from_torch(tensor));
  return result;
}

void copy_in(const std::vector<Tensor>& from, const std::vector<at::Tensor>& to,
             const std::string& what) {
  const at::NoGradGuard no_grad;
  if (from.size() != to.size()) {
    fail(ErrorKind::kBadData, "checkpoint: ", what, ": found ", from.size(),
         " tensors, accepted: ", to.size());
  }
  for (std::size_t i = 0; i < from.size(); ++i) {
    const at::Tensor source = to_torch(from[i], at::kCPU);
    if (source.sizes() != to[i].sizes() || source.scalar_type() != to[i].scalar_type()) {
      fail(ErrorKind::kBadData, "checkpoint: ", what, " ", i, ": found ",
           to_string(from[i].shape()), ", accepted: ", to_string(Shape(to[i].sizes().vec())));
    }
    at::Tensor(to[i]).copy_(source);
  }
}

struct Batch {
  at::Tensor samples;
  at::Tensor labels;
};

class TrainingLoop {
 public:
  TrainingLoop(TrainableNetwork& network, const TrainingJob& job)
      : network_(network),
        job_(job),
        options_(job.options),
        optimizer_(job.options, network.parameters),
        rng_(job.options.seed),
        steps_(steps_per_epoch(job.data.train.size(), job.options.batch, network.has_batch_norm)) {
    if (steps_ == 0) {
      fail(ErrorKind::kBadData, "train: ", job.data.train.size(),
           " training samples give no batch of ", options_.batch, ", accepted: more samples");
    }
  }

  LoopResult run();

 private:
  Batch load(const Dataset& data, std::span<const std::int32_t> indices,
             const Augmentation& augmentation, Rng* rng) const;
  void begin_epoch();
  void take_step();
  void finish_epoch();
  void evaluate(EpochResult& result, std::int64_t& correct) const;
  void keep_best(std::int64_t correct);
  bool stop_requested() const { return options_.stop && options_.stop->load(); }
  void report(bool force);
  void save();
  void restore();

  TrainableNetwork& network_;
  const TrainingJob& job_;
  const TrainOptions& options_;
  ParameterOptimizer optimizer_;
  Rng rng_;
  const std::int64_t steps_;
  /// Position and history; the tensors in it are filled only where they are not live elsewhere.
  TrainCheckpoint progress_;
  std::vector<std::int32_t> order_;
  Clock::time_point epoch_start_;
  Clock::time_point last_report_;
  std::int64_t seen_before_ = 0;  ///< samples of this epoch that an earlier process trained
};

Batch TrainingLoop::load(const Dataset& data, std::span<const std::int32_t> indices,
                         const Augmentation& augmentation, Rng* rng) const {
  std::vector<std::int64_t> dims{static_cast<std::int64_t>(indices.size())};
  dims.insert(dims.end(), data.sample_shape.dims().begin(), data.sample_shape.dims().end());
  Batch batch{at::empty(dims, at::kFloat),
              at::empty({static_cast<std::int64_t>(indices.size())}, at::kLong)};
  fill_batch(
      data, indices, job_.preprocessing, augmentation, rng,
      std::span(batch.samples.data_ptr<float>(), static_cast<std::size_t>(batch.samples.numel())));
  std::int64_t* labels = batch.labels.data_ptr<std::int64_t>();
  for (const std::int32_t index : indices) *labels++ = data.labels[static_cast<std::size_t>(index)];
  return {batch.samples.to(network_.device), batch.labels.to(network_.device)};
}

void TrainingLoop::begin_epoch() {
  const bool resumed = progress_.step > 0;
  if (resumed) {
    rng_.set_state(progress_.epoch_rng);
  } else {
    progress_.epoch_rng = rng_.state();
    progress_.loss_sum = 0;
    progress_.correct = progress_.seen = 0;
  }
  order_.resize(static_cast<std::size_t>(job_.data.train.size()));
  std::iota(order_.begin(), order_.end(), 0);
  if (options_.shuffle && options_.batch > 0) rng_.shuffle(order_);
  if (resumed) rng_.set_state(progress_.rng);
  seen_before_ = progress_.seen;
  epoch_start_ = last_report_ = Clock::now();
}

void TrainingLoop::take_step() {
  if (network_.before_step) {
    network_.before_step(progress_.epoch * steps_ + progress_.step, options_.epochs * steps_);
  }
  const std::size_t batch = options_.batch == 0 ? order_.size() : options_.batch;
  const std::size_t begin = static_cast<std::size_t>(progress_.step) * batch;
  const std::span indices =
      std::span(order_).subspan(begin, std::min(batch, order_.size() - begin));
  const Batch data = load(job_.data.train, indices, options_.augmentation, &rng_);

  optimizer_.zero_gradients();
  const at::Tensor logits = network_.forward(data.samples, /*training=*/true);
  const at::Tensor loss = at::cross_entropy_loss(logits, data.labels);
  loss.backward();
  optimizer_.step(learning_rate(options_, static_cast<int>(progress_.epoch)));

  const double value = loss.item<double>();
  if (!std::isfinite(value)) {
    fail(ErrorKind::kBadData, "train: the loss became ", value, " in epoch ", progress_.epoch + 1,
         ", step ", progress_.step + 1, ", accepted: a finite loss (try a smaller lr than ",
         options_.lr, ")");
  }
  const auto count = static_cast<std::int64_t>(indices.size());
  progress_.loss_sum += value * static_cast<double>(count);
  progress_.correct += logits.detach().argmax(1).eq(data.labels).sum().item<std::int64_t>();
  progress_.seen += count;
  ++progress_.step;
}

void TrainingLoop::evaluate(EpochResult& result, std::int64_t& correct) const {
  const at::NoGradGuard no_grad;
  const Dataset& data = job_.data.validation;
  std::vector<std::int32_t> indices(static_cast<std::size_t>(data.size()));
  std::iota(indices.begin(), indices.end(), 0);
  double loss_sum = 0;
  correct = 0;
  for (std::size_t begin = 0; begin < indices.size(); begin += kEvaluationBatch) {
    const std::span part = std::span(indices).subspan(
        begin, std::min<std::size_t>(kEvaluationBatch, indices.size() - begin));
    const Batch batch = load(data, part, {}, nullptr);
    const at::Tensor logits = network_.forward(batch.samples, /*training=*/false);
    loss_sum += at::cross_entropy_loss(logits, batch.labels).item<double>() *
                static_cast<double>(part.size());
    correct += logits.argmax(1).eq(batch.labels).sum().item<std::int64_t>();
  }
  result.has_validation = true;
  result.val_loss = loss_sum / static_cast<double>(indices.size());
  result.val_top1 = percent(correct, data.size());
}

void TrainingLoop::keep_best(std::int64_t correct) {
  if (correct < progress_.best_correct) return;
  progress_.best_correct = correct;
  progress_.best_epoch = progress_.epoch + 1;
  progress_.best_parameters = copy_out(network_.parameters);
  progress_.best_state = copy_out(network_.state);
}

void TrainingLoop::finish_epoch() {
  report(/*force=*/true);
  EpochResult result;
  result.epoch = static_cast<int>(progress_.epoch) + 1;
  result.lr = learning_rate(options_, static_cast<int>(progress_.epoch));
  result.train_loss = progress_.loss_sum / static_cast<double>(progress_.seen);
  result.train_top1 = percent(progress_.correct, progress_.seen);
  result.images_per_s =
      static_cast<double>(progress_.seen - seen_before_) / seconds_since(epoch_start_);
  std::int64_t correct = 0;
  if (job_.data.validation.size() > 0) evaluate(result, correct);
  keep_best(correct);
  progress_.epochs.push_back(result);
  ++progress_.epoch;
  progress_.step = 0;
}

void TrainingLoop::report(bool force) {
  if (!job_.progress || (!force && seconds_since(last_report_) < kProgressSeconds)) return;
  last_report_ = Clock::now();
  TrainProgress now;
  now.epoch = static_cast<int>(progress_.epoch) + 1;
  now.epochs = options_.epochs;
  now.step = static_cast<int>(progress_.step);
  now.steps = static_cast<int>(steps_);
  if (progress_.seen > 0) now.loss = progress_.loss_sum / static_cast<double>(progress_.seen);
  now.accuracy = percent(progress_.correct, progress_.seen);
  now.images_per_s = static_cast<double>(progress_.seen - seen_before_) /
                     std::max(1e-9, seconds_since(epoch_start_));
  job_.progress(now);
}

void TrainingLoop::save() {
  if (!options_.checkpoint) return;
  TrainCheckpoint checkpoint = progress_;
  checkpoint.fingerprint = job_.fingerprint;
  checkpoint.parameters = copy_out(network_.parameters);
  checkpoint.state = copy_out(network_.state);
  checkpoint.optimizer = copy_out(optimizer_.state());
  checkpoint.optimizer_steps = optimizer_.steps();
  checkpoint.rng = rng_.state();
  save_checkpoint(*options_.checkpoint, checkpoint);
}

void TrainingLoop::restore() {
  const std::string where = options_.checkpoint->string();
  progress_ = load_checkpoint(*options_.checkpoint);
  require_same_fingerprint(progress_.fingerprint, job_.fingerprint, where);
  if (progress_.epoch < 0 || progress_.epoch > options_.epochs || progress_.step < 0 ||
      progress_.step > steps_) {
    fail(ErrorKind::kBadData, where, ": checkpoint at epoch ", progress_.epoch, ", step ",
         progress_.step, ", accepted: up to epoch ", options_.epochs, ", step ", steps_);
  }
  copy_in(progress_.parameters, network_.parameters, "parameter");
  copy_in(progress_.state, network_.state, "state");
  copy_in(progress_.optimizer, optimizer_.state(), "optimizer state");
  optimizer_.set_steps(progress_.optimizer_steps);
  rng_.set_state(progress_.rng);
}

LoopResult TrainingLoop::run() {
  if (options_.resume) restore();
  bool stopped = false;
  while (!stopped && progress_.epoch < options_.epochs) {
    begin_epoch();
    while (!stopped && progress_.step < steps_) {
      take_step();
      report(/*force=*/false);
      stopped = stop_requested();
    }
    if (!stopped) {
      finish_epoch();
      stopped = stop_requested() && progress_.epoch < options_.epochs;
    }
    save();
  }
  // Without validation data the newest weights are the best there are.
  if (job_.data.validation.size() > 0 && progress_.best_epoch >= 0) {
    copy_in(progress_.best_parameters, network_.parameters, "best parameter");
    copy_in(progress_.best_state, network_.state, "best state");
  }
  return {progress_.epochs, static_cast<int>(std::max<std::int64_t>(0, progress_.best_epoch)),
          stopped};
}

}  // namespace

LoopResult run_training(TrainableNetwork& network, const TrainingJob& job) {
  try {
    return TrainingLoop(network, job).run();
  } catch (const c10::Error& error) {
    fail(ErrorKind::kInternal, "train: ", first_line(error));
  }
}

}  // namespace octet
