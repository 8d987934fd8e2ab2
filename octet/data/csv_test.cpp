#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <set>

#include "octet/data/csv_reader.h"
#include "octet/data/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CsvTest : public DataFilesTest {
 protected:
  DataSplits load(const std::string& content, const std::string& query = "label=y") {
    DataOptions whole;
    whole.validation_fraction = 0;
    return load_data("csv:" + put("t.csv", content).string() + "?" + query, whole);
  }
  Error error_with(const std::string& content, const std::string& query = "label=y") {
    return error_of([&] { load(content, query); });
  }
  /// A valid table of 20 rows with `row` as the line 12 (row 11).
  std::string with_row(const std::string& row) {
    std::string content = "a,b,y\n";
    for (int i = 1; i <= 20; ++i) {
      content += i == 11 ? row + "\n"
                         : std::to_string(i) + "," + std::to_string(i * i) + "," +
                               std::to_string(i % 2) + "\n";
    }
    return content;
  }
};

std::vector<std::vector<std::string>> records(std::string_view text) {
  CsvReader reader("t.csv", text);
  std::vector<std::vector<std::string>> all = {reader.columns()};
  for (std::vector<std::string> cells; reader.next(cells);) all.push_back(cells);
  return all;
}

TEST(CsvReaderTest, QuotesCrLfByteOrderMarkAndEmptyLines) {
  EXPECT_THAT(records("\xEF\xBB\xBF"
                      "a,b\r\n\"x,\"\"1\"\"\",2\r\n\r\n\"two\nlines\",\"\"\r\n3,"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("x,\"1\"", "2"),
                          ElementsAre("two\nlines", ""), ElementsAre("3", "")));
  EXPECT_THAT(records("a\n1"), ElementsAre(ElementsAre("a"), ElementsAre("1")));
  EXPECT_THAT(records("a,b\n\"1\",\"2\""),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2")));
}

TEST(CsvReaderTest, WhatIsNoCsvIsBadData) {
  for (const std::string text :
       {"", "\xEF\xBB\xBF", "\n\n", "a,b\n\"open,1\n", "a,b\n\"x\"y,1\n"}) {
    EXPECT_EQ(error_of([&] { records(text); }).kind(), ErrorKind::kBadData) << text;
  }
  EXPECT_EQ(error_of([] { records(std::string("a\0b\n1\n", 6)); }).kind(), ErrorKind::kBadData);
}

TEST(CsvReaderTest, ALineOfOneMebibyteIsReadOrRefusedInLinearTime) {
  const std::string cell(1 << 20, '7');
  EXPECT_EQ(records("a,b\n" + cell + ",1\n")[1][0].size(), cell.size());
  EXPECT_THAT(error_of([&] { records(cell + ",b\n1,2\n"); }).what(),
              HasSubstr("accepted: at most"));
  EXPECT_EQ(error_of([&] { records(std::string(1 << 20, ',') + "\n"); }).kind(),
            ErrorKind::kBadData);
}

TEST(CsvReaderTest, NumbersAreReadWholeAndInEveryLocaleAlike) {
  std::setlocale(LC_ALL, "de_DE.UTF-8");
  double value = 0;
  EXPECT_TRUE(parse_number(" +1.5e1\t", value));
  std::setlocale(LC_ALL, "C");
  EXPECT_EQ(value, 15);
  for (const char* text : {"", "1,5", "1 2", "0x1", "+-1", "+", "1e", "--1"}) {
    EXPECT_FALSE(parse_number(text, value)) << text;
  }
}

TEST_F(CsvTest, NumericColumnsButTheLabelAreTheFeatures) {
  std::string content = "id,name,x,colour\n";
  for (int i = 0; i < 30; ++i) {
    content += std::to_string(i) + ",\"n," + std::to_string(i) + "\"," + std::to_string(0.5 * i) +
               (i % 3 == 0 ? ",red\n" : ",blue\n");
  }
  const DataSplits splits = load(content, "label=colour");
  EXPECT_EQ(splits.train.size(), 24);
  EXPECT_EQ(splits.test.size(), 6);
  EXPECT_EQ(splits.train.sample_shape, Shape({2}));
  EXPECT_THAT(splits.train.class_names, ElementsAre("blue", "red"));
  std::set<float> ids;
  for (const Dataset* part : {&splits.train, &splits.test}) {
    for (std::int64_t i = 0; i < part->size(); ++i) {
      const auto row = part->samples.data<float>().subspan(static_cast<std::size_t>(2 * i), 2);
      EXPECT_EQ(row[1], 0.5f * row[0]);
      EXPECT_EQ(part->labels[static_cast<std::size_t>(i)], static_cast<int>(row[0]) % 3 == 0);
      ids.insert(row[0]);
    }
  }
  EXPECT_EQ(ids.size(), 30u) << "every row is in exactly one part";
}

TEST_F(CsvTest, StandardizationComesFromTheTrainingRows) {
  const DataSplits splits = load(with_row("11,121,1"));
  double sum = 0;
  for (std::size_t i = 0; i < 16; ++i) sum += splits.train.samples.data<float>()[2 * i];
  EXPECT_FLOAT_EQ(splits.train.preprocessing.mean[0], static_cast<float>(sum / 16));
  EXPECT_EQ(splits.train.preprocessing.divisor, 1);
  EXPECT_EQ(splits.test.preprocessing, splits.train.preprocessing);
}

TEST_F(CsvTest, NamedFeaturesKeepTheirOrder) {
  const DataSplits splits = load(with_row("11,121,1"), "label=y&features=b,a");
  const auto row = splits.train.samples.data<float>();
  EXPECT_EQ(row[0], row[1] * row[1]);
  EXPECT_EQ(error_with(with_row("1,1,1"), "label=y&features=a,y").kind(), ErrorKind::kUsage);
  EXPECT_EQ(error_with(with_row("1,1,1"), "label=y&features=a,a").kind(), ErrorKind::kUsage);
}

TEST_F(CsvTest, WholeNumbersAreClassesInNumericOrder) {
  std::string content = "x,y\n";
  for (int i = 0; i < 30; ++i) {
    content += std::to_string(i) + (i % 3 == 0 ? ",10\n" : i % 3 == 1 ? ",-1\n" : ",2.0\n");
  }
  EXPECT_THAT(load(content).train.class_names, ElementsAre("-1", "2", "10"));
}

TEST_F(CsvTest, ADamagedCellIsNamedByLineRowAndColumn) {
  for (const auto& [row, found] :
       {std::pair<std::string, std::string>{"11,,1", "column 'b': found an empty cell"},
        {"11,NaN,1", "column 'b': found 'NaN'"},
        {"inf,4,1", "column 'a': found 'inf'"},
        {"11,1e39,1", "column 'b': found '1e39'"},
        {"eleven,4,1", "column 'a': found 'eleven'"},
        {"11,4,", "column 'y': found an empty cell"},
        {"11,4,nan", "column 'y': found 'nan'"},
        {"11,4", "found 2 cells, column 'y' is missing"},
        {"11,4,1,5", "found 4 cells"}}) {
    const Error error = error_with(with_row(row));
    EXPECT_EQ(error.kind(), ErrorKind::kBadData) << row;
    EXPECT_THAT(error.what(), HasSubstr("t.csv: line 12 (row 11)")) << row;
    EXPECT_THAT(error.what(), HasSubstr(found)) << row;
  }
}

TEST_F(CsvTest, EveryReplacedByteIsReadOrRefused) {
  std::string content = "a,\"b\",y\r\n";
  for (int i = 0; i < 10; ++i) content += "1.5,\"2\"," + std::to_string(i % 2) + "\r\n";
  for (const char byte : {'\0', '\n', '\r', '"', ',', 'e', '-', '\xFF'}) {
    for (std::size_t i = 0; i < content.size(); ++i) {
      std::string damaged = content;
      damaged[i] = byte;
      try {
        load(damaged, "label=y");
      } catch (const Error& error) {
        EXPECT_THAT(error.kind(), testing::AnyOf(ErrorKind::kBadData, ErrorKind::kUsage));
      }
    }
  }
}

TEST_F(CsvTest, LabelsWithFractionsOneClassOrTooManyAreRefused) {
  EXPECT_THAT(error_with(with_row("11,4,0.5")).what(), HasSubstr("found '0.5', accepted: whole"));
  std::string one = "x,y\n", many = "x,y\n";
  for (int i = 0; i < 10; ++i) one += "1,a\n";
  for (int i = 0; i < 10001; ++i) many += "1," + std::to_string(i) + "\n";
  EXPECT_THAT(error_with(one).what(), HasSubstr("found 1 classes"));
  EXPECT_THAT(error_with(many).what(), HasSubstr("at most 10000 different classes"));
  EXPECT_THAT(error_with("x,y\n", "label=y&features=x").what(), HasSubstr("no rows"));
  EXPECT_THAT(error_with("x,y\n1,a\n").what(), HasSubstr("found 1 classes"));
}

TEST_F(CsvTest, AClassThatOccursOnlyInTheTestPartIsRefused) {
  // Seed 1: whichever row is in the test part, its class is then missing in train.
  std::string content = "x,y\n";
  for (int i = 0; i < 20; ++i) content += std::to_string(i) + "," + std::to_string(i) + "\n";
  EXPECT_THAT(error_with(content).what(), HasSubstr("has no sample in the training part"));
}

TEST_F(CsvTest, MissingColumnsFilesAndLabelsAreNamed) {
  EXPECT_THAT(error_with(with_row("1,1,1"), "label=yy").what(), HasSubstr("did you mean 'y'?"));
  EXPECT_EQ(error_with(with_row("1,1,1"), "label=yy").kind(), ErrorKind::kUsage);
  EXPECT_THAT(error_with("x,x,y\n1,2,a\n", "label=y&features=x").what(),
              HasSubstr("two columns are named 'x'"));
  EXPECT_THAT(error_with("x,y\ntext,a\n").what(), HasSubstr("no numeric column"));
  EXPECT_EQ(load_error("csv:/does/not/exist.csv?label=y", {}).kind(), ErrorKind::kNoInput);
  EXPECT_EQ(load_error("csv:" + put("u.csv", "x,y\n").string(), {}).kind(), ErrorKind::kUsage);
}

}  // namespace
}  // namespace octet
