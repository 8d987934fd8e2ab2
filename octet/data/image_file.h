#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace octet {

struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  ///< [height, width, 3]
};

/// Decodes a PNG or JPEG file, told apart by content, as RGB: grey is repeated, transparency lies
/// on black, an orientation tag is ignored. Error(kBadData) for damage (a JPEG's warnings count as
/// damage), other formats, or more than 64 megapixels.
Image read_image(const std::filesystem::path& path);

/// Bilinear with half-pixel centres. Where the image shrinks, the triangle widens with the step, so
/// that every pixel counts (as in Pillow and torchvision's antialias).
Image resize(const Image& image, int width, int height);

}  // namespace octet
