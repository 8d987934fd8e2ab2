#include "octet/eval/model_size.h"

namespace octet {

std::map<std::string, std::int64_t> constant_bytes_by_dtype(const Graph& graph) {
  std::map<std::string, std::int64_t> bytes;
  for (const Value& value : graph.values()) {
    if (!value.constant) continue;
    bytes[std::string(to_string(value.constant->dtype()))] +=
        static_cast<std::int64_t>(value.constant->size_bytes());
  }
  return bytes;
}

}  // namespace octet
