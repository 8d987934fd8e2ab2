#include "octet/graph/functions/recurrent.h"

#include <algorithm>
#include <cmath>

#include "octet/graph/node_error.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxHidden = 1 << 20;

enum class Activation {
  kAffine,
  kElu,
  kHardSigmoid,
  kLeakyRelu,
  kRelu,
  kScaledTanh,
  kSigmoid,
  kSoftplus,
  kSoftsign,
  kTanh,
  kThresholdedRelu,
};

struct ActivationInfo {
  std::string_view name;
  Activation activation;
  std::optional<float> alpha, beta;  ///< defaults of those that it has
};

constexpr ActivationInfo kActivations[] = {
    {"affine", Activation::kAffine, 1.0f, 0.0f},
    {"elu", Activation::kElu, 1.0f, std::nullopt},
    {"hardsigmoid", Activation::kHardSigmoid, 0.2f, 0.5f},
    {"leakyrelu", Activation::kLeakyRelu, 0.01f, std::nullopt},
    {"relu", Activation::kRelu, std::nullopt, std::nullopt},
    {"scaledtanh", Activation::kScaledTanh, 1.0f, 1.0f},
    {"sigmoid", Activation::kSigmoid, std::nullopt, std::nullopt},
    {"softplus", Activation::kSoftplus, std::nullopt, std::nullopt},
    {"softsign", Activation::kSoftsign, std::nullopt, std::nullopt},
    {"tanh", Activation::kTanh, std::nullopt, std::nullopt},
    {"thresholdedrelu", Activation::kThresholdedRelu, 1.0f, std::nullopt},
};

const ActivationInfo* find_activation(std::string name) {
  for (char& letter : name) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  const auto* found = std::ranges::find(kActivations, name, &ActivationInfo::name);
  return found == std::end(kActivations) ? nullptr : found;
}

struct BoundActivation {
  Activation activation = Activation::kTanh;
  double alpha = 0.0, beta = 0.0;

  double operator()(double x) const {
    switch (activation) {
      case Activation::kAffine:
        return alpha * x + beta;
      case Activation::kElu:
        return x >= 0.0 ? x : alpha * std::expm1(x);
      case Activation::kHardSigmoid:
        return std::max(0.0, std::min(1.0, alpha * x + beta));
      case Activation::kLeakyRelu:
        return x >= 0.0 ? x : alpha * x;
      case Activation::kRelu:
        return x < 0.0 ? 0.0 : x;
      case Activation::kScaledTanh:
        return alpha * std::tanh(beta * x);
      case Activation::kSigmoid:
        return 1.0 / (1.0 + std::exp(-x));
      case Activation::kSoftplus:
        return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
      case Activation::kSoftsign:
        return x / (1.0 + std::abs(x));
      case Activation::kTanh:
        return std::tanh(x);
      case Activation::kThresholdedRelu:
        return x > alpha ? x : 0.0;
    }
    return x;
  }
};

int gates_of(RecurrentKind kind) {
  return kind == RecurrentKind::kLstm ? 4 : kind == RecurrentKind::kGru ? 3 : 1;
}

std::vector<std::string> default_activations(RecurrentKind kind) {
  switch (kind) {
    case RecurrentKind::kLstm:
      return {"Sigmoid", "Tanh", "Tanh"};
    case RecurrentKind::kGru:
      return {"Sigmoid", "Tanh"};
    case RecurrentKind::kRnn:
      break;
  }
  return {"Tanh"};
}

/// Names the axes of a state or an output, wherever the layout puts the batch.
struct StateStrides {
  std::int64_t step = 0, direction = 0, batch = 0, hidden = 0;
};

/// One direction's weights and one sequence's state while it runs.
struct Cell {
  const float* w = nullptr;
  const float* r = nullptr;
  std::int64_t w_row = 0, w_column = 0, r_row = 0, r_column = 0;
  const float* bias = nullptr;  ///< null: 0
  std::int64_t bias_step = 0;
  const float* peephole = nullptr;
  std::int64_t peephole_step = 0;
  std::span<const BoundActivation> activations;
  double *h = nullptr, *c = nullptr, *gates = nullptr, *next = nullptr;
};

class RecurrentFunction final : public TensorFunction {
 public:
  explicit RecurrentFunction(RecurrentOptions options);

