#include <algorithm>

#include "octet/report/compare.h"
#include "octet/report/report.h"

namespace octet {
namespace {

struct Standing {
  int better = 0, worse = 0;
};

Standing standing(const Figures& a, const Figures& b) {
  const Order orders[] = {compare_size(a, b), compare_latency(a, b), compare_accuracy(a, b)};
  return {static_cast<int>(std::ranges::count(orders, Order::kBetter)),
          static_cast<int>(std::ranges::count(orders, Order::kWorse))};
}

bool dominates(const Figures& a, const Figures& b) {
  const Standing s = standing(a, b);
  return s.worse == 0 && s.better > 0;
}

bool better_in_everything(const Figures& a, const Figures& b) { return standing(a, b).better == 3; }

enum class State { kOpen, kOptimal, kDominated };

/// Drops what something beats in every figure; then keeps what nothing open dominates, drops what
/// the kept ones dominate, and repeats.
///
/// Ties are not transitive (a ~ b and b ~ c may hold while a beats c), so "nobody dominates it"
/// would let a configuration that is itself off the frontier push another one off it, and a user
/// would find nothing on the frontier that replaces the latter.
std::vector<State> classify(const std::vector<Figures>& figures) {
  std::vector<State> state(figures.size(), State::kOpen);
  const auto any = [&](const std::vector<State>& states, State wanted, std::size_t i,
                       bool (*beats)(const Figures&, const Figures&)) {
    for (std::size_t j = 0; j < figures.size(); ++j) {
      if (states[j] == wanted && beats(figures[j], figures[i])) return true;
    }
    return false;
  };
  // Moves to `next` every open configuration for which `moves` holds, all judged at once.
  const auto advance = [&](State next, auto moves) {
    const std::vector<State> before = state;
    for (std::size_t i = 0; i < state.size(); ++i) {
      if (before[i] == State::kOpen && moves(before, i)) state[i] = next;
    }
    return state != before;
  };

  advance(State::kDominated, [&](const std::vector<State>& states, std::size_t i) {
    return any(states, State::kOpen, i, better_in_everything);
  });
  while (std::ranges::count(state, State::kOpen) > 0) {
    const bool moved =
        advance(State::kOptimal, [&](const std::vector<State>& states, std::size_t i) {
          return !any(states, State::kOpen, i, dominates);
        });
    // The paired and the unpaired test may contradict each other in a ring; noise cannot rank it.
    if (!moved) std::ranges::replace(state, State::kOpen, State::kOptimal);
    advance(State::kDominated, [&](const std::vector<State>& states, std::size_t i) {
      return any(states, State::kOptimal, i, dominates);
    });
  }
  return state;
}

}  // namespace

std::vector<ParetoPoint> pareto_frontier(const RunRecord& run) {
  const std::vector<Figures> figures = require_figures(run);
  const std::vector<State> state = classify(figures);
  std::vector<ParetoPoint> points(figures.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].name = run.configs[i].name;
    points[i].optimal = state[i] == State::kOptimal;
    for (std::size_t j = 0; j < points.size(); ++j) {
      if (j != i && compare_latency(figures[i], figures[j]) == Order::kTie &&
          compare_accuracy(figures[i], figures[j]) == Order::kTie) {
        points[i].ties.push_back(run.configs[j].name);
      }
    }
  }
  return points;
}

}  // namespace octet
