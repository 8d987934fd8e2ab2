// Every limit refuses what is above it by name, and accepts it once raised.

#include "octet/runtime/session.h"
#include "tests/hostile/hostile.h"

namespace octet {
namespace {

using testing::HasSubstr;

/// `refusing` refuses the file with a message that holds `says`; `accepting` reads it.
void expect_limit(const TestModel& model, ErrorKind kind, const std::string& says,
                  const ImportOptions& refusing, const ImportOptions& accepting) {
  SCOPED_TRACE(says);
  const Bytes file = model.bytes();
  within({}, [&] {
    EXPECT_THAT(expect_error(kind, [&] { read(file, refusing); }), HasSubstr(says));
    EXPECT_NO_THROW(read(file, accepting));
  });
}

TestModel two_relus() {
  TestModel model;
  model.input("x", {1}).output("y");
  model.node("Relu", {"x"}, {"a"});
  model.node("Relu", {"a"}, {"y"});
  return model;
}

TEST(HostileLimits, FileAndCounts) {
  const TestModel model = two_relus();
  const std::size_t bytes = model.bytes().size();
  expect_limit(model, ErrorKind::kBadData, "bytes, accepted: at most",
               {.max_file_bytes = bytes - 1}, {.max_file_bytes = bytes});
  expect_limit(model, ErrorKind::kUnsupported, "2 nodes, accepted: at most 1", {.max_nodes = 1},
               {.max_nodes = 2});
  TestModel initializers = two_relus();
  initializers.constant("c", ramp({1})).constant("d", ramp({1})).constant("e", ramp({1}));
  expect_limit(initializers, ErrorKind::kUnsupported, "3 initializers", {.max_nodes = 2},
               {.max_nodes = 3});
}

TEST(HostileLimits, AttributesNamesAndTexts) {
  const TestModel softmax = one_node("MaxPool", {1, 1, 4, 4}, {}, [](octet_onnx::NodeProto& node) {
    set_ints(node, "kernel_shape", {2, 2});
    set_string(node, "auto_pad", "NOTSET");
  });
  expect_limit(softmax, ErrorKind::kBadData, "2 attributes, accepted: at most 1",
               {.max_attributes = 1}, {.max_attributes = 2});
  expect_limit(softmax, ErrorKind::kBadData, "'auto_pad': a text of 6 bytes",
               {.max_string_bytes = 5}, {.max_string_bytes = 6});
  expect_limit(softmax, ErrorKind::kBadData, "'kernel_shape': a name of 12 bytes",
               {.max_name_bytes = 11}, {.max_name_bytes = 12});
  TestModel metadata = two_relus();
  auto& property = *metadata.proto.add_metadata_props();
  property.set_key("author");
  property.set_value("a stranger");
  expect_limit(metadata, ErrorKind::kBadData, "metadata 'author': a text of 10 bytes",
               {.max_string_bytes = 9}, {.max_string_bytes = 10});
  TestModel long_name;
  const std::string name(5000, 'n');
  long_name.input("x", {1}).output(name).node("Relu", {"x"}, {name});
  expect_limit(long_name, ErrorKind::kBadData, "a name of 5000 bytes", {},
               {.max_name_bytes = 5000});
}

TEST(HostileLimits, DepthOfBranches) {
  TestModel model = nested_ifs(40, "x");
  const Bytes file = model.bytes();
  within({}, [&] {
    EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { read(file); }), HasSubstr("nested"));
    EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { read(file, {.max_depth = 39}); }),
                HasSubstr("nested 40 deep, accepted: up to 39"));
    EXPECT_EQ(read(file, {.max_depth = 40}).nodes().size(), 1u);
  });
}

/// y = x + filled, where `filled` takes `bytes`.
TestModel filled(std::int64_t bytes) {
  TestModel model;
  model.input("x", {1}).constant("dims", ints({bytes / 4})).output("y");
  model.node("ConstantOfShape", {"dims"}, {"filled"});
  model.node("Add", {"x", "filled"}, {"y"});
  return model;
}

TEST(HostileLimits, ConstantsThatAreComputedBeforehand) {
  const auto nodes_of = [](std::int64_t bytes, std::int64_t max_bytes) {
    std::size_t nodes = 0;
    within({}, [&] {
      nodes = read(filled(bytes).bytes(), {.max_fold_bytes = max_bytes}).nodes().size();
    });
    return nodes;
  };
  constexpr std::int64_t kMiB = std::int64_t{1} << 20;
  EXPECT_EQ(nodes_of(64 * kMiB, 64 * kMiB), 1u);
  EXPECT_EQ(nodes_of(64 * kMiB + 4, 64 * kMiB), 2u) << "stays a node";
  EXPECT_EQ(nodes_of(8 * kMiB, 8 * kMiB), 1u);
  EXPECT_EQ(nodes_of(8 * kMiB, 8 * kMiB - 4), 2u);
  // Left for the run, it is still computed.
  const auto outputs = expect_runs("16 MiB", filled(16 * kMiB), {ramp({1})});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].num_elements(), 4 * kMiB);
}