  std::string_view onnx_name() const override {
    return options_.kind == RecurrentKind::kLstm  ? "LSTM"
           : options_.kind == RecurrentKind::kGru ? "GRU"
                                                  : "RNN";
  }
  int opset() const override { return options_.batch_first ? 14 : 13; }
  std::vector<Attribute> attributes() const override;
  FunctionArity arity() const override {
    const bool lstm = options_.kind == RecurrentKind::kLstm;
    return {.inputs = 3, .max_inputs = lstm ? 8u : 6u, .max_outputs = lstm ? 3u : 2u};
  }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  std::size_t scratch_bytes(std::span<const TensorType>,
                            std::span<const TensorType>) const override {
    // h, the next h, c and the gates of one sequence.
    return static_cast<std::size_t>(options_.hidden_size) * sizeof(double) *
           static_cast<std::size_t>(3 + gates_of(options_.kind));
  }
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte* scratch) const noexcept override;

 private:
  int directions() const {
    return options_.direction == RecurrentDirection::kBidirectional ? 2 : 1;
  }
  void check_activations(const FunctionInputs& inputs) const;
  template <typename View>
  StateStrides output_strides(const View& view) const;
  template <typename View>
  StateStrides state_strides(const View& view) const;
  Cell cell_of(std::span<const ConstTensorView> inputs, std::int64_t direction,
               std::byte* scratch) const noexcept;
  void run_sequence(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
                    Cell& cell, std::int64_t direction, std::int64_t sequence,
                    std::int64_t length) const noexcept;

  double clipped(double x) const noexcept {
    return options_.clip ? std::min(std::max(x, -double{*options_.clip}), double{*options_.clip})
                         : x;
  }
  double linear(const Cell& cell, std::int64_t row, const float* x, std::int64_t x_step,
                std::int64_t inputs) const noexcept;
  double recurrent(const Cell& cell, std::int64_t row, const double* h) const noexcept;
  void step_lstm(Cell& cell, const float* x, std::int64_t x_step, std::int64_t n) const noexcept;
  void step_gru(Cell& cell, const float* x, std::int64_t x_step, std::int64_t n) const noexcept;
  void step_rnn(Cell& cell, const float* x, std::int64_t x_step, std::int64_t n) const noexcept;

  RecurrentOptions options_;
  std::vector<BoundActivation> bound_;  ///< those of all directions
};

RecurrentFunction::RecurrentFunction(RecurrentOptions options) : options_(std::move(options)) {
  std::vector<std::string> names = options_.activations;
  if (names.empty()) {
    for (int i = 0; i < directions(); ++i) {
      for (const std::string& name : default_activations(options_.kind)) names.push_back(name);
    }
  }
  std::size_t next_alpha = 0, next_beta = 0;
  for (const std::string& name : names) {
    const ActivationInfo* info = find_activation(name);
    if (!info) continue;  // output_types refuses it
    BoundActivation bound{info->activation};
    const auto take = [](std::optional<float> otherwise, const std::vector<float>& list,
                         std::size_t& next) {
      if (!otherwise) return 0.0;
      return double{next < list.size() ? list[next++] : *otherwise};
    };
    bound.alpha = take(info->alpha, options_.alpha, next_alpha);
    bound.beta = take(info->beta, options_.beta, next_beta);
    bound_.push_back(bound);
  }
}

std::vector<Attribute> RecurrentFunction::attributes() const {
  std::vector<Attribute> attributes{{"hidden_size", options_.hidden_size}};
  if (options_.direction != RecurrentDirection::kForward) {
    const bool both = options_.direction == RecurrentDirection::kBidirectional;
    attributes.push_back({"direction", std::string(both ? "bidirectional" : "reverse")});
  }
  if (!options_.activations.empty()) {
    attributes.push_back({"activations", options_.activations});
  }
  if (!options_.alpha.empty()) attributes.push_back({"activation_alpha", options_.alpha});
  if (!options_.beta.empty()) attributes.push_back({"activation_beta", options_.beta});
  if (options_.clip) attributes.push_back({"clip", *options_.clip});
  if (options_.input_forget) attributes.push_back({"input_forget", std::int64_t{1}});
  if (options_.linear_before_reset) {
    attributes.push_back({"linear_before_reset", std::int64_t{1}});
  }
  if (options_.batch_first) attributes.push_back({"layout", std::int64_t{1}});
  return attributes;
}

