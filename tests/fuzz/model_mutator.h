#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "octet_onnx.pb.h"

namespace octet::fuzz {

/// Edits an ONNX model so that it mostly stays a model: blind changes of bytes hardly ever get past
/// the first check of an importer, while one wrong dimension gets as far as the kernels. Names are
/// rewired among those that exist, numbers are drawn from the edges of their types, data follow a
/// changed shape or, sometimes, do not. The same seed makes the same edits.
///
/// model_mutator.cpp defines libFuzzer's LLVMFuzzerCustomMutator and LLVMFuzzerCustomCrossOver, so
/// linking it is all that a target needs. Bytes that are no model, and some that are, go to
/// libFuzzer's own mutations.
class ModelMutator {
 public:
  ModelMutator(octet_onnx::ModelProto& model, unsigned int seed);

  void mutate();
  /// Copies a node of `donor`, with the constants it reads, and wires it into the graph.
  void transplant(const octet_onnx::ModelProto& donor);

 private:
  std::uint32_t below(std::uint64_t bound) { return static_cast<std::uint32_t>(rng_() % bound); }
  bool one_in(std::uint32_t count) { return below(count) == 0; }
  template <typename T, std::size_t kCount>
  const T& pick(const T (&values)[kCount]) {
    return values[below(kCount)];
  }
  std::int64_t interesting_integer();
  float interesting_float();
  std::string mutated_text(std::string text);
  /// A name that something of the graph defines, or now and then none.
  std::string any_name();
  std::string fresh_name();
  /// The main graph, or one of its subgraphs.
  void choose_graph();

  void edit_node_list();
  void edit_wiring();
  void edit_operator();
  void edit_attribute();
  void edit_attribute_value(octet_onnx::AttributeProto& attribute);
  void edit_constant();
  void edit_tensor(octet_onnx::TensorProto& tensor);
  void edit_shape(octet_onnx::TensorProto& tensor);
  void edit_elements(octet_onnx::TensorProto& tensor);
  void edit_input();
  void edit_outputs();
  void edit_header();

  octet_onnx::ModelProto& model_;
  octet_onnx::GraphProto* graph_;
  std::minstd_rand rng_;
  std::vector<std::string> names_;  ///< what the chosen graph defines
};

}  // namespace octet::fuzz
