#pragma once

#include <set>
#include <string>

#include "octet/graph/graph.h"

namespace octet {

/// Names for what a rewrite of `source` adds. A generated name is never one that a value or node of
/// `source` has, whether that has been copied yet or not.
class FreshNames {
 public:
  explicit FreshNames(const Graph& source) {
    for (const Value& value : source.values()) values_.insert(value.name);
    for (const Node& node : source.nodes()) nodes_.insert(node.name);
  }
  std::string value(const std::string& base) { return fresh(values_, base); }
  std::string node(const std::string& base) { return fresh(nodes_, base); }

 private:
  static std::string fresh(std::set<std::string>& taken, const std::string& base) {
    std::string name = base;
    for (int suffix = 1; !taken.insert(name).second; ++suffix) {
      name = base + "_" + std::to_string(suffix);
    }
    return name;
  }

  std::set<std::string> values_, nodes_;
};

}  // namespace octet