void RecurrentFunction::check_activations(const FunctionInputs& inputs) const {
  for (const std::string& name : options_.activations) {
    if (find_activation(name)) continue;
    fail_node(ErrorKind::kUnsupported, inputs.node(), "activation '", name,
              "', accepted: Sigmoid, Tanh, Relu, HardSigmoid, LeakyRelu, ThresholdedRelu, Affine, "
              "ScaledTanh, Elu, Softsign, Softplus");
  }
  const std::size_t wanted =
      default_activations(options_.kind).size() * static_cast<std::size_t>(directions());
  if (!options_.activations.empty() && options_.activations.size() != wanted) {
    fail_node(ErrorKind::kBadData, inputs.node(), options_.activations.size(),
              " activations, accepted: ", wanted);
  }
}

std::vector<TensorType> RecurrentFunction::output_types(const FunctionInputs& inputs) const {
  for (const std::size_t input : {0u, 1u, 2u, 3u, 5u, 6u, 7u}) {
    inputs.require_dtype(input, {DType::kFloat32});
  }
  inputs.require_dtype(4, {DType::kInt32});
  check_activations(inputs);
  const std::int64_t hidden = options_.hidden_size, gates = gates_of(options_.kind);
  if (hidden < 1 || hidden > kMaxHidden) {
    fail_node(ErrorKind::kBadData, inputs.node(), "hidden_size ", hidden, ", accepted: 1 to ",
              kMaxHidden);
  }
  if (options_.clip && !(*options_.clip >= 0.0f)) {
    fail_node(ErrorKind::kBadData, inputs.node(), "clip ", *options_.clip, ", accepted: 0 or more");
  }
  const Shape& x = inputs.shape(0);
  if (x.rank() != 3) {
    fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(x), ", accepted: rank 3");
  }
  const bool first = options_.batch_first;
  const std::int64_t steps = x[first ? 1 : 0], batch = x[first ? 0 : 1];
  const auto require = [&](std::size_t input, const Shape& wanted) {
    if (!inputs.has(input)) return;
    const Shape& found = inputs.shape(input);
    bool fits = found.rank() == wanted.rank();
    for (int i = 0; fits && i < found.rank(); ++i) {
      fits = found[i] < 0 || wanted[i] < 0 || found[i] == wanted[i];
    }
    if (!fits) {
      fail_node(ErrorKind::kBadData, inputs.node(), "input ", input, " of shape ", to_string(found),
                ", accepted: ", to_string(wanted));
    }
  };
  const std::int64_t d = directions();
  const Shape state = first ? Shape{batch, d, hidden} : Shape{d, batch, hidden};
  require(1, {d, gates * hidden, x[2]});
  require(2, {d, gates * hidden, hidden});
  require(3, {d, 2 * gates * hidden});
  require(4, {batch});
  require(5, state);
  require(6, state);
  require(7, {d, 3 * hidden});
  const Shape y = first ? Shape{batch, steps, d, hidden} : Shape{steps, d, batch, hidden};
  std::vector<TensorType> types{{DType::kFloat32, y}, {DType::kFloat32, state}};
  if (options_.kind == RecurrentKind::kLstm) types.push_back({DType::kFloat32, state});
  return types;
}

template <typename View>
StateStrides RecurrentFunction::output_strides(const View& view) const {
  const auto& s = view.strides;
  return options_.batch_first ? StateStrides{s[1], s[2], s[0], s[3]}
                              : StateStrides{s[0], s[1], s[2], s[3]};
}

template <typename View>
StateStrides RecurrentFunction::state_strides(const View& view) const {
  const auto& s = view.strides;
  return options_.batch_first ? StateStrides{0, s[1], s[0], s[2]}
                              : StateStrides{0, s[0], s[1], s[2]};
}

double RecurrentFunction::linear(const Cell& cell, std::int64_t row, const float* x,
                                 std::int64_t x_step, std::int64_t inputs) const noexcept {
  const float* weights = cell.w + row * cell.w_row;
  double sum = 0.0;
  for (std::int64_t i = 0; i < inputs; ++i) {
    sum += double{x[i * x_step]} * double{weights[i * cell.w_column]};
  }
  if (cell.bias) sum += double{cell.bias[row * cell.bias_step]};
  return sum;
}

double RecurrentFunction::recurrent(const Cell& cell, std::int64_t row,
                                    const double* h) const noexcept {
  const float* weights = cell.r + row * cell.r_row;
  double sum = 0.0;
  for (std::int64_t i = 0; i < options_.hidden_size; ++i) {
    sum += h[i] * double{weights[i * cell.r_column]};
  }
  if (cell.bias) {
    const std::int64_t rows = options_.hidden_size * gates_of(options_.kind);
    sum += double{cell.bias[(rows + row) * cell.bias_step]};
  }
  return sum;
}

