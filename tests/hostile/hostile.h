#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

// What strangers bring. Each case ends in a typed error that says where, or in a network that reads
// and runs, within a bound of time and memory that does not depend on what the file claims.

namespace octet {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text);
Graph read(const Bytes& file, const ImportOptions& options = {});

struct Bounds {
  /// Of this thread's processor time: other load does not matter. 200,000 nodes may take longer.
  double seconds = 1.0;
  std::int64_t bytes = std::int64_t{256} << 20;
};

/// Fails the test if `action` takes more.
void within(const Bounds& bounds, const std::function<void()>& action);

/// Reading ends in an Error of this kind whose message holds each of `says`: where it is (a node, a
/// tensor, a byte offset) and what was found.
void expect_refused(const std::string& name, const Bytes& file, ErrorKind kind,
                    const std::vector<std::string>& says, const Bounds& bounds = {});
void expect_refused(const std::string& name, const TestModel& model, ErrorKind kind,
                    const std::vector<std::string>& says, const Bounds& bounds = {});

/// The outputs of the network for these inputs, on the runtime. A test failure and no tensors if it
/// does not read or run.
std::vector<Tensor> expect_runs(const std::string& name, const TestModel& model,
                                const std::vector<Tensor>& inputs, const Bounds& bounds = {});

/// The network reads, but running it on these inputs ends in an Error as above.
void expect_run_refused(const std::string& name, const TestModel& model,
                        const std::vector<Tensor>& inputs, ErrorKind kind,
                        const std::vector<std::string>& says, const Bounds& bounds = {});

/// An Error that is no bug of ours, or a network that verifies; anything else ends the program.
/// Whether it was a network.
bool survives(const Bytes& file);

/// Conv, Clip, pooling, reshaping, quantization and Gemm in about 2 KiB: x [N, 2, 6, 6] to y [N,
/// 5].
TestModel small_model();

/// y of x [2]: `depth` conditionals in each other's branches, decided by the input c, around
/// x + `innermost`. There is a constant w [3] too.
TestModel nested_ifs(int depth, const std::string& innermost);
octet_onnx::GraphProto* branch_of(octet_onnx::NodeProto& node, const std::string& name);
void add_to(octet_onnx::GraphProto& graph, const std::string& op_type,
            const std::vector<std::string>& inputs, const std::string& output);

/// A model of one node from x of `shape` to y, with these constants as further inputs.
TestModel one_node(const std::string& op_type, const Shape& shape,
                   const std::vector<Tensor>& constants = {},
                   const std::function<void(octet_onnx::NodeProto&)>& edit = {}, int opset = 21);

/// A protobuf field that holds bytes, as a file has it.
std::string field(int number, const std::string& payload);

}  // namespace octet
