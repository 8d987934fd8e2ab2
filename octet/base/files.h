#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// The whole file. Error(kNoInput) if it is missing, a folder or unreadable; Error(kBadData) if it
/// is larger than `max_bytes`.
std::vector<std::byte> read_file(const std::filesystem::path& path,
                                 std::size_t max_bytes = std::size_t{1} << 31);
std::string read_text_file(const std::filesystem::path& path,
                           std::size_t max_bytes = std::size_t{1} << 31);

/// Writes all or nothing: a temporary file in the same folder, fsync, rename, fsync of the folder.
/// On any error the old file is untouched and the temporary one is removed.
/// Error(kCannotCreate) if the folder is missing or read-only, Error(kIo) if writing fails.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

/// Fails now, with Error(kCannotCreate), where write_file(path) would fail after the work is done.
void require_writable(const std::filesystem::path& path);
/// Creates the folder (and its parents) if need be. Error(kCannotCreate) if that is impossible.
void make_output_folder(const std::filesystem::path& folder);

}  // namespace octet
