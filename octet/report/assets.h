#pragma once

#include <string_view>

namespace octet {

// The files of assets/, and Chart.js, as embed.cmake compiled them in.
std::string_view asset_page();
std::string_view asset_style();
std::string_view asset_script();
std::string_view asset_charts();
std::string_view asset_chart_library();

}  // namespace octet
