// Operators whose attributes and constants do not fit, overflow, or ask for more than there is.

#include <limits>

#include "tests/hostile/hostile.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;
constexpr std::int64_t kBig = std::int64_t{1} << 62;
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

using Ints = std::vector<std::int64_t>;

TestModel conv(const Tensor& weight, const std::function<void(NodeProto&)>& edit = {}) {
  return one_node("Conv", {1, 4, 6, 6}, {weight}, edit);
}

TEST(HostileShapes, Conv) {
  const Tensor w = ramp({4, 4, 3, 3});
  struct Case {
    const char* attribute;
    Ints values;
    std::string found;
  };
  for (const Case& c : std::vector<Case>{{"strides", {0, 1}, "holds 0"},
                                         {"strides", {-1, 1}, "holds -1"},
                                         {"strides", {1}, "1 entries"},
                                         {"strides", {1, 1, 1}, "3 entries"},
                                         {"dilations", {0, 1}, "holds 0"},
                                         {"dilations", {kBig, 1}, numbered("holds ", kBig)},
                                         {"pads", {-1, 0, 0, 0}, "holds -1"},
                                         {"pads", {0, 0, 0}, "3 entries"},
                                         {"pads", {0, 0, 0, 0, 0}, "5 entries"},
                                         {"pads", {kBig, 0, 0, 0}, numbered("holds ", kBig)},
                                         {"kernel_shape", {5, 5}, "kernel_shape"},
                                         {"kernel_shape", {3}, "kernel_shape"},
                                         {"dilations", {7, 1}, "extent 15"}}) {
    expect_refused(std::string(c.attribute) + " " + c.found,
                   conv(w, [&](NodeProto& n) { set_ints(n, c.attribute, c.values); }),
                   ErrorKind::kBadData, {"'y'", c.found});
  }
  for (const std::int64_t group : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{3}, kBig}) {
    expect_refused(numbered("group ", group),
                   conv(w, [&](NodeProto& n) { set_int(n, "group", group); }), ErrorKind::kBadData,
                   {"'y'", "group", numbered("", group)});
  }
  expect_refused("auto_pad", conv(w, [](NodeProto& n) { set_string(n, "auto_pad", "MAYBE"); }),
                 ErrorKind::kBadData, {"'y'", "'MAYBE'"});
  expect_refused("channels", conv(ramp({4, 3, 3, 3})), ErrorKind::kBadData, {"'y'", "channels"});
  expect_refused("larger than its input", conv(ramp({4, 4, 7, 7})), ErrorKind::kBadData,
                 {"'y'", "extent 7"});
  expect_refused("a flat weight", conv(ramp({4, 4})), ErrorKind::kBadData, {"'y'", "[4, 4]"});
  expect_refused("rank 8", conv(ramp({4, 4, 1, 1, 1, 1, 1, 1})), ErrorKind::kUnsupported,
                 {"'y'", "6 spatial axes"});
  expect_refused("no kernel", conv(Tensor(DType::kFloat32, {4, 4, 0, 3})), ErrorKind::kBadData,
                 {"'y'"});
  expect_refused("bias", one_node("Conv", {1, 4, 6, 6}, {w, ramp({5})}), ErrorKind::kBadData,
                 {"'y'", "bias [5]", "accepted: [4]"});
  expect_refused("rank of the input", one_node("Conv", {1, 4, 6}, {w}), ErrorKind::kBadData,
                 {"'y'", "[1, 4, 6]"});
}

TEST(HostileShapes, ConvTranspose) {
  const Tensor w = ramp({4, 4, 3, 3});
  const auto with = [&](const std::function<void(NodeProto&)>& edit) {
    return one_node("ConvTranspose", {1, 4, 6, 6}, {w}, edit);
  };
  expect_refused("strides", with([](NodeProto& n) {
                   set_ints(n, "strides", {0, 1});
                 }),
                 ErrorKind::kBadData, {"'y'", "holds 0"});
  expect_refused("pads", with([](NodeProto& n) {
                   set_ints(n, "pads", {9, 9, 9, 9});
                 }),
                 ErrorKind::kBadData, {"'y'"});
  expect_refused("group", with([](NodeProto& n) { set_int(n, "group", 3); }), ErrorKind::kBadData,
                 {"'y'", "group"});
  expect_refused("output_shape", with([](NodeProto& n) {
                   set_ints(n, "output_shape", {kBig, 1});
                 }),
                 ErrorKind::kBadData, {"'y'", "output_shape"});
  expect_refused("output_padding", with([](NodeProto& n) {
                   set_ints(n, "output_padding", {-1, 0});
                 }),
                 ErrorKind::kBadData, {"'y'", "output_padding"});
}

