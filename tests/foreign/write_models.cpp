// Writes the models of foreign_models() into a folder, for tests that need files.

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/foreign/foreign_models.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: octet_foreign_models FOLDER\n", stderr);
    return 64;
  }
  for (const octet::ForeignModel& foreign : octet::foreign_models()) {
    const std::vector<std::byte> bytes = foreign.model.bytes();
    const auto path = std::filesystem::path(argv[1]) / (foreign.name + ".onnx");
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) {
      std::fprintf(stderr, "cannot write %s\n", path.c_str());
      return 74;
    }
  }
  return 0;
}