void RecurrentFunction::step_lstm(Cell& cell, const float* x, std::int64_t x_step,
                                  std::int64_t n) const noexcept {
  const std::int64_t hidden = options_.hidden_size;
  const auto gate = [&](int number, std::int64_t j) {  // in ONNX's order i, o, f, c
    return cell.gates[number * hidden + j];
  };
  const auto peephole = [&](int number, std::int64_t j, double c) {  // in ONNX's order i, o, f
    if (!cell.peephole) return 0.0;
    return double{cell.peephole[(number * hidden + j) * cell.peephole_step]} * c;
  };
  const BoundActivation &f = cell.activations[0], &g = cell.activations[1],
                        &h = cell.activations[2];
  for (std::int64_t row = 0; row < 4 * hidden; ++row) {
    cell.gates[row] = linear(cell, row, x, x_step, n) + recurrent(cell, row, cell.h);
  }
  for (std::int64_t j = 0; j < hidden; ++j) {
    const double old = cell.c[j];
    const double in = f(clipped(gate(0, j) + peephole(0, j, old)));
    const double forget =
        options_.input_forget ? 1.0 - in : f(clipped(gate(2, j) + peephole(2, j, old)));
    const double c = forget * old + in * g(clipped(gate(3, j)));
    const double out = f(clipped(gate(1, j) + peephole(1, j, c)));
    cell.c[j] = c;
    cell.h[j] = out * h(c);
  }
}

void RecurrentFunction::step_gru(Cell& cell, const float* x, std::int64_t x_step,
                                 std::int64_t n) const noexcept {
  const std::int64_t hidden = options_.hidden_size;
  const BoundActivation &f = cell.activations[0], &g = cell.activations[1];
  double* update = cell.gates;
  double* reset = cell.gates + hidden;
  for (std::int64_t row = 0; row < 2 * hidden; ++row) {
    cell.gates[row] = f(clipped(linear(cell, row, x, x_step, n) + recurrent(cell, row, cell.h)));
  }
  // c holds the hidden state times the reset gate: the GRU has no cell state.
  for (std::int64_t j = 0; j < hidden; ++j) cell.c[j] = reset[j] * cell.h[j];
  for (std::int64_t j = 0; j < hidden; ++j) {
    const std::int64_t row = 2 * hidden + j;
    const double past = options_.linear_before_reset ? reset[j] * recurrent(cell, row, cell.h)
                                                     : recurrent(cell, row, cell.c);
    const double candidate = g(clipped(linear(cell, row, x, x_step, n) + past));
    cell.next[j] = (1.0 - update[j]) * candidate + update[j] * cell.h[j];
  }
  std::swap(cell.h, cell.next);
}

void RecurrentFunction::step_rnn(Cell& cell, const float* x, std::int64_t x_step,
                                 std::int64_t n) const noexcept {
  for (std::int64_t j = 0; j < options_.hidden_size; ++j) {
    cell.next[j] =
        cell.activations[0](clipped(linear(cell, j, x, x_step, n) + recurrent(cell, j, cell.h)));
  }
  std::swap(cell.h, cell.next);
}

Cell RecurrentFunction::cell_of(std::span<const ConstTensorView> inputs, std::int64_t direction,
                                std::byte* scratch) const noexcept {
  const auto has = [&](std::size_t input) {
    return input < inputs.size() && inputs[input].present;
  };
  Cell cell;
  cell.w = inputs[1].as<float>() + direction * inputs[1].strides[0];
  cell.w_row = inputs[1].strides[1];
  cell.w_column = inputs[1].strides[2];
  cell.r = inputs[2].as<float>() + direction * inputs[2].strides[0];
  cell.r_row = inputs[2].strides[1];
  cell.r_column = inputs[2].strides[2];
  if (has(3)) {
    cell.bias = inputs[3].as<float>() + direction * inputs[3].strides[0];
    cell.bias_step = inputs[3].strides[1];
  }
  if (has(7)) {
    cell.peephole = inputs[7].as<float>() + direction * inputs[7].strides[0];
    cell.peephole_step = inputs[7].strides[1];
  }
  const std::size_t each = bound_.size() / static_cast<std::size_t>(directions());
  cell.activations = std::span(bound_).subspan(each * static_cast<std::size_t>(direction), each);
  cell.h = reinterpret_cast<double*>(scratch);
  cell.next = cell.h + options_.hidden_size;
  cell.c = cell.next + options_.hidden_size;
  cell.gates = cell.c + options_.hidden_size;
  return cell;
}

