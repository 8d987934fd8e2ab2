#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
// jpeglib.h needs FILE and size_t declared before it.
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include <cstring>

#include "octet/data/image_file.h"
#include "octet/data/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string png(int width, int height, int red, int format = PNG_FORMAT_RGB) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = static_cast<png_uint_32>(format);
  std::string pixels(PNG_IMAGE_SIZE(image), '\x40');
  for (std::size_t i = 0; i < pixels.size(); i += PNG_IMAGE_PIXEL_CHANNELS(image.format)) {
    pixels[i] = static_cast<char>(red);
  }
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr);
  std::string bytes(size, '\0');
  png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr);
  return bytes;
}

std::string jpeg(int width, int height, int grey, bool progressive = false) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = 1;
  info.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  if (progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(width), static_cast<JSAMPLE>(grey));
  for (int y = 0; y < height; ++y) {
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return bytes;
}

class ImagesTest : public DataFilesTest {
 protected:
  /// `count` images per class; image i of class c is red 10 c + i.
  void put_classes(const std::string& folder, int count) {
    for (int c = 0; c < 2; ++c) {
      for (int i = 0; i < count; ++i) {
        put(folder + (c == 0 ? "cat/" : "dog/") + std::to_string(i) + ".png",
            png(4, 6, 10 * c + i));
      }
    }
  }
  std::string name(const std::string& query = "") { return "images:" + folder_.string() + query; }
};

TEST_F(ImagesTest, FoldersAreClassesAndTheSeedSplits) {
  put_classes("", 10);
  const DataSplits splits = load_data(name(), {.validation_fraction = 0});
  EXPECT_THAT(splits.train.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(splits.train.sample_shape, Shape({3, 6, 4}));
  EXPECT_EQ(splits.train.size(), 16);
  EXPECT_EQ(splits.test.size(), 4);
  EXPECT_EQ(splits.train.preprocessing.divisor, 255);
  EXPECT_FLOAT_EQ(splits.train.preprocessing.mean[1], 64.0f / 255);
  for (const Dataset* part : {&splits.train, &splits.test}) {
    for (std::size_t i = 0; i < part->labels.size(); ++i) {
      const auto bytes = part->samples.data<std::uint8_t>().subspan(72 * i, 72);
      EXPECT_EQ(bytes[0] / 10, part->labels[i]);
      EXPECT_EQ(bytes[23], bytes[0]) << "planes, not interleaved";
      EXPECT_EQ(bytes[24], 0x40);
    }
  }
}

TEST_F(ImagesTest, PartsInFoldersAreKeptApart) {
  put_classes("train/", 10);
  put_classes("test/", 3);
  const DataSplits carved = load_data(name(), {.validation_fraction = 0.1});
  EXPECT_EQ(carved.train.size(), 18);
  EXPECT_EQ(carved.validation.size(), 2);
  EXPECT_EQ(carved.test.size(), 6);
  EXPECT_THAT(std::vector<int>(carved.train.labels.begin(), carved.train.labels.begin() + 10),
              testing::AllOf(testing::Contains(0), testing::Contains(1)))
      << "the beginning of train holds all classes";
  put_classes("val/", 2);
  const DataSplits given = load_data(name(), {});
  EXPECT_EQ(given.train.size(), 20);
  EXPECT_EQ(given.validation.size(), 4);
  EXPECT_EQ(load_data(name(), {.validation_fraction = 0}).validation.size(), 0);
}

TEST_F(ImagesTest, PngAndJpegOfAnyColourTypeBecomeRgb) {
  const auto first_pixel = [&](const std::string& file, const std::string& content) {
    const Image image = read_image(put(file, content));
    EXPECT_EQ(image.width, 5);
    EXPECT_EQ(image.height, 3);
    return std::vector<int>(image.rgb.begin(), image.rgb.begin() + 3);
  };
  EXPECT_THAT(first_pixel("rgb.png", png(5, 3, 200)), ElementsAre(200, 64, 64));
  EXPECT_THAT(first_pixel("grey.png", png(5, 3, 200, PNG_FORMAT_GRAY)), ElementsAre(200, 200, 200));
  EXPECT_THAT(first_pixel("grey.jpg", jpeg(5, 3, 200)), ElementsAre(200, 200, 200));
  EXPECT_THAT(first_pixel("progressive.jpg", jpeg(5, 3, 90, true)), ElementsAre(90, 90, 90));
}

TEST_F(ImagesTest, SizesMustAgreeUnlessASizeIsAskedFor) {
  put_classes("", 5);
  put("dog/9.png", png(8, 6, 19));
  const Error error = load_error(name(), {});
  EXPECT_EQ(error.kind(), ErrorKind::kBadData);
  EXPECT_THAT(error.what(), HasSubstr("9.png: found 8x6, the images before it are 4x6"));
  EXPECT_THAT(error.what(), HasSubstr("?size=S"));
  EXPECT_EQ(load_data(name("?size=7"), {}).train.sample_shape, Shape({3, 7, 7}));
  for (const char* size : {"0", "1025", "-1", "7x", "x"}) {
    EXPECT_EQ(load_error(name(std::string("?size=") + size), {}).kind(), ErrorKind::kUsage) << size;
  }
}

TEST(ResizeTest, EnlargingInterpolatesBetweenPixelCentres) {
  const Image two{.width = 2, .height = 1, .rgb = {0, 0, 0, 100, 100, 100}};
  const Image four = resize(two, 4, 1);
  EXPECT_THAT((std::vector<int>{four.rgb[0], four.rgb[3], four.rgb[6], four.rgb[9]}),
              ElementsAre(0, 25, 75, 100));
}

TEST(ResizeTest, ShrinkingAveragesAllPixels) {
  Image wide{.width = 64, .height = 64, .rgb = std::vector<std::uint8_t>(64 * 64 * 3)};
  for (std::size_t i = 0; i < wide.rgb.size(); i += 6) wide.rgb[i] = 200;  // every other column
  const Image small = resize(wide, 4, 4);
  EXPECT_NEAR(small.rgb[3 * 5], 100, 2);
  EXPECT_EQ(small.rgb[3 * 5 + 1], 0);
  EXPECT_EQ(resize(wide, 64, 64).rgb, wide.rgb);
}

TEST_F(ImagesTest, DamagedImagesAreErrorsThatNameTheFile) {
  const std::string noise(200, '\x55');
  for (const auto& [file, content] :
       std::vector<std::pair<std::string, std::string>>{{"empty.png", ""},
                                                        {"noise.png", noise},
                                                        {"signature.png", "\x89PNG\r\n\x1A\n"},
                                                        {"signature.jpg", "\xFF\xD8\xFF"},
                                                        {"noise.jpg", "\xFF\xD8\xFF" + noise}}) {
    const auto path = put(file, content);
    const Error error = error_of([&] { read_image(path); });
    EXPECT_EQ(error.kind(), ErrorKind::kBadData) << file;
    EXPECT_THAT(error.what(), HasSubstr(file));
  }
}

TEST_F(ImagesTest, EveryTruncationIsAnErrorAndNoDamagedByteACrash) {
  for (const std::string& whole : {png(9, 9, 7), jpeg(9, 9, 7), jpeg(9, 9, 7, true)}) {
    const bool is_png = whole[0] == '\x89';
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const auto path = put("cut", whole.substr(0, length));
      // libpng stops reading at the last pixel: the closing chunk (12 bytes) may be missing.
      if (is_png && length >= whole.size() - 12) continue;
      ASSERT_EQ(error_of([&] { read_image(path); }).kind(), ErrorKind::kBadData) << length;
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ 0xA5);
      const auto path = put("damaged", damaged);
      try {
        read_image(path);
      } catch (const Error& error) {
        ASSERT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
      }
    }
  }
}