TEST(HostileShapes, Pool) {
  for (const char* op_type : {"MaxPool", "AveragePool"}) {
    const auto pool = [&](const Ints& kernel, const std::function<void(NodeProto&)>& edit = {}) {
      return one_node(op_type, {1, 2, 6, 6}, {}, [&](NodeProto& node) {
        if (!kernel.empty()) set_ints(node, "kernel_shape", kernel);
        if (edit) edit(node);
      });
    };
    expect_refused("no kernel", pool({}), ErrorKind::kBadData, {"'y'", "'kernel_shape'"});
    expect_refused("kernel 0", pool({0, 2}), ErrorKind::kBadData, {"'y'", "holds 0"});
    expect_refused("kernel -1", pool({2, -1}), ErrorKind::kBadData, {"'y'", "holds -1"});
    expect_refused("kernel 2^62", pool({2, kBig}), ErrorKind::kBadData, {"'y'", "kernel_shape"});
    expect_refused("one axis", pool({2}), ErrorKind::kBadData, {"'y", "6, 6]"});
    expect_refused("too large", pool({7, 7}), ErrorKind::kBadData, {"'y'", "7"});
    expect_refused("stride 0",
                   pool({2, 2},
                        [](NodeProto& n) {
                          set_ints(n, "strides", {0, 1});
                        }),
                   ErrorKind::kBadData, {"'y'", "holds 0"});
    expect_refused("ceil_mode 2", pool({2, 2}, [](NodeProto& n) { set_int(n, "ceil_mode", 2); }),
                   ErrorKind::kBadData, {"'y'", "'ceil_mode' = 2"});
  }
}

TEST(HostileShapes, AveragesOverPaddingAloneAreNoDivisionByZero) {
  // The last window of each axis begins in the padding: ONNX leaves it out.
  const TestModel last = one_node("AveragePool", {1, 1, 3, 3}, {}, [](NodeProto& node) {
    set_ints(node, "kernel_shape", {2, 2});
    set_ints(node, "strides", {3, 3});
    set_ints(node, "pads", {0, 0, 1, 1});
    set_int(node, "ceil_mode", 1);
    set_int(node, "count_include_pad", 0);
  });
  const auto outputs = expect_runs("the last window", last, {ramp({1, 1, 3, 3})});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].shape(), (Shape{1, 1, 1, 1}));
  // Windows that lie in wide padding.
  const TestModel first = one_node("AveragePool", {1, 1, 2, 2}, {}, [](NodeProto& node) {
    set_ints(node, "kernel_shape", {2, 2});
    set_ints(node, "pads", {3, 3, 3, 3});
    set_int(node, "count_include_pad", 0);
  });
  const auto padded = expect_runs("wide padding", first, {ramp({1, 1, 2, 2})});
  for (const Tensor& tensor : padded) {
    for (const float value : tensor.data<float>()) EXPECT_TRUE(std::isfinite(value)) << value;
  }
}

TEST(HostileShapes, Reshape) {
  const auto reshape = [](const Ints& dims, std::int64_t allowzero = 0) {
    return one_node("Reshape", {2, 3}, {ints(dims)}, [&](NodeProto& node) {
      if (allowzero != 0) set_int(node, "allowzero", allowzero);
    });
  };
  expect_refused("two -1", reshape({-1, -1}), ErrorKind::kBadData,
                 {"'y'", "two dimensions are -1"});
  expect_refused("-2", reshape({-2, 3}), ErrorKind::kBadData, {"'y'", "dimension -2"});
  expect_refused("overflow", reshape({kBig, kBig}), ErrorKind::kBadData, {"'y'", "2^40"});
  expect_refused("not divisible", reshape({4, -1}), ErrorKind::kBadData, {"'y'", "[2, 3]"});
  expect_refused("too many", reshape({7}), ErrorKind::kBadData, {"'y'", "[2, 3]", "[7]"});
  expect_refused("0 with allowzero", reshape({0, 3}, 1), ErrorKind::kBadData, {"'y'", "[2, 3]"});
  expect_refused("0 and -1 with allowzero", reshape({0, -1}, 1), ErrorKind::kBadData, {"'y'"});
  expect_refused("0 past the rank", reshape({2, 3, 0}), ErrorKind::kBadData,
                 {"'y'", "dimension 2"});
  expect_refused("allowzero 2", reshape({6}, 2), ErrorKind::kBadData, {"'y'", "'allowzero' = 2"});
  expect_refused("a matrix", one_node("Reshape", {2, 3}, {Tensor(DType::kInt64, {1, 1})}),
                 ErrorKind::kBadData, {"'y'", "[1, 1]"});
  expect_refused("floats", one_node("Reshape", {2, 3}, {floats({1}, {6})}), ErrorKind::kBadData,
                 {"'y'", "float32"});
}

