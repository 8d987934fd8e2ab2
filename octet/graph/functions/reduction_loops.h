#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>

#include "octet/graph/tensor_view.h"

// The loops that reductions and normalizations share.

namespace octet {

class FunctionInputs;
/// Error(kUnsupported) if the input is present and has more axes than a view.
void require_view_rank(const FunctionInputs& inputs, std::size_t input);

using Axes = std::bitset<kMaxViewRank>;  ///< bit i: axis i
using Strides = std::array<std::int64_t, kMaxViewRank>;

/// The dims of a view as a loop runs over them: those in `only`, and 1 elsewhere.
template <typename Byte>
std::array<std::int64_t, kMaxViewRank> dims_along(const BasicTensorView<Byte>& view,
                                                  const Axes& only) {
  std::array<std::int64_t, kMaxViewRank> dims{};
  for (int axis = 0; axis < view.rank; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    dims[i] = only[i] ? view.dims[i] : 1;
  }
  return dims;
}

inline std::span<const std::int64_t> first_axes(
    const std::array<std::int64_t, kMaxViewRank>& values, int rank) {
  return std::span(values).first(static_cast<std::size_t>(rank));
}

/// Elements of several views at a constant distance in each.
template <std::size_t kViews>
struct Line {
  std::array<std::int64_t, kViews> start{};  ///< element offsets
  std::array<std::int64_t, kViews> step{};
  std::int64_t count = 1;
};

/// Calls visit(line) until every index of `dims` has been in one line, row-major. Offsets begin at
/// `start`. The lines run along the last axis that is longer than 1: whoever loops over a line has
/// a plain loop inside.
template <std::size_t kViews, typename Visit>
void for_each_line(std::span<const std::int64_t> dims, const std::array<Strides, kViews>& strides,
                   const std::array<std::int64_t, kViews>& start, Visit visit) {
  std::size_t outer = dims.size();
  while (outer > 0 && dims[outer - 1] == 1) --outer;
  Line<kViews> line;
  if (outer > 0) {
    --outer;
    line.count = dims[outer];
    for (std::size_t k = 0; k < kViews; ++k) line.step[k] = strides[k][outer];
  }
  for_each_index<kViews>(dims.first(outer), strides, [&](std::int64_t, const auto& offsets) {
    for (std::size_t k = 0; k < kViews; ++k) line.start[k] = start[k] + offsets[k];
    visit(line);
  });
}

/// Mean and variance (of the population, not of a sample) of floats, in double.
struct Moments {
  double mean = 0.0, variance = 0.0;
};

/// Of the elements data[start + index * strides] for all indices of `dims`. Two passes: the
/// difference of two large sums of squares would lose all digits where the mean is large.
inline Moments moments_of(const float* data, std::span<const std::int64_t> dims,
                          const Strides& strides, std::int64_t start) noexcept {
  double sum = 0.0;
  std::int64_t count = 0;
  for_each_line<1>(dims, {strides}, {start}, [&](const Line<1>& line) {
    const float* x = data + line.start[0];
    for (std::int64_t i = 0; i < line.count; ++i) sum += x[i * line.step[0]];
    count += line.count;
  });
  Moments moments;
  moments.mean = sum / static_cast<double>(count);
  double squares = 0.0;
  for_each_line<1>(dims, {strides}, {start}, [&](const Line<1>& line) {
    const float* x = data + line.start[0];
    for (std::int64_t i = 0; i < line.count; ++i) {
      const double difference = x[i * line.step[0]] - moments.mean;
      squares += difference * difference;
    }
  });
  moments.variance = squares / static_cast<double>(count);
  return moments;
}

}  // namespace octet
