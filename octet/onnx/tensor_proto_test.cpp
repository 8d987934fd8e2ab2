#include "octet/onnx/tensor_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/nibbles.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using octet_onnx::TensorProto;
using testing::HasSubstr;

TensorProto proto_of(int data_type, const std::vector<std::int64_t>& dims) {
  TensorProto proto;
  proto.set_data_type(data_type);
  for (const std::int64_t dim : dims) proto.add_dims(dim);
  return proto;
}

std::string error_of(ErrorKind kind, const TensorProto& proto) {
  return expect_error(kind, [&] { tensor_from_proto(proto, "tensor 'w'"); });
}

TEST(TensorProtoTest, EveryDtypeSurvivesAFile) {
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / "octet_tensor_proto_test.pb";
  const std::vector<Tensor> tensors = {
      floats({2, 1}, {1.5f, -0.0f}),
      ints({-1, std::int64_t{1} << 60}),
      Tensor::scalar(std::int32_t{-7}),
      Tensor::from(Shape{3}, std::vector<std::int8_t>{-128, 0, 127}),
      Tensor::from(Shape{2}, std::vector<std::uint8_t>{0, 255}),
      Tensor::scalar(true),
      Tensor(DType::kFloat32, Shape{0, 4}),
  };
  for (const Tensor& tensor : tensors) {
    write_tensor_proto(tensor, file);
    EXPECT_EQ(read_tensor_proto(file), tensor) << to_string(tensor.dtype());
  }
  std::filesystem::remove(file);
}

TEST(TensorProtoTest, ReadsTypedFields) {
  TensorProto proto = proto_of(TensorProto::FLOAT, {2});
  proto.add_float_data(1.0f);
  proto.add_float_data(2.0f);
  EXPECT_EQ(tensor_from_proto(proto, ""), floats({2}, {1, 2}));

  proto = proto_of(TensorProto::INT8, {1});
  proto.add_int32_data(-128);
  EXPECT_EQ(tensor_from_proto(proto, "").data<std::int8_t>()[0], -128);

  proto = proto_of(TensorProto::INT64, {1});
  proto.add_int64_data(std::int64_t{1} << 40);
  EXPECT_EQ(tensor_from_proto(proto, ""), ints({std::int64_t{1} << 40}));

  proto = proto_of(TensorProto::BOOL, {2});
  proto.set_raw_data(std::string("\x02\x00", 2));
  EXPECT_TRUE(tensor_from_proto(proto, "").data<bool>()[0]);
}

TEST(TensorProtoTest, RefusesDataThatContradictsTheDimensions) {
  TensorProto proto = proto_of(TensorProto::INT64, {1});
  for (const std::size_t size : {0, 7, 9, 13, 16}) {
    proto.set_raw_data(std::string(size, '\0'));
    EXPECT_THAT(error_of(ErrorKind::kBadData, proto), HasSubstr("tensor 'w'")) << size;
  }
  proto = proto_of(TensorProto::FLOAT, {3});
  proto.add_float_data(1.0f);
  EXPECT_THAT(error_of(ErrorKind::kBadData, proto), HasSubstr("holds 1 values, accepted: 3"));
  proto.set_raw_data(std::string(12, '\0'));
  EXPECT_THAT(error_of(ErrorKind::kBadData, proto), HasSubstr("both"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, proto_of(TensorProto::FLOAT, {})), HasSubstr("0"));
}

TEST(TensorProtoTest, RefusesDimensionsWithoutAllocating) {
  constexpr std::int64_t kBig = std::int64_t{1} << 32;
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  for (const std::vector<std::int64_t>& dims :
       {std::vector<std::int64_t>{-4}, {kBig, kBig}, {kMax, 2}, {std::int64_t{1} << 40}}) {
    error_of(ErrorKind::kBadData, proto_of(TensorProto::FLOAT, dims));
  }
  error_of(ErrorKind::kUnsupported, proto_of(TensorProto::FLOAT, std::vector<std::int64_t>(65, 1)));
  EXPECT_EQ(tensor_from_proto(proto_of(TensorProto::FLOAT, {0, 1000}), "").num_elements(), 0);
  // Strides are products of the other dimensions.
  error_of(ErrorKind::kBadData, proto_of(TensorProto::FLOAT, {0, kBig, kBig}));
}

TEST(TensorProtoTest, RefusesValuesOutsideTheDtype) {
  TensorProto proto = proto_of(TensorProto::UINT8, {1});
  proto.add_int32_data(300);
  EXPECT_THAT(error_of(ErrorKind::kBadData, proto), HasSubstr("= 300"));
  proto.set_int32_data(0, -1);
  error_of(ErrorKind::kBadData, proto);
}

TEST(TensorProtoTest, NamesDataTypesThatItDoesNotHave) {
  for (const auto& [type, name] :
       {std::pair{0, "undefined"}, std::pair{8, "string"}, std::pair{10, "float16"},
        std::pair{23, "float4e2m1"}, std::pair{999, "unknown"}, std::pair{-1, "unknown"}}) {
    EXPECT_THAT(error_of(ErrorKind::kUnsupported, proto_of(type, {})), HasSubstr(name));
  }
}

TEST(TensorProtoTest, FourBitTensorsArePackedTwoPerByteLowNibbleFirst) {
  const Tensor tensor =
      pack_nibbles(Tensor::from(Shape{3}, std::vector<std::int8_t>{-8, 7, -1}), DType::kInt4);
  TensorProto proto;
  tensor_to_proto(tensor, proto);
  EXPECT_EQ(proto.raw_data(), std::string("\x78\x0f"));
  EXPECT_EQ(tensor_from_proto(proto, "t"), tensor);
  proto.set_raw_data("\x78\xff");  // what fills the last byte means nothing
  EXPECT_EQ(tensor_from_proto(proto, "t"), tensor);
  proto.set_raw_data("\x78");  // a byte short
  error_of(ErrorKind::kBadData, proto);
  proto.set_raw_data(std::string("\x78\x0f\x00", 3));
  error_of(ErrorKind::kBadData, proto);
}

TEST(TensorProtoTest, NeverOpensExternalFiles) {
  TensorProto proto = proto_of(TensorProto::FLOAT, {1});
  proto.set_data_location(TensorProto::EXTERNAL);
  auto& location = *proto.add_external_data();
  location.set_key("location");
  location.set_value("../../etc/passwd");
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, proto), HasSubstr("external"));
}

TEST(TensorProtoTest, AMissingOrEmptyFileIsATypedError) {
  expect_error(ErrorKind::kNoInput, [] { read_tensor_proto("no/such/file.pb"); });
  expect_error(ErrorKind::kNoInput, [] { read_tensor_proto("/"); });
}

}  // namespace
}  // namespace octet
