#pragma once

#include <optional>

#include "octet/graph/functions/reduction.h"
#include "octet/graph/functions/reduction_loops.h"

// The arithmetic of the Reduce operators and of what else reduces axes.

namespace octet {

/// A reduction as laid out in memory.
struct ReductionProblem {
  ConstTensorView x;
  TensorView y;
  Axes reduced;
  Strides y_strides{};  ///< by axis of x, 0 along the reduced ones
};

/// nullopt if y is not of the shape that the reduction of x has.
std::optional<ReductionProblem> lay_out(const ConstTensorView& x, const TensorView& y,
                                        const Axes& reduced, bool keep_dims);

/// False where the result is not defined: an integer mean over nothing, the logarithm of an integer
/// sum that is not positive. Bools have a kMax and a kMin only.
bool reduce_view(const ReductionProblem& problem, Reduction reduction);

}  // namespace octet
