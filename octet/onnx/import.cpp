#include <algorithm>
#include <limits>
#include <set>

#include "octet/base/files.h"
#include "octet/graph/specialize.h"
#include "octet/onnx/container.h"
#include "octet/onnx/expand_qlinear.h"
#include "octet/onnx/external_data.h"
#include "octet/onnx/filled_tensor.h"
#include "octet/onnx/import_branches.h"
#include "octet/onnx/import_checks.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/inline_functions.h"
#include "octet/onnx/model_file.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/quote.h"
#include "octet/onnx/tensor_proto.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::GraphProto;
using octet_onnx::ModelProto;
using octet_onnx::NodeProto;
using octet_onnx::TensorProto;
using octet_onnx::ValueInfoProto;

/// The tensor that a Constant node stands for, in any of ONNX's notations.
Tensor read_constant(const NodeProto& node, int opset, const ImportOptions& limits) {
  const std::string where =
      where_of("node", node.name().empty() ? node.output(0) : node.name()) + " (Constant)";
  Attributes attributes(node, where, limits);
  if (node.input_size() != 0 || node.attribute_size() != 1) {
    fail(ErrorKind::kBadData, where, ": ", node.input_size(), " inputs and ", node.attribute_size(),
         " attributes, accepted: no input, one attribute");
  }
  Tensor tensor;
  if (auto value = attributes.find_tensor("value")) {
    tensor = std::move(*value);
  } else if (opset < 12) {
    // The notations below came with opset 12: refused as unknown attributes.
  } else if (const auto number = attributes.find_float("value_float")) {
    tensor = Tensor::scalar(*number);
  } else if (const auto integer = attributes.find_int("value_int")) {
    tensor = Tensor::scalar(*integer);
  } else if (const auto numbers = attributes.find_floats("value_floats")) {
    tensor = Tensor::from(Shape{static_cast<std::int64_t>(numbers->size())}, *numbers);
  } else if (const auto integers = attributes.find_ints("value_ints")) {
    tensor = Tensor::from(Shape{static_cast<std::int64_t>(integers->size())}, *integers);
  }
  attributes.require_all_used(opset);
  return tensor;
}

/// Fills an ImportState from a GraphProto, step by step.
class GraphImporter {
 public:
  /// `file`, if given, has the data that `proto` lacks.
  GraphImporter(ImportState& state, GraphProto& proto, const ImportOptions& options,
                const ModelFile* file = nullptr)
      : state_(state), proto_(proto), options_(options), file_(file) {}

  void run() {
    if (is_clean_utf8(proto_.name()) && !proto_.name().empty()) state_.graph.name = proto_.name();
    expand_qlinear(proto_, state_.opset);
    declare_initializers();
    declare_inputs();
    declare_node_outputs();
    for (NodeProto& node : *proto_.mutable_node()) import_node(node);
    declare_outputs();
    state_.require_all_produced();
  }

 private:
  NamedTensor& declare(std::string_view kind, std::string_view name) {
    check_name(kind, name, options_);
    if (name.empty()) fail(ErrorKind::kBadData, kImport, ": ", kind, " without a name");
    const auto [entry, is_new] = state_.names.try_emplace(name);
    if (!is_new) {
      fail(ErrorKind::kBadData, where_of(kind, name),
           ": defined twice, accepted: one definition per name");
    }
    return entry->second;
  }

  void declare_initializers() {
    for (int i = 0; i < proto_.initializer_size(); ++i) {
      TensorProto& initializer = *proto_.mutable_initializer(i);
      NamedTensor& entry = declare("initializer", initializer.name());
      entry.constant = read_initializer(i, where_of("initializer", initializer.name()));
      // A second copy of all weights would double the peak of memory.
      delete initializer.release_raw_data();
    }
  }

  Tensor read_initializer(int index, const std::string& where) const {
    const TensorProto& initializer = proto_.initializer(index);
    const std::size_t bytes = file_ ? file_->left_out(index) : 0;
    if (bytes == 0 || initializer.has_raw_data()) return tensor_from_proto(initializer, where);
    const auto read = [&](std::span<std::byte> data) { file_->read(index, data, where); };
    return tensor_from_raw(initializer, bytes, read, where);
  }

