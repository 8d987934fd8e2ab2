// What strangers bring: every file ends in a graph that verifies or in a typed error.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Graph read(const Bytes& bytes) { return import_onnx(std::span<const std::byte>(bytes)); }

std::string error_of(ErrorKind kind, const Bytes& bytes) {
  return expect_error(kind, [&] { read(bytes); });
}
std::string error_of(ErrorKind kind, const TestModel& model) {
  return error_of(kind, model.bytes());
}

/// Conv, Clip, pooling, reshaping, quantization and Gemm in about 2 KiB.
TestModel small_model() {
  TestModel model;
  model.input("x", {kDynamicDim, 2, 6, 6}).output("y");
  model.constant("w", ramp({4, 2, 3, 3})).constant("b", ramp({4}));
  model.constant("low", Tensor::scalar(0.0f)).constant("high", Tensor::scalar(6.0f));
  model.constant("scale", Tensor::scalar(0.02f)).constant("zero", Tensor::scalar(std::uint8_t{3}));
  model.constant("dims", ints({0, -1})).constant("fc", ramp({5, 16}));
  auto& conv = model.node("Conv", {"x", "w", "b"}, {"c"});
  set_ints(conv, "strides", {1, 1});
  set_ints(conv, "pads", {0, 0, 0, 0});
  model.node("Clip", {"c", "low", "high"}, {"k"});
  model.node("QuantizeLinear", {"k", "scale", "zero"}, {"q"});
  model.node("DequantizeLinear", {"q", "scale", "zero"}, {"d"});
  auto& pool = model.node("MaxPool", {"d"}, {"p"});
  set_ints(pool, "kernel_shape", {2, 2});
  set_ints(pool, "strides", {2, 2});
  model.node("Reshape", {"p", "dims"}, {"f"});
  set_int(model.node("Gemm", {"f", "fc"}, {"g"}), "transB", 1);
  model.node("Softmax", {"g"}, {"y"});
  return model;
}

/// A graph that verifies, or an Error; anything else ends the test program.
bool survives(const Bytes& bytes) {
  try {
    verify(read(bytes));
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(HostileTest, SaysWhatAForeignFileLooksLike) {
  EXPECT_THAT(error_of(ErrorKind::kBadData, Bytes{}), HasSubstr("empty"));
  for (const auto& [text, kind] :
       {std::pair{std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16), "PNG"},
        std::pair{std::string("\x7f"
                              "ELF\x02\x01\x01\0",
                              8),
                  "ELF"},
        std::pair{std::string("\x1f\x8b\x08\0\0", 5), "gzip"},
        std::pair{std::string("PK\x03\x04\x14\0", 6), "zip"},
        std::pair{std::string("{\"a\": 1}"), "JSON"},
        std::pair{std::string("\x1c\0\0\0TFL3", 8), "TensorFlow Lite"}}) {
    EXPECT_THAT(error_of(ErrorKind::kBadData, bytes_of(text)), HasSubstr(kind));
  }
}

TEST(HostileTest, SurvivesRandomBytes) {
  std::mt19937 random(testing::UnitTest::GetInstance()->random_seed());
  for (int round = 0; round < 300; ++round) {
    Bytes bytes(random() % 4096 + 1);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    EXPECT_FALSE(survives(bytes));
  }
}

TEST(HostileTest, EveryTruncationIsRefusedOrComplete) {
  const Bytes whole = small_model().bytes();
  const Graph graph = read(whole);
  const std::string expected = to_string(graph);
  ASSERT_GT(whole.size(), 1000u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    try {
      EXPECT_EQ(to_string(read(cut)), expected) << size << " of " << whole.size() << " bytes";
    } catch (const Error& error) {
      EXPECT_NE(error.kind(), ErrorKind::kInternal) << error.what();
    }
  }
}

TEST(HostileTest, EverySingleFlippedBitIsAnErrorOrAGraphThatVerifies) {
  Bytes bytes = small_model().bytes();
  int accepted = 0, refused = 0;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto mask = static_cast<std::byte>(1 << (bit % 8));
    bytes[bit / 8] ^= mask;
    ++(survives(bytes) ? accepted : refused);
    bytes[bit / 8] ^= mask;
  }
  EXPECT_GT(accepted, 0) << "bits of weights keep the file valid";
  EXPECT_GT(refused, 0);
}

