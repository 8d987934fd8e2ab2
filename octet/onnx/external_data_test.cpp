// Weights beside the model: one opener, which cannot be led out of the model's folder.

#include "octet/onnx/external_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "octet/base/files.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

namespace fs = std::filesystem;
using octet_onnx::TensorProto;
using testing::HasSubstr;

using Entries = std::vector<std::pair<std::string, std::string>>;

/// float [4] of 1, 2, 3, 4 in weights.bin from byte 8 on.
class ExternalData : public testing::Test {
 protected:
  ExternalData() {
    folder_ = fs::temp_directory_path() /
              (std::string("octet_external_") +
               testing::UnitTest::GetInstance()->current_test_info()->name() +
               std::to_string(::getpid())) /
              "model";
    fs::create_directories(folder_ / "deep");
    const float numbers[] = {-1, -1, 1, 2, 3, 4, -1};
    bytes_.resize(sizeof numbers);
    std::memcpy(bytes_.data(), numbers, sizeof numbers);
    put("weights.bin");
    put("../outside.bin");
  }
  ~ExternalData() override {
    std::error_code ignored;
    fs::remove_all(folder_.parent_path(), ignored);
  }

  void put(const fs::path& name) const {
    write_file(folder_ / name, std::span<const std::byte>(bytes_));
  }

  static void make_external(TensorProto& tensor, const Entries& entries) {
    tensor.clear_raw_data();
    tensor.set_data_location(TensorProto::EXTERNAL);
    for (const auto& [key, value] : entries) {
      auto& entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
  }

  /// y = x + w, where w lies where the entries say.
  fs::path model(const Entries& entries) const {
    TestModel model;
    model.input("x", {kDynamicDim, 4}).output("y").constant("w", ramp({4}));
    make_external(*model.graph().mutable_initializer(0), entries);
    model.node("Add", {"x", "w"}, {"y"});
    const fs::path file = folder_ / "model.onnx";
    write_file(file, std::span<const std::byte>(model.bytes()));
    return file;
  }

  std::string error_at(ErrorKind kind, const std::string& location) const {
    const fs::path file = model({{"location", location}, {"offset", "8"}});
    return expect_error(kind, [&] { import_onnx(file); });
  }

  std::string error_with(const Entries& more) const {
    Entries entries{{"location", "weights.bin"}};
    entries.insert(entries.end(), more.begin(), more.end());
    const fs::path file = model(entries);
    return expect_error(ErrorKind::kBadData, [&] { import_onnx(file); });
  }

  static void expect_w(const Graph& graph) {
    EXPECT_EQ(*graph.value(*graph.find_value("w")).constant,
              Tensor::from(Shape{4}, std::vector<float>{1, 2, 3, 4}));
  }

  fs::path folder_;
  std::vector<std::byte> bytes_;
};

TEST_F(ExternalData, IsReadFromTheModelsFolderAndBelow) {
  expect_w(import_onnx(model({{"location", "weights.bin"}, {"offset", "8"}, {"length", "16"}})));
  expect_w(import_onnx(model({{"location", "./weights.bin"}, {"offset", "8"}})));
  put("deep/weights.bin");
  expect_w(import_onnx(model({{"location", "deep//weights.bin"}, {"offset", "8"}})));
}

TEST_F(ExternalData, KeysOfALaterOnnxAreToldOnceAndIgnored) {
  const Entries::value_type later{"compression", "1"};
  const fs::path file = model({{"location", "weights.bin"}, {"offset", "8"}, later, later});
  std::vector<std::string> warnings;
  ImportOptions options;
  options.warn = [&](const std::string& line) { warnings.push_back(line); };
  expect_w(import_onnx(file, options));
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("initializer 'w'"));
  EXPECT_THAT(warnings[0], HasSubstr("'compression'"));
  expect_w(import_onnx(file));
}

TEST_F(ExternalData, IsReadFromTheCurrentFolderForABareName) {
  model({{"location", "weights.bin"}, {"offset", "8"}});
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const Graph graph = import_onnx(fs::path("model.onnx"));
  fs::current_path(before);
  expect_w(graph);
}

