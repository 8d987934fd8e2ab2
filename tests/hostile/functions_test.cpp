// Functions that a model brings along: their nodes take the place of the calls, unless that would
// never end, or take more than a file may ask for.

#include "tests/hostile/hostile.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::FunctionProto;
using octet_onnx::NodeProto;

constexpr const char* kDomain = "local";

FunctionProto& function(TestModel& model, const std::string& name,
                        const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs) {
  FunctionProto& result = *model.proto.add_functions();
  result.set_name(name);
  result.set_domain(kDomain);
  for (const std::string& input : inputs) result.add_input(input);
  for (const std::string& output : outputs) result.add_output(output);
  return result;
}

NodeProto& add_to(FunctionProto& function, const std::string& op_type,
                  const std::vector<std::string>& inputs, const std::string& output) {
  NodeProto& node = *function.add_node();
  node.set_op_type(op_type);
  node.set_name(output);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

NodeProto& add_call(FunctionProto& function, const std::string& name,
                    const std::vector<std::string>& inputs, const std::string& output) {
  NodeProto& node = add_to(function, name, inputs, output);
  node.set_domain(kDomain);
  return node;
}

/// y of x [2] by a call of the function.
TestModel calling(const std::string& name) {
  TestModel model;
  model.input("x", {2}).output("y").node(name, {"x"}, {"y"}).set_domain(kDomain);
  return model;
}

AttributeProto& parameter(NodeProto& node, const std::string& name, const std::string& refers_to,
                          AttributeProto::AttributeType type) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_ref_attr_name(refers_to);
  attribute.set_type(type);
  return attribute;
}

TEST(HostileFunctions, TheirNodesTakeThePlaceOfTheCalls) {
  // twice(x) = x + x; four(x) = twice(twice(x)), both with a value called t.
  TestModel model = calling("four");
  FunctionProto& four = function(model, "four", {"a"}, {"b"});
  add_call(four, "twice", {"a"}, "t");
  add_call(four, "twice", {"t"}, "b");
  FunctionProto& twice = function(model, "twice", {"a"}, {"b"});
  add_to(twice, "Add", {"a", "a"}, "t");
  add_to(twice, "Identity", {"t"}, "b");
  EXPECT_EQ(expect_runs("four", model, {floats({2}, {1, -2})}), std::vector{floats({2}, {4, -8})});
  EXPECT_EQ(model.read().nodes().size(), 2u);
}

TEST(HostileFunctions, ParametersAreThoseOfTheCallOrTheDefault) {
  const auto leaky = [](bool given, bool with_default) {
    TestModel model = calling("leaky");
    if (given) set_float(*model.graph().mutable_node(0), "slope", 0.5f);
    FunctionProto& f = function(model, "leaky", {"a"}, {"b"});
    parameter(add_to(f, "LeakyRelu", {"a"}, "b"), "alpha", "slope", AttributeProto::FLOAT);
    if (with_default) {
      AttributeProto& value = *f.add_attribute_proto();
      value.set_name("slope");
      value.set_type(AttributeProto::FLOAT);
      value.set_f(0.25f);
    } else {
      f.add_attribute("slope");
    }
    return expect_runs("leaky", model, {floats({2}, {4, -4})});
  };
  EXPECT_EQ(leaky(true, true), std::vector{floats({2}, {4, -2})});
  EXPECT_EQ(leaky(true, false), std::vector{floats({2}, {4, -2})});
  EXPECT_EQ(leaky(false, true), std::vector{floats({2}, {4, -1})});
  EXPECT_EQ(leaky(false, false), std::vector{floats({2}, {4, -4 * 0.01f})});  // the operator's own
}

