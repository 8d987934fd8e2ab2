#pragma once

#include <string_view>

#include "octet/graph/op.h"

namespace octet {

/// What becomes of the elements along the reduced axes. Sums, products and means of floats are
/// computed in double and rounded once; sums and products of integers wrap.
enum class Reduction {
  kSum,
  kMean,  ///< of integers: towards zero
  kMax,   ///< also of bool (any); NaN if there is one
  kMin,   ///< also of bool (all); NaN if there is one
  kProd,
  kL1,         ///< sum |x|
  kL2,         ///< sqrt(sum x^2)
  kLogSum,     ///< log(sum x)
  kLogSumExp,  ///< log(sum exp x), without overflow
  kSumSquare,
};

/// "ReduceSum", "ReduceMean" ...
std::string_view onnx_name(Reduction reduction);

/// ONNX's Reduce operators. Inputs: data, optional int64 axes. Without axes, or with none in the
/// list, all axes are reduced; if `noop_with_empty_axes`, each element is reduced by itself.
/// Over no element: 0, 1 (product), the lowest or highest value (max, min), NaN (mean of floats).
struct Reduce {
  Reduction reduction = Reduction::kSum;
  bool keep_dims = true;
  bool noop_with_empty_axes = false;
};
Op reduce(const Reduce& options);

/// ArgMax or ArgMin: the index (int64) along an axis of the first, or last, extreme element. A NaN
/// is more extreme than any number, as in numpy.
struct ArgExtreme {
  bool of_max = true;
  int axis = 0;
  bool keep_dims = true;
  bool select_last_index = false;
};
Op arg_extreme(const ArgExtreme& options);

/// Global(Max|Average)Pool over all axes from 2 on, of any rank.
Op global_pool(bool of_max);

}  // namespace octet