TEST(HostileTest, SurvivesBytesThatAreReplacedRepeatedOrRemoved) {
  const Bytes whole = small_model().bytes();
  std::mt19937 random(testing::UnitTest::GetInstance()->random_seed());
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = whole;
    for (int edit = random() % 4; edit >= 0; --edit) {
      const auto at = static_cast<std::ptrdiff_t>(random() % bytes.size());
      switch (random() % 3) {
        case 0:
          bytes[static_cast<std::size_t>(at)] = static_cast<std::byte>(random());
          break;
        case 1:
          bytes.insert(bytes.begin() + at, static_cast<std::byte>(random()));
          break;
        default:
          bytes.erase(bytes.begin() + at);
      }
    }
    survives(bytes);
  }
}

TEST(HostileTest, NamesTheOffsetWhereTheFileBreaks) {
  Bytes bytes = small_model().bytes();
  bytes.push_back(std::byte{0x0a});  // a field that announces a length and then ends
  EXPECT_THAT(error_of(ErrorKind::kBadData, bytes),
              HasSubstr(numbered("byte offset ", static_cast<std::int64_t>(bytes.size()) - 1)));
  Bytes garbage = small_model().bytes();
  garbage.insert(garbage.end(), 8, std::byte{0});
  EXPECT_THAT(error_of(ErrorKind::kBadData, garbage), HasSubstr("byte offset"));
  error_of(ErrorKind::kBadData, bytes_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
  error_of(ErrorKind::kBadData, bytes_of("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
}

/// A protobuf field that holds bytes.
std::string field(int number, const std::string& payload) {
  std::string text(1, static_cast<char>(number << 3 | 2));
  for (std::size_t size = payload.size();; size >>= 7) {
    const bool last = size < 128;
    text += static_cast<char>((size & 127) | (last ? 0 : 128));
    if (last) break;
  }
  text += payload;
  return text;
}

TEST(HostileTest, BoundsTheNestingOfSubgraphs) {
  // By hand: protobuf itself would overflow its stack when it writes the deepest one.
  for (const int depth : {10, 60, 3000}) {
    std::string graph;
    for (int level = 0; level < depth; ++level) {
      const std::string branch = field(6, graph);  // AttributeProto.g
      graph = field(1, field(5, branch));          // GraphProto.node, NodeProto.attribute
    }
    EXPECT_FALSE(survives(bytes_of(field(7, graph)))) << depth;  // ModelProto.graph
    if (depth > 60) {
      EXPECT_THAT(error_of(ErrorKind::kBadData, bytes_of(field(7, graph))), HasSubstr("nested"));
    }
  }
}

TEST(HostileTest, NamesTheAcceptedVersions) {
  for (const std::int64_t ir : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 31}) {
    TestModel model = small_model();
    model.proto.set_ir_version(ir);
    EXPECT_THAT(error_of(ErrorKind::kUnsupported, model), HasSubstr("IR version"));
  }
  for (const std::int64_t opset : {-5, 0, 28, 999}) {
    TestModel model = small_model();
    model.proto.mutable_opset_import(0)->set_version(opset);
    EXPECT_THAT(error_of(ErrorKind::kUnsupported, model), HasSubstr("accepted: 1 to 27"));
  }
  TestModel old(6);
  old.input("x", {2}).output("y").node("Add", {"x", "x"}, {"y"});
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, old), HasSubstr("Add of opset 6"));
  TestModel absent = small_model();
  absent.proto.clear_opset_import();
  error_of(ErrorKind::kUnsupported, absent);
  TestModel twice = small_model();
  auto& again = *twice.proto.add_opset_import();
  again.set_domain("ai.onnx");
  again.set_version(13);
  error_of(ErrorKind::kBadData, twice);
}

