#include <algorithm>
#include <charconv>
#include <numeric>
#include <tuple>

#include "octet/base/error.h"
#include "octet/data/image_file.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxSize = 1024;
constexpr std::int64_t kMaxSetBytes = std::int64_t{1} << 33;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    // Hidden files are those of file managers and editors.
    if (!entry->path().filename().string().starts_with('.')) entries.push_back(entry->path());
  }
  if (error) fail(ErrorKind::kNoInput, folder.string(), ": cannot be read: ", error.message());
  std::ranges::sort(entries);
  return entries;
}

bool has_image_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<std::string> class_folders(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::path& entry : sorted_entries(folder)) {
    if (!is_folder(entry)) {
      fail(ErrorKind::kBadData, entry.string(), ": found a file, accepted: one folder per class");
    }
    names.push_back(entry.filename().string());
  }
  if (names.empty()) {
    fail(ErrorKind::kBadData, folder.string(), ": empty, accepted: one folder per class");
  }
  return names;
}

struct ImageList {
  std::vector<fs::path> paths;
  std::vector<std::int32_t> labels;
};

ImageList list_images(const fs::path& folder, const std::vector<std::string>& class_names) {
  if (class_folders(folder) != class_names) {
    for (const std::string& name : class_folders(folder)) {
      if (std::ranges::find(class_names, name) != class_names.end()) continue;
      fail(ErrorKind::kBadData, folder.string(), ": class '", name,
           "' is not among those of the training part");
    }
  }
  ImageList list;
  for (std::size_t c = 0; c < class_names.size(); ++c) {
    if (!is_folder(folder / class_names[c])) continue;
    for (const fs::path& entry : sorted_entries(folder / class_names[c])) {
      if (is_folder(entry) || !has_image_name(entry)) {
        fail(ErrorKind::kBadData, entry.string(), ": accepted: .png, .jpg or .jpeg files");
      }
      list.paths.push_back(entry);
      list.labels.push_back(static_cast<std::int32_t>(c));
    }
  }
  return list;
}

/// The common size of all images of a set: asked for, or that of the first one.
class CommonSize {
 public:
  explicit CommonSize(int size) : resized_(size > 0), width_(size), height_(size) {}

  Image read(const fs::path& path) {
    Image image = read_image(path);
    if (resized_) return resize(image, width_, height_);
    if (width_ == 0) {
      width_ = image.width;
      height_ = image.height;
    }
    if (image.width != width_ || image.height != height_) {
      fail(ErrorKind::kBadData, path.string(), ": found ", image.width, 'x', image.height,
           ", the images before it are ", width_, 'x', height_,
           "; images:DIR?size=S resizes all to SxS");
    }
    return image;
  }

 private:
  bool resized_;
  int width_, height_;
};

Dataset read_images(const std::string& name, const ImageList& list,
                    const std::vector<std::string>& class_names, CommonSize& common) {
  Dataset data;
  std::span<std::uint8_t> dst;
  for (std::size_t i = 0; i < list.paths.size(); ++i) {
    const Image image = common.read(list.paths[i]);
    if (i == 0) {
      const auto count = static_cast<std::int64_t>(list.paths.size());
      if (count > kMaxSetBytes / static_cast<std::int64_t>(image.rgb.size())) {
        fail(ErrorKind::kBadData, name, ": ", count, " images of ", image.width, 'x', image.height,
             " take more than 8 GiB; images:DIR?size=S makes them smaller");
      }
      data = make_dataset(name, {3, image.height, image.width}, DType::kUInt8, count, class_names);
      dst = data.samples.mutable_data<std::uint8_t>();
    }
    const std::size_t plane = image.rgb.size() / 3;
    for (std::size_t p = 0; p < plane; ++p) {
      for (std::size_t c = 0; c < 3; ++c) dst[(3 * i + c) * plane + p] = image.rgb[3 * p + c];
    }
  }
  data.labels = list.labels;
  return data;
}

int size_option(const SourceArgument& parsed) {
  const auto found = parsed.options.find("size");
  if (found == parsed.options.end()) return 0;
  const std::string& text = found->second;
  int size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc{} || end != text.data() + text.size() || size < 1 || size > kMaxSize) {
    fail(ErrorKind::kUsage, "images: size=", text, ", accepted: 1 to ", kMaxSize);
  }
  return size;
}

/// Files lie class by class; calibration takes the beginning of train, which must hold all classes.
Dataset shuffled(const Dataset& data, std::uint32_t seed) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), 0);
  Rng(seed).shuffle(order);
  return select(data, order);
}

DataSplits load_parts(const std::string& name, const fs::path& folder, CommonSize& common,
                      const DataOptions& options) {
  const std::vector<std::string> class_names = class_folders(folder / "train");
  const auto read = [&](const char* part) {
    Dataset data = read_images(name, list_images(folder / part, class_names), class_names, common);
    if (data.size() == 0) fail(ErrorKind::kBadData, (folder / part).string(), ": holds no images");
    return data;
  };
  DataSplits splits;
  splits.train = shuffled(read("train"), options.seed);
  splits.train.preprocessing = measure_preprocessing(splits.train, 255.0f);
  splits.test = read("test");
  if (is_folder(folder / "val")) {
    splits.validation = options.validation_fraction > 0 ? read("val") : select(splits.train, {});
  } else {
    std::tie(splits.train, splits.validation) = split_validation(splits.train, options);
  }
  splits.test.preprocessing = splits.validation.preprocessing = splits.train.preprocessing;
  return splits;
}

}  // namespace

// DIR/CLASS/*.png is split 80/20 by the seed; DIR/train, DIR/test and, if there, DIR/val hold a
// folder per class each.
DataSplits load_images(const std::string& argument, const DataOptions& options) {
  const std::vector<std::string> accepted = {"size"};
  const SourceArgument parsed = parse_argument("images", argument, accepted);
  const fs::path& folder = parsed.path;
  if (!is_folder(folder)) {
    fail(ErrorKind::kNoInput, folder.string(), ": is no folder, accepted: one folder per class");
  }
  const std::string name = "images:" + folder.string();
  CommonSize common(size_option(parsed));
  const bool has_train = is_folder(folder / "train");
  if (has_train != is_folder(folder / "test")) {
    fail(ErrorKind::kBadData, folder.string(), ": has only one of train/ and test/");
  }
  if (has_train) return load_parts(name, folder, common, options);

  const std::vector<std::string> class_names = class_folders(folder);
  Dataset all = read_images(name, list_images(folder, class_names), class_names, common);
  if (all.size() == 0) fail(ErrorKind::kBadData, folder.string(), ": holds no images");
  return split_and_standardize(std::move(all), options);
}

}  // namespace octet
