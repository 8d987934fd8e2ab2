#pragma once

#include <cstdint>
#include <string>

#include "octet/data/dataset.h"
#include "octet/graph/graph.h"

namespace octet::cli {

// Inputs that calibrate a network which no labelled data set fits: a detector, a network with one
// output per pixel. They are what the network reads, no preprocessing applies.

/// `count` inputs drawn from N(0, 1). Error(kUnsupported) unless the network has one float input
/// whose sizes, but for the batch, are known.
Dataset drawn_inputs(const Graph& graph, int count, std::uint32_t seed);

/// The samples of an .npy file, float32 [count, ...], that fit the network's one input. Errors as
/// drawn_inputs, Error(kBadData) if they do not fit.
Dataset inputs_from_file(const Graph& graph, const std::string& file);

}  // namespace octet::cli