TEST(HostileShapes, Slice) {
  const auto slice = [](const Ints& starts, const Ints& ends, const Ints& axes, const Ints& steps) {
    return one_node("Slice", {4, 3}, {ints(starts), ints(ends), ints(axes), ints(steps)});
  };
  expect_refused("step 0", slice({0}, {4}, {0}, {0}), ErrorKind::kBadData, {"'y'", "step 0"});
  expect_refused("axis", slice({0}, {4}, {77}, {1}), ErrorKind::kBadData, {"'y'", "axis 77"});
  expect_refused("an axis twice", slice({0, 0}, {1, 1}, {0, -2}, {1, 1}), ErrorKind::kBadData,
                 {"'y'", "named twice"});
  expect_refused("lengths", slice({0}, {4, 4}, {0}, {1}), ErrorKind::kBadData,
                 {"'y'", "1 starts, 2 ends"});
  const std::vector<Tensor> x{ramp({4, 3})};
  EXPECT_EQ(expect_runs("start behind end", slice({3}, {1}, {0}, {1}), x),
            std::vector{Tensor(DType::kFloat32, {0, 3})});
  EXPECT_EQ(expect_runs("step INT64_MIN", slice({3}, {kMin}, {0}, {kMin}), x)[0].shape(),
            (Shape{1, 3}));
  EXPECT_EQ(expect_runs("bounds", slice({kMin}, {-(kMin + 1)}, {0}, {1}), x), x);
}

TEST(HostileShapes, Gather) {
  for (const std::int64_t index : {std::int64_t{4}, std::int64_t{-5}, kBig, kMin}) {
    expect_refused(numbered("index ", index), one_node("Gather", {4, 3}, {ints({index})}),
                   ErrorKind::kBadData, {"'y'", numbered("index ", index), "-4 to 3"});
  }
  expect_refused(
      "axis", one_node("Gather", {4, 3}, {ints({0})}, [](NodeProto& n) { set_int(n, "axis", 77); }),
      ErrorKind::kBadData, {"'y'", "77"});
  expect_refused("GatherND", one_node("GatherND", {4, 3}, {Tensor(DType::kInt64, {1, 3})}),
                 ErrorKind::kBadData, {"'y'"});
  expect_refused("GatherElements", one_node("GatherElements", {4, 3}, {ints({0})}),
                 ErrorKind::kBadData, {"'y'"});
}

TEST(HostileShapes, SplitAndConcat) {
  for (const Ints& sizes : {Ints{1, 1}, Ints{5, -1}, Ints{4}, Ints{kBig, kBig}, Ints{2, 1, 1}}) {
    TestModel model;
    model.input("x", {4}).constant("sizes", ints(sizes)).output("y").output("z");
    model.node("Split", {"x", "sizes"}, {"y", "z"});
    expect_refused("Split", model, ErrorKind::kBadData, {"'y'"});
  }
  TestModel ranks;
  ranks.input("x", {2, 2}).input("z", {2}).output("y");
  set_int(ranks.node("Concat", {"x", "z"}, {"y"}), "axis", 0);
  expect_refused("ranks", ranks, ErrorKind::kBadData, {"'y'", "[2, 2]", "[2]"});
  TestModel types;
  types.input("x", {2}).input("z", {2}, DType::kInt64).output("y");
  set_int(types.node("Concat", {"x", "z"}, {"y"}), "axis", 0);
  expect_refused("types", types, ErrorKind::kBadData, {"'y'", "int64"});
}

