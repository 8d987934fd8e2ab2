#include "tests/hostile/hostile.h"

#include <ctime>
#include <new>

#include "octet/runtime/session.h"
#include "tests/hostile/memory_meter.h"

namespace octet {
namespace {

double thread_seconds() {
  std::timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void expect_error_of(ErrorKind kind, const std::vector<std::string>& says, const Bounds& bounds,
                     const std::function<void()>& action) {
  within(bounds, [&] {
    try {
      action();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), static_cast<int>(kind)) << error.what();
      for (const std::string& part : says) EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  });
}

}  // namespace

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Graph read(const Bytes& file, const ImportOptions& options) {
  return import_onnx(std::span<const std::byte>(file), options);
}

void within(const Bounds& bounds, const std::function<void()>& action) {
  const MemoryMeter meter;
  const double start = thread_seconds();
  try {
    action();
  } catch (const std::bad_alloc&) {
    ADD_FAILURE() << "asked for more than " << MemoryMeter::kMaxBytes << " bytes";
  }
  EXPECT_LT(thread_seconds() - start, bounds.seconds);
  EXPECT_LT(meter.peak_bytes(), bounds.bytes);
}

void expect_refused(const std::string& name, const Bytes& file, ErrorKind kind,
                    const std::vector<std::string>& says, const Bounds& bounds) {
  SCOPED_TRACE(name);
  expect_error_of(kind, says, bounds, [&] { read(file); });
}

void expect_refused(const std::string& name, const TestModel& model, ErrorKind kind,
                    const std::vector<std::string>& says, const Bounds& bounds) {
  expect_refused(name, model.bytes(), kind, says, bounds);
}

std::vector<Tensor> expect_runs(const std::string& name, const TestModel& model,
                                const std::vector<Tensor>& inputs, const Bounds& bounds) {
  SCOPED_TRACE(name);
  std::vector<Tensor> outputs;
  within(bounds, [&] {
    try {
      outputs = Session(read(model.bytes())).run(inputs);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  });
  return outputs;
}

void expect_run_refused(const std::string& name, const TestModel& model,
                        const std::vector<Tensor>& inputs, ErrorKind kind,
                        const std::vector<std::string>& says, const Bounds& bounds) {
  SCOPED_TRACE(name);
  std::optional<Session> session;
  within(bounds, [&] {
    try {
      session.emplace(read(model.bytes()));
    } catch (const Error& error) {
      ADD_FAILURE() << "does not even read: " << error.what();
    }
  });
  if (session) expect_error_of(kind, says, bounds, [&] { session->run(inputs); });
}

bool survives(const Bytes& file) {
  try {
    verify(read(file));
    return true;
  } catch (const Error& error) {
    EXPECT_NE(error.kind(), ErrorKind::kInternal) << error.what();
    return false;
  }
}

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

octet_onnx::GraphProto* branch_of(octet_onnx::NodeProto& node, const std::string& name) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(octet_onnx::AttributeProto::GRAPH);
  return attribute.mutable_g();
}

void add_to(octet_onnx::GraphProto& graph, const std::string& op_type,
            const std::vector<std::string>& inputs, const std::string& output) {
  octet_onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(op_type);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
}

namespace {

/// `depth` conditionals in each other's branches, around an operator of two inputs.
void nest(octet_onnx::GraphProto& graph, int depth, const std::string& output,
          const std::string& innermost) {
  graph.add_output()->set_name(output);
  if (depth == 0) {
    add_to(graph, "Add", {"x", innermost}, output);
    return;
  }
  add_to(graph, "If", {"c"}, output);
  octet_onnx::NodeProto& node = *graph.mutable_node(graph.node_size() - 1);
  nest(*branch_of(node, "then_branch"), depth - 1, numbered("t", depth), innermost);
  octet_onnx::GraphProto& other = *branch_of(node, "else_branch");
  other.add_output()->set_name(numbered("e", depth));
  add_to(other, "Add", {"x", innermost}, numbered("e", depth));
}

}  // namespace

TestModel nested_ifs(int depth, const std::string& innermost) {
  TestModel model;
  model.input("x", {2}).input("c", {}, DType::kBool).constant("w", ramp({3}));
  nest(model.graph(), depth, "y", innermost);
  return model;
}

TestModel one_node(const std::string& op_type, const Shape& shape,
                   const std::vector<Tensor>& constants,
                   const std::function<void(octet_onnx::NodeProto&)>& edit, int opset) {
  TestModel model(opset);
  model.input("x", shape).output("y");
  std::vector<std::string> inputs{"x"};
  for (std::size_t i = 0; i < constants.size(); ++i) {
    inputs.push_back(numbered("c", static_cast<std::int64_t>(i) + 1));
    model.constant(inputs.back(), constants[i]);
  }
  auto& node = model.node(op_type, inputs, {"y"});
  if (edit) edit(node);
  return model;
}

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

}  // namespace octet
