#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class MessageLite;
}

namespace octet {

/// protobuf counts bytes in an int.
inline constexpr std::size_t kMaxProtoBytes = (std::size_t{1} << 31) - 1;

/// Messages in messages that a model takes whose branches are nested this deep: three for each, and
/// five for the dimension of a tensor in the innermost one. protobuf's own recursion, and ours over
/// what it read, must end before the stack does.
constexpr int nesting_of_branches(int depth) { return 3 * (depth + 1) + 5; }

/// Parses one message that fills `bytes` exactly. Error(kBadData) otherwise: the message says what
/// the file looks like, or at which byte offset its structure breaks.
void parse_proto(std::span<const std::byte> bytes, google::protobuf::MessageLite& message,
                 std::string_view where, int max_nesting = nesting_of_branches(32));
/// Error(kUnsupported) for a message of 2 GiB or more.
std::vector<std::byte> serialize_proto(const google::protobuf::MessageLite& message,
                                       std::string_view where);

/// "a PNG image" and the like for the first bytes of a file of another kind; empty if unknown.
std::string_view kind_of_file(std::span<const std::byte> bytes);

/// The offset of the first byte at which the sequence of fields breaks.
std::size_t offset_of_damage(std::span<const std::byte> bytes);

}  // namespace octet