  void declare_inputs() {
    const std::optional<std::string> batch = batch_symbol();
    for (const ValueInfoProto& input : proto_.input()) {
      // Before IR 4 every initializer is listed as an input too.
      const auto known = state_.names.find(input.name());
      if (known != state_.names.end() && known->second.constant) continue;
      NamedTensor& entry = declare("input", input.name());
      const std::string where = where_of("input", input.name());
      Shape shape = input_shape(input, where, batch);
      const DType dtype = dtype_from_onnx(input.type().tensor_type().elem_type(), where);
      const auto fixed = options_.fixed_inputs.find(input.name());
      const auto number = options_.fixed_numbers.find(input.name());
      if (number != options_.fixed_numbers.end()) {
        entry.constant = filled_tensor(dtype, shape, number->second, where);
        continue;
      }
      if (fixed == options_.fixed_inputs.end()) {
        entry.value = state_.graph.add_input(input.name(), dtype, std::move(shape));
        state_.graph.value(*entry.value).dim_names = dim_names(input);
        continue;
      }
      entry.constant = fixed->second;
      require_fits(fixed->second, dtype, shape, where);
    }
    for (const auto& [name, tensor] : options_.fixed_inputs) require_input(name);
    for (const auto& [name, number] : options_.fixed_numbers) require_input(name);
  }

  void require_input(const std::string& name) const {
    if (state_.names.contains(name)) return;
    std::string accepted;
    for (const ValueInfoProto& input : proto_.input()) {
      if (is_clean_utf8(input.name())) accepted += (accepted.empty() ? "" : ", ") + input.name();
    }
    fail(ErrorKind::kUsage, where_of("fixed input", name),
         ": the graph has no such input, accepted: ", accepted);
  }

  static void require_fits(const Tensor& tensor, DType dtype, const Shape& shape,
                           const std::string& where) {
    bool fits = tensor.dtype() == dtype && tensor.shape().rank() == shape.rank();
    for (int axis = 0; fits && axis < shape.rank(); ++axis) {
      fits = shape[axis] < 0 || shape[axis] == tensor.shape()[axis];
    }
    if (!fits) {
      fail(ErrorKind::kBadData, where, ": fixed to ", to_string(tensor.dtype()), " ",
           to_string(tensor.shape()), ", accepted: ", to_string(dtype), " ", to_string(shape));
    }
  }

  /// octet has one batch: the first symbol that stands for the first dimension of an input and for
  /// no other dimension. Two symbols may be two different numbers.
  std::optional<std::string> batch_symbol() const {
    std::set<std::string_view> inner;
    for (const ValueInfoProto& input : proto_.input()) {
      const auto& dims = input.type().tensor_type().shape().dim();
      for (int axis = 1; axis < dims.size(); ++axis) inner.insert(dims[axis].dim_param());
    }
    for (const ValueInfoProto& input : proto_.input()) {
      const auto& dims = input.type().tensor_type().shape().dim();
      if (dims.empty() || dims[0].has_dim_value() || is_initializer(input.name())) continue;
      if (dims[0].dim_param().empty() || !inner.contains(dims[0].dim_param())) {
        return dims[0].dim_param();
      }
    }
    return std::nullopt;
  }

  bool is_initializer(std::string_view name) const {
    const auto known = state_.names.find(name);
    return known != state_.names.end() && known->second.constant && !known->second.producer;
  }

