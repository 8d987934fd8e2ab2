#include <fmt/core.h>

#include "octet/cli/commands.h"
#include "octet/report/report.h"

namespace octet::cli {

void add_report(CLI::App& app, const Global& global) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("report", "Draws the report of a run's results again");
  command->add_option("folder", *folder, "The folder that holds results.json")->required();
  command->footer("Example:\n  octet report run");
  command->callback([folder, global] {
    const RunRecord run = read_results(std::filesystem::path(*folder) / "results.json");
    write_report(run, *folder);
    if (global->json) {
      fmt::print("{}", to_json(run));
      return;
    }
    fmt::print("{}\nreport: {}/report.html\n", to_text(run), *folder);
  });
}

}  // namespace octet::cli
