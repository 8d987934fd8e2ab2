// The networks that octet builds itself.

#include "octet/zoo/zoo.h"

#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

TEST(ZooTest, EveryNetworkSurvivesTheRoundTrip) {
  for (const std::string& name : model_names()) {
    if (name == "vgg11_bn") continue;  // half a gigabyte of layers that the others have too
    SCOPED_TRACE(name);
    expect_round_trip(build_model(name));
  }
}

TEST(ZooTest, ANetworkInTrainingFormKeepsItsBatchNorm) {
  const Graph graph = build_model("small_cnn");
  const std::vector<std::byte> bytes = to_onnx(graph);
  const Graph again = import_onnx(std::span<const std::byte>(bytes));
  EXPECT_EQ(to_string(again), to_string(graph));
  EXPECT_EQ(count_parameters(again), count_parameters(graph));
}

}  // namespace
}  // namespace octet
