#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "octet/base/aligned_buffer.h"
#include "octet/graph/graph.h"
#include "octet/graph/tensor_view.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/memory_planner.h"
#include "octet/runtime/plan.h"
#include "octet/runtime/steps/step.h"

namespace octet {

/// A tensor as the runtime stores it: rank 4 is NHWC, every other rank is row-major as in the
/// graph. int8 activations are stored as uint8 with the zero point moved by 128.
struct Stored {
  BufferId buffer{};
  Shape dims;  ///< physical order; dims[0] may be kDynamicDim
  DType dtype = DType::kFloat32;
  float scale = 1.0f;           ///< of uint8 codes
  std::int32_t zero_point = 0;  ///< of uint8 codes

  std::int64_t elements_per_outer() const;  ///< product of dims[1..]
};

/// A tensor with the elements of the graph's own dtype, axis by axis in the graph's order: how
/// operators that run by definition see it, whatever its layout.
struct Located {
  BufferId buffer{};
  DType dtype = DType::kFloat32;
  Shape dims;                                        ///< dims[0] may be kDynamicDim
  std::array<std::int64_t, kMaxViewRank> strides{};  ///< in elements
};

/// The axes in the graph's order of a tensor that may be stored channels-last.
Located in_graph_order(const Stored& stored);

/// What a tensor takes, however large; for comparison with a limit.
double tensor_bytes(const Shape& shape, DType dtype, int batch);
/// The physical dimensions of a graph shape: NCHW becomes NHWC.
Shape physical_dims(const Shape& shape);
/// The physical axis of a graph axis.
int physical_axis(int rank, int axis);

enum class BufferKind { kArena, kConstant, kInput, kOutput };

struct BufferSpec {
  BufferKind kind = BufferKind::kArena;
  std::size_t size_bytes = 0;  ///< at max_batch
  int first = -1, last = -1;   ///< steps that touch it
  AlignedBuffer constant;
  std::size_t io_index = 0;
};

/// Collects the steps and buffers of a plan while the graph is lowered, node by node.
class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, const CompileOptions& options);

  const Graph& graph() const { return graph_; }
  const CompileOptions& options() const { return options_; }
  const IntegerNodeFinder& nodes() const { return nodes_; }
  Isa isa() const { return options_.isa; }

  /// Where a value lies. Constants are laid out on first use; float views of integer constants
  /// are dequantized. Error(kUnsupported) naming the value if nothing has produced it.
  const Stored& stored(ValueId value);
  bool has(ValueId value) const;
  /// Creates the arena buffer (or the caller's output) that a step will fill for `value`.
  const Stored& define(ValueId value, DType dtype, float scale = 1.0f, std::int32_t zero_point = 0);
  void define_as(ValueId value, Stored stored);
  /// Where the elements of a value lie in the graph's own dtype; int8 codes are moved back.
  const Located& located(ValueId value);
  /// Creates the buffer that a step will fill with elements of the value's own dtype.
  const Located& define_located(ValueId value);
  /// Says that the node producing `value` was computed as part of another one.
  void absorb(ValueId value) { absorbed_.insert(value); }
  bool is_absorbed(ValueId value) const { return absorbed_.contains(value); }

  /// A temporary of the current step and those that name it.
  BufferId add_temporary(std::size_t size_bytes);
  /// A tensor without a graph value.
  Stored add_temporary_tensor(Shape dims, DType dtype, float scale = 1.0f,
                              std::int32_t zero_point = 0);
  BufferId add_constant(AlignedBuffer bytes);
  template <typename T>
  BufferId add_constant(const std::vector<T>& values, std::size_t padding = 64);

  /// Appends a step. `touches`: every arena buffer it reads or writes.
  void add_step(std::unique_ptr<Step> step, PlanLayer layer, std::vector<BufferId> touches);
  /// Every thread gets at least this much scratch memory.
  void request_scratch(std::size_t bytes_per_thread);
  void count_packed(std::size_t bytes) { packed_bytes_ += bytes; }

  std::int64_t max_outer(const Shape& dims) const;
  std::size_t max_bytes(const Shape& dims, DType dtype) const;

  // What compile() takes over at the end.
  std::vector<std::unique_ptr<Step>> steps;
  std::vector<PlanLayer> layers;
  std::vector<BufferSpec> buffers;
  std::size_t scratch_per_thread = 0;
  std::int64_t packed_bytes() const { return static_cast<std::int64_t>(packed_bytes_); }

 private:
  /// Error(kUnsupported) if a result of the node alone takes more memory than there may be.
  void require_memory_for(const Node& node) const;
  const Stored& store_constant(ValueId value);
  /// The elements of a value that `located_` has, as the runtime stores such elements.
  void store_located(ValueId value);

  const Graph& graph_;
  CompileOptions options_;
  IntegerNodeFinder nodes_;
  std::vector<std::pair<bool, Stored>> stored_;  // by ValueId: whether it is set, and where
  std::map<ValueId, Located> located_;
  std::vector<std::size_t> uses_;
  std::set<ValueId> absorbed_;
  std::size_t packed_bytes_ = 0;
};

}  // namespace octet
