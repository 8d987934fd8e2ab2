#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// How a child process ended and what it wrote.
struct ProcessResult {
  int exit_code = -1;  ///< -N after signal N
  std::string out, err;
};

struct ProcessOptions {
  std::filesystem::path folder;          ///< where it runs
  std::vector<std::string> environment;  ///< "NAME=value", on top of this process's own
};

/// A child process whose output is captured. The destructor kills and reaps one that still runs.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, const ProcessOptions& options);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  bool running();
  void send(int signal);
  /// Whether it has a handler for the signal by now.
  bool handles(int signal) const;
  /// Waits for the end; a test failure and SIGKILL if that takes longer than `limit`.
  ProcessResult wait(std::chrono::seconds limit = std::chrono::seconds(120));

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
  int status_ = 0;
  int out_ = -1, err_ = -1;
};

}  // namespace octet
