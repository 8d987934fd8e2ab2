#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "octet/train/train.h"

namespace octet {
namespace {

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// "libblas.so.3" is a link that the distribution points at the implementation in use.
std::filesystem::path resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? std::filesystem::path(path) : real;
}

}  // namespace

BlasInfo blas_info() {
  // What the process has mapped is what libtorch calls, whatever the build asked for.
  std::ifstream maps("/proc/self/maps");
  BlasInfo generic;
  for (std::string line; std::getline(maps, line);) {
    const std::size_t begin = line.find('/');
    if (begin == std::string::npos) continue;
    const std::filesystem::path library = resolved(line.substr(begin));
    const std::string file = library.filename().string();
    if (contains(file, "mkl_core") || contains(file, "mkl_rt")) return {"MKL", false};
    if (contains(library.string(), "openblas")) return {"OpenBLAS", false};
    if (contains(file, "libblis")) return {"BLIS", false};
    if (contains(library.string(), "/atlas/")) return {"ATLAS", false};
    if (file.starts_with("libblas.so")) generic = {"reference", true};
  }
  // A libtorch that links its BLAS statically maps none: those builds carry MKL or OpenBLAS.
  return generic.library.empty() ? BlasInfo{"built into libtorch", false} : generic;
}

}  // namespace octet
