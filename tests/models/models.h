#pragma once

#include <string>
#include <vector>

#include "octet/graph/graph.h"

// Small float networks with random weights in the forms that exporters write: one input of known
// size, every scale and shift away from what is trivial. Means are of 15 and blends in 225ths:
// their quotients never lie between two codes, where another runtime may take the other one.

namespace octet {

/// An image in patches, two heads of attention from one split projection, LayerNormalization as
/// opset 17 has it, a Gelu of five operators, a classifier on the mean token.
Graph vision_transformer(std::uint32_t seed = 1);
/// Tokens [n, 12, 32], two heads of attention under a causal mask, LayerNormalization and Gelu
/// decomposed as before opset 17, a classifier on the first token.
Graph masked_transformer(std::uint32_t seed = 2);
/// An image down and up again: convolutions, ConvTranspose, Resize, Concat, DepthToSpace.
Graph segmentation_decoder(std::uint32_t seed = 3);

/// The names of all of them.
std::vector<std::string> test_model_names();
/// By name; Error(kUsage) if there is none.
Graph test_model(const std::string& name);

}  // namespace octet
