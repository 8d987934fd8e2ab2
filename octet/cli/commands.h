#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "octet/cli/global_options.h"

// One function per subcommand: declares its options and what runs when it is chosen.

namespace octet::cli {

using Global = std::shared_ptr<GlobalOptions>;

void add_pipeline(CLI::App& app, const Global& global);
void add_train(CLI::App& app, const Global& global);
void add_quantize(CLI::App& app, const Global& global);
void add_qat(CLI::App& app, const Global& global);
void add_eval(CLI::App& app, const Global& global);
void add_bench(CLI::App& app, const Global& global);
void add_run(CLI::App& app, const Global& global);
void add_info(CLI::App& app, const Global& global);
void add_report(CLI::App& app, const Global& global);
void add_compare(CLI::App& app, const Global& global);
void add_operators(CLI::App& app, const Global& global);
void add_data(CLI::App& app, const Global& global);

}  // namespace octet::cli