TEST_F(ExternalData, CannotLeaveTheModelsFolder) {
  for (const std::string& location :
       {std::string("../outside.bin"), std::string("deep/../../outside.bin"),
        std::string("deep/.."), std::string("/etc/passwd"), std::string("C:\\x"),
        std::string("C:x"), std::string("\\\\server\\x"), std::string("."), std::string("./"),
        std::string(), std::string("weights.bin\0x", 13), std::string(5000, 'a')}) {
    EXPECT_THAT(error_at(ErrorKind::kBadData, location), HasSubstr("initializer 'w'")) << location;
  }
}

TEST_F(ExternalData, FollowsNoLinkAndOpensNothingButRegularFiles) {
  fs::create_symlink(folder_ / "weights.bin", folder_ / "link.bin");
  fs::create_directory_symlink(folder_ / "deep", folder_ / "link");
  put("deep/weights.bin");
  fs::create_hard_link(folder_ / "../outside.bin", folder_ / "hard.bin");
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  for (const char* location : {"link.bin", "link/weights.bin", "hard.bin", "fifo", "deep",
                               "missing.bin", "weights.bin/x"}) {
    EXPECT_THAT(error_at(ErrorKind::kNoInput, location), HasSubstr(location));
  }
}

TEST_F(ExternalData, LengthsAndOffsetsMustFitTheFileAndTheTensor) {
  for (const Entries& entries :
       {Entries{{"offset", "-8"}}, Entries{{"offset", "eight"}}, Entries{{"offset", "1e1"}},
        Entries{{"offset", ""}}, Entries{{"offset", " 8"}}, Entries{{"offset", "13"}},
        Entries{{"offset", "29"}}, Entries{{"offset", "9223372036854775807"}},
        Entries{{"offset", "9223372036854775808"}}, Entries{{"length", "15"}},
        Entries{{"length", "17"}}, Entries{{"length", "-16"}},
        Entries{{"offset", "16"}, {"length", "16"}}}) {
    EXPECT_THAT(error_with(entries), HasSubstr("initializer 'w'")) << entries[0].second;
  }
  // Any offset will do: the bytes are copied.
  import_onnx(model({{"location", "weights.bin"}, {"offset", "3"}}));
}

TEST_F(ExternalData, AChecksumThatCannotBeVerifiedIsRefused) {
  const fs::path file = model({{"location", "weights.bin"}, {"checksum", "00"}});
  expect_error(ErrorKind::kUnsupported, [&] { import_onnx(file); });
}

TEST_F(ExternalData, IsLimitedInTotal) {
  const fs::path file = model({{"location", "weights.bin"}});
  expect_error(ErrorKind::kUnsupported, [&] { import_onnx(file, {.max_external_bytes = 15}); });
  import_onnx(file, {.max_external_bytes = 16});
}

TEST_F(ExternalData, IsRefusedForAModelWithoutAFolder) {
  const std::vector<std::byte> bytes = read_file(model({{"location", "weights.bin"}}), 1 << 20);
  expect_error(ErrorKind::kUnsupported, [&] { import_onnx(std::span<const std::byte>(bytes)); });
}

TEST_F(ExternalData, IsFoundInAttributesAndRefusedThereInTheSameWay) {
  for (const char* location : {"weights.bin", "../outside.bin"}) {
    TestModel model;
    model.input("x", {kDynamicDim, 4}).output("y");
    auto& constant = model.node("Constant", {}, {"w"});
    set_tensor(constant, "value", ramp({4}));
    make_external(*constant.mutable_attribute(0)->mutable_t(),
                  {{"location", location}, {"offset", "8"}});
    model.node("Add", {"x", "w"}, {"y"});
    write_file(folder_ / "model.onnx", std::span<const std::byte>(model.bytes()));
    if (std::string_view(location) == "weights.bin") {
      expect_w(import_onnx(folder_ / "model.onnx"));
    } else {
      expect_error(ErrorKind::kBadData, [&] { import_onnx(folder_ / "model.onnx"); });
    }
  }
}