  static Shape input_shape(const ValueInfoProto& input, const std::string& where,
                           const std::optional<std::string>& batch) {
    if (!input.type().has_tensor_type()) {
      fail(ErrorKind::kUnsupported, where, ": not a tensor, accepted: tensors");
    }
    if (!input.type().tensor_type().has_shape()) {
      fail(ErrorKind::kUnsupported, where, ": of unknown rank, accepted: a known one");
    }
    const auto& dims = input.type().tensor_type().shape().dim();
    if (dims.size() > kMaxRank) {
      fail(ErrorKind::kUnsupported, where, ": rank ", dims.size(), ", accepted: at most ",
           kMaxRank);
    }
    std::vector<std::int64_t> shape, known;
    for (const auto& dim : dims) {
      if (dim.has_dim_value() && dim.dim_value() < 0) {
        fail(ErrorKind::kBadData, where, ": dimension ", dim.dim_value(), ", accepted: 0 or more");
      }
      if (dim.has_dim_value()) known.push_back(dim.dim_value());
      const bool is_batch = shape.empty() && batch == dim.dim_param();
      shape.push_back(dim.has_dim_value() ? dim.dim_value() : is_batch ? kDynamicDim : kUnknownDim);
    }
    try {
      (void)Shape(std::move(known)).num_elements();
    } catch (const Error& error) {
      fail(ErrorKind::kBadData, where, ": ", error.what());
    }
    return Shape(std::move(shape));
  }

  /// The names of symbolic dimensions, axis by axis; empty if there is none.
  std::vector<std::string> dim_names(const ValueInfoProto& input) const {
    std::vector<std::string> names;
    bool any = false;
    for (const auto& dim : input.type().tensor_type().shape().dim()) {
      names.push_back(is_clean_utf8(dim.dim_param()) &&
                              dim.dim_param().size() <= options_.max_name_bytes
                          ? dim.dim_param()
                          : "");
      any = any || !names.back().empty();
    }
    return any ? names : std::vector<std::string>{};
  }

  /// Outputs first: the file's order of nodes need not be checked then.
  void declare_node_outputs() {
    for (const NodeProto& node : proto_.node()) {
      check_name("node", node.name(), options_);
      for (const std::string& output : node.output()) {
        if (output.empty()) continue;  // an omitted optional output
        NamedTensor& entry = declare("output", output);
        entry.producer = &node;
        if (node.op_type() == "Constant" && is_default_domain(node.domain())) {
          entry.constant = read_constant(node, state_.opset, options_);
          entry.producer = nullptr;
        }
      }
    }
  }

  void import_node(NodeProto& node) {
    const std::string name =
        node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name();
    const OpImport* op = nullptr;
    if (is_default_domain(node.domain())) {
      if (node.op_type() == "Constant") return;
      if (node.op_type() == "If") {
        import_if(state_, node, name,
                  [this](ImportState& branch, GraphProto& proto) { import_branch(branch, proto); });
        return;
      }
      op = find_op_import(node.op_type());
    } else {
      op = node.domain() == kMicrosoftDomain ? find_microsoft_import(node.op_type()) : nullptr;
      if (!op) {
        fail(ErrorKind::kUnsupported, where_of("node", name), ": operator ",
             quote_name(node.op_type()), " of domain ", quote_name(node.domain()),
             ", accepted: ONNX's own operators, and of ", kMicrosoftDomain, " MatMulNBits, QGemm, ",
             expanded_operator_names());
      }
    }
    if (!op) {
      fail(ErrorKind::kUnsupported, where_of("node", name), ": operator ",
           quote_name(node.op_type()), nearest_operator(node.op_type()));
    }
    if (state_.opset < op->since) {
      fail(ErrorKind::kUnsupported, where_of("node", name), ": ", op->name, " of opset ",
           state_.opset, ", accepted: ", op->since, " to ", kMaxOpset);
    }
    NodeReader reader(state_, node);
    op->run(reader);
    reader.attributes.require_all_used(state_.opset);
  }

  void import_branch(ImportState& branch, GraphProto& proto) {
    check_graph(proto, options_);
    ImportOptions options = options_;
    options.fixed_inputs.clear();
    options.fixed_numbers.clear();
    GraphImporter(branch, proto, options).run();
  }

  void declare_outputs() {
    std::set<ValueId> seen;
    for (const ValueInfoProto& output : proto_.output()) {
      check_name("graph output", output.name(), options_);
      const std::string where = where_of("graph output", output.name());
      if (!state_.find(output.name())) {
        fail(ErrorKind::kBadData, where, ": no node produces it");
      }
      const ValueId value = state_.value_of(output.name(), where);
      if (!seen.insert(value).second) {
        fail(ErrorKind::kBadData, where, ": listed twice, accepted: once");
      }
      state_.graph.add_output(value);
    }
  }

