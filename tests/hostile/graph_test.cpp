// The graph: cycles, names that are missing or doubled, inputs and attributes that do not fit, and
// as many nodes as a file can hold.

#include "tests/hostile/hostile.h"

namespace octet {
namespace {

using octet_onnx::GraphProto;
using octet_onnx::NodeProto;

TEST(HostileGraph, RefusesCycles) {
  TestModel cycle;
  cycle.input("x", {1}).output("a");
  cycle.node("Add", {"x", "b"}, {"a"});
  cycle.node("Relu", {"a"}, {"b"});
  expect_refused("of two", cycle, ErrorKind::kBadData, {"node '", "cycle"});
  TestModel self;
  self.output("a").node("Relu", {"a"}, {"a"});
  expect_refused("of one", self, ErrorKind::kBadData, {"'a'", "cycle"});
  for (const char* identity : {"Identity", "Dropout"}) {
    TestModel identities;  // NodeReader looks through them for constants
    identities.input("x", {2, 2}).output("y");
    identities.node(identity, {"b"}, {"a"});
    identities.node(identity, {"a"}, {"b"});
    identities.node("Reshape", {"x", "a"}, {"y"});
    expect_refused(identity, identities, ErrorKind::kBadData, {"node '", "cycle"});
  }
}

TEST(HostileGraph, RefusesInputsThatNothingDefines) {
  TestModel undefined;
  undefined.output("a").node("Relu", {"nowhere"}, {"a"});
  expect_refused("undefined", undefined, ErrorKind::kBadData, {"'a'", "'nowhere'"});
  TestModel empty;
  empty.output("a").node("Relu", {""}, {"a"});
  expect_refused("all inputs empty", empty, ErrorKind::kBadData, {"'a'", "input 0 is missing"});
  TestModel two;
  two.output("a").node("Add", {"", ""}, {"a"});
  expect_refused("both inputs empty", two, ErrorKind::kBadData, {"'a'", "input 0 is missing"});
  for (const char* op_type : {"Concat", "Relu", "Reshape", "QuantizeLinear", "If", "Conv"}) {
    TestModel none;
    set_int(none.output("a").node(op_type, {}, {"a"}), "axis", 0);
    const std::string name = op_type;
    expect_refused(name, none, ErrorKind::kBadData, {"'a'"});
  }
}

TEST(HostileGraph, RefusesNamesThatAreDefinedTwice) {
  TestModel outputs;
  outputs.input("x", {1}).output("y").node("Relu", {"x"}, {"y"});
  outputs.node("Tanh", {"x"}, {"y"});
  expect_refused("two producers", outputs, ErrorKind::kBadData, {"'y': defined twice"});
  TestModel initializers = small_model();
  initializers.constant("w", ramp({1}));
  expect_refused("two initializers", initializers, ErrorKind::kBadData, {"'w': defined twice"});
  TestModel inputs;
  inputs.input("x", {1}).input("x", {1}).output("y").node("Relu", {"x"}, {"y"});
  expect_refused("two inputs", inputs, ErrorKind::kBadData, {"'x': defined twice"});
  TestModel same;
  same.input("x", {1}).output("y").node("Split", {"x"}, {"y", "y"});
  expect_refused("two outputs of a node", same, ErrorKind::kBadData, {"'y': defined twice"});
  TestModel graph_outputs;
  graph_outputs.input("x", {1}).output("y").output("y").node("Relu", {"x"}, {"y"});
  expect_refused("an output twice", graph_outputs, ErrorKind::kBadData, {"'y': listed twice"});
}

TEST(HostileGraph, AnInitializerMayBeListedAsAnInput) {
  TestModel model(8, 3);  // as IR 3 demands it
  model.input("x", {1, 2}).input("w", {2}).constant("w", floats({2}, {10, 20})).output("y");
  model.node("Add", {"x", "w"}, {"y"});
  EXPECT_EQ(expect_runs("default", model, {floats({1, 2}, {1, 2})}),
            std::vector{floats({1, 2}, {11, 22})});
}

TEST(HostileGraph, OptionalInputsAndOutputsMayBeEmpty) {
  TestModel model;
  model.input("x", {3}).constant("high", Tensor::scalar(2.0f)).output("y");
  model.node("Clip", {"x", "", "high"}, {"c"});
  model.node("Dropout", {"c", "", ""}, {"y", ""});
  EXPECT_EQ(expect_runs("empty names", model, {floats({3}, {-1, 2, 3})}),
            std::vector{floats({3}, {-1, 2, 2})});
}

TEST(HostileGraph, ANodeMayHaveTenThousandInputs) {
  for (const char* op_type : {"Concat", "Sum", "Max"}) {
    TestModel model;
    model.input("x", {1, 2}).output("y");
    NodeProto& node = model.node(op_type, {}, {"y"});
    for (int i = 0; i < 10'000; ++i) node.add_input("x");
    const bool concat = std::string(op_type) == "Concat";
    if (concat) set_int(node, "axis", 0);
    const auto outputs = expect_runs(op_type, model, {floats({1, 2}, {1, 2})}, {.seconds = 5});
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_EQ(outputs[0].shape(), (Shape{concat ? 10'000 : 1, 2}));
  }
}

TestModel concat(const std::function<void(NodeProto&)>& edit) {
  TestModel model;
  model.input("x", {1, 2}).output("y");
  edit(model.node("Concat", {"x", "x"}, {"y"}));
  return model;
}

TEST(HostileGraph, ChecksAttributes) {
  expect_refused("missing", concat([](auto&) {}), ErrorKind::kBadData,
                 {"'y'", "'axis' is missing"});
  expect_refused("ints as float", concat([](auto& n) { set_float(n, "axis", 1.0f); }),
                 ErrorKind::kBadData, {"'y'", "'axis'", "accepted: an int"});
  expect_refused("twice", concat([](auto& n) {
                   set_int(n, "axis", 1);
                   set_int(n, "axis", 0);
                 }),
                 ErrorKind::kBadData, {"'y'", "'axis' is given twice"});
  expect_refused("unknown", concat([](auto& n) {
                   set_int(n, "axis", 1);
                   set_int(n, "colour", 0);
                 }),
                 ErrorKind::kUnsupported, {"'y'", "'colour'"});
  expect_refused("a name of 1 MiB", concat([](auto& n) {
                   set_int(n, "axis", 1);
                   set_int(n, std::string(1 << 20, 'a'), 0);
                 }),
                 ErrorKind::kBadData, {"'y'", "a name of 1048576 bytes", "accepted: at most 4096"});
  expect_refused("a string of 2 MiB", concat([](auto& n) {
                   set_int(n, "axis", 1);
                   set_string(n, "mode", std::string(2 << 20, 'a'));
                 }),
                 ErrorKind::kBadData, {"'y'", "'mode'", "2097152", "accepted: at most 1048576"});
  expect_refused("out of range", concat([](auto& n) { set_int(n, "axis", 77); }),
                 ErrorKind::kBadData, {"'y'", "77"});
  expect_refused("300 of them", concat([](auto& n) {
                   for (int i = 0; i < 300; ++i) set_int(n, numbered("a", i), i);
                 }),
                 ErrorKind::kBadData, {"'y'", "300 attributes", "accepted: at most 256"});
  expect_refused("a value of no type", concat([](auto& n) { n.add_attribute()->set_name("axis"); }),
                 ErrorKind::kBadData, {"'y'", "'axis'"});
}

TEST(HostileGraph, EscapesNamesInMessages) {
  TestModel model;
  model.output("y").node("Relu", {"<script>\x1b[31m"}, {"y"});
  expect_refused("escape sequence", model, ErrorKind::kBadData, {"\\x1b[31m"});
  for (const std::string& name :
       {std::string("\xe9"), std::string("a\0b", 3), std::string("line\nbreak")}) {
    TestModel unclean;
    unclean.input(name, {1}).output(name);
    expect_refused("unclean", unclean, ErrorKind::kBadData, {"input '", "UTF-8"});
    TestModel op_type;
    op_type.input("x", {1}).output("y").node(name, {"x"}, {"y"});
    expect_refused("operator", op_type, ErrorKind::kUnsupported, {"'y'"});
  }
  TestModel endless;
  endless.input(std::string(1 << 20, 'a'), {1}).output("y");
  const std::string shortened = expect_error(ErrorKind::kBadData, [&] { endless.read(); });
  EXPECT_LT(shortened.size(), 400u);
  TestModel unknown;
  unknown.input("x", {1}).output("y").node(std::string(1 << 20, 'O'), {"x"}, {"y"});
  EXPECT_LT(expect_error(ErrorKind::kUnsupported, [&] { unknown.read(); }).size(), 1000u);
}

TEST(HostileGraph, NamesMayLookLikePathsAndMarkup) {
  for (const char* name :
       {"/conv/Relu_output_0", "../../etc/passwd", "<script>alert(1)</script>"}) {
    TestModel model;
    model.input("x", {1}).output(name).node("Relu", {"x"}, {name});
    EXPECT_EQ(expect_runs(name, model, {floats({1}, {-1})}).size(), 1u);
  }
}

/// v0 = Relu(x), then v1 = Sigmoid(v0) and so on.
TestModel chain(int nodes, const std::string& node_name) {
  TestModel model;
  model.input("x", {1}).output(numbered("v", nodes));
  model.node("Relu", {"x"}, {"v0"});
  for (int i = 0; i < nodes; ++i) {
    model.node("Sigmoid", {numbered("v", i)}, {numbered("v", i + 1)}).set_name(node_name);
  }
  return model;
}

// Quadratic time would need minutes for these.
constexpr Bounds kManyNodes{.seconds = 30, .bytes = std::int64_t{900} << 20};

TEST(HostileGraph, ReadsALongChainInLinearTime) {
  for (const char* name : {"", "same"}) {
    const Bytes file = chain(199'999, name).bytes();
    within(kManyNodes, [&] { EXPECT_EQ(read(file).nodes().size(), 200'000u); });
  }
  expect_refused("a node more", chain(200'000, ""), ErrorKind::kUnsupported,
                 {"200001 nodes", "accepted: at most 200000"}, kManyNodes);
}

TEST(HostileGraph, FoldsALongChainOfIdentitiesAndShapesInLinearTime) {
  TestModel model;
  model.input("x", {2, 3}).output("y");
  model.node("Shape", {"x"}, {"v0"});
  for (int i = 0; i < 50'000; ++i) {
    const std::string op_type = i % 2 == 0 ? "Identity" : "Abs";
    model.node(op_type, {numbered("v", i)}, {numbered("v", i + 1)});
  }
  model.node("Reshape", {"x", "v50000"}, {"y"});
  const Bytes file = model.bytes();
  within(kManyNodes, [&] { EXPECT_EQ(read(file).nodes().size(), 1u); });
}

TEST(HostileGraph, ReadsAHundredThousandReadersOfOneValueInLinearTime) {
  TestModel model;
  model.input("x", {1}).output("y");
  NodeProto& sum = model.node("Concat", {}, {"y"});
  set_int(sum, "axis", 0);
  for (int i = 0; i < 100'000; ++i) {
    model.node("Relu", {"x"}, {numbered("v", i)});
    sum.add_input(numbered("v", i));
  }
  const Bytes file = model.bytes();
  within(kManyNodes, [&] { EXPECT_EQ(read(file).nodes().size(), 100'001u); });
}

TEST(HostileGraph, ReadsAHundredThousandInputsAndOutputsInLinearTime) {
  TestModel model;
  for (int i = 0; i < 100'000; ++i) {
    model.input(numbered("x", i), {1}).output(numbered("y", i));
    model.node("Identity", {numbered("x", i)}, {numbered("y", i)});
  }
  const Bytes file = model.bytes();
  within(kManyNodes, [&] { EXPECT_EQ(read(file).outputs().size(), 100'000u); });
}

TEST(HostileGraph, BoundsTheNestingOfBranches) {
  const Bytes file = nested_ifs(32, "x").bytes();
  within({}, [&] { EXPECT_EQ(read(file).nodes().size(), 1u); });
  const auto outputs =
      expect_runs("depth 32", nested_ifs(32, "x"), {floats({2}, {1, 2}), Tensor::scalar(true)});
  EXPECT_EQ(outputs, std::vector{floats({2}, {2, 4})});
  expect_refused("depth 33", nested_ifs(33, "x"), ErrorKind::kUnsupported,
                 {"'t2'", "nested 33 deep", "accepted: up to 32"});
  expect_refused("depth 60", nested_ifs(60, "x"), ErrorKind::kBadData, {"nested deeper than"});
}

TEST(HostileGraph, BranchesThatNeverFitAreRefusedInLinearTime) {
  // Each level tries both branches: with a second try of the first one, 2^32 tries.
  expect_refused("sizes that do not fit", nested_ifs(32, "w"), ErrorKind::kBadData,
                 {"node '", "[2]", "[3]"});
}

TEST(HostileGraph, ABranchMayReadOnlyWhatIsThere) {
  expect_refused("a name from nowhere", nested_ifs(1, "nowhere"), ErrorKind::kBadData,
                 {"'nowhere' is not defined"});
  TestModel inner = nested_ifs(1, "x");
  // What one branch defines, the other one cannot see.
  GraphProto& other = *inner.graph().mutable_node(0)->mutable_attribute(1)->mutable_g();
  *other.mutable_node(0)->mutable_input(0) = "t1";
  expect_refused("a name of the other branch", inner, ErrorKind::kBadData, {"'t1' is not defined"});
}

TEST(HostileGraph, PutsManyDecidedBranchesInTheirPlaceInLinearTime) {
  TestModel model;
  model.input("x", {2}).constant("c", Tensor::scalar(true)).output("v20000");
  model.node("Relu", {"x"}, {"v0"});
  for (int i = 0; i < 20'000; ++i) {
    NodeProto& node = model.node("If", {"c"}, {numbered("v", i + 1)});
    for (const char* side : {"then_branch", "else_branch"}) {
      GraphProto& branch = *branch_of(node, side);
      branch.add_output()->set_name(numbered(side, i));
      add_to(branch, "Neg", {numbered("v", i)}, numbered(side, i));
    }
  }
  const Bytes file = model.bytes();
  within(kManyNodes, [&] { EXPECT_EQ(read(file).nodes().size(), 20'001u); });
}

TEST(HostileGraph, LoopsAreRefusedByName) {
  for (const char* op_type : {"Loop", "Scan"}) {
    TestModel model;
    model.input("x", {2}).constant("n", Tensor::scalar(std::numeric_limits<std::int64_t>::max()));
    model.constant("c", Tensor::scalar(true)).output("y");
    branch_of(model.node(op_type, {"n", "c", "x"}, {"y"}), "body");
    expect_refused(op_type, model, ErrorKind::kUnsupported, {"'y'", op_type});
  }
}

TEST(HostileGraph, AConditionIsOneBool) {
  for (const Tensor& condition : {Tensor::scalar(1.0f), Tensor(DType::kBool, {2}), ints({1})}) {
    TestModel model = nested_ifs(1, "x");
    model.graph().mutable_input()->RemoveLast();
    model.constant("c", condition);
    expect_refused("condition", model, ErrorKind::kBadData, {"'y'", "bool"});
  }
}

}  // namespace
}  // namespace octet