TEST_F(ExternalData, OpensNoDeviceAndNothingThatItMayNotRead) {
  if (::mknod((folder_ / "null").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {
    error_at(ErrorKind::kNoInput, "null");
  }
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  put("secret.bin");
  fs::permissions(folder_ / "secret.bin", fs::perms::none);
  error_at(ErrorKind::kNoInput, "secret.bin");
}

TEST_F(ExternalData, TensorsMayOverlapAndEachCountsInTheTotal) {
  TestModel model;
  model.input("x", {kDynamicDim, 4}).output("y");
  model.constant("v", ramp({4})).constant("w", ramp({4}));
  make_external(*model.graph().mutable_initializer(0), {{"location", "weights.bin"}});
  make_external(*model.graph().mutable_initializer(1),
                {{"location", "weights.bin"}, {"offset", "8"}});
  model.node("Add", {"x", "v"}, {"a"});
  model.node("Add", {"a", "w"}, {"y"});
  const fs::path file = folder_ / "model.onnx";
  write_file(file, std::span<const std::byte>(model.bytes()));
  const Graph graph = import_onnx(file, {.max_external_bytes = 32});
  expect_w(graph);
  EXPECT_EQ(*graph.value(*graph.find_value("v")).constant,
            Tensor::from(Shape{4}, std::vector<float>{-1, -1, 1, 2}));
  expect_error(ErrorKind::kUnsupported, [&] { import_onnx(file, {.max_external_bytes = 31}); });
}

/// Every place of a model in which a tensor may stand.
struct Place {
  const char* name;
  std::function<TensorProto&(TestModel&)> make;
};

const Place kPlaces[] = {
    {"an initializer", [](TestModel& m) -> TensorProto& { return *m.graph().add_initializer(); }},
    {"values of a sparse initializer",
     [](TestModel& m) -> TensorProto& {
       return *m.graph().add_sparse_initializer()->mutable_values();
     }},
    {"indices of a sparse initializer",
     [](TestModel& m) -> TensorProto& {
       return *m.graph().add_sparse_initializer()->mutable_indices();
     }},
    {"an attribute",
     [](TestModel& m) -> TensorProto& {
       return *m.node("Constant", {}, {"c"}).add_attribute()->mutable_t();
     }},
    {"a list of tensors in an attribute",
     [](TestModel& m) -> TensorProto& {
       return *m.node("Constant", {}, {"c"}).add_attribute()->add_tensors();
     }},
    {"a sparse attribute",
     [](TestModel& m) -> TensorProto& {
       return *m.node("Constant", {}, {"c"})
                   .add_attribute()
                   ->mutable_sparse_tensor()
                   ->mutable_values();
     }},
    {"a branch",
     [](TestModel& m) -> TensorProto& {
       return *m.node("If", {"x"}, {"c"}).add_attribute()->mutable_g()->add_initializer();
     }},
    {"a branch of a list",
     [](TestModel& m) -> TensorProto& {
       return *m.node("If", {"x"}, {"c"}).add_attribute()->add_graphs()->add_initializer();
     }},
    {"a node of a branch",
     [](TestModel& m) -> TensorProto& {
       auto& graph = *m.node("If", {"x"}, {"c"}).add_attribute()->mutable_g();
       return *graph.add_node()->add_attribute()->mutable_t();
     }},
    {"a function",
     [](TestModel& m) -> TensorProto& {
       return *m.proto.add_functions()->add_node()->add_attribute()->mutable_t();
     }},
    {"a branch in a function",
     [](TestModel& m) -> TensorProto& {
       auto& node = *m.proto.add_functions()->add_node();
       return *node.add_attribute()->mutable_g()->add_initializer();
     }},
};

TEST_F(ExternalData, IsReadByTheOneOpenerWhereverATensorStands) {
  for (const Place& place : kPlaces) {
    SCOPED_TRACE(place.name);
    for (const char* location : {"../outside.bin", "/etc/passwd", "weights.bin"}) {
      TestModel model;
      model.input("x", {kDynamicDim, 4}).output("y").node("Relu", {"x"}, {"y"});
      TensorProto& tensor = place.make(model);
      tensor.set_data_type(TensorProto::FLOAT);
      tensor.add_dims(4);
      make_external(tensor, {{"location", location}});
      auto proto = model.proto;
      const bool inside = std::string_view(location) == "weights.bin";
      const auto embed = [&] { read_external_data(proto, folder_, 1 << 20); };
      if (inside) {
        EXPECT_NO_THROW(embed());
      } else {
        EXPECT_THAT(expect_error(ErrorKind::kBadData, embed), HasSubstr(location));
      }
      // Nothing is left that could be opened later, or it never got that far.
      EXPECT_EQ(proto.SerializePartialAsString().find("location") == std::string::npos, inside);
    }
  }
}

}  // namespace
}  // namespace octet
