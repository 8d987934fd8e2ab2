#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "octet/base/tensor.h"

namespace octet_onnx {
class AttributeProto;
class NodeProto;
}  // namespace octet_onnx

namespace octet {

struct ImportOptions;

/// The attributes of one ONNX node, read by name and type. Error(kBadData) if one has another type
/// than asked for or is given twice. Every attribute must be asked for in the end: one that nobody
/// reads would change the meaning of the node in silence.
class Attributes {
 public:
  /// `where` begins the error messages; it must outlive this. Error(kBadData) past the limits.
  Attributes(const octet_onnx::NodeProto& node, const std::string& where,
             const ImportOptions& limits);

  std::optional<std::int64_t> find_int(std::string_view name);
  std::optional<float> find_float(std::string_view name);
  std::optional<std::string> find_string(std::string_view name);
  std::optional<std::vector<std::int64_t>> find_ints(std::string_view name);
  std::optional<std::vector<float>> find_floats(std::string_view name);
  std::optional<std::vector<std::string>> find_strings(std::string_view name);
  std::optional<Tensor> find_tensor(std::string_view name);

  std::int64_t get_int(std::string_view name, std::int64_t otherwise);
  float get_float(std::string_view name, float otherwise);
  std::int64_t require_int(std::string_view name);
  std::vector<std::int64_t> require_ints(std::string_view name);
  /// An int attribute as an `int` within [low, high].
  int get_int_between(std::string_view name, std::int64_t otherwise, int low, int high);

  /// Takes note of an attribute that has no meaning for inference.
  void ignore(std::string_view name);
  bool has(std::string_view name) const;
  /// Error(kUnsupported) naming the first attribute that was not asked for, and the opset, in which
  /// the operator has none of that name.
  void require_all_used(int opset) const;

 private:
  const octet_onnx::AttributeProto* take(std::string_view name, int type,
                                         std::string_view type_name);

  const octet_onnx::NodeProto& node_;
  const std::string& where_;
  std::vector<bool> used_;
};

}  // namespace octet
