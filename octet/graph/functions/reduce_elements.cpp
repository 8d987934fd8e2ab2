#include "octet/graph/functions/reduce_elements.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace octet {
namespace {

/// Floats are summed in double; integers as unsigned numbers, whose overflow is defined.
template <typename T>
using Sum = std::conditional_t<std::is_same_v<T, float>, double, std::uint64_t>;

template <typename T>
Sum<T> widened(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
  }
}

template <typename T>
double as_double(Sum<T> sum) {
  if constexpr (std::is_same_v<T, float>) {
    return sum;
  } else {
    return static_cast<double>(static_cast<std::int64_t>(sum));
  }
}

/// False for a number that an integer type T cannot hold.
template <typename T>
bool store(double value, T& result) {
  if constexpr (!std::is_same_v<T, float>) {
    // 2^63 as a double is the first number too large for int64.
    const double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
    const auto lowest = static_cast<double>(std::numeric_limits<T>::lowest());
    if (!(value > lowest - 1.0 && value < limit)) return false;
  }
  result = static_cast<T>(value);
  return true;
}

/// For each element of y: step(state, x) from `start` on over what it reduces, then
/// finish(state, y), which says whether the result is defined.
template <typename T, typename State, typename Step, typename Finish>
bool fold(const ReductionProblem& p, State start, Step step, Finish finish) {
  const auto kept = dims_along(p.x, ~p.reduced), reduced = dims_along(p.x, p.reduced);
  const T* x = p.x.as<T>();
  T* y = p.y.as<T>();
  bool defined = true;
  for_each_index<2>(first_axes(kept, p.x.rank), {p.x.strides, p.y_strides},
                    [&](std::int64_t, const auto& offsets) {
                      State state = start;
                      for_each_line<1>(first_axes(reduced, p.x.rank), {p.x.strides}, {offsets[0]},
                                       [&](const Line<1>& line) {
                                         const T* element = x + line.start[0];
                                         for (std::int64_t i = 0; i < line.count; ++i) {
                                           step(state, element[i * line.step[0]]);
                                         }
                                       });
                      defined = finish(state, y[offsets[1]]) && defined;
                    });
  return defined;
}

template <typename T>
bool extreme(const ReductionProblem& p, bool of_max) {
  using Limits = std::numeric_limits<T>;
  const T low = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  const T high = Limits::has_infinity ? Limits::infinity() : Limits::max();
  const auto keep = [](T state, T& y) {
    y = state;
    return true;
  };
  // x != x: a NaN stays, because no comparison with it holds.
  if (of_max) {
    return fold<T>(
        p, low,
        [](T& state, T x) {
          if (x > state || x != x) state = x;
        },
        keep);
  }
  return fold<T>(
      p, high,
      [](T& state, T x) {
        if (x < state || x != x) state = x;
      },
      keep);
}

template <typename T>
bool sum(const ReductionProblem& p, Sum<T> (*term)(T)) {
  return fold<T>(
      p, Sum<T>{0}, [&](Sum<T>& state, T x) { state += term(x); },
      [](Sum<T> state, T& y) {
        y = static_cast<T>(state);
        return true;
      });
}

template <typename T>
bool mean(const ReductionProblem& p) {
  const auto dims = dims_along(p.x, p.reduced);
  std::int64_t count = 1;
  for (const std::int64_t dim : first_axes(dims, p.x.rank)) count *= dim;
  return fold<T>(
      p, Sum<T>{0}, [](Sum<T>& state, T x) { state += widened(x); },
      [&](Sum<T> state, T& y) {
        if constexpr (std::is_same_v<T, float>) {
          y = static_cast<float>(state / static_cast<double>(count));
        } else {
          if (count == 0) return false;
          y = static_cast<T>(static_cast<std::int64_t>(state) / count);
        }
        return true;
      });
}

/// The sum relative to the largest exponent so far.
struct ExpSum {
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0.0;

  void add(double x) {
    if (x == -std::numeric_limits<double>::infinity()) return;
    if (x > largest) {
      sum = sum * std::exp(largest - x) + 1.0;
      largest = x;
    } else {
      sum += x == largest ? 1.0 : std::exp(x - largest);  // inf - inf is no number
    }
  }
};

template <typename T>
bool reduce_numbers(const ReductionProblem& p, Reduction reduction) {
  const auto square = [](T x) { return static_cast<Sum<T>>(widened(x) * widened(x)); };
  switch (reduction) {
    case Reduction::kSum:
      return sum<T>(p, widened<T>);
    case Reduction::kMean:
      return mean<T>(p);
    case Reduction::kMax:
    case Reduction::kMin:
      return extreme<T>(p, reduction == Reduction::kMax);
    case Reduction::kProd:
      return fold<T>(
          p, Sum<T>{1}, [](Sum<T>& state, T x) { state *= widened(x); },
          [](Sum<T> state, T& y) {
            y = static_cast<T>(state);
            return true;
          });
    case Reduction::kL1:
      return sum<T>(p, [](T x) { return x < T{0} ? Sum<T>{0} - widened(x) : widened(x); });
    case Reduction::kSumSquare:
      return sum<T>(p, square);
    case Reduction::kL2:
      return fold<T>(
          p, 0.0,
          [](double& state, T x) { state += static_cast<double>(x) * static_cast<double>(x); },
          [](double state, T& y) { return store(std::sqrt(state), y); });
    case Reduction::kLogSum:
      return fold<T>(
          p, Sum<T>{0}, [](Sum<T>& state, T x) { state += widened(x); },
          [](Sum<T> state, T& y) { return store(std::log(as_double<T>(state)), y); });
    case Reduction::kLogSumExp:
      return fold<T>(
          p, ExpSum{}, [](ExpSum& state, T x) { state.add(static_cast<double>(x)); },
          [](const ExpSum& state, T& y) { return store(state.largest + std::log(state.sum), y); });
  }
  return false;
}

}  // namespace

std::optional<ReductionProblem> lay_out(const ConstTensorView& x, const TensorView& y,
                                        const Axes& reduced, bool keep_dims) {
  ReductionProblem problem{x, y, reduced, {}};
  int to = 0;
  for (int axis = 0; axis < x.rank; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (reduced[i] && !keep_dims) continue;
    const auto o = static_cast<std::size_t>(to++);
    if (to > y.rank || y.dims[o] != (reduced[i] ? 1 : x.dims[i])) return std::nullopt;
    if (!reduced[i]) problem.y_strides[i] = y.strides[o];
  }
  if (to != y.rank) return std::nullopt;
  return problem;
}

bool reduce_view(const ReductionProblem& problem, Reduction reduction) {
  return with_type(problem.x.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, bool>) {
      return extreme<bool>(problem, reduction == Reduction::kMax);
    } else {
      return reduce_numbers<T>(problem, reduction);
    }
  });
}

}  // namespace octet
