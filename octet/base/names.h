#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// The candidate closest to `word` by edit distance, if it is close enough to be a misspelling.
std::optional<std::string> nearest_name(std::string_view word,
                                        std::span<const std::string> candidates);

/// Throws Error(kUsage): "unknown model 'smal_cnn'; did you mean 'small_cnn'? accepted: a, b, c".
[[noreturn]] void fail_unknown_name(std::string_view what, std::string_view found,
                                    std::span<const std::string> accepted);

}  // namespace octet
