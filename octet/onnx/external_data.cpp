#include "octet/onnx/external_data.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "octet/base/error.h"
#include "octet/onnx/quote.h"
#include "octet/onnx/tensor_proto.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::GraphProto;
using octet_onnx::NodeProto;
using octet_onnx::TensorProto;

constexpr std::size_t kMaxLocationBytes = 4096;
constexpr std::size_t kMaxUnknownKeys = 8;  // that are told; a hostile file has millions

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(-1); }
  /// Leaves errno as it is.
  void reset(int fd) {
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    errno = error;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

/// Where a tensor's data lie, as the file says it.
struct Place {
  std::string location;
  std::int64_t offset = 0;
  std::optional<std::int64_t> length;
};

std::int64_t parse_count(const std::string& text, const std::string& key,
                         const std::string& where) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    fail(ErrorKind::kBadData, where, ": ", key, " ", quote_name(text),
         ", accepted: a whole number, 0 or more");
  }
  return value;
}

/// Adds to `unknown` the keys that mean nothing to octet.
Place place_of(const TensorProto& tensor, const std::string& where,
               std::vector<std::string>& unknown) {
  Place place;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") {
      place.location = entry.value();
    } else if (entry.key() == "offset") {
      place.offset = parse_count(entry.value(), "offset", where);
    } else if (entry.key() == "length") {
      place.length = parse_count(entry.value(), "length", where);
    } else if (entry.key() == "checksum") {
      fail(ErrorKind::kUnsupported, where,
           ": external data with a checksum, accepted: without one");
    } else {
      unknown.push_back(entry.key());
    }
  }
  return place;
}

/// The components of a relative path that stays where it starts.
std::vector<std::string> safe_components(const std::string& location, const std::string& where) {
  const auto refuse = [&](const char* why) {
    fail(ErrorKind::kBadData, where, ": external data at ", quote_name(location), ": ", why,
         ", accepted: a relative path inside the model's folder");
  };
  if (location.empty()) refuse("no location");
  if (location.size() > kMaxLocationBytes) refuse("a path of more than 4096 bytes");
  if (location.find('\0') != std::string::npos) refuse("a path with a zero byte");
  // Elsewhere these separate folders and name drives.
  if (location.find('\\') != std::string::npos || location.find(':') != std::string::npos) {
    refuse("a backslash or colon");
  }
  if (location.front() == '/') refuse("an absolute path");
  std::vector<std::string> components;
  for (std::size_t begin = 0; begin <= location.size();) {
    const std::size_t end = std::min(location.find('/', begin), location.size());
    const std::string component = location.substr(begin, end - begin);
    if (component == "..") refuse("a way out of the folder");
    if (!component.empty() && component != ".") components.push_back(component);
    begin = end + 1;
  }
  if (components.empty()) refuse("the folder itself");
  return components;
}

/// Reads files below one folder.
class ExternalReader {
 public:
  ExternalReader(const std::filesystem::path& folder, std::int64_t max_bytes,
                 const WarningSink& warn)
      : folder_(folder.empty() ? "." : folder),
        left_(max_bytes),
        max_bytes_(max_bytes),
        warn_(warn) {}

  void embed(TensorProto& tensor, const std::string& where) {
    std::vector<std::string> unknown;
    const Place place = place_of(tensor, where, unknown);
    for (const std::string& key : unknown) tell_unknown(key, where);
    const std::int64_t wanted = data_bytes(tensor, where);
    if (place.length && *place.length != wanted) {
      fail(ErrorKind::kBadData, where, ": external data of ", *place.length,
           " bytes, accepted: ", wanted, " for its type and shape");
    }
    if (wanted > left_) {
      fail(ErrorKind::kUnsupported, where, ": external data add up to more than ", max_bytes_,
           " bytes");
    }
    left_ -= wanted;
    tensor.set_raw_data(read(place, wanted, where));
    tensor.clear_external_data();
    tensor.clear_data_location();
  }

 private:
  /// Once per key: a thousand tensors of one exporter all have it.
  void tell_unknown(const std::string& key, const std::string& where) {
    if (!warn_ || told_.size() == kMaxUnknownKeys || !told_.insert(key).second) return;
    warn_(where + ": external data with the key " + quote_name(key) +
          ", which is ignored; known: location, offset, length");
  }

