#pragma once

#include <string>

#include "octet/graph/graph.h"

namespace octet {

/// Names for what a rewrite adds to `result`, the successor of `source`. A generated name is never
/// one that a value or node of `source` has, whether it has been copied already or not.
class FreshNames {
 public:
  FreshNames(const Graph& source, const Graph& result) : source_(source), result_(result) {}
  std::string value(const std::string& base) const {
    return fresh(base, [&](const std::string& name) {
      return source_.find_value(name) || result_.find_value(name);
    });
  }
  std::string node(const std::string& base) const {
    return fresh(base, [&](const std::string& name) {
      return source_.find_node(name) || result_.find_node(name);
    });
  }

 private:
  template <typename Taken>
  static std::string fresh(const std::string& base, Taken taken) {
    if (!taken(base)) return base;
    for (int suffix = 1;; ++suffix) {
      const std::string name = base + "_" + std::to_string(suffix);
      if (!taken(name)) return name;
    }
  }

  const Graph& source_;
  const Graph& result_;
};

}  // namespace octet