TEST(HostileTest, RefusesGraphsWithoutWhatAGraphNeeds) {
  TestModel no_graph;
  no_graph.proto.clear_graph();
  EXPECT_THAT(error_of(ErrorKind::kBadData, no_graph), HasSubstr("no graph"));
  TestModel no_output = small_model();
  no_output.graph().clear_output();
  EXPECT_THAT(error_of(ErrorKind::kBadData, no_output), HasSubstr("no output"));
  TestModel not_produced = small_model();
  not_produced.output("missing");
  EXPECT_THAT(error_of(ErrorKind::kBadData, not_produced), HasSubstr("'missing'"));
  TestModel no_nodes;
  no_nodes.output("y");
  error_of(ErrorKind::kBadData, no_nodes);
}

TEST(HostileTest, NamesOperatorsThatItDoesNotKnow) {
  TestModel unknown;
  unknown.input("x", {1}).output("y").node("StringNormalizer", {"x"}, {"y"});
  const std::string message = error_of(ErrorKind::kUnsupported, unknown);
  EXPECT_THAT(message, HasSubstr("'StringNormalizer'"));
  EXPECT_THAT(message, HasSubstr("QuantizeLinear")) << "what is accepted";

  TestModel foreign;
  foreign.input("x", {1})
      .output("y")
      .node("DecodeImage", {"x"}, {"y"})
      .set_domain("com.microsoft.extensions");
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, foreign), HasSubstr("com.microsoft.extensions"));

  TestModel early(7);
  early.input("x", {1}).output("y").node("HardSwish", {"x"}, {"y"});
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, early), HasSubstr("accepted: 14 to"));
}

TEST(HostileTest, RefusesNamesThatAreDefinedTwice) {
  TestModel outputs;
  outputs.input("x", {1}).output("y").node("Relu", {"x"}, {"y"});
  outputs.node("Tanh", {"x"}, {"y"});
  EXPECT_THAT(error_of(ErrorKind::kBadData, outputs), HasSubstr("'y': defined twice"));
  TestModel initializers = small_model();
  initializers.constant("w", ramp({1}));
  EXPECT_THAT(error_of(ErrorKind::kBadData, initializers), HasSubstr("'w': defined twice"));
}

TEST(HostileTest, RefusesCyclesAndMissingInputs) {
  TestModel cycle;
  cycle.input("x", {1}).output("a");
  cycle.node("Add", {"x", "b"}, {"a"});
  cycle.node("Relu", {"a"}, {"b"});
  EXPECT_THAT(error_of(ErrorKind::kBadData, cycle), HasSubstr("cycle"));
  TestModel self;
  self.output("a").node("Relu", {"a"}, {"a"});
  EXPECT_THAT(error_of(ErrorKind::kBadData, self), HasSubstr("cycle"));
  TestModel undefined;
  undefined.output("a").node("Relu", {"nowhere"}, {"a"});
  EXPECT_THAT(error_of(ErrorKind::kBadData, undefined), HasSubstr("'nowhere'"));
  TestModel none;
  none.output("a").node("Concat", {}, {"a"});
  error_of(ErrorKind::kBadData, none);
  TestModel empty;
  empty.output("a").node("Relu", {""}, {"a"});
  EXPECT_THAT(error_of(ErrorKind::kBadData, empty), HasSubstr("input 0 is missing"));
}

TEST(HostileTest, ChecksAttributes) {
  const auto concat = [](const std::function<void(octet_onnx::NodeProto&)>& edit) {
    TestModel model;
    model.input("x", {1, 2}).output("y");
    edit(model.node("Concat", {"x", "x"}, {"y"}));
    return model;
  };
  EXPECT_THAT(error_of(ErrorKind::kBadData, concat([](auto&) {})), HasSubstr("'axis' is missing"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, concat([](auto& n) { set_float(n, "axis", 1.0f); })),
              HasSubstr("accepted: an int"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, concat([](auto& n) {
                         set_int(n, "axis", 1);
                         set_int(n, "axis", 0);
                       })),
              HasSubstr("given twice"));
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, concat([](auto& n) {
                         set_int(n, "axis", 1);
                         set_int(n, "colour", 0);
                       })),
              HasSubstr("'colour'"));
  error_of(ErrorKind::kBadData, concat([](auto& n) { set_int(n, "axis", 77); }));
  error_of(ErrorKind::kBadData, concat([](auto& n) {
             for (int i = 0; i < 300; ++i) set_int(n, numbered("a", i), i);
           }));
}

