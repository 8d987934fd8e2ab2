#include "octet/graph/passes/passes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"
#include "octet/graph/reference_run.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string_view> names_of(std::span<const Pass> passes) {
  std::vector<std::string_view> names;
  for (const Pass& pass : passes) names.push_back(pass.name);
  return names;
}

std::string after(bool (*pass)(Graph&), Graph& graph) {
  const Tensor x = noise_tensor({2, 4}, 3);
  infer_shapes(graph);
  const std::vector<Tensor> before = reference_run(graph, x);
  EXPECT_TRUE(pass(graph));
  infer_shapes(graph);
  verify(graph);
  EXPECT_EQ(reference_run(graph, x), before);
  EXPECT_FALSE(pass(graph)) << "the second run found something to do";
  return to_string(graph);
}

TEST(RemoveIdentities, ConnectsReadersWithTheSource) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  const ValueId a = graph.add("a", Identity{}, {x});
  const ValueId b = graph.add("b", Identity{}, {a});
  const ValueId c = graph.add("c", Clip{}, {b});
  const ValueId d = graph.add("d", Cast{DType::kFloat32}, {c});
  graph.add_output(graph.add("sum", Add{}, {d, a}));
  EXPECT_EQ(after(remove_identities, graph), "sum: Add(x [N, 4], x [N, 4]) -> [N, 4]\n");
}

TEST(RemoveIdentities, KeepsTheNamesOfGraphOutputs) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  const ValueId sum = graph.add("sum", Add{}, {x, x});
  const ValueId relu = graph.add("relu", Relu{}, {sum});
  const ValueId logits = graph.add("logits", Identity{}, {sum});
  const ValueId again = graph.add("again", Identity{}, {sum});
  const ValueId copy = graph.add("copy", Identity{}, {x});
  for (ValueId output : {logits, again, copy, relu}) graph.add_output(output);
  EXPECT_EQ(after(remove_identities, graph),
            "sum: Add(x [N, 4], x [N, 4]) -> logits [N, 4]\n"
            "relu: Relu(logits [N, 4]) -> [N, 4]\n"
            "again: Identity(logits [N, 4]) -> [N, 4]\n"
            "copy: Identity(x [N, 4]) -> [N, 4]\n");
}

TEST(RemoveDeadNodes, DropsWhatNoOutputNeeds) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  const ValueId unused_input = graph.add_input("unused", DType::kFloat32, {kDynamicDim});
  const ValueId w = graph.add_constant("w", noise_tensor({4}, 1));
  const ValueId y = graph.add("y", Add{}, {x, x});
  graph.add("dead_end", Relu{}, {graph.add("dead", Mul{}, {y, w})});
  graph.add_output(y);
  EXPECT_EQ(graph.value(unused_input).name, "unused");
  EXPECT_EQ(after(remove_dead_nodes, graph), "y: Add(x [N, 4], x [N, 4]) -> [N, 4]\n");
  EXPECT_FALSE(graph.find_value("w"));
  EXPECT_EQ(graph.inputs().size(), 2u) << "inputs are part of the interface";
}

TEST(RunPasses, ListsThePassesInTheirOrder) {
  EXPECT_THAT(names_of(import_passes()),
              ElementsAre("fold-constants", "remove-identities", "remove-dead-nodes"));
  EXPECT_THAT(
      names_of(inference_passes()),
      ElementsAre("fold-constants", "remove-identities", "fold-biases", "fold-batch-norm",
                  "fold-channel-scales", "carry-codes", "fuse-activations", "remove-dead-nodes"));
}

TEST(RunPasses, SkipsDisabledPassesAndRefusesUnknownNames) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  graph.add_output(graph.add("relu", Relu{}, {graph.add("sum", Add{}, {x, x})}));
  run_passes(graph, inference_passes(), {.disabled = {"fuse-activations"}});
  EXPECT_EQ(graph.nodes().size(), 2u);
  run_passes(graph, inference_passes());
  EXPECT_EQ(graph.nodes().size(), 1u);
  try {
    run_passes(graph, inference_passes(), {.disabled = {"fuse-activation"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'fuse-activations'?"));
  }
}

TEST(RunPasses, NamesAPassThatBreaksTheGraph) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  graph.add_output(graph.add("relu", Relu{}, {x}));
  const Pass breaking[] = {{"drop-everything", [](Graph& g, const PassOptions&) {
                              g.nodes().clear();
                              return true;
                            }}};
  try {
    run_passes(graph, breaking);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInternal);
    EXPECT_THAT(error.what(), HasSubstr("pass 'drop-everything' broke the graph"));
  }
}

TEST(RunPasses, AContradictionThatAPassRevealsIsTheFilesFault) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {8});
  const auto integers = [&](const char* name, std::int64_t value) {
    return graph.add_constant(name, Tensor::from(Shape{1}, std::vector{value}));
  };
  // Shape inference does not look through the Clip: the slice may be of any size until it is gone.
  const ValueId start = graph.add("start", Clip{}, {integers("two", 2)});
  const ValueId rest = graph.add("rest", Slice{}, {x, start, integers("eight", 8)});
  const ValueId three = graph.add_constant("three", Tensor(DType::kFloat32, Shape{3}));
  graph.add_output(graph.add("sum", Add{}, {rest, three}));
  infer_shapes(graph);
  try {
    run_passes(graph, import_passes());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), HasSubstr("after pass '"));
    EXPECT_THAT(error.what(), HasSubstr("node 'sum'"));
  }
}

}  // namespace
}  // namespace octet
