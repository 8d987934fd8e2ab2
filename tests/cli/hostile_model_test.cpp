#include "octet/data/npy.h"
#include "octet/onnx/test_model.h"
#include "tests/cli/cli_test.h"

// Models and data of strangers on the real program: one of each kind of malformed file, sizes that
// only the data tell, and the limits that a command line can move. tests/hostile has all of them.

namespace octet {
namespace {

class HostileModelTest : public CliTest {
 protected:
  void put(const std::string& name, const TestModel& model) const {
    const std::vector<std::byte> bytes = model.bytes();
    CliTest::put(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void put_npy(const std::string& name, const Tensor& tensor) const {
    write_npy(tensor, folder_ / name);
  }

  /// Every command that reads the model says the same and leaves nothing behind.
  void expect_refused(const TestModel& model, int exit_code,
                      const std::vector<std::string>& says) const {
    put("m.onnx", model);
    put_npy("x.npy", ramp({1, 2}));
    std::vector<std::string> fragments = says;
    fragments.emplace_back("m.onnx");
    for (const char* command :
         {"info m.onnx", "info m.onnx --json", "run m.onnx --input x=x.npy --output-dir out",
          "quantize m.onnx --config dynamic_int8 -o q.onnx", "eval m.onnx --data roads",
          "bench m.onnx --rounds 3"}) {
      expect_fails(command, exit_code, fragments);
    }
  }
};

TestModel relu(const Shape& shape) {
  TestModel model;
  model.input("x", shape).output("y").node("Relu", {"x"}, {"y"});
  return model;
}

TEST_F(HostileModelTest, Containers) {
  TestModel no_graph;
  no_graph.proto.clear_graph();
  expect_refused(no_graph, 65, {"no graph"});
  TestModel opset = relu({1, 2});
  opset.proto.mutable_opset_import(0)->set_version(999);
  expect_refused(opset, 69, {"opset 999", "accepted: 1 to"});
  TestModel foreign = relu({1, 2});
  foreign.node("DecodeImage", {"x"}, {"z"}).set_domain("com.microsoft.extensions");
  expect_refused(foreign, 69, {"'z'", "'DecodeImage'", "'com.microsoft.extensions'"});
  TestModel misspelt;
  misspelt.input("x", {1, 2}).output("y").node("Rellu", {"x"}, {"y"});
  expect_refused(misspelt, 69, {"'y'", "'Rellu'", "did you mean 'Relu'?"});
}

TEST_F(HostileModelTest, Graphs) {
  TestModel cycle;
  cycle.input("x", {1, 2}).output("a").node("Add", {"x", "b"}, {"a"});
  cycle.node("Relu", {"a"}, {"b"});
  expect_refused(cycle, 65, {"cycle"});
  TestModel undefined;
  undefined.input("x", {1, 2}).output("y").node("Relu", {"nowhere"}, {"y"});
  expect_refused(undefined, 65, {"'y'", "'nowhere'"});
}

TEST_F(HostileModelTest, Tensors) {
  TestModel shorter = relu({1, 2});
  shorter.constant("w", ramp({3}));
  shorter.graph().mutable_initializer(0)->set_raw_data("too short");
  expect_refused(shorter, 65, {"initializer 'w'", "9 bytes", "accepted: 12"});
  expect_refused(relu({std::int64_t{1} << 32, std::int64_t{1} << 32}), 65, {"input 'x'", "2^40"});
}

TEST_F(HostileModelTest, ExternalDataOutsideTheFolder) {
  TestModel model = relu({1, 2});
  model.constant("w", ramp({3}));
  auto& tensor = *model.graph().mutable_initializer(0);
  tensor.clear_raw_data();
  tensor.set_data_location(octet_onnx::TensorProto::EXTERNAL);
  auto& entry = *tensor.add_external_data();
  entry.set_key("location");
  entry.set_value("../../etc/passwd");
  expect_refused(model, 65, {"initializer 'w'", "../../etc/passwd"});
}

TEST_F(HostileModelTest, ShapesAndQuantization) {
  TestModel conv;
  conv.input("x", {1, 1, 4, 4}).constant("w", ramp({1, 1, 3, 3})).output("y");
  set_ints(conv.node("Conv", {"x", "w"}, {"y"}), "strides", {0, 1});
  expect_refused(conv, 65, {"'y'", "strides", "0"});
  TestModel quantize;
  quantize.input("x", {1, 2}).constant("s", Tensor::scalar(-1.0f)).output("y");
  quantize.node("QuantizeLinear", {"x", "s"}, {"y"});
  expect_refused(quantize, 65, {"'y'", "scale -1"});
}

/// A network of x and of integers that only the data give.
TestModel by_data(const std::string& op_type, const Shape& x, std::int64_t length) {
  TestModel model(21);
  model.input("x", x).input("list", {length}, DType::kInt64).output("y");
  model.node(op_type, {"x", "list"}, {"y"});
  return model;
}

TEST_F(HostileModelTest, SizesThatOnlyTheDataTell) {
  constexpr std::int64_t k40 = std::int64_t{1} << 40;
  const std::string run = "run m.onnx --input x=x.npy --input list=list.npy --output-dir out";
  const auto expect = [&](const Tensor& x, const std::vector<std::int64_t>& list, int exit_code,
                          const std::vector<std::string>& says) {
    put_npy("x.npy", x);
    put_npy("list.npy", ints(list));
    expect_fails(run, exit_code, says);
  };
  put("m.onnx", by_data("Reshape", {2, 3}, 2));
  expect(ramp({2, 3}), {k40, k40}, 65, {"'y'"});
  expect(ramp({2, 3}), {-2, 3}, 65, {"'y'", "-2"});
  for (const char* op_type : {"Expand", "Tile"}) {
    put("m.onnx", by_data(op_type, {1}, 1));
    expect(ramp({1}), {k40}, 69, {"'y'", "4.39805e+12 bytes", "accepted: at most"});
    expect(ramp({1}), {std::int64_t{1} << 62}, 65, {"'y'"});
  }
  put_npy("list.npy", ints({3}));
  expect_works(run);
  EXPECT_EQ(read_npy(folder_ / "out/y.npy").shape(), (Shape{3}));
}

TEST_F(HostileModelTest, RangesFillsAndOneHotFromData) {
  TestModel range(21);
  range.input("x", {}, DType::kInt64).output("y");
  range.constant("zero", Tensor::scalar(std::int64_t{0}));
  range.constant("one", Tensor::scalar(std::int64_t{1}));
  range.node("Range", {"zero", "x", "one"}, {"y"});
  TestModel fill(21);
  fill.input("x", {}, DType::kInt64).output("y").constant("one", ints({1}));
  fill.node("Reshape", {"x", "one"}, {"dims"});
  fill.node("ConstantOfShape", {"dims"}, {"y"});
  TestModel one_hot(21);
  one_hot.input("x", {}, DType::kInt64).output("y").constant("i", ints({0, 1}));
  one_hot.constant("values", floats({2}, {0, 1})).node("OneHot", {"i", "x", "values"}, {"y"});
  const std::string run = "run m.onnx --input x=x.npy --output-dir out";
  for (const TestModel& model : {range, fill, one_hot}) {
    put("m.onnx", model);
    put_npy("x.npy", Tensor::scalar(std::int64_t{1} << 60));
    expect_fails(run, 65, {"'y'"});
    put_npy("x.npy", Tensor::scalar(std::int64_t{1} << 39));
    expect_fails(run, 69, {"'y'", "bytes, accepted: at most"});
  }
}

TEST_F(HostileModelTest, LimitsAreOptions) {
  put("m.onnx", relu({1, 2}));
  put_npy("x.npy", ramp({1, 2}));
  const std::string run = "run m.onnx --input x=x.npy --output-dir out ";
  const std::string bytes = std::to_string(get("m.onnx").size());
  for (const std::string& command : {std::string("info m.onnx "), run}) {
    expect_fails(command + "--max-model-bytes 10", 65, {bytes + " bytes, accepted: at most 10"});
    expect_works(command + "--max-model-bytes " + bytes);
    expect_fails(command + "--max-name-bytes 0", 64, {"--max-name-bytes"});
    expect_fails(command + "--max-depth 101", 64, {"--max-depth"});
    expect_fails(command + "--max-nodes -1", 64, {"--max-nodes"});
  }
  expect_fails(run + "--max-memory-bytes 7", 69, {"'y'", "8 bytes, accepted: at most 7"});
  expect_works(run + "--max-memory-bytes 4096");
  TestModel two = relu({1, 2});
  two.node("Relu", {"y"}, {"z"});
  put("m.onnx", two);
  expect_fails("info m.onnx --max-nodes 1", 69, {"2 nodes, accepted: at most 1"});
  expect_fails("--max-nodes 1 info m.onnx", 69, {"2 nodes, accepted: at most 1"});
  expect_works("info m.onnx --max-nodes 2");
}

}  // namespace
}  // namespace octet