TEST(HostileTest, ChecksWindows) {
  const auto error_with = [](const std::string& name, const std::vector<std::int64_t>& values) {
    TestModel model;
    model.input("x", {1, 2, 6, 6}).constant("w", ramp({4, 2, 3, 3})).output("y");
    set_ints(model.node("Conv", {"x", "w"}, {"y"}), name, values);
    EXPECT_FALSE(survives(model.bytes())) << name;
  };
  error_with("strides", {0, 1});
  error_with("strides", {-1, 1});
  error_with("dilations", {0, 1});
  error_with("dilations", {std::int64_t{1} << 62, 1});
  error_with("pads", {-1, 0, 0, 0});
  error_with("pads", {0, 0, 0});
  error_with("pads", {0, 0, 0, 0, 0});
  error_with("kernel_shape", {5, 5});
  error_with("strides", {1, 1, 1});
}

TEST(HostileTest, EscapesNamesInMessages) {
  TestModel model;
  model.output("y").node("Relu", {"<script>\x1b[31m"}, {"y"});
  const std::string message = error_of(ErrorKind::kBadData, model);
  EXPECT_THAT(message, HasSubstr("\\x1b[31m"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  TestModel latin;
  latin.input("\xe9", {1}).output("\xe9");
  EXPECT_THAT(error_of(ErrorKind::kBadData, latin), HasSubstr("UTF-8"));
  TestModel endless;
  endless.input(std::string(1 << 20, 'a'), {1}).output("y");
  const std::string shortened = error_of(ErrorKind::kBadData, endless);
  EXPECT_LT(shortened.size(), 400u);
}

TEST(HostileTest, BoundsTheNumberOfNodesAndBytes) {
  TestModel model;
  model.input("x", {1}).output("y");
  model.node("Relu", {"x"}, {"a"});
  model.node("Relu", {"a"}, {"y"});
  const Bytes bytes = model.bytes();
  expect_error(ErrorKind::kUnsupported,
               [&] { import_onnx(std::span<const std::byte>(bytes), {.max_nodes = 1}); });
  expect_error(ErrorKind::kBadData,
               [&] { import_onnx(std::span<const std::byte>(bytes), {.max_file_bytes = 10}); });
}

double seconds_to_read(int nodes, const std::string& node_name) {
  TestModel model;
  model.input("x", {1}).output(numbered("v", nodes));
  model.node("Relu", {"x"}, {"v0"});
  for (int i = 0; i < nodes; ++i) {
    model.node("Sigmoid", {numbered("v", i)}, {numbered("v", i + 1)}).set_name(node_name);
  }
  const Bytes bytes = model.bytes();
  const std::clock_t start = std::clock();  // of this process: other load does not matter
  EXPECT_EQ(read(bytes).nodes().size(), static_cast<std::size_t>(nodes) + 1);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST(HostileTest, ReadsALongChainInLinearTime) {
  // Quadratic time would need minutes for 10^5 nodes, with or without names that clash.
  EXPECT_LT(seconds_to_read(100'000, ""), 20.0);
  EXPECT_LT(seconds_to_read(100'000, "same"), 20.0);
}

TEST(HostileTest, AMissingFileIsATypedError) {
  expect_error(ErrorKind::kNoInput, [] { import_onnx("no/such/model.onnx"); });
  expect_error(ErrorKind::kNoInput, [] { import_onnx(std::filesystem::path("/")); });
}

}  // namespace
}  // namespace octet