TEST(HostileFunctions, BranchesInsideSeeTheFunctionsNames) {
  // f(x, c) = c ? t + w : x, t = -x; the branch has a w of its own, the caller another one.
  TestModel model;
  model.input("x", {2}).input("c", {}, DType::kBool).constant("w", ramp({2})).output("y");
  model.node("f", {"x", "c"}, {"z"}).set_domain(kDomain);
  model.node("Sub", {"z", "w"}, {"y"});
  FunctionProto& f = function(model, "f", {"a", "condition"}, {"b"});
  add_to(f, "Neg", {"a"}, "t");
  NodeProto& choice = add_to(f, "If", {"condition"}, "b");
  auto& then_branch = *branch_of(choice, "then_branch");
  then_branch.add_output()->set_name("s");
  set_floats(*then_branch.add_node(), "value_floats", {10, 20});
  then_branch.mutable_node(0)->set_op_type("Constant");
  then_branch.mutable_node(0)->add_output("w");
  octet::add_to(then_branch, "Add", {"t", "w"}, "s");
  auto& else_branch = *branch_of(choice, "else_branch");
  else_branch.add_output()->set_name("e");
  octet::add_to(else_branch, "Identity", {"a"}, "e");
  const Tensor x = floats({2}, {1, 2});
  EXPECT_EQ(expect_runs("then", model, {x, Tensor::scalar(true)}),
            std::vector{floats({2}, {9 - 0.01f, 18 - 0.02f})});
  EXPECT_EQ(expect_runs("else", model, {x, Tensor::scalar(false)}),
            std::vector{floats({2}, {1 - 0.01f, 2 - 0.02f})});
}

TEST(HostileFunctions, InputsMayBeLeftOutAndPassedOn) {
  TestModel model;
  model.input("x", {2}).output("y").output("z");
  model.node("f", {"x"}, {"y", "z"}).set_domain(kDomain);
  FunctionProto& f = function(model, "f", {"a", "low"}, {"b", "a", "unused"});
  add_to(f, "Clip", {"a", "low"}, "b");
  add_to(f, "Neg", {"a"}, "unused");
  EXPECT_EQ(expect_runs("f", model, {floats({2}, {1, -2})}),
            (std::vector{floats({2}, {1, -2}), floats({2}, {1, -2})}));
}

TEST(HostileFunctions, ThoseThatCallThemselvesAreRefused) {
  TestModel self = calling("f");
  add_call(function(self, "f", {"a"}, {"b"}), "f", {"a"}, "b");
  expect_refused("itself", self, ErrorKind::kBadData, {"function 'f'", "calls itself"});
  TestModel pair = calling("f");
  add_call(function(pair, "f", {"a"}, {"b"}), "g", {"a"}, "b");
  add_call(function(pair, "g", {"a"}, {"b"}), "f", {"a"}, "b");
  expect_refused("each other", pair, ErrorKind::kBadData, {"function 'f'", "calls itself"});
  TestModel branch = calling("f");
  NodeProto& choice = add_to(function(branch, "f", {"a"}, {"b"}), "If", {"a"}, "b");
  octet::add_to(*branch_of(choice, "then_branch"), "f", {"a"}, "c");
  choice.mutable_attribute(0)->mutable_g()->mutable_node(0)->set_domain(kDomain);
  expect_refused("from a branch", branch, ErrorKind::kBadData, {"function 'f'", "calls itself"});
  TestModel unused;
  unused.input("x", {2}).output("y").node("Relu", {"x"}, {"y"});
  add_call(function(unused, "f", {"a"}, {"b"}), "f", {"a"}, "b");
  EXPECT_EQ(expect_runs("nobody calls it", unused, {ramp({2})}).size(), 1u);
}

/// f0 calls f1 `calls` times, f1 calls f2, and so on.
TestModel tower(int levels, int calls) {
  TestModel model = calling("f0");
  for (int level = 0; level < levels; ++level) {
    FunctionProto& f = function(model, numbered("f", level), {"a"}, {"b"});
    std::string value = "a";
    for (int i = 0; i < calls; ++i) {
      const std::string next = i + 1 == calls ? "b" : numbered("v", i);
      if (level + 1 == levels) {
        add_to(f, "Relu", {value}, next);
      } else {
        add_call(f, numbered("f", level + 1), {value}, next);
      }
      value = next;
    }
  }
  return model;
}

