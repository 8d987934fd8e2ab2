// The file as a container: what is no ONNX model at all, is cut off, or claims versions, operators
// and functions that are not there.

#include <random>

#include "tests/hostile/hostile.h"

namespace octet {
namespace {

using testing::HasSubstr;

TEST(HostileContainer, SaysWhatAForeignFileLooksLike) {
  expect_refused("nothing", Bytes{}, ErrorKind::kBadData, {"empty"});
  expect_refused("one byte", bytes_of("\x0a"), ErrorKind::kBadData, {"byte offset 0 of 1"});
  const std::vector<std::pair<std::string, std::string>> files = {
      {std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16), "PNG"},
      {std::string("\x7f"
                   "ELF\x02\x01\x01\0",
                   8),
       "ELF"},
      {std::string("\x1f\x8b\x08\0\0", 5), "gzip"},
      {std::string("PK\x03\x04\x14\0", 6), "zip"},
      {"{\"a\": 1}", "JSON"},
      {std::string("\x1c\0\0\0TFL3", 8), "TensorFlow Lite"}};
  for (const auto& [text, kind] : files) {
    expect_refused(kind, bytes_of(text), ErrorKind::kBadData, {kind});
  }
}

TEST(HostileContainer, SurvivesRandomBytes) {
  std::mt19937 random(testing::UnitTest::GetInstance()->random_seed());
  for (int round = 0; round < 300; ++round) {
    Bytes bytes(round < 8 ? 4096 : random() % 4096 + 1);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    EXPECT_FALSE(survives(bytes)) << "seed " << testing::UnitTest::GetInstance()->random_seed();
  }
}

TEST(HostileContainer, EveryTruncationIsRefusedOrComplete) {
  const Bytes whole = small_model().bytes();
  const std::string expected = to_string(read(whole));
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

TEST(HostileContainer, EverySingleFlippedBitIsAnErrorOrAGraphThatVerifies) {
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

TEST(HostileContainer, SurvivesBytesThatAreReplacedRepeatedOrRemoved) {
  const Bytes whole = small_model().bytes();
  std::mt19937 random(testing::UnitTest::GetInstance()->random_seed());
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = whole;
    for (int edit = static_cast<int>(random() % 4); edit >= 0; --edit) {
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

TEST(HostileContainer, NamesTheOffsetWhereTheFileBreaks) {
  Bytes more = small_model().bytes();
  const std::string end = numbered("byte offset ", std::ssize(more));
  more.push_back(std::byte{0x0a});  // a field that announces a length and then ends
  expect_refused("a field without its length", more, ErrorKind::kBadData, {end});
  Bytes garbage = small_model().bytes();
  garbage.insert(garbage.end(), 8, std::byte{0});
  expect_refused("garbage behind the model", garbage, ErrorKind::kBadData, {end});
  expect_refused("a number of 11 bytes",
                 bytes_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), ErrorKind::kBadData,
                 {"byte offset 0"});
  expect_refused("a length of 2^63 - 1", bytes_of("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
                 ErrorKind::kBadData, {"byte offset 0"});
  expect_refused("a length past the end", bytes_of("\x08\x08\x3a\xff\xff\x03xyz"),
                 ErrorKind::kBadData, {"byte offset 2 of 9"});
}

/// The small model behind a million fields that nobody knows.
Bytes with_unknown_fields(const std::string& field) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += field;
  Bytes bytes = bytes_of(text);
  const Bytes model = small_model().bytes();
  bytes.insert(bytes.end(), model.begin(), model.end());
  return bytes;
}

TEST(HostileContainer, ReadsAMillionUnknownFieldsInLinearTime) {
  const std::string expected = to_string(read(small_model().bytes()));
  const std::string number("\x98\x06\x01", 3);     // field 99, a varint
  const std::string text("\x9a\x06\x01x", 4);      // field 99, bytes
  const std::string group("\x9b\x06\x9c\x06", 4);  // field 99, a group
  for (const std::string& field : {number, text, group}) {
    const Bytes file = with_unknown_fields(field);
    within({.seconds = 10}, [&] { EXPECT_EQ(to_string(read(file)), expected); });
  }
}

/// By hand: protobuf itself would overflow its stack when it writes the deepest one.
Bytes nested_graphs(int depth) {
  std::string graph;
  for (int level = 0; level < depth; ++level) {
    const std::string branch = field(6, graph);  // AttributeProto.g
    graph = field(1, field(5, branch));          // GraphProto.node, NodeProto.attribute
  }
  return bytes_of(field(7, graph));  // ModelProto.graph
}

TEST(HostileContainer, BoundsTheNestingOfMessages) {
  for (const int depth : {10, 33}) EXPECT_FALSE(survives(nested_graphs(depth))) << depth;
  for (const int depth : {60, 3000, 10000}) {
    expect_refused(numbered("depth ", depth), nested_graphs(depth), ErrorKind::kBadData,
                   {"nested deeper than"});
  }
}

TEST(HostileContainer, NamesTheAcceptedVersions) {
  for (const std::int64_t ir : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 31}) {
    TestModel model = small_model();
    model.proto.set_ir_version(ir);
    expect_refused(numbered("IR ", ir), model, ErrorKind::kUnsupported,
                   {numbered("IR version ", ir), "accepted: 3 to"});
  }
  TestModel without_ir = small_model();
  without_ir.proto.clear_ir_version();
  expect_refused("no IR", without_ir, ErrorKind::kUnsupported, {"IR version 0"});
  for (const std::int64_t opset : {-5, 0, 28, 999}) {
    TestModel model = small_model();
    model.proto.mutable_opset_import(0)->set_version(opset);
    expect_refused(numbered("opset ", opset), model, ErrorKind::kUnsupported,
                   {numbered("opset ", opset), "accepted: 1 to 27"});
  }
  TestModel absent = small_model();
  absent.proto.clear_opset_import();
  expect_refused("no opset", absent, ErrorKind::kUnsupported, {"no opset", "accepted: 1 to 27"});
  for (const char* domain : {"", "ai.onnx"}) {
    TestModel twice = small_model();
    auto& again = *twice.proto.add_opset_import();
    again.set_domain(domain);
    again.set_version(12);
    expect_refused("two opsets", twice, ErrorKind::kUnsupported, {"13", "12", "accepted: one"});
  }
  TestModel old(6);
  old.input("x", {2}).output("y").node("Add", {"x", "x"}, {"y"});
  expect_refused("an old operator", old, ErrorKind::kUnsupported, {"'y'", "Add of opset 6"});
}

TEST(HostileContainer, NamesOperatorsThatItDoesNotKnow) {
  TestModel unknown;
  unknown.input("x", {1}).output("y").node("StringNormalizer", {"x"}, {"y"});
  expect_refused("unknown", unknown, ErrorKind::kUnsupported, {"'y'", "'StringNormalizer'"});
  TestModel foreign;
  foreign.input("x", {1})
      .output("y")
      .node("DecodeImage", {"x"}, {"y"})
      .set_domain("com.microsoft.extensions");
  expect_refused("foreign", foreign, ErrorKind::kUnsupported,
                 {"'y'", "'DecodeImage'", "'com.microsoft.extensions'"});
  TestModel early(7);
  early.input("x", {1}).output("y").node("HardSwish", {"x"}, {"y"});
  expect_refused("early", early, ErrorKind::kUnsupported, {"'y'", "accepted: 14 to"});
}

TEST(HostileContainer, RefusesGraphsWithoutWhatAGraphNeeds) {
  TestModel no_graph;
  no_graph.proto.clear_graph();
  expect_refused("no graph", no_graph, ErrorKind::kBadData, {"no graph"});
  TestModel no_output = small_model();
  no_output.graph().clear_output();
  expect_refused("no output", no_output, ErrorKind::kBadData, {"no output"});
  TestModel not_produced = small_model();
  not_produced.output("missing");
  expect_refused("output of nothing", not_produced, ErrorKind::kBadData, {"'missing'"});
  TestModel no_nodes;
  no_nodes.output("y");
  expect_refused("no nodes", no_nodes, ErrorKind::kBadData, {"'y'"});
}

TEST(HostileContainer, AnInputMayBeTheOutput) {
  TestModel identity;
  identity.input("x", {2}).output("x");
  EXPECT_EQ(expect_runs("identity", identity, {floats({2}, {1, -2})}),
            std::vector{floats({2}, {1, -2})});
}

TEST(HostileContainer, AMissingFileIsATypedError) {
  expect_error(ErrorKind::kNoInput, [] { import_onnx("no/such/model.onnx"); });
  expect_error(ErrorKind::kNoInput, [] { import_onnx(std::filesystem::path("/")); });
}

}  // namespace
}  // namespace octet
