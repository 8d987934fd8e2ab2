// Bytes as the location, offset and length of external data: whatever they say, no file outside the
// model's folder is opened and none of its bytes enters the graph.
//
// The folder lies beside a file that must not be read, and holds every way there: a symbolic and a
// hard link to it, a link to the folder around. The linker replaces open and openat in this program
// (--wrap) by functions that look where the opened file lies.

#include <fcntl.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <filesystem>

#include "octet/base/files.h"
#include "octet/onnx/onnx.h"
#include "octet_onnx.pb.h"
#include "tests/fuzz/fuzz.h"

namespace octet::fuzz {
namespace {

namespace fs = std::filesystem;

// No byte of a file inside equals one of a file outside.
constexpr char kInside = '\x11';
constexpr char kOutside = '\x66';

/// Made when the process starts, removed when it ends well.
class Folders {
 public:
  Folders() {
    const fs::path shm = "/dev/shm";  // in memory where there is such a folder
    root_ = (fs::exists(shm) ? shm : fs::temp_directory_path()) /
            ("octet_external_fuzz_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(model() / "deep" / "er");
    put(root_ / "outside.bin", kOutside, 4096);
    put(model() / "w", kInside, 64);
    put(model() / "deep" / "w", kInside, 4096);
    put(model() / "deep" / "er" / "w", kInside, 1);
    put(model() / "empty", kInside, 0);
    fs::create_symlink("../outside.bin", model() / "link");
    fs::create_symlink(root_ / "outside.bin", model() / "deep" / "link");
    fs::create_directory_symlink("..", model() / "up");
    fs::create_hard_link(root_ / "outside.bin", model() / "hard");
  }
  ~Folders() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  fs::path model() const { return root_ / "model"; }

 private:
  static void put(const fs::path& path, char byte, std::size_t size) {
    write_file(path, std::string(size, byte));
  }
  fs::path root_;
};

const Folders& folders() {
  static const Folders kFolders;
  return kFolders;
}

bool is_importing = false;

}  // namespace

/// The file behind a descriptor that octet has just opened must lie in the folder, and not be the
/// outside one under another name unless it is refused afterwards, which the data show.
void check_opened(int file) {
  if (!is_importing || file < 0) return;
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size() - 1);
  const std::string path(target.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
  const std::string inside = folders().model().string();
  if (path != inside && !path.starts_with(inside + "/")) broken("opened " + path);
}

}  // namespace octet::fuzz

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
int __real_open(const char* path, int flags, ...);
int __real_openat(int folder, const char* path, int flags, ...);

int __wrap_open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const auto mode = static_cast<mode_t>((flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0);
  va_end(arguments);
  const int file = __real_open(path, flags, mode);
  octet::fuzz::check_opened(file);
  return file;
}
int __wrap_openat(int folder, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const auto mode = static_cast<mode_t>((flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0);
  va_end(arguments);
  const int file = __real_openat(folder, path, flags, mode);
  octet::fuzz::check_opened(file);
  return file;
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}

namespace octet::fuzz {
namespace {

using octet_onnx::TensorProto;

/// Parts that lead somewhere, so that a path of them is found quickly.
std::string any_location(FuzzedDataProvider& bytes) {
  static constexpr const char* kParts[] = {
      "w",   "deep", "er", "link",        "up", "hard", "..",     ".",     "/",        "//",
      "../", "",     "./", "outside.bin", "w/", "\\",   "deep/w", "empty", "deep/er/w"};
  if (bytes.ConsumeIntegralInRange(0, 3) == 0) return bytes.ConsumeRandomLengthString(64);
  std::string location;
  for (int i = bytes.ConsumeIntegralInRange(0, 6); i > 0; --i) {
    location += bytes.PickValueInArray(kParts);
    if (bytes.ConsumeBool()) location += '/';
  }
  // The absolute path of a file that exists, inside or outside.
  if (bytes.ConsumeIntegralInRange(0, 9) == 0) location = (folders().model() / location).string();
  return location;
}

std::string any_count(FuzzedDataProvider& bytes) {
  if (bytes.ConsumeIntegralInRange(0, 3) == 0) return bytes.ConsumeRandomLengthString(24);
  return std::to_string(bytes.ConsumeBool() ? bytes.ConsumeIntegralInRange<std::int64_t>(0, 64)
                                            : bytes.ConsumeIntegral<std::int64_t>());
}

void fill(TensorProto& tensor, FuzzedDataProvider& bytes) {
  tensor.set_data_type(TensorProto::UINT8);
  for (int i = bytes.ConsumeIntegralInRange(0, 2); i > 0; --i) {
    tensor.add_dims(bytes.ConsumeBool() ? bytes.ConsumeIntegralInRange<std::int64_t>(0, 80)
                                        : bytes.ConsumeIntegral<std::int64_t>());
  }
  tensor.set_data_location(TensorProto::EXTERNAL);
  const auto add = [&](const std::string& key, const std::string& value) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", any_location(bytes));
  if (bytes.ConsumeBool()) add("offset", any_count(bytes));
  if (bytes.ConsumeBool()) add("length", any_count(bytes));
  const int other = bytes.ConsumeIntegralInRange(0, 7);
  if (other == 0) add("checksum", bytes.ConsumeRandomLengthString(40));
  if (other == 1) add(bytes.ConsumeRandomLengthString(12), bytes.ConsumeRandomLengthString(12));
  if (other == 2) add("location", any_location(bytes));
}

/// y = [w ...]: tensors in initializers and in the attribute of a Constant.
octet_onnx::ModelProto model_of(FuzzedDataProvider& bytes) {
  octet_onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  auto& graph = *model.mutable_graph();
  const int count = bytes.ConsumeIntegralInRange(1, 3);
  for (int i = 0; i < count; ++i) {
    const std::string name = "w" + std::to_string(i);
    if (bytes.ConsumeBool()) {
      auto& tensor = *graph.add_initializer();
      tensor.set_name(name);
      fill(tensor, bytes);
    } else {
      auto& node = *graph.add_node();
      node.set_op_type("Constant");
      node.add_output(name);
      auto& attribute = *node.add_attribute();
      attribute.set_name("value");
      attribute.set_type(octet_onnx::AttributeProto::TENSOR);
      fill(*attribute.mutable_t(), bytes);
    }
    auto& node = *graph.add_node();
    node.set_op_type("Identity");
    node.add_input(name);
    node.add_output("y" + std::to_string(i));
    graph.add_output()->set_name(node.output(0));
  }
  return model;
}

void check_content(const Graph& graph) {
  for (const Value& value : graph.values()) {
    if (!value.constant) continue;
    for (const std::uint8_t byte : value.constant->data<std::uint8_t>()) {
      if (byte != static_cast<std::uint8_t>(kInside)) broken("a byte that no file inside holds");
    }
  }
}

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace octet;
  FuzzedDataProvider bytes(data, size);
  const std::filesystem::path folder = fuzz::folders().model();
  const std::string file = fuzz::model_of(bytes).SerializePartialAsString();
  fuzz::accepted([&] {
    fuzz::is_importing = true;
    const Graph graph = import_onnx(std::as_bytes(std::span(file)),
                                    {.external_folder = folder, .max_external_bytes = 1 << 20});
    fuzz::check_content(graph);
  });
  fuzz::is_importing = false;
  return 0;
}
