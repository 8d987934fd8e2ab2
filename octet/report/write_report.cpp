#include "octet/base/files.h"
#include "octet/report/report.h"

namespace octet {

void write_report(const RunRecord& run, const std::filesystem::path& folder) {
  // All three before the first is written: a refused figure must not leave half a report.
  const std::string json = to_json(run);
  const std::string markdown = to_markdown(run);
  const std::string html = to_html(run);
  make_output_folder(folder);
  write_file(folder / "results.json", json);
  write_file(folder / "pareto.md", markdown);
  write_file(folder / "report.html", html);
}

}  // namespace octet
