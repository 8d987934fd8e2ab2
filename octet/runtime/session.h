#pragma once

#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "octet/base/tensor.h"
#include "octet/runtime/plan.h"

namespace octet {

/// A network that takes tensors of any shape its inputs allow: dynamic batches, sequence lengths,
/// shapes given as data. Where only the batch varies it compiles one Plan; otherwise one for each
/// combination of input shapes, and of the elements that shapes depend on, and keeps the last
/// kMaxPlans of them. Where a shape depends on elements that the network computes, it runs the
/// network in stages. For one caller at a time, as a Plan.
class Session {
 public:
  static constexpr std::size_t kMaxPlans = 8;

  explicit Session(Graph graph, CompileOptions options = {});

  /// The outputs for these inputs, in the order of the graph's. Error(kBadData) if dtypes or shapes
  /// do not fit or the data leave a result undefined; whatever compile() may throw.
  std::vector<Tensor> run(std::span<const Tensor> inputs);
  /// How many plans were compiled so far, those that are not kept included.
  int compilations() const { return compilations_; }

 private:
  /// A plan for inputs of these shapes, some of which are constants in it.
  struct Specialized {
    std::vector<Shape> shapes;
    std::map<std::string, Tensor> values;
    Plan plan;
  };
  using Inputs = std::map<std::string, const Tensor*>;

  /// The one size of all inputs' batch; nullopt if the inputs have none.
  std::optional<std::int64_t> check(std::span<const Tensor> inputs) const;
  Inputs by_name(std::span<const Tensor> inputs) const;
  /// The plan for any batch, null if the network has no such plan.
  Plan* batch_plan(std::int64_t batch);
  /// Null if the shapes depend on elements that the network computes.
  Plan* find_plan(std::span<const Tensor> inputs, const Inputs& named);
  Plan* compile_for(std::span<const Tensor> inputs, const Inputs& named, Graph& concrete);
  std::vector<Tensor> run_in_stages(Graph concrete, const Inputs& inputs);
  Plan compiled(const Graph& graph, int max_batch = 1);

  Graph graph_;
  CompileOptions options_;
  bool only_batch_varies_;
  std::optional<Plan> batch_plan_;
  std::list<Specialized> plans_;  ///< the last used one first
  int compilations_ = 0;
};

}  // namespace octet