TEST(HostileShapes, SizesBeyondReasonAreRefused) {
  constexpr std::int64_t k41 = std::int64_t{1} << 41;
  expect_refused("Expand", one_node("Expand", {1}, {ints({k41})}), ErrorKind::kBadData, {"'y'"});
  expect_refused("Expand negative", one_node("Expand", {1}, {ints({-5})}), ErrorKind::kBadData,
                 {"'y'", "-5"});
  expect_refused("Tile", one_node("Tile", {2}, {ints({k41})}), ErrorKind::kBadData, {"'y'"});
  expect_refused("Tile negative", one_node("Tile", {2}, {ints({-1})}), ErrorKind::kBadData,
                 {"'y'", "-1"});
  expect_refused("Pad", one_node("Pad", {2}, {ints({-3, 0})}), ErrorKind::kBadData, {"'y'", "-3"});
  expect_refused("Pad huge", one_node("Pad", {2}, {ints({kBig, kBig})}), ErrorKind::kBadData,
                 {"'y'"});
  expect_refused("Pad INT64_MIN", one_node("Pad", {2}, {ints({kMin, kMin})}), ErrorKind::kBadData,
                 {"'y'"});
  expect_refused("Pad reflect",
                 one_node("Pad", {2}, {ints({kMin, 0})},
                          [](NodeProto& n) { set_string(n, "mode", "reflect"); }),
                 ErrorKind::kBadData, {"'y'"});
  const auto shape_of = [](const Ints& dims) {
    TestModel model;
    model.constant("dims", ints(dims)).output("y").node("ConstantOfShape", {"dims"}, {"y"});
    return model;
  };
  expect_refused("ConstantOfShape", shape_of({k41}), ErrorKind::kBadData, {"'y'", "2^40"});
  expect_refused("ConstantOfShape overflow", shape_of({kBig, kBig}), ErrorKind::kBadData, {"'y'"});
  expect_refused("ConstantOfShape negative", shape_of({-1}), ErrorKind::kBadData, {"'y'", "-1"});
  const auto range = [](std::int64_t start, std::int64_t limit, std::int64_t delta) {
    TestModel model;
    model.constant("a", Tensor::scalar(start)).constant("b", Tensor::scalar(limit));
    model.constant("c", Tensor::scalar(delta)).output("y").node("Range", {"a", "b", "c"}, {"y"});
    return model;
  };
  expect_refused("Range step 0", range(0, 10, 0), ErrorKind::kBadData, {"'y'", "delta"});
  expect_refused("Range 2^60", range(0, std::int64_t{1} << 60, 1), ErrorKind::kBadData,
                 {"'y'", "2^40"});
  expect_refused("Range to the end", range(kMin, -(kMin + 1), 1), ErrorKind::kBadData, {"'y'"});
  TestModel one_hot;
  one_hot.input("x", {2}, DType::kInt64).constant("depth", Tensor::scalar(kBig)).output("y");
  one_hot.constant("values", floats({2}, {0, 1}));
  one_hot.node("OneHot", {"x", "depth", "values"}, {"y"});
  expect_refused("OneHot", one_hot, ErrorKind::kBadData, {"'y'"});
}

TEST(HostileShapes, Resize) {
  const auto scaled = [](float scale) {
    TestModel model;
    model.input("x", {1, 1, 2, 2}).constant("s", floats({4}, {1, 1, scale, 1})).output("y");
    model.node("Resize", {"x", "", "s"}, {"y"});
    return model;
  };
  for (const float scale : {0.0f, -1.0f, kNaN, 1e13f, std::numeric_limits<float>::infinity()}) {
    expect_refused(std::to_string(scale), scaled(scale), ErrorKind::kBadData, {"'y'"});
  }
  TestModel sizes;
  sizes.input("x", {1, 1, 2, 2}).constant("s", ints({1, 1, kBig, 2})).output("y");
  sizes.node("Resize", {"x", "", "", "s"}, {"y"});
  expect_refused("sizes", sizes, ErrorKind::kBadData, {"'y'"});
}

TEST(HostileShapes, TransposeAndBlocks) {
  for (const Ints& perm : {Ints{0, 0}, Ints{0, 7}, Ints{0}, Ints{0, -1}, Ints{0, kBig}}) {
    expect_refused(
        "perm", one_node("Transpose", {2, 3}, {}, [&](NodeProto& n) { set_ints(n, "perm", perm); }),
        ErrorKind::kBadData, {"'y'", "perm"});
  }
  for (const char* op_type : {"DepthToSpace", "SpaceToDepth"}) {
    for (const std::int64_t block :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{65536}, kBig}) {
      expect_refused(op_type,
                     one_node(op_type, {1, 4, 2, 2}, {},
                              [&](NodeProto& n) { set_int(n, "blocksize", block); }),
                     ErrorKind::kBadData, {"'y'", numbered("", block)});
    }
  }
}

TEST(HostileShapes, AxesOutOfRange) {
  for (const char* op_type : {"Softmax", "LogSoftmax", "ArgMax", "Flatten", "Split"}) {
    for (const std::int64_t axis : {std::int64_t{3}, std::int64_t{-4}, kBig}) {
      expect_refused(op_type,
                     one_node(
                         op_type, {2, 3}, {}, [&](NodeProto& n) { set_int(n, "axis", axis); }, 13),
                     ErrorKind::kBadData, {"'y'", "axis"});
    }
  }
  for (const Ints& axes : {Ints{5}, Ints{-4}, Ints{0, 0}, Ints{kBig}}) {
    for (const char* op_type : {"ReduceSum", "Squeeze", "Unsqueeze"}) {
      expect_refused(op_type, one_node(op_type, {2, 1}, {ints(axes)}), ErrorKind::kBadData,
                     {"'y'"});
    }
  }
}