  std::string read(const Place& place, std::int64_t bytes, const std::string& where) const {
    Descriptor file(-1);
    open(file, safe_components(place.location, where), place.location, where);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) fail_missing(place.location, where, std::strerror(errno));
    if (!S_ISREG(info.st_mode)) fail_missing(place.location, where, "not a regular file");
    if (info.st_nlink > 1) {
      fail_missing(place.location, where, "the file has a second name (a hard link)");
    }
    if (place.offset > info.st_size || bytes > info.st_size - place.offset) {
      fail(ErrorKind::kBadData, where, ": external data at ", quote_name(place.location), " from ",
           place.offset, " on: ", bytes, " bytes wanted, the file has ", info.st_size);
    }
    std::string data(static_cast<std::size_t>(bytes), '\0');
    for (std::int64_t done = 0; done < bytes;) {
      const ssize_t got = ::pread(file.get(), data.data() + done,
                                  static_cast<std::size_t>(bytes - done), place.offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        fail(ErrorKind::kIo, where, ": external data at ", quote_name(place.location),
             ": reading stopped after ", done, " bytes");
      }
      done += got;
    }
    return data;
  }

  /// Component by component, so that none of them can be a link. O_NONBLOCK: a FIFO must not wait.
  void open(Descriptor& at, const std::vector<std::string>& components, const std::string& location,
            const std::string& where) const {
    at.reset(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (std::size_t i = 0; i < components.size(); ++i) {
      if (at.get() < 0) break;
      const bool last = i + 1 == components.size();
      const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
      at.reset(::openat(at.get(), components[i].c_str(), flags));
    }
    if (at.get() < 0) {
      fail_missing(location, where, errno == ELOOP ? "a link" : std::strerror(errno));
    }
  }

  [[noreturn]] static void fail_missing(const std::string& location, const std::string& where,
                                        const char* why) {
    fail(ErrorKind::kNoInput, where, ": external data at ", quote_name(location),
         ": cannot be read: ", why);
  }

  std::filesystem::path folder_;
  std::int64_t left_, max_bytes_;
  const WarningSink& warn_;
  std::set<std::string> told_;
};

/// Finds every tensor of a graph and embeds what is external.
class ExternalDataWalk {
 public:
  explicit ExternalDataWalk(ExternalReader& reader) : reader_(reader) {}

  /// As deep as parse_proto lets messages nest.
  void graph(GraphProto& graph) {
    for (TensorProto& tensor : *graph.mutable_initializer()) visit(tensor, "initializer");
    for (auto& sparse : *graph.mutable_sparse_initializer()) {
      visit(*sparse.mutable_values(), "sparse initializer");
      visit(*sparse.mutable_indices(), "sparse initializer");
    }
    for (NodeProto& child : *graph.mutable_node()) node(child);
  }

  void node(NodeProto& node) {
    for (AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) visit(*attribute.mutable_t(), "attribute tensor");
      for (TensorProto& tensor : *attribute.mutable_tensors()) visit(tensor, "attribute tensor");
      if (attribute.has_sparse_tensor()) {
        visit(*attribute.mutable_sparse_tensor()->mutable_values(), "sparse tensor");
        visit(*attribute.mutable_sparse_tensor()->mutable_indices(), "sparse tensor");
      }
      if (attribute.has_g()) graph(*attribute.mutable_g());
      for (GraphProto& child : *attribute.mutable_graphs()) graph(child);
    }
  }

 private:
  void visit(TensorProto& tensor, const char* kind) {
    if (tensor.data_location() != TensorProto::EXTERNAL) return;
    reader_.embed(tensor, std::string("onnx import: ") + kind + " " + quote_name(tensor.name()));
  }

  ExternalReader& reader_;
};

}  // namespace

void read_external_data(octet_onnx::ModelProto& model, const std::filesystem::path& folder,
                        std::int64_t max_bytes, const WarningSink& warn) {
  ExternalReader reader(folder, max_bytes, warn);
  ExternalDataWalk walk(reader);
  if (model.has_graph()) walk.graph(*model.mutable_graph());
  for (auto& function : *model.mutable_functions()) {
    for (NodeProto& node : *function.mutable_node()) walk.node(node);
  }
}

}  // namespace octet
