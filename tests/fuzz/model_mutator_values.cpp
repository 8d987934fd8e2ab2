// The numbers, texts and tensors of a model under mutation.

#include <cstring>
#include <limits>

#include "tests/fuzz/model_mutator.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace octet::fuzz {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::NodeProto;
using octet_onnx::TensorProto;

constexpr std::int64_t kIntegers[] = {0,
                                      1,
                                      2,
                                      3,
                                      4,
                                      5,
                                      7,
                                      8,
                                      9,
                                      16,
                                      17,
                                      31,
                                      32,
                                      64,
                                      127,
                                      128,
                                      255,
                                      256,
                                      1023,
                                      65535,
                                      65536,
                                      -1,
                                      -2,
                                      -3,
                                      -4,
                                      -128,
                                      -129,
                                      1 << 24,
                                      INT32_MAX,
                                      INT32_MIN,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MAX - 1,
                                      std::int64_t{1} << 31,
                                      std::int64_t{1} << 32,
                                      std::int64_t{1} << 40,
                                      std::int64_t{1} << 62};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kFloats[] = {0.0f,
                             -0.0f,
                             1.0f,
                             -1.0f,
                             0.5f,
                             2.0f,
                             0.1f,
                             127.0f,
                             255.f,
                             1e-40f,
                             1e-30f,
                             1e-7f,
                             1e9f,
                             1e30f,
                             3.4e38f,
                             -3.4e38f,
                             6.0f,
                             -0.5f,
                             1.5f,
                             65536.f,
                             kInfinity,
                             -kInfinity,
                             std::numeric_limits<float>::quiet_NaN()};
// Of several operators each; others come with the corpus and by transplanting.
const char* const kAttributes[] = {"axis",
                                   "axes",
                                   "perm",
                                   "kernel_shape",
                                   "strides",
                                   "pads",
                                   "dilations",
                                   "group",
                                   "auto_pad",
                                   "ceil_mode",
                                   "alpha",
                                   "beta",
                                   "transA",
                                   "transB",
                                   "keepdims",
                                   "allowzero",
                                   "epsilon",
                                   "momentum",
                                   "mode",
                                   "to",
                                   "value",
                                   "value_ints",
                                   "value_float",
                                   "block_size",
                                   "blocksize",
                                   "saturate",
                                   "output_dtype",
                                   "num_outputs",
                                   "split",
                                   "noop_with_empty_axes",
                                   "hidden_size",
                                   "direction",
                                   "activations",
                                   "linear_before_reset",
                                   "layout",
                                   "clip",
                                   "coordinate_transformation_mode",
                                   "nearest_mode",
                                   "cubic_coeff_a",
                                   "exclude_outside",
                                   "extrapolation_value",
                                   "output_padding",
                                   "output_shape",
                                   "fmod",
                                   "stash_type",
                                   "count_include_pad",
                                   "storage_order",
                                   "batch_dims",
                                   "largest",
                                   "sorted",
                                   "exclusive",
                                   "reverse",
                                   "upper",
                                   "select_last_index",
                                   "starts",
                                   "ends",
                                   "steps"};
const char* const kTexts[] = {
    "",        "NOTSET",     "SAME_UPPER",    "SAME_LOWER", "VALID", "linear",
    "nearest", "cubic",      "constant",      "reflect",    "edge",  "wrap",
    "forward", "reverse",    "bidirectional", "DCR",        "CRD",   "tanh",
    "none",    "half_pixel", "align_corners", "asymmetric", "floor", "round_prefer_ceil",
    "Sigmoid", "Tanh",       "Relu"};

/// Elements that the shape announces, as far as an input of the fuzzer can hold them.
std::int64_t element_count(const TensorProto& tensor) {
  std::int64_t count = 1;
  for (const std::int64_t dim : tensor.dims()) {
    if (dim < 0 || dim > 4096) return 0;
    count *= dim;
    if (count > 4096) return 0;
  }
  return count;
}

std::int64_t raw_bytes(const TensorProto& tensor) {
  const std::int64_t count = element_count(tensor);
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
    case TensorProto::INT32:
      return 4 * count;
    case TensorProto::INT64:
    case TensorProto::DOUBLE:
      return 8 * count;
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
    case TensorProto::INT16:
    case TensorProto::UINT16:
      return 2 * count;
    case 21:  // uint4, which the schema's enumeration may not have yet
    case 22:  // int4
      return (count + 1) / 2;
    default:
      return count;
  }
}

}  // namespace

std::int64_t ModelMutator::interesting_integer() {
  // Small numbers are sizes, axes and types; the edges are what checks forget.
  if (one_in(2)) return static_cast<std::int64_t>(below(12)) - 3;
  return pick(kIntegers);
}

float ModelMutator::interesting_float() {
  return one_in(3) ? static_cast<float>(below(2001)) / 100.0f - 10.0f : pick(kFloats);
}

std::string ModelMutator::mutated_text(std::string text) {
  const std::size_t size = text.size();
  text.resize(size + 16);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
  return text;
}