TEST(HostileShapes, Normalizations) {
  const auto layer_norm = [](const Shape& scale, std::int64_t axis) {
    return one_node("LayerNormalization", {2, 3}, {ramp(scale)},
                    [&](NodeProto& n) { set_int(n, "axis", axis); });
  };
  expect_refused("axis", layer_norm({3}, 2), ErrorKind::kBadData, {"'y'", "axis"});
  expect_refused("scale", layer_norm({4}, 1), ErrorKind::kBadData, {"'y'", "[4]"});
  const auto batch_norm = [](float variance, float epsilon) {
    const Tensor one = floats({2}, {1, 1});
    return one_node("BatchNormalization", {1, 2, 3, 3}, {one, one, one, floats({2}, {1, variance})},
                    [&](NodeProto& n) { set_float(n, "epsilon", epsilon); });
  };
  expect_refused("variance below 0", batch_norm(-1, 1e-5f), ErrorKind::kBadData,
                 {"'y'", "variance -1"});
  expect_refused("variance NaN", batch_norm(kNaN, 1e-5f), ErrorKind::kBadData, {"'y'", "variance"});
  expect_refused("0 and 0", batch_norm(0, 0), ErrorKind::kBadData, {"'y'", "variance 0"});
  expect_refused("epsilon", batch_norm(1, -1), ErrorKind::kBadData, {"'y'", "epsilon"});
  expect_refused("epsilon NaN", batch_norm(1, kNaN), ErrorKind::kBadData, {"'y'", "epsilon"});
  TestModel training(9);
  training.input("x", {1, 2, 3, 3});
  for (const char* name : {"s", "b", "m", "v"}) training.constant(name, ramp({2}));
  training.output("y").node("BatchNormalization", {"x", "s", "b", "m", "v"},
                            {"y", "mean", "var", "saved_mean", "saved_var"});
  expect_refused("five outputs", training, ErrorKind::kUnsupported,
                 {"'y'", "training mode", "exported for inference"});
  expect_refused(
      "too short",
      one_node("BatchNormalization", {1, 2, 3, 3}, {ramp({2}), ramp({3}), ramp({2}), ramp({2})}),
      ErrorKind::kBadData, {"'y'", "[3]"});
}

TEST(HostileShapes, Products) {
  expect_refused("MatMul", one_node("MatMul", {2, 3}, {ramp({4, 5})}), ErrorKind::kBadData,
                 {"'y'", "[2, 3]", "[4, 5]"});
  expect_refused("scalar", one_node("MatMul", {2, 3}, {Tensor::scalar(1.0f)}), ErrorKind::kBadData,
                 {"'y'"});
  expect_refused("Gemm", one_node("Gemm", {2, 3}, {ramp({4, 5})}), ErrorKind::kBadData, {"'y'"});
  expect_refused("Gemm rank", one_node("Gemm", {2, 3, 1}, {ramp({4, 5})}), ErrorKind::kBadData,
                 {"'y'"});
  expect_refused(
      "Gemm alpha",
      one_node("Gemm", {2, 3}, {ramp({3, 5})}, [](NodeProto& n) { set_float(n, "alpha", kNaN); }),
      ErrorKind::kBadData, {"'y'", "alpha"});
  // A product of two tensors without elements along the inner axis has 2^60 elements.
  TestModel outer;
  outer.input("x", {std::int64_t{1} << 30, 0}).input("z", {0, std::int64_t{1} << 30}).output("y");
  outer.node("MatMul", {"x", "z"}, {"y"});
  expect_refused("an outer product of nothing", outer, ErrorKind::kBadData, {"'y'", "2^40"});
}

TEST(HostileShapes, RecurrentNetworks) {
  TestModel model(14);
  model.input("x", {2, 1, 3}).output("y");
  model.constant("w", ramp({1, 16, 3})).constant("r", ramp({1, 16, 4}));
  for (const std::int64_t hidden : {std::int64_t{0}, std::int64_t{-4}, std::int64_t{5}, kBig}) {
    TestModel wrong = model;
    set_int(wrong.node("LSTM", {"x", "w", "r"}, {"y"}), "hidden_size", hidden);
    expect_refused(numbered("hidden_size ", hidden), wrong, ErrorKind::kBadData, {"'y'"});
  }
}

}  // namespace
}  // namespace octet
