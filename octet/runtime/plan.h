#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/base/tensor.h"
#include "octet/cpu/isa.h"
#include "octet/graph/graph.h"
#include "octet/graph/passes/passes.h"

namespace octet {

struct CompileOptions {
  Isa isa = host_isa();
  int threads = 1;
  int max_batch = 1;   ///< the arena is planned for this batch; run() accepts 1..max_batch
  PassOptions passes;  ///< which of inference_passes are left out
  /// Of activations, scratch memory and outputs at max_batch.
  std::int64_t max_memory_bytes = std::int64_t{16} << 30;
};

/// A graph input or output of a plan. Dynamic dimensions of `shape` are the batch.
struct PlanTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
};

/// One step of a plan, for `octet info --layers` and for profiles.
struct PlanLayer {
  std::string name;       ///< of the graph node that does the work
  std::string op;         ///< ONNX name of that node
  std::string kernel;     ///< "conv2d_u8s8/avx2_maddwd", "gemm_f32/avx512"
  std::string why_float;  ///< empty, or why a compute layer does not run on integers
  std::int64_t macs = 0;  ///< per sample
};

/// A network ready to run: validated, fused, packed, with every buffer planned. Everything that
/// can fail fails in compile(); run() neither allocates nor throws, and gives the same bytes for
/// every instruction set, thread count and split of the batch (a dynamically quantized layer takes
/// its range from the whole call, so its answer may depend on the split).
///
/// A Plan owns its threads and its arena: use one Plan per concurrent caller.
class Plan {
 public:
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

  const std::vector<PlanTensor>& inputs() const;
  const std::vector<PlanTensor>& outputs() const;
  int max_batch() const;

  /// Runs `batch` samples, 1 <= batch <= max_batch(). Pointers in the order of inputs() and
  /// outputs(); tensors dense, row-major, in the graph's (NCHW) layout, of their dtype.
  void run(std::span<const void* const> inputs, std::span<void* const> outputs, int batch) noexcept;
  /// One float input, one float output: the usual classifier.
  void run(const float* input, float* output, int batch) noexcept;

  /// The node whose result was not defined for the data of the last run (an index out of range, an
  /// integer divided by zero), so that its outputs are worthless; null if all was well.
  const std::string* undefined_node() const;

  /// Runs step by step and adds each step's time; for `octet bench --roofline` and `analyze`.
  const std::vector<PlanLayer>& layers() const;
  void run_timed(std::span<const void* const> inputs, std::span<void* const> outputs, int batch,
                 std::span<double> seconds_per_layer) noexcept;

  std::int64_t arena_bytes() const;   ///< activations and scratch at max_batch
  std::int64_t packed_bytes() const;  ///< weights as the kernels read them

 private:
  friend Plan compile(Graph&& graph, const CompileOptions& options);
  struct Impl;
  explicit Plan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether there is a vectorized float kernel for the usual forms of an ONNX operator; the other
/// operators run by their definition.
bool has_float_kernel(std::string_view onnx_name);

/// Compiles a float or quantized graph. Runs inference_passes on its own copy. Quantized regions
/// (DequantizeLinear -> op -> QuantizeLinear) become integer kernels.
/// Error(kUnsupported) naming the node if an operator or attribute has no kernel, or if its result
/// takes more than max_memory_bytes: sizes may come from data. Error(kBadData) if shapes do not fit
/// or an accumulator could overflow.
Plan compile(const Graph& graph, const CompileOptions& options = {});
/// The same, for a caller that needs the graph no more: weights go as soon as they are packed, so
/// that they are never in memory twice.
Plan compile(Graph&& graph, const CompileOptions& options = {});

}  // namespace octet