void RecurrentFunction::run_sequence(std::span<const ConstTensorView> inputs,
                                     std::span<const TensorView> outputs, Cell& cell,
                                     std::int64_t direction, std::int64_t sequence,
                                     std::int64_t length) const noexcept {
  const ConstTensorView& x = inputs[0];
  const std::int64_t hidden = options_.hidden_size, n = x.dims[2];
  const std::int64_t steps = x.dims[options_.batch_first ? 1 : 0];
  const std::int64_t x_time = x.strides[options_.batch_first ? 1 : 0];
  const float* first = x.as<float>() + sequence * x.strides[options_.batch_first ? 0 : 1];
  const auto load_state = [&](std::size_t input, double* state) {
    const bool given = input < inputs.size() && inputs[input].present;
    const StateStrides s = given ? state_strides(inputs[input]) : StateStrides{};
    for (std::int64_t j = 0; j < hidden; ++j) {
      state[j] = given ? double{inputs[input].as<float>()[direction * s.direction +
                                                          sequence * s.batch + j * s.hidden]}
                       : 0.0;
    }
  };
  const auto store_state = [&](std::size_t output, const double* state) {
    if (output >= outputs.size() || !outputs[output].present) return;
    const StateStrides s = state_strides(outputs[output]);
    for (std::int64_t j = 0; j < hidden; ++j) {
      outputs[output].as<float>()[direction * s.direction + sequence * s.batch + j * s.hidden] =
          static_cast<float>(state[j]);
    }
  };
  load_state(5, cell.h);
  if (options_.kind == RecurrentKind::kLstm) load_state(6, cell.c);
  const bool backwards = options_.direction == RecurrentDirection::kReverse || direction == 1;
  const bool all = outputs[0].present;
  const StateStrides y = all ? output_strides(outputs[0]) : StateStrides{};
  for (std::int64_t step = 0; step < steps; ++step) {
    const bool inside = step < length;
    const std::int64_t at = inside && backwards ? length - 1 - step : step;
    if (inside) {
      const float* input = first + at * x_time;
      switch (options_.kind) {
        case RecurrentKind::kLstm:
          step_lstm(cell, input, x.strides[2], n);
          break;
        case RecurrentKind::kGru:
          step_gru(cell, input, x.strides[2], n);
          break;
        case RecurrentKind::kRnn:
          step_rnn(cell, input, x.strides[2], n);
          break;
      }
    }
    if (!all) continue;
    float* row =
        outputs[0].as<float>() + at * y.step + direction * y.direction + sequence * y.batch;
    for (std::int64_t j = 0; j < hidden; ++j) {
      row[j * y.hidden] = inside ? static_cast<float>(cell.h[j]) : 0.0f;
    }
  }
  store_state(1, cell.h);
  if (options_.kind == RecurrentKind::kLstm) store_state(2, cell.c);
}

bool RecurrentFunction::compute(std::span<const ConstTensorView> inputs,
                                std::span<const TensorView> outputs,
                                std::byte* scratch) const noexcept {
  const std::int64_t steps = inputs[0].dims[options_.batch_first ? 1 : 0];
  const std::int64_t batch = inputs[0].dims[options_.batch_first ? 0 : 1];
  const bool has_lengths = inputs.size() > 4 && inputs[4].present;
  if (has_lengths && inputs[4].dims[0] < batch) return false;
  for (const std::size_t state : {5u, 6u}) {
    if (state >= inputs.size() || !inputs[state].present) continue;
    if (inputs[state].dims[options_.batch_first ? 0 : 1] < batch) return false;
  }
  for (std::int64_t direction = 0; direction < directions(); ++direction) {
    for (std::int64_t sequence = 0; sequence < batch; ++sequence) {
      std::int64_t length = steps;
      if (has_lengths) length = inputs[4].as<std::int32_t>()[sequence * inputs[4].strides[0]];
      if (length < 0 || length > steps) return false;
      Cell cell = cell_of(inputs, direction, scratch);
      run_sequence(inputs, outputs, cell, direction, sequence, length);
    }
  }
  return true;
}

}  // namespace

bool is_recurrent_activation(const std::string& name) { return find_activation(name) != nullptr; }

Op recurrent_function(RecurrentOptions options) {
  return Function{std::make_shared<RecurrentFunction>(std::move(options))};
}

}  // namespace octet
