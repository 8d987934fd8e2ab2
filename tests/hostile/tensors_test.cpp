// Tensors in the file: data that contradict dimensions and types, dimensions that overflow, values
// that are no usual numbers, and data that are said to lie elsewhere.

#include <cmath>
#include <limits>

#include "tests/hostile/hostile.h"

namespace octet {
namespace {

using octet_onnx::TensorProto;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

/// y = Identity-like use of an initializer 'w' that `edit` writes.
TestModel with_tensor(const std::function<void(TensorProto&)>& edit) {
  TestModel model;
  model.input("x", {1}).output("y");
  TensorProto& tensor = *model.graph().add_initializer();
  tensor.set_name("w");
  edit(tensor);
  model.node("Add", {"x", "w"}, {"y"});
  return model;
}

TestModel with_raw(int data_type, const std::vector<std::int64_t>& dims, std::size_t bytes) {
  return with_tensor([&](TensorProto& tensor) {
    tensor.set_data_type(data_type);
    for (const std::int64_t dim : dims) tensor.add_dims(dim);
    tensor.set_raw_data(std::string(bytes, '\1'));
  });
}

TEST(HostileTensors, RawDataMustFillTheDimensions) {
  for (const std::size_t bytes : {0, 1, 7, 9, 13, 16}) {
    expect_refused(numbered("bytes of int64 [1]: ", static_cast<std::int64_t>(bytes)),
                   with_raw(TensorProto::INT64, {1}, bytes), ErrorKind::kBadData,
                   {"initializer 'w'", "accepted: 8"});
  }
  for (const std::size_t bytes : {11, 13, 16}) {
    expect_refused(
        "float [3]", with_raw(TensorProto::FLOAT, {3}, bytes), ErrorKind::kBadData,
        {"initializer 'w'", numbered("", static_cast<std::int64_t>(bytes)), "accepted: 12"});
  }
  constexpr int kInt4 = 22, kUInt4 = 21;
  for (const int type : {kInt4, kUInt4}) {
    for (const std::size_t bytes : {1, 3}) {  // three elements take two
      expect_refused("four bits", with_raw(type, {3}, bytes), ErrorKind::kBadData,
                     {"initializer 'w'", "accepted: 2"});
    }
  }
}

TEST(HostileTensors, AnOddNumberOfFourBitElementsTakesHalfAByteMore) {
  TestModel model(21);
  model.input("x", {3}).output("y");
  TensorProto& codes = *model.graph().add_initializer();
  codes.set_name("w");
  codes.set_data_type(22);
  codes.add_dims(3);
  codes.set_raw_data(std::string("\x78\x0f"));  // -8, 7, -1
  model.constant("s", Tensor::scalar(0.5f));
  model.node("DequantizeLinear", {"w", "s"}, {"d"});
  model.node("Add", {"x", "d"}, {"y"});
  EXPECT_EQ(expect_runs("int4", model, {floats({3}, {0, 0, 0})}),
            std::vector{floats({3}, {-4, 3.5f, -0.5f})});
}

TEST(HostileTensors, DataAreGivenOnceAndInOneForm) {
  expect_refused("raw and typed", with_tensor([](TensorProto& tensor) {
                   tensor.set_data_type(TensorProto::FLOAT);
                   tensor.add_dims(1);
                   tensor.add_float_data(1.0f);
                   tensor.set_raw_data(std::string(4, '\0'));
                 }),
                 ErrorKind::kBadData, {"initializer 'w'", "both raw_data and typed data"});
  expect_refused("of another type", with_tensor([](TensorProto& tensor) {
                   tensor.set_data_type(TensorProto::FLOAT);
                   tensor.add_dims(1);
                   tensor.add_int64_data(1);
                 }),
                 ErrorKind::kBadData, {"initializer 'w'", "float_data holds 0"});
  expect_refused("in segments", with_tensor([](TensorProto& tensor) {
                   tensor.set_data_type(TensorProto::FLOAT);
                   tensor.mutable_segment()->set_end(1);
                 }),
                 ErrorKind::kUnsupported, {"initializer 'w'", "segments"});
}

TEST(HostileTensors, ValuesMustFitTheirType) {
  for (const int value : {300, -1}) {
    expect_refused("uint8", with_tensor([&](TensorProto& tensor) {
                     tensor.set_data_type(TensorProto::UINT8);
                     tensor.add_dims(1);
                     tensor.add_int32_data(value);
                   }),
                   ErrorKind::kBadData, {"initializer 'w'", numbered("int32_data[0] = ", value)});
  }
}

TEST(HostileTensors, DimensionsAreCheckedBeforeAnythingIsAllocated) {
  const std::vector<std::pair<std::vector<std::int64_t>, std::string>> cases = {
      {{-4}, "dimension -4"},
      {{std::int64_t{1} << 32, std::int64_t{1} << 32}, "2^40"},
      {{kMax, 2}, "2^40"},
      {{kMax}, "2^40"},
      {{std::int64_t{1} << 40}, "raw_data holds 4 bytes"},
      {{(std::int64_t{1} << 40) + 1}, "2^40"}};
  for (const auto& [dims, found] : cases) {
    expect_refused(found, with_raw(TensorProto::FLOAT, dims, 4), ErrorKind::kBadData,
                   {"initializer 'w'", found});
  }
  for (const int rank : {9, 65}) {
    const std::vector<std::int64_t> dims(static_cast<std::size_t>(rank), 1);
    expect_refused("rank", with_raw(TensorProto::FLOAT, dims, 4), ErrorKind::kUnsupported,
                   {"initializer 'w'", numbered("rank ", rank), "accepted: at most 8"});
    TestModel input;
    input.input("x", Shape(dims)).output("y").node("Relu", {"x"}, {"y"});
    expect_refused("rank of an input", input, ErrorKind::kUnsupported,
                   {"input 'x'", numbered("rank ", rank), "accepted: at most 8"});
  }
  TestModel negative;
  negative.input("x", {-4}).output("y").node("Relu", {"x"}, {"y"});
  expect_refused("an input", negative, ErrorKind::kBadData, {"input 'x'", "dimension -4"});
  TestModel huge;
  huge.input("x", {kMax, 2}).output("y").node("Relu", {"x"}, {"y"});
  expect_refused("a huge input", huge, ErrorKind::kBadData, {"input 'x'", "2^40"});
}

TEST(HostileTensors, NoOperatorMakesARankAboveEight) {
  std::vector<std::int64_t> axes;
  for (int i = 0; i < 8; ++i) axes.push_back(i);
  expect_refused("Unsqueeze", one_node("Unsqueeze", {2}, {ints(axes)}), ErrorKind::kUnsupported,
                 {"'y'", "rank 9", "accepted: up to 8"});
  expect_refused("Reshape", one_node("Reshape", {1}, {ints(std::vector<std::int64_t>(9, 1))}),
                 ErrorKind::kUnsupported, {"'y'", "rank 9", "accepted: up to 8"});
  expect_refused("Expand", one_node("Expand", {2}, {ints(std::vector<std::int64_t>(9, 2))}),
                 ErrorKind::kUnsupported, {"'y'", "rank 9", "accepted: up to 8"});
  TestModel gather;
  gather.input("x", {1, 1, 1, 1, 1}).output("y");
  gather.constant("i", Tensor(DType::kInt64, {1, 1, 1, 1, 1})).node("Gather", {"x", "i"}, {"y"});
  expect_refused("Gather", gather, ErrorKind::kUnsupported, {"'y'", "rank 9", "accepted: up to 8"});
}

TEST(HostileTensors, TensorsWithoutElementsAreLegal) {
  TestModel model;
  model.input("x", {2, 3}).constant("none", Tensor(DType::kFloat32, {2, 0})).output("y");
  set_int(model.node("Concat", {"x", "none"}, {"y"}), "axis", 1);
  EXPECT_EQ(expect_runs("Concat", model, {ramp({2, 3})}), std::vector{ramp({2, 3})});

  TestModel empty;
  empty.input("x", {0, 3}).constant("w", ramp({3, 4})).output("y").output("z");
  empty.node("MatMul", {"x", "w"}, {"y"});
  set_int(empty.node("ReduceSum", {"y"}, {"z"}), "keepdims", 0);
  const auto outputs = expect_runs("an input", empty, {Tensor(DType::kFloat32, {0, 3})});
  EXPECT_EQ(outputs, (std::vector{Tensor(DType::kFloat32, {0, 4}), Tensor::scalar(0.0f)}));

  // Strides are products of the other dimensions.
  expect_refused("[0, 2^62]", with_raw(TensorProto::FLOAT, {0, std::int64_t{1} << 62}, 0),
                 ErrorKind::kBadData, {"initializer 'w'", "2^40"});
  const std::int64_t k31 = std::int64_t{1} << 31;
  expect_refused("[0, 2^31, 2^31]", with_raw(TensorProto::FLOAT, {0, k31, k31}, 0),
                 ErrorKind::kBadData, {"initializer 'w'", "2^40"});
}

TEST(HostileTensors, NamesDataTypesThatItDoesNotHave) {
  const std::vector<std::pair<int, std::string>> types = {
      {0, "undefined"}, {8, "string"},        {14, "complex64"},      {15, "complex128"},
      {16, "bfloat16"}, {17, "float8e4m3fn"}, {20, "float8e5m2fnuz"}, {23, "float4e2m1"},
      {26, "int2"},     {999, "unknown"},     {-1, "unknown"}};
  for (const auto& [type, name] : types) {
    expect_refused(name, with_raw(type, {1}, 4), ErrorKind::kUnsupported,
                   {"initializer 'w'", numbered("data type ", type), name});
    TestModel input;
    input.input("x", {1}).output("y").node("Identity", {"x"}, {"y"});
    input.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    expect_refused(name, input, ErrorKind::kUnsupported, {"input 'x'", name});
  }
}

TEST(HostileTensors, WeightsMayHoldAnyFloat) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float weight : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity,
                             std::numeric_limits<float>::denorm_min(), 0.0f, 1e38f}) {
    TestModel model;
    model.input("x", {1, 2}).output("y").constant("w", floats({2, 1}, {weight, weight}));
    model.node("MatMul", {"x", "w"}, {"y"});
    const auto outputs = expect_runs("MatMul", model, {floats({1, 2}, {1, 1})});
    ASSERT_EQ(outputs.size(), 1u);
    const float found = outputs[0].data<float>()[0], expected = weight + weight;
    EXPECT_TRUE(found == expected || (std::isnan(found) && std::isnan(expected))) << weight;
  }
}

TEST(HostileTensors, BytesInMemoryHaveNoFolderToReadExternalDataFrom) {
  expect_refused("external", with_tensor([](TensorProto& tensor) {
                   tensor.set_data_type(TensorProto::FLOAT);
                   tensor.set_data_location(TensorProto::EXTERNAL);
                   auto& entry = *tensor.add_external_data();
                   entry.set_key("location");
                   entry.set_value("/etc/passwd");
                 }),
                 ErrorKind::kUnsupported, {"initializer 'w'", "external"});
}

}  // namespace
}  // namespace octet
