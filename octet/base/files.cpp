#include "octet/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "octet/base/error.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  /// Closes and reports: some file systems tell of a failed write only here.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

template <typename Container>
Container read_into(const fs::path& path, std::size_t max_bytes) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) {
    fail(ErrorKind::kNoInput, path.string(), ": cannot be read: ", std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) fail(ErrorKind::kNoInput, path.string(), ": is not a regular file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > max_bytes) {
    fail(ErrorKind::kBadData, path.string(), ": ", size, " bytes, accepted: at most ", max_bytes);
  }
  Container bytes;
  bytes.resize(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(ErrorKind::kIo, path.string(), ": reading failed: ", std::strerror(errno));
    if (got == 0) fail(ErrorKind::kIo, path.string(), ": shrank while it was read");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path, std::size_t max_bytes) {
  return read_into<std::vector<std::byte>>(path, max_bytes);
}

std::string read_text_file(const fs::path& path, std::size_t max_bytes) {
  return read_into<std::string>(path, max_bytes);
}

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  const fs::path temporary = path.string() + ".tmp." + std::to_string(::getpid());
  FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) {
    fail(ErrorKind::kCannotCreate, path.string(), ": cannot be created: ", std::strerror(errno));
  }
  const bool written = write_all(file.get(), bytes) && ::fsync(file.get()) == 0 && file.close() &&
                       ::rename(temporary.c_str(), path.c_str()) == 0;
  if (!written) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail(ErrorKind::kIo, path.string(), ": writing ", bytes.size(),
         " bytes failed: ", std::strerror(error));
  }
  // The rename is durable only once the folder itself is on disk.
  FileDescriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

void write_file(const fs::path& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text)));
}

void require_writable(const fs::path& path) {
  if (path.empty() || !path.has_filename()) {
    fail(ErrorKind::kCannotCreate, "'", path.string(), "': not the name of a file");
  }
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    fail(ErrorKind::kCannotCreate, path.string(), ": is a folder, a file is to be written there");
  }
  const fs::path folder = folder_of(path);
  if (!fs::is_directory(folder, ignored)) {
    fail(ErrorKind::kCannotCreate, path.string(), ": the folder ", folder.string(),
         " does not exist");
  }
  const fs::path probe = path.string() + ".probe." + std::to_string(::getpid());
  FileDescriptor file(::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) {
    fail(ErrorKind::kCannotCreate, path.string(), ": cannot be created: ", std::strerror(errno));
  }
  ::unlink(probe.c_str());
}

void make_output_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder)) {
    fail(ErrorKind::kCannotCreate, folder.string(),
         ": cannot be created: ", error ? error.message() : "a file has that name");
  }
  require_writable(folder / "probe");
}

}  // namespace octet