TEST(HostileFunctions, CallsThatExplodeAreRefused) {
  expect_refused("2^40", tower(40, 2), ErrorKind::kUnsupported, {"function '", "nested deeper"});
  expect_refused("2^20", tower(20, 2), ErrorKind::kUnsupported,
                 {"function '", "calls expand to more than 100000 nodes"}, {.seconds = 10});
  expect_refused("a chain", tower(10'000, 1), ErrorKind::kUnsupported,
                 {"function 'f32'", "nested deeper than 32"});
  EXPECT_EQ(expect_runs("32 deep", tower(32, 1), {floats({2}, {1, -2})}),
            std::vector{floats({2}, {1, 0})});
  const Bytes file = tower(10, 2).bytes();  // 1023 * 2 nodes
  EXPECT_EQ(read(file, {.max_expansions = 2046}).nodes().size(), 1024u);
  expect_error(ErrorKind::kUnsupported, [&] { read(file, {.max_expansions = 2045}); });
  expect_error(ErrorKind::kUnsupported, [&] { read(file, {.max_depth = 9}); });
}

TEST(HostileFunctions, LargeConstantsAreNotCopiedWithoutEnd) {
  TestModel model = calling("f0");
  FunctionProto& big = function(model, "big", {"a"}, {"b"});
  NodeProto& constant = add_to(big, "Constant", {}, "c");
  set_tensor(constant, "value", Tensor(DType::kFloat32, {1 << 20}));
  add_to(big, "Identity", {"a"}, "b");
  FunctionProto& f = function(model, "f0", {"a"}, {"b"});
  for (int i = 0; i < 1000; ++i) {
    add_call(f, "big", {i == 0 ? "a" : numbered("v", i)}, i == 999 ? "b" : numbered("v", i + 1));
  }
  expect_refused("1000 times 4 MiB", model, ErrorKind::kUnsupported,
                 {"function 'big'", "calls expand to more than"});
}

TEST(HostileFunctions, WhatDoesNotFitIsNamed) {
  TestModel inputs = calling("f");
  inputs.graph().mutable_node(0)->add_input("x");
  add_to(function(inputs, "f", {"a"}, {"b"}), "Relu", {"a"}, "b");
  expect_refused("inputs", inputs, ErrorKind::kBadData, {"node 'y'", "2 inputs", "function 'f'"});
  TestModel undefined = calling("f");
  undefined.constant("secret", ramp({2}));
  add_to(function(undefined, "f", {"a"}, {"b"}), "Add", {"a", "secret"}, "b");
  expect_refused("the caller's names", undefined, ErrorKind::kBadData,
                 {"function 'f'", "'secret'", "not defined in it"});
  TestModel nothing = calling("f");
  function(nothing, "f", {"a"}, {"b"});
  expect_refused("an output that nothing gives", nothing, ErrorKind::kBadData, {"'y'"});
  TestModel twice = calling("f");
  for (int i = 0; i < 2; ++i) add_to(function(twice, "f", {"a"}, {"b"}), "Relu", {"a"}, "b");
  expect_refused("twice", twice, ErrorKind::kBadData, {"function 'f'", "defined twice"});
  TestModel opset = calling("f");
  FunctionProto& f = function(opset, "f", {"a"}, {"b"});
  add_to(f, "Relu", {"a"}, "b");
  f.add_opset_import()->set_version(12);
  expect_refused("opset", opset, ErrorKind::kUnsupported,
                 {"function 'f'", "opset 12 in a model of opset 13"});
  TestModel cycle = calling("f");
  FunctionProto& g = function(cycle, "f", {"a"}, {"b"});
  add_to(g, "Add", {"a", "b"}, "t");
  add_to(g, "Relu", {"t"}, "b");
  expect_refused("a cycle inside", cycle, ErrorKind::kBadData, {"cycle"});
}

TEST(HostileFunctions, NamesInsideNeverClashWithThoseOutside) {
  TestModel model;
  model.input("x", {2}).constant("y/t", floats({2}, {10, 20})).output("z");
  model.node("f", {"x"}, {"y"}).set_domain(kDomain);
  model.node("Add", {"y", "y/t"}, {"z"});
  FunctionProto& f = function(model, "f", {"a"}, {"b"});
  add_to(f, "Neg", {"a"}, "t");
  add_to(f, "Relu", {"t"}, "b");
  EXPECT_EQ(expect_runs("y/t", model, {floats({2}, {1, -2})}), std::vector{floats({2}, {10, 22})});
}

}  // namespace
}  // namespace octet
