#include <fmt/core.h>

#include <algorithm>

#include "octet/base/names.h"
#include "octet/cli/commands.h"
#include "octet/cli/json_output.h"
#include "octet/data/dataset.h"

namespace octet::cli {
namespace {

nlohmann::ordered_json to_json_document(const DataStatus& status) {
  return {{"name", status.name},
          {"present", status.present},
          {"detail", status.detail},
          {"how_to_get", status.how_to_get}};
}

void list(const GlobalOptions& global) {
  const std::vector<DataStatus> sets = list_data(data_options(global));
  if (global.json) {
    auto document = nlohmann::ordered_json::array();
    for (const DataStatus& status : sets) document.push_back(to_json_document(status));
    print_json({{"sets", document}});
    return;
  }
  for (const DataStatus& status : sets) {
    fmt::print("{:<10} {:<8} {}\n", status.name, status.present ? "present" : "absent",
               status.present ? status.detail : status.how_to_get);
  }
}

void check(const std::string& name, const GlobalOptions& global) {
  const DataStatus status = check_data(name, data_options(global));
  if (global.json) {
    print_json(to_json_document(status));
  } else if (status.present) {
    fmt::print("{}: {}\n", status.name, status.detail);
  }
  // Reading it once more says what is wrong: missing or damaged.
  if (!status.present) load_data(name, data_options(global));
}

void fetch(const std::string& name, const GlobalOptions& global) {
  const std::vector<DataStatus> sets = list_data(data_options(global));
  const auto found = std::ranges::find(sets, name, &DataStatus::name);
  if (found == sets.end()) fail_unknown_name("data set", name, dataset_names());
  if (global.json) {
    print_json(to_json_document(*found));
  } else {
    fmt::print("{}\n", found->present ? name + " is present" : found->how_to_get);
  }
}

}  // namespace

void add_data(CLI::App& app, const Global& global) {
  CLI::App* command = app.add_subcommand("data", "Data sets: what is there, what is damaged");
  command->require_subcommand(1);
  CLI::App* list_command =
      command->add_subcommand("list", "Every data set and whether it is present");
  list_command->callback([global] { list(*global); });
  auto name = std::make_shared<std::string>();
  CLI::App* check_command = command->add_subcommand("check", "Read a data set from end to end");
  check_command->add_option("name", *name, "The data set")->required();
  check_command->callback([name, global] { check(*name, *global); });
  CLI::App* fetch_command = command->add_subcommand("fetch", "How to get a data set");
  fetch_command->add_option("name", *name, "The data set")->required();
  fetch_command->callback([name, global] { fetch(*name, *global); });
  command->footer("Example:\n  octet data check cifar10");
  list_command->footer("Example:\n  octet data list --json");
  check_command->footer("Example:\n  octet data check cifar10 --data-dir data");
  fetch_command->footer("Example:\n  octet data fetch cifar10");
}

}  // namespace octet::cli
