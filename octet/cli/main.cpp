#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/cli/commands.h"
#include "octet/cli/console.h"
#include "octet/cli/option_checks.h"

namespace octet::cli {
namespace {

void add_global_options(CLI::App& app, const std::shared_ptr<GlobalOptions>& global) {
  app.add_flag("--json", global->json, "One JSON document on stdout, nothing else there");
  app.add_option("--threads", global->threads, "Threads (default: the cores this process may use)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--isa", global->isa, "auto, baseline, avx2, avx512 or avx512vnni")
      ->check(available_isa());
  app.add_option("--seed", global->seed, "Seed of everything random (default 1)");
  app.add_option("--data-dir", global->data_dir,
                 "Where data sets lie (default: $OCTET_DATA_DIR, else ./data)");
  app.add_flag("-q,--quiet", global->quiet, "No progress and no notes");
  app.add_flag("-v,--verbose", global->verbose, "More detail");
  add_limit_options(app, global);
}

/// The command that was chosen before the error, the innermost one.
const CLI::App& chosen_command(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// Every option that may stand on this command line.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command = &app; command != nullptr;
       command = command->get_subcommands().empty() ? nullptr
                                                    : command->get_subcommands().front()) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

/// What CLI11 found wrong; if it could not place a word, that word rather than what then lacked.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen_command(app);
  for (const std::string& word : app.remaining(true)) {
    if (word.starts_with('-')) {
      const auto nearest = nearest_name(word, option_names(app));
      return fmt::format("unknown option '{}'{}", word,
                         nearest ? "; did you mean '" + *nearest + "'?" : "");
    }
    if (command.get_require_subcommand_min() > 0) {
      fail_unknown_name("command", word, command_names(command));
    }
  }
  return error.what();
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  fmt::print(stderr, "octet: {}\noctet: see 'octet --help' and 'octet COMMAND --help'\n",
             explain(app, error));
  return static_cast<int>(ErrorKind::kUsage);
}

/// An argument as a shell would need it; the program by its name, whatever its folder.
std::string typed(const std::string& argument, bool is_program) {
  if (is_program) return std::filesystem::path(argument).filename().string();
  const bool plain =
      !argument.empty() && argument.find_first_of(" \t\n'\"$`\\*?;&|<>()") == std::string::npos;
  if (plain) return argument;
  std::string quoted = "'";
  for (const char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

int run(int argc, char** argv) {
  auto global = std::make_shared<GlobalOptions>();
  // Owned by what it refers to, which must not own it in turn.
  global->import.warn = [&options = *global](const std::string& line) {
    note(options, "warning: " + line);
  };
  CLI::App app{"octet: small, fast neural networks on ordinary CPUs", "octet"};
  app.set_version_flag("--version", std::string("octet ") + OCTET_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  add_global_options(app, global);
  for (int i = 0; i < argc; ++i) global->command += (i > 0 ? " " : "") + typed(argv[i], i == 0);
  app.footer("Example:\n  octet pipeline --model small_cnn --data shapes10 -o run");
  add_pipeline(app, global);
  add_train(app, global);
  add_quantize(app, global);
  add_qat(app, global);
  add_eval(app, global);
  add_bench(app, global);
  add_run(app, global);
  add_info(app, global);
  add_report(app, global);
  add_compare(app, global);
  add_data(app, global);
  add_operators(app, global);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& exit) {
    return exit.get_exit_code();  // a command's own exit code: a broken limit, an interruption
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error);
  }
  return 0;
}

}  // namespace
}  // namespace octet::cli

int main(int argc, char** argv) {
  octet::cli::install_signal_handlers();
  try {
    return octet::cli::run(argc, argv);
  } catch (const octet::Error& error) {
    fmt::print(stderr, "octet: {}\n", error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "octet: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "octet: internal error: {}\n", error.what());
  }
  return static_cast<int>(octet::ErrorKind::kInternal);
}
