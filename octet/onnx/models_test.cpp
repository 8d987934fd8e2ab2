// Real files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

std::filesystem::path model_file(const std::string& name) {
  const char* folder = std::getenv("OCTET_DATA_DIR");
  const std::filesystem::path data =
      folder ? folder : std::filesystem::path(OCTET_SOURCE_DIR) / ".." / "shared" / "data";
  return data / "models" / name;
}

class ModelFileTest : public testing::TestWithParam<const char*> {};

TEST_P(ModelFileTest, ImportsFoldsAndSurvivesTheRoundTrip) {
  const std::filesystem::path file = model_file(GetParam());
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  Graph graph = import_onnx(file);
  run_passes(graph, inference_passes());
  EXPECT_EQ(find_op<BatchNorm>(graph), nullptr);
  EXPECT_EQ(find_op<ShapeOf>(graph), nullptr);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape.rank(), 2);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape[1], 10);
  EXPECT_GT(count_parameters(graph), 1000);
  expect_round_trip(graph);
}

INSTANTIATE_TEST_SUITE_P(, ModelFileTest,
                         testing::Values("small_cnn_cifar10_fp32.onnx",
                                         "resnet20_cifar10_fp32.onnx", "mnist_cntk.onnx"));

TEST(OtherModelFileTest, FilesEndInAGraphOrATypedError) {
  for (const char* name : {"ultraface_rfb320.onnx", "silero_vad_op18_ifless.onnx"}) {
    const std::filesystem::path file = model_file(name);
    if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
    try {
      verify(import_onnx(file));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUnsupported) << error.what();
    }
  }
}

}  // namespace
}  // namespace octet