TEST_F(ImagesTest, AnImageThatClaimsToBeHugeIsRefusedBeforeItTakesMemory) {
  std::string huge = png(4, 4, 1);
  // IHDR's width and height; its checksum must fit, so it is computed anew.
  std::memcpy(&huge[16], "\0\1\0\0\0\1\0\0", 8);
  const auto crc =
      static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(&huge[12]), 17));
  for (int i = 0; i < 4; ++i)
    huge[29 + static_cast<std::size_t>(i)] = static_cast<char>(crc >> (24 - 8 * i));
  const auto path = put("huge.png", huge);
  EXPECT_THAT(error_of([&] { read_image(path); }).what(), HasSubstr("65536x65536"));

  std::string jpg = jpeg(4, 4, 1);
  const std::size_t frame = jpg.find("\xFF\xC0");
  std::memcpy(&jpg[frame + 5], "\xFF\x00\xFF\x00", 4);
  const auto jpeg_path = put("huge.jpg", jpg);
  EXPECT_THAT(error_of([&] { read_image(jpeg_path); }).what(), HasSubstr("65280x65280"));
}

TEST_F(ImagesTest, WhatIsNoClassFolderIsRefused) {
  EXPECT_EQ(load_error(name() + "/missing", {}).kind(), ErrorKind::kNoInput);
  EXPECT_EQ(load_error(name(), {}).kind(), ErrorKind::kBadData) << "an empty folder";
  put_classes("", 3);
  put(".hidden", "ignored");
  put("cat/.hidden", "ignored");
  EXPECT_EQ(load_data(name(), {}).train.num_classes(), 2);
  put("cat/notes.txt", "text");
  EXPECT_THAT(load_error(name(), {}).what(), HasSubstr("notes.txt: accepted: .png"));
  std::filesystem::remove(folder_ / "cat/notes.txt");
  put("notes.txt", "text");
  EXPECT_THAT(load_error(name(), {}).what(), HasSubstr("one folder per class"));
}

TEST_F(ImagesTest, PartsMustBeCompleteAndShareTheirClasses) {
  put_classes("train/", 3);
  EXPECT_THAT(load_error(name(), {}).what(), HasSubstr("only one of train/ and test/"));
  put_classes("test/", 3);
  put("test/bird/0.png", png(4, 6, 3));
  EXPECT_THAT(load_error(name(), {}).what(), HasSubstr("class 'bird' is not among those"));
}

}  // namespace
}  // namespace octet
