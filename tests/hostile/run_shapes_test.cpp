// Sizes that only the data tell, when the network runs: a typed error before anything is allocated.

#include <limits>

#include "tests/hostile/hostile.h"

namespace octet {
namespace {

constexpr std::int64_t k40 = std::int64_t{1} << 40;
constexpr std::int64_t kBig = std::int64_t{1} << 62;
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
using Ints = std::vector<std::int64_t>;

/// y of x and of a list of integers that only the caller knows.
TestModel by_list(const std::string& op_type, const Shape& x, std::int64_t length) {
  TestModel model(21);
  model.input("x", x).input("list", {length}, DType::kInt64).output("y");
  model.node(op_type, {"x", "list"}, {"y"});
  return model;
}

TEST(HostileRunShapes, Reshape) {
  const TestModel model = by_list("Reshape", {2, 3}, 2);
  EXPECT_EQ(expect_runs("[3, 2]", model, {ramp({2, 3}), ints({3, 2})})[0].shape(), (Shape{3, 2}));
  for (const Ints& dims : {Ints{-1, -1}, Ints{-2, 3}, Ints{kBig, kBig}, Ints{k40, 1}, Ints{4, -1},
                           Ints{7, 1}, Ints{kMin, 1}}) {
    expect_run_refused(to_string(Shape(dims)), model, {ramp({2, 3}), ints(dims)},
                       ErrorKind::kBadData, {"'y'"});
  }
}

TEST(HostileRunShapes, EmptyTensorsWithLongAxesTakeNoTime) {
  constexpr std::int64_t kLong = std::int64_t{1} << 31;
  for (const Shape& empty : {Shape{2, 0, kLong, 4}, Shape{2, 3, 0, kLong}}) {
    TestModel model(13);
    model.input("x", empty).output("y");
    model.node("Abs", {"x"}, {"a"});
    model.node("Relu", {"a"}, {"y"});
    EXPECT_EQ(expect_runs("empty", model, {Tensor(DType::kFloat32, empty)})[0].shape(), empty);
  }
}

TEST(HostileRunShapes, ExpandTileAndPad) {
  const TestModel expand = by_list("Expand", {1}, 1), tile = by_list("Tile", {1}, 1);
  EXPECT_EQ(expect_runs("Expand", expand, {ramp({1}), ints({3})})[0].shape(), (Shape{3}));
  EXPECT_EQ(expect_runs("Tile", tile, {ramp({1}), ints({3})})[0].shape(), (Shape{3}));
  for (const std::int64_t count : {kBig, k40 + 1, std::int64_t{-1}, kMin}) {
    expect_run_refused(numbered("Expand ", count), expand, {ramp({1}), ints({count})},
                       ErrorKind::kBadData, {"'y'"});
    expect_run_refused(numbered("Tile ", count), tile, {ramp({1}), ints({count})},
                       ErrorKind::kBadData, {"'y'"});
  }
  // Allowed as a tensor, but more than the machine has.
  for (const std::int64_t count : {k40, k40 / 16}) {
    expect_run_refused(numbered("Expand ", count), expand, {ramp({1}), ints({count})},
                       ErrorKind::kUnsupported, {"'y'", "bytes"});
    expect_run_refused(numbered("Tile ", count), tile, {ramp({1}), ints({count})},
                       ErrorKind::kUnsupported, {"'y'", "bytes"});
  }
  const TestModel pad = by_list("Pad", {2}, 2);
  for (const Ints& pads : {Ints{-3, 0}, Ints{kBig, kBig}, Ints{kMin, kMin}}) {
    expect_run_refused(to_string(Shape(pads)), pad, {ramp({2}), ints(pads)}, ErrorKind::kBadData,
                       {"'y'"});
  }
  expect_run_refused("Pad to 2^39", pad, {ramp({2}), ints({k40 / 2, 0})}, ErrorKind::kUnsupported,
                     {"'y'", "bytes"});
}

TEST(HostileRunShapes, Range) {
  TestModel model(21);
  for (const char* name : {"start", "limit", "delta"}) model.input(name, {}, DType::kInt64);
  model.output("y").node("Range", {"start", "limit", "delta"}, {"y"});
  const auto inputs = [](std::int64_t start, std::int64_t limit, std::int64_t delta) {
    return std::vector{Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)};
  };
  EXPECT_EQ(expect_runs("0 to 3", model, inputs(0, 3, 1)), std::vector{ints({0, 1, 2})});
  expect_run_refused("step 0", model, inputs(0, 3, 0), ErrorKind::kBadData, {"'y'", "delta"});
  expect_run_refused("2^60 steps", model, inputs(0, std::int64_t{1} << 60, 1), ErrorKind::kBadData,
                     {"'y'", "2^40"});
  expect_run_refused("2^40 steps", model, inputs(0, k40, 1), ErrorKind::kUnsupported,
                     {"'y'", "bytes"});
}

TEST(HostileRunShapes, FilledShapesAndOneHot) {
  TestModel fill(21);
  fill.input("dims", {2}, DType::kInt64).output("y").node("ConstantOfShape", {"dims"}, {"y"});
  EXPECT_EQ(expect_runs("[2, 3]", fill, {ints({2, 3})}),
            std::vector{Tensor(DType::kFloat32, {2, 3})});
  for (const Ints& dims : {Ints{-1, 2}, Ints{kBig, kBig}, Ints{k40, 2}}) {
    expect_run_refused(to_string(Shape(dims)), fill, {ints(dims)}, ErrorKind::kBadData, {"'y'"});
  }
  expect_run_refused("[2^40, 1]", fill, {ints({k40, 1})}, ErrorKind::kUnsupported,
                     {"'y'", "bytes"});
  TestModel one_hot(21);
  one_hot.input("x", {2}, DType::kInt64).input("depth", {}, DType::kInt64).output("y");
  one_hot.constant("values", floats({2}, {0, 1}));
  one_hot.node("OneHot", {"x", "depth", "values"}, {"y"});
  EXPECT_EQ(expect_runs("depth 2", one_hot, {ints({0, 1}), Tensor::scalar(std::int64_t{2})}),
            std::vector{floats({2, 2}, {1, 0, 0, 1})});
  for (const std::int64_t depth : {std::int64_t{-1}, kBig, k40}) {
    expect_run_refused(numbered("depth ", depth), one_hot, {ints({0, 1}), Tensor::scalar(depth)},
                       ErrorKind::kBadData, {"'y'"});
  }
  expect_run_refused("depth 2^38", one_hot, {ints({0, 1}), Tensor::scalar(k40 / 4)},
                     ErrorKind::kUnsupported, {"'y'", "bytes"});
}

TEST(HostileRunShapes, ResizeAndSlice) {
  TestModel resize(21);
  resize.input("x", {1, 1, 2, 2}).input("s", {4}).output("y");
  resize.node("Resize", {"x", "", "s"}, {"y"});
  const Tensor x = ramp({1, 1, 2, 2});
  EXPECT_EQ(expect_runs("doubled", resize, {x, floats({4}, {1, 1, 2, 2})})[0].shape(),
            (Shape{1, 1, 4, 4}));
  for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(), 1e20f}) {
    expect_run_refused(std::to_string(scale), resize, {x, floats({4}, {1, 1, scale, 1})},
                       ErrorKind::kBadData, {"'y'"});
  }
  expect_run_refused("5e8", resize, {x, floats({4}, {1, 1, 5e8f, 100})}, ErrorKind::kUnsupported,
                     {"'y'", "bytes"});
  TestModel slice(21);
  slice.input("x", {4}).constant("zero", ints({0})).output("y");
  slice.input("end", {1}, DType::kInt64).input("step", {1}, DType::kInt64);
  slice.node("Slice", {"x", "zero", "end", "zero", "step"}, {"y"});
  EXPECT_EQ(expect_runs("to the end", slice, {ramp({4}), ints({kBig}), ints({1})}),
            std::vector{ramp({4})});
  expect_run_refused("step 0", slice, {ramp({4}), ints({4}), ints({0})}, ErrorKind::kBadData,
                     {"'y'", "step 0"});
}