TEST(HostileLimits, AFewBytesOfFileDoNotFillTheMemoryWithConstants) {
  // Behind Identity, Constant, Shape arithmetic and ConstantOfShape; 40 times 32 MiB.
  TestModel model;
  model.input("x", {1}).output("y");
  set_ints(model.node("Constant", {}, {"eight_mega"}), "value_ints", {8 << 20});
  model.node("Identity", {"eight_mega"}, {"dims"});
  std::string sum = "x";
  for (int i = 0; i < 40; ++i) {
    model.node("ConstantOfShape", {"dims"}, {numbered("f", i)});
    model.node("Shape", {numbered("f", i)}, {numbered("s", i)});
    model.node("Expand", {numbered("f", i), numbered("s", i)}, {numbered("e", i)});
    model.node("Add", {sum, numbered("e", i)}, {numbered("v", i)});
    sum = numbered("v", i);
  }
  model.node("Relu", {sum}, {"y"});
  const Bytes file = model.bytes();
  within({.seconds = 5}, [&] { EXPECT_GT(read(file).nodes().size(), 40u); });
}

TEST(HostileLimits, AChainOfSizesThatOnlyFoldingTellsIsReadInLinearTime) {
  // Each size is an element of a tensor too large to be followed without folding it.
  TestModel model;
  model.input("x", {1}).constant("dims0", ints({300})).constant("one", ints({1})).output("y");
  const int links = 20'000;
  for (int i = 0; i < links; ++i) {
    set_tensor(model.node("ConstantOfShape", {numbered("dims", i)}, {numbered("f", i)}), "value",
               ints({300}));
    set_int(model.node("ReduceMax", {numbered("f", i)}, {numbered("m", i)}), "keepdims", 0);
    model.node("Reshape", {numbered("m", i), "one"}, {numbered("dims", i + 1)});
  }
  model.node("Expand", {"x", numbered("dims", links)}, {"y"});
  const Bytes file = model.bytes();
  within({.seconds = 20, .bytes = std::int64_t{900} << 20},
         [&] { EXPECT_EQ(read(file).nodes().size(), 1u); });
}

TEST(HostileLimits, AChainOfSizesThatOnlyTheDataTellIsRefused) {
  const auto chain = [](int links) {
    TestModel model;
    model.input("x", {300}).constant("one", ints({1})).output("y");
    std::string value = "x";
    for (int i = 0; i < links; ++i) {
      set_int(model.node("ReduceMax", {value}, {numbered("m", i)}), "keepdims", 0);
      set_int(model.node("Cast", {numbered("m", i)}, {numbered("c", i)}), "to",
              octet_onnx::TensorProto::INT64);
      model.node("Reshape", {numbered("c", i), "one"}, {numbered("dims", i)});
      model.node("ConstantOfShape", {numbered("dims", i)}, {numbered("f", i)});
      value = numbered("v", i);
      model.node("Add", {"x", numbered("f", i)}, {value});
    }
    model.node("Relu", {value}, {"y"});
    return model;
  };
  Tensor x(DType::kFloat32, {300});
  x.mutable_data<float>()[0] = 300;
  EXPECT_EQ(expect_runs("5", chain(5), {x}), std::vector{x});
  expect_run_refused("100", chain(100), {x}, ErrorKind::kUnsupported, {"node 'f64'", "64 others"},
                     {.seconds = 20});
}

TEST(HostileLimits, MemoryOfARunningNetwork) {
  TestModel model;
  model.input("x", {1, 8}).constant("w", Tensor(DType::kFloat32, {8, 1024})).output("y");
  model.node("MatMul", {"x", "w"}, {"h"});
  model.node("Sin", {"h"}, {"y"});
  const Graph graph = model.read();
  const std::vector<Tensor> inputs{Tensor(DType::kFloat32, {1, 8})};
  const auto run_with = [&](std::int64_t bytes) {
    CompileOptions options;
    options.max_memory_bytes = bytes;
    return Session(graph, options).run(inputs);
  };
  EXPECT_EQ(run_with(1 << 20).size(), 1u);
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { run_with(4095); }),
              HasSubstr("node 'h' (Gemm): its result float32 [1, 1024] takes 4096 bytes"));
  // Each result alone would fit.
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { run_with(5000); }),
              HasSubstr("activations and outputs take"));
}

}  // namespace
}  // namespace octet
