#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "octet/cli/global_options.h"
#include "octet/train/train.h"

namespace octet::cli {

/// A line for a person, on stderr; nothing under --quiet.
void note(const GlobalOptions& global, const std::string& line);

/// Progress of one long task: a redrawn bar on a terminal, a plain line every few seconds
/// elsewhere, nothing under --quiet.
class ProgressBar {
 public:
  ProgressBar(const GlobalOptions& global, std::string task, std::string unit);
  ~ProgressBar();
  void update(std::int64_t done, std::int64_t total, const std::string& detail = "");
  void finish();

 private:
  std::string task_, unit_;
  bool quiet_, terminal_, open_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

/// Shows training as "epoch 2/5 [=====>   ] loss 1.234 acc 56.7 % 812 images/s ETA 0:42".
ProgressSink training_progress(const GlobalOptions& global, const std::string& task);

/// Set by the first SIGINT or SIGTERM; the second ends the process at once.
const std::atomic<bool>& stop_requested();
/// 130 after SIGINT, 143 after SIGTERM.
int stop_exit_code();
/// Ends the command, with that exit code, if a stop was requested.
void throw_if_stopped();
void install_signal_handlers();

}  // namespace octet::cli
