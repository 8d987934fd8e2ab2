#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace octet {

/// What went wrong, as the process exit code that reports it (the numbers of BSD sysexits).
enum class ErrorKind : int {
  kUsage = 64,         ///< the command line
  kBadData = 65,       ///< a file was read and is not what it should be
  kNoInput = 66,       ///< a file is missing or unreadable
  kUnsupported = 69,   ///< valid, but nothing here can do it
  kInternal = 70,      ///< a bug of ours
  kCannotCreate = 73,  ///< an output cannot be created
  kIo = 74,            ///< reading or writing failed half-way
  kBusy = 75,          ///< locked by another process; try again
};

/// The one exception of octet. The message says where, what was found, and what is accepted.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

/// Throws Error with the parts streamed one after the other:
///   fail(ErrorKind::kUsage, "--batch: found ", batch, ", accepted: 1 or more");
template <typename... Parts>
[[noreturn]] void fail(ErrorKind kind, const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(kind, message.str());
}

}  // namespace octet