  ImportState& state_;
  GraphProto& proto_;
  const ImportOptions& options_;
  const ModelFile* file_;
};

/// Infers shapes. A network may be right for some batches only, as one that squeezes the batch away
/// is for 1; what the file calls a batch is then a size like any other.
void infer_imported_shapes(Graph& graph) {
  std::vector<ValueId> batched;
  for (const ValueId id : graph.inputs()) {
    if (!graph.value(id).shape.is_static()) batched.push_back(id);
  }
  try {
    infer_shapes(graph);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData || batched.empty()) throw;
    for (const ValueId id : batched) {
      graph.value(id).shape = graph.value(id).shape.with_batch(kUnknownDim);
    }
    try {
      infer_shapes(graph);
    } catch (const Error&) {
      throw error;  // it was not the batch
    }
  }
}

ModelProto parse_model(std::span<const std::byte> bytes, const ImportOptions& options) {
  if (bytes.size() > options.max_file_bytes) {
    fail(ErrorKind::kBadData, kImport, ": ", bytes.size(), " bytes, accepted: at most ",
         options.max_file_bytes);
  }
  ModelProto model;
  parse_proto(bytes, model, kImport, nesting_of_branches(options.max_depth));
  return model;
}

Graph import_model(ModelProto model, const ImportOptions& options, const ModelFile* file,
                   FileFacts* facts) {
  ImportState state(options);
  state.opset = read_opset(model);
  if (facts) *facts = {state.opset, model.ir_version(), model.producer_name()};
  if (!model.has_graph()) fail(ErrorKind::kBadData, kImport, ": there is no graph");
  check_graph(model.graph(), options);
  if (!options.external_folder.empty()) {
    read_external_data(model, options.external_folder, options.max_external_bytes, options.warn);
  }
  inline_functions(model, options);
  model.clear_functions();
  check_graph(model.graph(), options);
  read_metadata(model, options, state.graph);
  GraphImporter(state, *model.mutable_graph(), options, file).run();

  state.graph.sort();
  resolve_dequantize_dtypes(state);
  infer_imported_shapes(state.graph);
  decide_deferred(state);
  settle(state.graph, {.max_result_bytes = options.max_fold_bytes});
  verify(state.graph);
  return std::move(state.graph);
}

/// The message without the large data; false where something is wrong with it.
bool parse_skeleton(ModelFile& file, const ImportOptions& options, ModelProto& model) {
  try {
    model = parse_model(file.skeleton(), options);
  } catch (const Error&) {
    return false;  // the whole file says where the damage lies
  }
  file.drop_skeleton();
  return true;
}

}  // namespace

ImportOptions without_limits() {
  ImportOptions options;
  options.max_nodes = options.max_attributes = std::numeric_limits<std::size_t>::max();
  options.max_name_bytes = options.max_string_bytes = std::numeric_limits<std::size_t>::max();
  options.max_expansions = std::numeric_limits<std::size_t>::max();
  options.max_external_bytes = std::numeric_limits<std::int64_t>::max();
  options.max_depth = 100;
  return options;
}

Graph import_onnx(std::span<const std::byte> bytes, const ImportOptions& options) {
  return import_model(parse_model(bytes, options), options, nullptr, nullptr);
}

Graph import_onnx(const std::filesystem::path& file, const ImportOptions& options,
                  FileFacts* facts) {
  ImportOptions beside_file = options;
  if (beside_file.external_folder.empty()) {
    beside_file.external_folder = file.has_parent_path() ? file.parent_path() : ".";
  }
  ModelProto model;
  std::optional<ModelFile> opened =
      ModelFile::open(file, std::min(options.max_file_bytes, kMaxProtoBytes));
  if (opened && !parse_skeleton(*opened, options, model)) opened.reset();
  std::vector<std::byte> bytes;
  if (!opened) bytes = read_file(file, options.max_file_bytes);
  try {
    if (!opened) model = parse_model(bytes, options);
    bytes = {};  // a second copy of all weights would stand beside those of the graph
    return import_model(std::move(model), beside_file, opened ? &*opened : nullptr, facts);
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  }
}

}  // namespace octet
