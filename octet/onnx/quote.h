#pragma once

#include <string>
#include <string_view>

namespace octet {

/// A name from a file as error messages show it: in quotes, bytes outside printable ASCII escaped,
/// shortened when it is long. A hostile file then cannot write control sequences to a terminal.
std::string quote_name(std::string_view name);

/// Whether the bytes are well-formed UTF-8 without control characters.
bool is_clean_utf8(std::string_view text);

}  // namespace octet
