// ONNX's own single-operator models: each is imported, compiled and run, and its outputs are held
// against the ones that ONNX's reference implementation gave.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "octet/onnx/onnx.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

/// The folder of the cases; empty if there is none.
fs::path cases_folder() {
  const char* data = std::getenv("OCTET_DATA_DIR");
  const fs::path folder = fs::path(data != nullptr ? data : "../shared/data") / "onnx-node-tests";
  return fs::exists(folder) ? folder : fs::path();
}

std::vector<std::string> case_names() {
  std::ifstream file(OCTET_CASES);
  std::vector<std::string> names;
  for (std::string name; std::getline(file, name);) names.push_back(name);
  return names;
}

/// prefix_0.pb, prefix_1.pb ... as far as they go.
std::vector<Tensor> numbered_tensors(const fs::path& folder, const std::string& prefix) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const fs::path file = folder / (prefix + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) return tensors;
    tensors.push_back(read_tensor_proto(file));
  }
}

/// ONNX's tolerances; what is not a number must be so on both sides.
bool is_close(float found, float expected) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <= 1e-7f + 1e-3f * std::abs(expected);
}

void expect_equal(const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.dtype(), expected.dtype());
  ASSERT_EQ(found.shape(), expected.shape());
  if (expected.dtype() != DType::kFloat32) {
    EXPECT_TRUE(found == expected) << "integers differ";
    return;
  }
  for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
    ASSERT_TRUE(is_close(found.data<float>()[i], expected.data<float>()[i]))
        << "element " << i << ": " << found.data<float>()[i] << ", expected "
        << expected.data<float>()[i];
  }
}

class Conformance : public testing::TestWithParam<std::string> {};

TEST_P(Conformance, Case) {
  const fs::path folder = cases_folder();
  if (folder.empty()) GTEST_SKIP() << "no onnx-node-tests in OCTET_DATA_DIR or ../shared/data";
  const fs::path set = folder / GetParam() / "test_data_set_0";
  Session session(import_onnx(folder / GetParam() / "model.onnx"));
  const std::vector<Tensor> results = session.run(numbered_tensors(set, "input"));
  const std::vector<Tensor> expected = numbered_tensors(set, "output");
  ASSERT_EQ(results.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE("output " + std::to_string(i));
    expect_equal(results[i], expected[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Onnx, Conformance, testing::ValuesIn(case_names()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           return info.param;
                         });

}  // namespace
}  // namespace octet
