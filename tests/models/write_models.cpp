// Writes the networks of this folder as ONNX files, for tests that are not C++.
#include <cstdio>

#include "octet/base/error.h"
#include "octet/onnx/onnx.h"
#include "tests/models/models.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: octet_write_test_models FOLDER\n");
    return 64;
  }
  try {
    for (const std::string& name : octet::test_model_names()) {
      octet::export_onnx(octet::test_model(name), std::string(argv[1]) + "/" + name + ".onnx");
      std::printf("%s\n", name.c_str());
    }
  } catch (const octet::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 70;
  }
  return 0;
}
