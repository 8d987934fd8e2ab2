#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "octet/data/npy_file.h"
#include "octet/data/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

std::string npy_header(const std::string& dict, char major = 1) {
  std::string header = "\x93NUMPY";
  header += major;
  header += '\0';
  const std::string text = dict + "\n";
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    header += static_cast<char>(text.size() >> (8 * i));
  }
  return header + text;
}

std::string dict(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }";
}

template <typename T>
std::string npy(const std::string& descr, const std::string& shape, const std::vector<T>& values,
                char major = 1) {
  std::string elements(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(elements.data(), values.data(), elements.size());
  return npy_header(dict(descr, shape), major) + elements;
}

template <typename T>
std::vector<T> counting(std::size_t count) {
  std::vector<T> values(count);
  std::iota(values.begin(), values.end(), T{0});
  return values;
}

/// 0 1 0 1 ...
std::vector<std::int64_t> two_classes(std::size_t count) {
  std::vector<std::int64_t> labels(count);
  for (std::size_t i = 0; i < count; ++i) labels[i] = static_cast<std::int64_t>(i % 2);
  return labels;
}

class NpyTest : public DataFilesTest {
 protected:
  DataSplits load(const std::string& x, const std::string& y) {
    const std::string name = "npy:" + put("x.npy", x).string() + "," + put("y.npy", y).string();
    return load_data(name, {.validation_fraction = 0});
  }
  Error error_with(const std::string& x, const std::string& y) {
    return error_of([&] { load(x, y); });
  }
  /// Reading x.npy with this content.
  Error read_error(const std::string& content) {
    const auto path = put("x.npy", content);
    return error_of([&] { NpyArray::read(path); });
  }
};

TEST_F(NpyTest, ATableOfEveryAcceptedTypeBecomesFloats) {
  const std::string y = npy("<i8", "(10,)", two_classes(10));
  const auto first_sum = [&](const std::string& x) {
    const DataSplits splits = load(x, y);
    EXPECT_EQ(splits.train.sample_shape, Shape({3}));
    EXPECT_EQ(splits.train.samples.dtype(), DType::kFloat32);
    float sum = 0;
    for (const Dataset* part : {&splits.train, &splits.test}) {
      for (const float value : part->samples.data<float>()) sum += value;
    }
    return sum;
  };
  EXPECT_EQ(first_sum(npy("<f4", "(10, 3)", counting<float>(30))), 435);
  EXPECT_EQ(first_sum(npy("<f8", "(10, 3)", counting<double>(30), 2)), 435);
  EXPECT_EQ(first_sum(npy("|u1", "(10, 3)", counting<std::uint8_t>(30))), 435);
  EXPECT_EQ(first_sum(npy("|i1", "(10, 3)", counting<std::int8_t>(30))), 435);
  EXPECT_EQ(first_sum(npy("<i4", "(10, 3)", counting<std::int32_t>(30))), 435);
  EXPECT_EQ(first_sum(npy("<i8", "(10,3)", counting<std::int64_t>(30))), 435);
}

TEST_F(NpyTest, ByteImagesStayBytesAndAreScaledBy255) {
  const DataSplits splits =
      load(npy("|u1", "(10, 2, 2, 3)", counting<std::uint8_t>(120)),
           npy("|u1", "(10,)", std::vector<std::uint8_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(splits.train.sample_shape, Shape({2, 2, 3}));
  EXPECT_EQ(splits.train.samples.dtype(), DType::kUInt8);
  EXPECT_EQ(splits.train.preprocessing.divisor, 255);
  EXPECT_EQ(splits.train.preprocessing.mean.size(), 2u);
  EXPECT_EQ(splits.train.size(), 8);
}

TEST_F(NpyTest, FloatImagesAreStandardizedPerChannelAndGreyOnesGetAChannel) {
  const std::string y =
      npy("<i4", "(10,)", std::vector<std::int32_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
  const DataSplits colour = load(npy("<f4", "(10, 2, 2, 3)", counting<float>(120)), y);
  EXPECT_EQ(colour.train.preprocessing.divisor, 1);
  EXPECT_EQ(colour.train.preprocessing.std.size(), 2u);
  const DataSplits grey = load(npy("|u1", "(10, 2, 6)", counting<std::uint8_t>(120)), y);
  EXPECT_EQ(grey.train.sample_shape, Shape({1, 2, 6}));
  EXPECT_EQ(grey.train.samples.dtype(), DType::kUInt8);
}

TEST_F(NpyTest, SamplesKeepTheirLabels) {
  const DataSplits splits =
      load(npy("<f4", "(50, 1)", counting<float>(50)), npy("<i8", "(50,)", two_classes(50)));
  for (std::size_t i = 0; i < splits.train.labels.size(); ++i) {
    EXPECT_EQ(splits.train.labels[i], static_cast<int>(splits.train.samples.data<float>()[i]) % 2);
  }
}

TEST_F(NpyTest, WhatOnlyNumpyCanReadIsRefusedByItsName) {
  for (const auto& [header, found] :
       {std::pair<std::string, std::string>{dict("|O", "(2,)"), "pickled Python objects"},
        {dict("<f4", "(2, 2)", true), "Fortran order"},
        {dict(">f4", "(2,)"), "big-endian '>f4'"},
        {dict("<c8", "(2,)"), "type '<c8'"},
        {dict("<f2", "(2,)"), "type '<f2'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
         "structured type"}}) {
    const Error error = read_error(npy_header(header) + std::string(8, '\0'));
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported) << header;
    EXPECT_THAT(error.what(), HasSubstr(found));
    EXPECT_THAT(error.what(), HasSubstr("accepted: <f4"));
  }
  EXPECT_THAT(read_error(npy_header(dict("<f4", "(0,)"), 3)).what(), HasSubstr("format 3.0"));
}

TEST_F(NpyTest, DamagedHeadersAreBadData) {
  for (const std::string& content :
       {std::string(), std::string("NUMPY"), std::string("\x93NUMPY\1", 7),
        std::string("\x93NUMPY\1\0\xFF\xFF{", 11),
        std::string("\x93NUMPY\2\0\xFF\xFF\xFF\xFF{", 13), npy_header(""), npy_header("{"),
        npy_header("{}"), npy_header("{'descr': '<f4'}"),
        npy_header("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }"),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, -, }"),
        npy_header(dict("<f4", "(-1,)")), npy_header(dict("<f4", "(1099511627776, 1099511627776)")),
        npy_header(dict("<f4", "(99999999999999999999,)")),
        npy_header(dict("<f4", "(1,1,1,1,1,1,1,1,1)") + std::string(4, '\0')),
        npy_header(dict("<f4", "(1,)") + " garbage") + std::string(4, '\0')}) {
    EXPECT_EQ(read_error(content).kind(), ErrorKind::kBadData) << content;
  }
}

TEST_F(NpyTest, EveryTruncationOfAFileIsAnErrorOfItsKind) {
  const std::string content = npy("<f4", "(4, 2)", counting<float>(8));
  for (std::size_t length = 0; length < content.size(); ++length) {
    ASSERT_EQ(read_error(content.substr(0, length)).kind(), ErrorKind::kBadData) << length;
  }
  EXPECT_THAT(read_error(content.substr(0, content.size() - 10)).what(),
              HasSubstr("truncated in sample 2"));
  EXPECT_THAT(read_error(content + "x").what(), HasSubstr("33 bytes of elements"));
}

TEST_F(NpyTest, EveryFlippedBitOfAFileIsReadOrRefused) {
  const std::string content = npy("<f4", "(4, 2)", counting<float>(8));
  for (std::size_t bit = 0; bit < 8 * content.size(); ++bit) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto path = put("x.npy", damaged);
    try {
      EXPECT_EQ(NpyArray::read(path).to_doubles().size(), 8u) << bit;
    } catch (const Error& error) {
      EXPECT_THAT(error.kind(), testing::AnyOf(ErrorKind::kBadData, ErrorKind::kUnsupported));
    }
  }
}

TEST_F(NpyTest, LabelsOutOfRangeFloatOrTooFewAreNamed) {
  const std::string x = npy("<f4", "(4, 1)", counting<float>(4));
  const auto with_labels = [&](const std::vector<std::int64_t>& y, const std::string& shape) {
    return std::string(error_with(x, npy("<i8", shape, y)).what());
  };
  EXPECT_THAT(with_labels({0, 1, -1, 0}, "(4,)"), HasSubstr("label of sample 2: found -1"));
  EXPECT_THAT(with_labels({0, 1, 10000, 0}, "(4,)"), HasSubstr("found 10000, accepted: 0 to 9999"));
  EXPECT_THAT(with_labels({0, 1, 1}, "(3,)"), HasSubstr("accepted: [4]"));
  EXPECT_THAT(with_labels({0, 1, 1, 0}, "(4, 1)"), HasSubstr("accepted: [4]"));
  EXPECT_THAT(with_labels({0, 0, 0, 0}, "(4,)"), HasSubstr("found 1 classes"));
  EXPECT_THAT(with_labels({0, 9, 9, 0}, "(4,)"), HasSubstr("class '1' has no sample"));
  EXPECT_THAT(error_with(x, npy("<f4", "(4,)", counting<float>(4))).what(),
              HasSubstr("float labels"));
}

TEST_F(NpyTest, SamplesMustBeFiniteAndOfAKnownRank) {
  const std::string y = npy("<i8", "(4,)", two_classes(4));
  EXPECT_THAT(
      error_with(npy("<f4", "(4, 2)", std::vector<float>{0, 0, 0, 0, 0, NAN, 0, 0}), y).what(),
      HasSubstr("sample 2, element 1"));
  EXPECT_EQ(error_with(npy("<f8", "(4, 1)", std::vector<double>{0, 1e39, 0, 0}), y).kind(),
            ErrorKind::kBadData);
  EXPECT_EQ(error_with(npy("<f4", "(4,)", counting<float>(4)), y).kind(), ErrorKind::kBadData);
  EXPECT_EQ(error_with(npy("<f4", "()", counting<float>(1)), y).kind(), ErrorKind::kBadData);
  EXPECT_EQ(error_with(npy("<f4", "(0, 2)", counting<float>(0)), y).kind(), ErrorKind::kBadData);
}

TEST_F(NpyTest, TheNameTakesTwoFiles) {
  for (const char* name : {"npy:", "npy:x.npy", "npy:x.npy,", "npy:,y.npy", "npy:a,b,c"}) {
    EXPECT_EQ(load_error(name, {}).kind(), ErrorKind::kUsage) << name;
  }
  EXPECT_EQ(load_error("npy:/no/x.npy,/no/y.npy", {}).kind(), ErrorKind::kNoInput);
}

}  // namespace
}  // namespace octet
