#include "octet/cli/console.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

namespace octet::cli {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> stop_flag{false};
volatile std::sig_atomic_t stop_signal = 0;

extern "C" void request_stop(int signal) {
  if (stop_flag.exchange(true)) _exit(128 + signal);
  stop_signal = signal;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string as_duration(double seconds) {
  const auto total = static_cast<long>(seconds + 0.5);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

}  // namespace

void note(const GlobalOptions& global, const std::string& line) {
  if (!global.quiet) fmt::print(stderr, "{}\n", line);
}

ProgressBar::ProgressBar(const GlobalOptions& global, std::string task, std::string unit)
    : task_(std::move(task)),
      unit_(std::move(unit)),
      quiet_(global.quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::update(std::int64_t done, std::int64_t total, const std::string& detail) {
  const double interval = terminal_ ? 0.1 : 5.0;
  const bool complete = done >= total;
  if (quiet_ || total <= 0) return;
  if (seconds_since(last_) < interval && !(complete && (terminal_ || open_))) return;
  last_ = Clock::now();
  const double elapsed = seconds_since(start_);
  const double share = static_cast<double>(done) / static_cast<double>(total);
  const double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  const double left = share > 0 ? elapsed / share - elapsed : 0;
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(share * kWidth);
  const std::string line = fmt::format("{} [{}{}] {:3.0f} % {} {:.0f} {}/s ETA {}", task_,
                                       std::string(filled, '='), std::string(kWidth - filled, ' '),
                                       share * 100, detail, rate, unit_, as_duration(left));
  if (terminal_) {
    fmt::print(stderr, "\r{}\033[K", line);
    std::fflush(stderr);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  open_ = true;
}

void ProgressBar::finish() {
  if (open_ && terminal_) fmt::print(stderr, "\n");
  open_ = false;
}

ProgressSink training_progress(const GlobalOptions& global, const std::string& task) {
  auto bar = std::make_shared<std::unique_ptr<ProgressBar>>();
  return [bar, task, &global](const TrainProgress& at) {
    if (!*bar) *bar = std::make_unique<ProgressBar>(global, task, "steps");
    const std::int64_t steps = at.steps > 0 ? at.steps : 1;
    (*bar)->update((at.epoch - 1) * steps + at.step, at.epochs * steps,
                   fmt::format("epoch {}/{} loss {:.4f} acc {:.2f} % {:.0f} images/s", at.epoch,
                               at.epochs, at.loss, at.accuracy, at.images_per_s));
  };
}

const std::atomic<bool>& stop_requested() { return stop_flag; }

int stop_exit_code() { return 128 + (stop_signal != 0 ? stop_signal : SIGINT); }

void throw_if_stopped() {
  if (stop_flag.load(std::memory_order_relaxed)) throw CLI::RuntimeError(stop_exit_code());
}

void install_signal_handlers() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
}

}  // namespace octet::cli