void ModelMutator::edit_attribute() {
  if (graph_->node_size() == 0) return edit_node_list();
  NodeProto& node = *graph_->mutable_node(static_cast<int>(below(graph_->node_size())));
  auto& attributes = *node.mutable_attribute();
  if (attributes.empty() || one_in(6)) {
    AttributeProto& attribute = *attributes.Add();
    attribute.set_name(pick(kAttributes));
    attribute.set_type(one_in(2) ? AttributeProto::INTS : AttributeProto::INT);
    return edit_attribute_value(attribute);
  }
  AttributeProto& attribute = attributes[static_cast<int>(below(attributes.size()))];
  if (one_in(12)) {
    attributes.SwapElements(0, static_cast<int>(below(attributes.size())));
    attributes.RemoveLast();
  } else if (one_in(12)) {
    attribute.set_name(pick(kAttributes));
  } else if (one_in(20)) {
    attribute.set_type(static_cast<AttributeProto::AttributeType>(below(12)));
  } else {
    edit_attribute_value(attribute);
  }
}

void ModelMutator::edit_attribute_value(AttributeProto& attribute) {
  switch (attribute.type()) {
    case AttributeProto::FLOAT:
      attribute.set_f(interesting_float());
      return;
    case AttributeProto::STRING:
      attribute.set_s(one_in(4) ? mutated_text(attribute.s()) : pick(kTexts));
      return;
    case AttributeProto::STRINGS:
      if (attribute.strings_size() > 0 && one_in(4)) {
        attribute.mutable_strings()->RemoveLast();
      } else {
        attribute.add_strings(pick(kTexts));
      }
      return;
    case AttributeProto::TENSOR:
      return edit_tensor(*attribute.mutable_t());
    case AttributeProto::FLOATS:
      if (attribute.floats_size() == 0 || one_in(4)) {
        attribute.add_floats(interesting_float());
      } else {
        attribute.set_floats(static_cast<int>(below(attribute.floats_size())), interesting_float());
      }
      return;
    case AttributeProto::INTS:
      if (attribute.ints_size() == 0 || one_in(5)) {
        attribute.add_ints(interesting_integer());
      } else if (one_in(6)) {
        attribute.mutable_ints()->RemoveLast();
      } else {
        attribute.set_ints(static_cast<int>(below(attribute.ints_size())), interesting_integer());
      }
      return;
    default:
      attribute.set_i(interesting_integer());
  }
}

void ModelMutator::edit_constant() {
  if (graph_->initializer_size() == 0 || one_in(10)) {
    TensorProto& tensor = *graph_->add_initializer();
    tensor.set_name(fresh_name());
    tensor.set_data_type(one_in(2) ? TensorProto::FLOAT : TensorProto::INT64);
    tensor.add_dims(1 + below(4));
    tensor.set_raw_data(std::string(static_cast<std::size_t>(raw_bytes(tensor)), '\0'));
    names_.push_back(tensor.name());
    edit_elements(tensor);
    return edit_wiring();
  }
  edit_tensor(*graph_->mutable_initializer(static_cast<int>(below(graph_->initializer_size()))));
}

void ModelMutator::edit_tensor(TensorProto& tensor) {
  switch (below(4)) {
    case 0:
      return edit_shape(tensor);
    case 1:
      if (one_in(2)) {
        tensor.set_data_type(1 + static_cast<int>(below(23)));
        tensor.mutable_raw_data()->resize(static_cast<std::size_t>(raw_bytes(tensor)));
        return;
      }
      [[fallthrough]];
    default:
      return edit_elements(tensor);
  }
}

void ModelMutator::edit_shape(TensorProto& tensor) {
  auto& dims = *tensor.mutable_dims();
  if (dims.empty() || one_in(5)) {
    dims.Add(one_in(2) ? 1 : interesting_integer());
  } else if (one_in(5)) {
    dims.RemoveLast();
  } else if (one_in(4)) {
    dims.SwapElements(0, static_cast<int>(below(dims.size())));
  } else {
    dims[static_cast<int>(below(dims.size()))] = interesting_integer();
  }
  // Mostly the data follow: a length that contradicts the shape is caught at once.
  if (!one_in(8) && element_count(tensor) > 0) {
    tensor.mutable_raw_data()->resize(static_cast<std::size_t>(raw_bytes(tensor)), '\1');
  }
}

void ModelMutator::edit_elements(TensorProto& tensor) {
  std::string& raw = *tensor.mutable_raw_data();
  const bool wide = tensor.data_type() == TensorProto::INT64;
  const std::size_t size = wide ? 8 : tensor.data_type() == TensorProto::FLOAT ? 4 : 1;
  if (raw.size() < size || one_in(16)) {
    raw = mutated_text(raw);
    return;
  }
  const std::size_t at = below(raw.size() / size) * size;
  if (wide) {
    const std::int64_t value = interesting_integer();
    std::memcpy(raw.data() + at, &value, sizeof value);
  } else if (size == 4) {
    const float value = interesting_float();
    std::memcpy(raw.data() + at, &value, sizeof value);
  } else {
    raw[at] = static_cast<char>(rng_());
  }
}

}  // namespace octet::fuzz
