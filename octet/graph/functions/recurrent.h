#pragma once

#include <optional>
#include <string>
#include <vector>

#include "octet/graph/op.h"

namespace octet {

enum class RecurrentKind { kLstm, kGru, kRnn };
enum class RecurrentDirection { kForward, kReverse, kBidirectional };

/// ONNX's attributes of LSTM, GRU and RNN. Lists may be empty: ONNX's defaults.
struct RecurrentOptions {
  RecurrentKind kind = RecurrentKind::kLstm;
  RecurrentDirection direction = RecurrentDirection::kForward;
  std::int64_t hidden_size = 0;
  std::vector<std::string> activations;  ///< 3 of an LSTM, 2 of a GRU, 1 of an RNN, per direction
  std::vector<float> alpha, beta;        ///< consumed in order by the activations that have them
  std::optional<float> clip;             ///< bound of what goes into an activation
  bool input_forget = false;             ///< LSTM: the forget gate is 1 - the input gate
  bool linear_before_reset = false;      ///< GRU
  bool batch_first = false;              ///< ONNX: layout = 1
};

/// Inputs x [seq, batch, in], w [directions, gates * hidden, in], r [directions, gates * hidden,
/// hidden], optional: b [directions, 2 * gates * hidden], int32 sequence lengths [batch], initial h
/// and (LSTM) c [directions, batch, hidden], (LSTM) peepholes p [directions, 3 * hidden]. Outputs
/// y [seq, directions, batch, hidden] (0 behind the end of a sequence), the last h and c. With
/// batch_first the batch is the first axis of x, y and the states.
Op recurrent_function(RecurrentOptions options);
/// Whether ONNX has an activation of that name (in any case).
bool is_recurrent_activation(const std::string& name);

}  // namespace octet
