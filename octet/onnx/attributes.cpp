#include "octet/onnx/attributes.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/quote.h"
#include "octet/onnx/tensor_proto.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;

/// Files of old exporters leave `type` out; the field that is filled in tells it then.
int type_of(const AttributeProto& attribute) {
  if (attribute.type() != AttributeProto::UNDEFINED) return attribute.type();
  if (attribute.has_f()) return AttributeProto::FLOAT;
  if (attribute.has_i()) return AttributeProto::INT;
  if (attribute.has_s()) return AttributeProto::STRING;
  if (attribute.has_t()) return AttributeProto::TENSOR;
  if (attribute.ints_size() > 0) return AttributeProto::INTS;
  if (attribute.floats_size() > 0) return AttributeProto::FLOATS;
  if (attribute.strings_size() > 0) return AttributeProto::STRINGS;
  return AttributeProto::UNDEFINED;
}

/// The declared type needs its field: a single value that is absent would read as zero.
bool holds_value(const AttributeProto& attribute, int type) {
  switch (type) {
    case AttributeProto::FLOAT:
      return attribute.has_f();
    case AttributeProto::INT:
      return attribute.has_i();
    case AttributeProto::STRING:
      return attribute.has_s();
    case AttributeProto::TENSOR:
      return attribute.has_t();
    default:
      return true;
  }
}

void check_sizes(const AttributeProto& attribute, const std::string& where,
                 const ImportOptions& limits) {
  if (attribute.name().size() > limits.max_name_bytes) {
    fail(ErrorKind::kBadData, where, ": attribute ", quote_name(attribute.name()), ": a name of ",
         attribute.name().size(), " bytes, accepted: at most ", limits.max_name_bytes);
  }
  std::size_t longest = attribute.s().size();
  for (const std::string& text : attribute.strings()) longest = std::max(longest, text.size());
  if (longest > limits.max_string_bytes) {
    fail(ErrorKind::kBadData, where, ": attribute ", quote_name(attribute.name()), ": a text of ",
         longest, " bytes, accepted: at most ", limits.max_string_bytes);
  }
}

}  // namespace

Attributes::Attributes(const octet_onnx::NodeProto& node, const std::string& where,
                       const ImportOptions& limits)
    : node_(node), where_(where), used_(static_cast<std::size_t>(node.attribute_size())) {
  if (static_cast<std::size_t>(node.attribute_size()) > limits.max_attributes) {
    fail(ErrorKind::kBadData, where, ": ", node.attribute_size(), " attributes, accepted: at most ",
         limits.max_attributes);
  }
  for (const AttributeProto& attribute : node.attribute()) check_sizes(attribute, where, limits);
  std::vector<std::string_view> names;
  for (const AttributeProto& attribute : node.attribute()) names.push_back(attribute.name());
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) {
    fail(ErrorKind::kBadData, where, ": attribute ", quote_name(*twice), " is given twice");
  }
}

const AttributeProto* Attributes::take(std::string_view name, int type,
                                       std::string_view type_name) {
  for (int i = 0; i < node_.attribute_size(); ++i) {
    const AttributeProto& attribute = node_.attribute(i);
    if (attribute.name() != name) continue;
    used_[static_cast<std::size_t>(i)] = true;
    if (!attribute.ref_attr_name().empty()) {
      fail(ErrorKind::kUnsupported, where_, ": attribute ", quote_name(name),
           " refers to a function's parameter");
    }
    if (type_of(attribute) != type || !holds_value(attribute, type)) {
      fail(ErrorKind::kBadData, where_, ": attribute ", quote_name(name), " is of type ",
           type_of(attribute), ", accepted: ", type_name);
    }
    return &attribute;
  }
  return nullptr;
}

std::optional<std::int64_t> Attributes::find_int(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::INT, "an int");
  return found ? std::optional(found->i()) : std::nullopt;
}

std::optional<float> Attributes::find_float(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::FLOAT, "a float");
  return found ? std::optional(found->f()) : std::nullopt;
}

std::optional<std::string> Attributes::find_string(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::STRING, "a string");
  return found ? std::optional(found->s()) : std::nullopt;
}

std::optional<std::vector<std::int64_t>> Attributes::find_ints(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::INTS, "a list of ints");
  if (!found) return std::nullopt;
  return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
}

std::optional<std::vector<float>> Attributes::find_floats(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::FLOATS, "a list of floats");
  if (!found) return std::nullopt;
  return std::vector<float>(found->floats().begin(), found->floats().end());
}

std::optional<std::vector<std::string>> Attributes::find_strings(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::STRINGS, "a list of strings");
  if (!found) return std::nullopt;
  return std::vector<std::string>(found->strings().begin(), found->strings().end());
}

std::optional<Tensor> Attributes::find_tensor(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::TENSOR, "a tensor");
  if (!found) return std::nullopt;
  return tensor_from_proto(found->t(), where_ + ": attribute " + quote_name(name));
}

std::int64_t Attributes::get_int(std::string_view name, std::int64_t otherwise) {
  return find_int(name).value_or(otherwise);
}

float Attributes::get_float(std::string_view name, float otherwise) {
  return find_float(name).value_or(otherwise);
}

std::int64_t Attributes::require_int(std::string_view name) {
  const std::optional<std::int64_t> found = find_int(name);
  if (!found) fail(ErrorKind::kBadData, where_, ": attribute ", quote_name(name), " is missing");
  return *found;
}

std::vector<std::int64_t> Attributes::require_ints(std::string_view name) {
  std::optional<std::vector<std::int64_t>> found = find_ints(name);
  if (!found) fail(ErrorKind::kBadData, where_, ": attribute ", quote_name(name), " is missing");
  return std::move(*found);
}

int Attributes::get_int_between(std::string_view name, std::int64_t otherwise, int low, int high) {
  const std::int64_t value = get_int(name, otherwise);
  if (value < low || value > high) {
    fail(ErrorKind::kBadData, where_, ": attribute ", quote_name(name), " = ", value,
         ", accepted: ", low, " to ", high);
  }
  return static_cast<int>(value);
}

void Attributes::ignore(std::string_view name) {
  for (int i = 0; i < node_.attribute_size(); ++i) {
    if (node_.attribute(i).name() == name) used_[static_cast<std::size_t>(i)] = true;
  }
}

bool Attributes::has(std::string_view name) const {
  return std::ranges::any_of(
      node_.attribute(), [&](const AttributeProto& attribute) { return attribute.name() == name; });
}

void Attributes::require_all_used(int opset) const {
  const auto unused = std::ranges::find(used_, false);
  if (unused == used_.end()) return;
  const AttributeProto& attribute = node_.attribute(static_cast<int>(unused - used_.begin()));
  fail(ErrorKind::kUnsupported, where_, ": attribute ", quote_name(attribute.name()),
       " is not known in opset ", opset);
}

}  // namespace octet
