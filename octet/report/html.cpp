#include <string_view>

#include "octet/base/error.h"
#include "octet/report/assets.h"
#include "octet/report/report.h"

namespace octet {
namespace {

std::string escape_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// JSON that may stand inside <script>: no '<' can open or close a tag, and JSON means the same.
std::string escape_json(std::string_view json) {
  std::string out;
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string to_html(const RunRecord& run) {
  pareto_frontier(run);  // refuses a run that the page could not draw
  const std::string json = to_json(run);
  std::string page;
  std::string_view rest = asset_page();
  // One pass over the template, so that a name that looks like a slot stays text.
  while (true) {
    const std::size_t open = rest.find("{{");
    page += rest.substr(0, open);
    if (open == std::string_view::npos) return page;
    const std::size_t close = rest.find("}}", open);
    const std::string_view slot = rest.substr(open + 2, close - open - 2);
    rest.remove_prefix(close + 2);
    if (slot == "title") {
      page += escape_text(run.title);
    } else if (slot == "style") {
      page += asset_style();
    } else if (slot == "chart-library") {
      page += asset_chart_library();
    } else if (slot == "charts") {
      page += asset_charts();
    } else if (slot == "script") {
      page += asset_script();
    } else if (slot == "data") {
      page += escape_json(json);
    } else if (slot == "text") {
      page += escape_text(to_text(run));
    } else {
      fail(ErrorKind::kInternal, "report.html: unknown slot '", slot, "'");
    }
  }
}

}  // namespace octet
