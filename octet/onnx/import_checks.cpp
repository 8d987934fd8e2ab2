#include "octet/onnx/import_checks.h"

#include <optional>

#include "octet/base/error.h"
#include "octet/onnx/quote.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::GraphProto;
using octet_onnx::ModelProto;

constexpr int kMinIr = 3, kMaxIr = 13;  // 3 brought opset_import; later ones added optional fields

}  // namespace

bool is_default_domain(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

std::string where_of(std::string_view kind, std::string_view name) {
  return std::string(kImport) + ": " + std::string(kind) + " " + quote_name(name);
}

void check_name(std::string_view kind, std::string_view name, const ImportOptions& limits) {
  if (name.size() > limits.max_name_bytes) {
    fail(ErrorKind::kBadData, where_of(kind, name), ": a name of ", name.size(),
         " bytes, accepted: at most ", limits.max_name_bytes);
  }
  if (!is_clean_utf8(name)) {
    fail(ErrorKind::kBadData, where_of(kind, name),
         ": the name holds control characters or is not UTF-8");
  }
}

int read_opset(const ModelProto& model) {
  if (model.ir_version() < kMinIr || model.ir_version() > kMaxIr) {
    fail(ErrorKind::kUnsupported, kImport, ": IR version ", model.ir_version(),
         ", accepted: ", kMinIr, " to ", kMaxIr);
  }
  std::optional<std::int64_t> version;
  for (const auto& import : model.opset_import()) {
    if (!is_default_domain(import.domain())) continue;
    if (version) {
      fail(ErrorKind::kUnsupported, kImport, ": opsets ", *version, " and ", import.version(),
           ", accepted: one of ", kMinOpset, " to ", kMaxOpset);
    }
    version = import.version();
  }
  if (!version) {
    fail(ErrorKind::kUnsupported, kImport, ": no opset, accepted: ", kMinOpset, " to ", kMaxOpset);
  }
  if (*version < kMinOpset || *version > kMaxOpset) {
    fail(ErrorKind::kUnsupported, kImport, ": opset ", *version, ", accepted: ", kMinOpset, " to ",
         kMaxOpset);
  }
  return static_cast<int>(*version);
}

void check_graph(const GraphProto& graph, const ImportOptions& options) {
  const auto check_count = [&](std::string_view what, int found) {
    if (static_cast<std::size_t>(found) > options.max_nodes) {
      fail(ErrorKind::kUnsupported, kImport, ": ", found, " ", what, ", accepted: at most ",
           options.max_nodes);
    }
  };
  check_count("nodes", graph.node_size());
  check_count("initializers", graph.initializer_size());
  check_count("inputs", graph.input_size());
  check_count("outputs", graph.output_size());
  if (graph.output_size() == 0) fail(ErrorKind::kBadData, kImport, ": the graph has no output");
  if (graph.sparse_initializer_size() > 0) {
    fail(ErrorKind::kUnsupported, kImport, ": sparse initializers, accepted: dense ones");
  }
}

void read_metadata(const ModelProto& model, const ImportOptions& limits, Graph& graph) {
  for (const auto& property : model.metadata_props()) {
    check_name("metadata", property.key(), limits);
    if (property.value().size() > limits.max_string_bytes) {
      fail(ErrorKind::kBadData, where_of("metadata", property.key()), ": a text of ",
           property.value().size(), " bytes, accepted: at most ", limits.max_string_bytes);
    }
    if (!graph.metadata.emplace(property.key(), property.value()).second) {
      fail(ErrorKind::kBadData, where_of("metadata", property.key()), ": given twice");
    }
  }
}

}  // namespace octet