TEST(HostileRunShapes, SizesThatTheNetworkComputesFromItsData) {
  // The largest element of x, a float, is the size: only a run of the first half tells it.
  TestModel model(21);
  model.input("x", {300}).output("y");
  set_int(model.node("ReduceMax", {"x"}, {"largest"}), "keepdims", 0);
  set_int(model.node("Cast", {"largest"}, {"size"}), "to", octet_onnx::TensorProto::INT64);
  model.constant("one", ints({1})).node("Reshape", {"size", "one"}, {"dims"});
  model.node("ConstantOfShape", {"dims"}, {"y"});
  const auto with_largest = [](float largest) {
    Tensor x(DType::kFloat32, {300});
    x.mutable_data<float>()[7] = largest;
    return x;
  };
  EXPECT_EQ(expect_runs("3", model, {with_largest(3)}), std::vector{Tensor(DType::kFloat32, {3})});
  expect_run_refused("2^40", model, {with_largest(1099511627776.0f)}, ErrorKind::kUnsupported,
                     {"'y'", "bytes"});
  expect_run_refused("2^50", model, {with_largest(1125899906842624.0f)}, ErrorKind::kBadData,
                     {"'y'"});
  expect_run_refused("not a number", model, {with_largest(std::numeric_limits<float>::infinity())},
                     ErrorKind::kBadData, {"'y'"});
}

TEST(HostileRunShapes, IndicesOutOfRange) {
  TestModel gather(21);
  gather.input("x", {4}).input("i", {1}, DType::kInt64).output("y");
  gather.node("Gather", {"x", "i"}, {"y"});
  EXPECT_EQ(expect_runs("-4", gather, {ramp({4}), ints({-4})})[0].shape(), (Shape{1}));
  for (const std::int64_t index : {std::int64_t{4}, std::int64_t{-5}, kBig, kMin}) {
    expect_run_refused(numbered("index ", index), gather, {ramp({4}), ints({index})},
                       ErrorKind::kBadData, {"'y'"});
  }
  TestModel divide(21);
  divide.input("x", {1}, DType::kInt64).input("z", {1}, DType::kInt64).output("y");
  divide.node("Div", {"x", "z"}, {"y"});
  expect_run_refused("x / 0", divide, {ints({1}), ints({0})}, ErrorKind::kBadData, {"'y'"});
  // Traps on most processors; as a sum it wraps.
  EXPECT_EQ(expect_runs("INT64_MIN / -1", divide, {ints({kMin}), ints({-1})}),
            std::vector{ints({kMin})});
}

TEST(HostileRunShapes, ABatchThatDoesNotFitInMemoryIsRefused) {
  // The input itself is empty along its last axis: a batch costs the caller nothing.
  TestModel model(21);
  model.input("x", {kDynamicDim, 0}).constant("w", Tensor(DType::kFloat32, {0, 1024})).output("y");
  model.node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(expect_runs("3", model, {Tensor(DType::kFloat32, {3, 0})})[0].shape(),
            (Shape{3, 1024}));
  expect_run_refused("2^30", model, {Tensor(DType::kFloat32, {std::int64_t{1} << 30, 0})},
                     ErrorKind::kUnsupported, {"'y'", "bytes"});
}

}  // namespace
}  // namespace octet
