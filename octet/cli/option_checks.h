#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

#include "octet/cli/commands.h"
#include "octet/cli/model_inputs.h"

// CLI11's own ranges let NaN pass and print the largest double with all of its digits.

namespace octet::cli {

/// A finite number in [low, high].
CLI::Validator number_in(double low, double high);
/// A finite number above 0.
CLI::Validator number_above_0();
/// A finite number of at least 0.
CLI::Validator number_from_0();
/// Any finite number.
CLI::Validator finite_number();
/// A whole number of at least 1.
CLI::Validator count_from_1();
/// "auto" or an instruction set that this machine has.
CLI::Validator available_isa();

/// --max-nodes and the like: what of a model is read, and how much memory it may take.
void add_limit_options(CLI::App& app, const Global& global);

/// --disable-pass NAME, any number of times, for the commands that quantize or compile.
void add_pass_option(CLI::App& command, const Global& global);
/// --set NAME=VALUE, for the commands that read a model; any number of times.
void add_fixed_option(CLI::App& command, ModelInputs& inputs);
/// --dim NAME=SIZE and --set NAME=VALUE, for the commands that need known sizes.
void add_input_options(CLI::App& command, ModelInputs& inputs);

}  // namespace octet::cli
