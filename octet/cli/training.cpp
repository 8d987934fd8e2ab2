// octet/train as this program sees it: forwarded to octet-train.so, loaded on first use.

#include <dlfcn.h>

#include <filesystem>

#include "octet/base/error.h"
#include "octet/cli/training_options.h"
#include "octet/train/training_module.h"

namespace octet {
namespace {

constexpr const char* kModuleFile = "octet-train.so";

/// Beside the program in a build folder, under lib/octet in an installation; empty if absent.
std::filesystem::path training_module_file() {
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const std::filesystem::path& file :
       {folder / kModuleFile, folder.parent_path() / "lib" / "octet" / kModuleFile}) {
    if (std::filesystem::exists(file)) return file;
  }
  return {};
}

const TrainingModule& load_training_module() {
  cli::require_training();
  const std::filesystem::path file = training_module_file();
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    fail(ErrorKind::kUnsupported, "training needs ", kModuleFile,
         " and libtorch, which could not be loaded: ", ::dlerror());
  }
  using Entry = decltype(&octet_training_module);
  const auto entry = reinterpret_cast<Entry>(::dlsym(library, kTrainingModuleSymbol));
  if (entry == nullptr || entry()->interface != kTrainingInterface) {
    fail(ErrorKind::kUnsupported, file.string(),
         " comes from another build than this program; install both from one build");
  }
  return *entry();
}

const TrainingModule& training_module() {
  static const TrainingModule& module = load_training_module();
  return module;
}

}  // namespace

TrainResult train(const Graph& graph, const DataSplits& data, const TrainOptions& options,
                  const ProgressSink& progress) {
  return training_module().train(graph, data, options, progress);
}

QatResult fine_tune_quantized(const Graph& trained, const QuantSpec& spec, const DataSplits& data,
                              const QatOptions& options, const ProgressSink& progress) {
  return training_module().fine_tune_quantized(trained, spec, data, options, progress);
}

BlasInfo blas_info() { return training_module().blas_info(); }

bool cli::can_train() { return !training_module_file().empty(); }

void cli::require_training() {
  if (can_train()) return;
  fail(ErrorKind::kUnsupported, "training needs ", kModuleFile,
       " beside this program, and it is not there (built with OCTET_WITH_TORCH=OFF?); "
       "post-training configurations of a trained model work: --from MODEL.onnx --configs "
       "static_int8_per_channel");
}

}  // namespace octet
