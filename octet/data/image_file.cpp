#include "octet/data/image_file.h"

#include <csetjmp>
#include <cstdio>
// jpeglib.h needs FILE and size_t declared before it.
#include <jpeglib.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>

#include "octet/base/error.h"
#include "octet/base/files.h"

namespace octet {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 28;
constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 26;

/// No encoder packs more pixels into a byte: PNG's limit is 8 x 1032 of one bit, JPEG's lies lower.
/// So a damaged size in a small file costs little memory and time.
constexpr std::uint64_t kMaxPixelsPerByte = 8256;

void require_size(const std::string& path, std::uint64_t width, std::uint64_t height,
                  std::size_t file_bytes) {
  const std::uint64_t most = std::min<std::uint64_t>(kMaxPixels, kMaxPixelsPerByte * file_bytes);
  if (width == 0 || height == 0 || width > most / height) {
    fail(ErrorKind::kBadData, path, ": found an image of ", width, 'x', height, " in ", file_bytes,
         " bytes, accepted: 1 to ", most, " pixels");
  }
}

Image make_image(std::uint64_t width, std::uint64_t height) {
  return {.width = static_cast<int>(width),
          .height = static_cast<int>(height),
          .rgb = std::vector<std::uint8_t>(3 * width * height)};
}

struct PngImage {
  png_image image{};
  PngImage() { image.version = PNG_IMAGE_VERSION; }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  ~PngImage() { png_image_free(&image); }
};

Image decode_png(const std::string& path, std::span<const std::byte> bytes) {
  PngImage png;
  if (png_image_begin_read_from_memory(&png.image, bytes.data(), bytes.size()) == 0) {
    fail(ErrorKind::kBadData, path, ": damaged PNG: ", png.image.message);
  }
  require_size(path, png.image.width, png.image.height, bytes.size());
  png.image.format = PNG_FORMAT_RGB;
  Image image = make_image(png.image.width, png.image.height);
  const png_color black{};
  if (png_image_finish_read(&png.image, &black, image.rgb.data(), 0, nullptr) == 0) {
    fail(ErrorKind::kBadData, path, ": damaged PNG: ", png.image.message);
  }
  return image;
}

/// libjpeg reports errors by a function that must not return. Each entry point below calls setjmp
/// and owns nothing with a destructor, so the jump skips none.
class JpegDecoder {
 public:
  JpegDecoder() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = on_message;
  }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }

  bool read_header(std::span<const std::byte> bytes) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    progress_.progress_monitor = on_progress;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool read_pixels(std::uint8_t* rgb) {
    if (setjmp(errors_.jump) != 0) return false;
    info_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = rgb + std::size_t{3} * info_.output_width * info_.output_scanline;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }
  std::uint64_t width() const { return info_.image_width; }
  std::uint64_t height() const { return info_.image_height; }
  const char* message() const { return errors_.message; }

 private:
  struct Errors {
    jpeg_error_mgr base{};
    std::jmp_buf jump{};
    char message[JMSG_LENGTH_MAX] = "";
  };

  [[noreturn]] static void on_error(j_common_ptr info) {
    auto* errors = reinterpret_cast<Errors*>(info->err);
    errors->base.format_message(info, errors->message);
    std::longjmp(errors->jump, 1);
  }
  /// libjpeg warns of damage that it can paint over, a truncated file for one.
  static void on_message(j_common_ptr info, int level) {
    if (level < 0) on_error(info);
  }
  /// A progressive file of a few bytes can ask for thousands of passes over a large image.
  static void on_progress(j_common_ptr info) {
    constexpr int kMaxScans = 200;
    const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
    if (decompress->input_scan_number <= kMaxScans) return;
    auto* errors = reinterpret_cast<Errors*>(info->err);
    std::strcpy(errors->message, "more than 200 scans");
    std::longjmp(errors->jump, 1);
  }

  Errors errors_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

Image decode_jpeg(const std::string& path, std::span<const std::byte> bytes) {
  JpegDecoder jpeg;
  if (!jpeg.read_header(bytes)) {
    fail(ErrorKind::kBadData, path, ": damaged JPEG: ", jpeg.message());
  }
  require_size(path, jpeg.width(), jpeg.height(), bytes.size());
  Image image = make_image(jpeg.width(), jpeg.height());
  if (!jpeg.read_pixels(image.rgb.data())) {
    fail(ErrorKind::kBadData, path, ": damaged JPEG: ", jpeg.message());
  }
  return image;
}

/// The source pixels that one destination pixel averages, along one axis.
struct Taps {
  int first = 0;
  std::vector<double> weights;  ///< sum 1
};

std::vector<Taps> triangle_taps(int from, int to) {
  const double step = static_cast<double>(from) / to;
  const double reach = std::max(step, 1.0);
  std::vector<Taps> taps(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * step;
    const int first = std::max(0, static_cast<int>(std::floor(centre - reach)));
    const int last = std::min(from, static_cast<int>(std::ceil(centre + reach)));
    Taps& tap = taps[static_cast<std::size_t>(i)];
    tap.first = first;
    double sum = 0;
    for (int x = first; x < last; ++x) {
      tap.weights.push_back(std::max(0.0, 1 - std::fabs(x + 0.5 - centre) / reach));
      sum += tap.weights.back();
    }
    for (double& weight : tap.weights) weight /= sum;
  }
  return taps;
}

/// Resizes the middle axis of [outer, from, inner].
std::vector<double> resize_axis(std::span<const double> src, std::size_t outer, int from, int to,
                                std::size_t inner) {
  const std::vector<Taps> taps = triangle_taps(from, to);
  std::vector<double> dst(outer * taps.size() * inner);
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < taps.size(); ++i) {
      double* out = &dst[(o * taps.size() + i) * inner];
      for (std::size_t k = 0; k < taps[i].weights.size(); ++k) {
        const std::size_t row =
            o * static_cast<std::size_t>(from) + static_cast<std::size_t>(taps[i].first) + k;
        for (std::size_t x = 0; x < inner; ++x) {
          out[x] += taps[i].weights[k] * src[row * inner + x];
        }
      }
    }
  }
  return dst;
}

}  // namespace

Image read_image(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path, kMaxFileBytes);
  const auto starts_with = [&](std::string_view signature) {
    return bytes.size() >= signature.size() &&
           std::memcmp(bytes.data(), signature.data(), signature.size()) == 0;
  };
  if (starts_with("\x89PNG\r\n\x1A\n")) return decode_png(path.string(), bytes);
  if (starts_with("\xFF\xD8\xFF")) return decode_jpeg(path.string(), bytes);
  fail(ErrorKind::kBadData, path.string(), ": found no PNG or JPEG signature");
}

Image resize(const Image& image, int width, int height) {
  const std::vector<double> src(image.rgb.begin(), image.rgb.end());
  const auto rows = static_cast<std::size_t>(image.height);
  const std::vector<double> wide = resize_axis(src, rows, image.width, width, 3);
  const std::vector<double> both =
      resize_axis(wide, 1, image.height, height, std::size_t{3} * static_cast<std::size_t>(width));
  Image result = make_image(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height));
  std::ranges::transform(both, result.rgb.begin(), [](double value) {
    return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5);
  });
  return result;
}

}  // namespace octet
