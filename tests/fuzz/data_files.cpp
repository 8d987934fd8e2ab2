#include "tests/fuzz/data_files.h"

// jpeglib.h needs these two before it.
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace octet::fuzz {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 7);
  return bytes;
}

std::string gzip(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string cifar(int records) {
  std::string bytes;
  for (int i = 0; i < records; ++i) bytes += static_cast<char>(i % 10) + pattern(3072);
  return bytes;
}

std::string idx_images(std::uint32_t count) {
  return big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28) +
         pattern(std::size_t{784} * count);
}

std::string idx_labels(std::uint32_t count) {
  std::string bytes = big_endian(0x801) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i) bytes += static_cast<char>(i % 10);
  return bytes;
}

std::string csv() {
  std::string text = "a,\"b \"\"c\"\"\",label\r\n";
  for (int i = 0; i < 12; ++i) {
    text += std::to_string(i) + ".5," + std::to_string(i * 7 % 5) + "e-1," +
            (i % 2 == 0 ? "cat" : "\"dog, wet\"") + "\n";
  }
  return text;
}

std::string traffic() {
  std::string text =
      "total_vehicle,am_peak_vehicle,pm_peak_vehicle,n_appr_vehicle,e_appr_vehicle,"
      "s_appr_vehicle,w_appr_vehicle\n";
  for (int i = 0; i < 20; ++i) {
    for (int c = 0; c < 7; ++c) text += std::to_string(i * (c + 3) % 17) + (c < 6 ? "," : "\n");
  }
  return text;
}

std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize((header.size() + 10 + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) +
         static_cast<char>(header.size() >> 8) + header + data;
}

std::string npy_floats() {
  std::string data;
  for (int i = 0; i < 24; ++i) {
    const float value = static_cast<float>(i) / 4;
    data.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return npy("<f4", "(12, 2)", data);
}

std::string npy_labels() {
  std::string data;
  for (int i = 0; i < 12; ++i) data += static_cast<char>(i % 2);
  return npy("|u1", "(12,)", data);
}

std::string png() {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = 6;
  image.height = 5;
  image.format = PNG_FORMAT_RGB;
  const std::string pixels = pattern(6 * 5 * 3);
  png_alloc_size_t size = 4096;
  std::string out(size, '\0');
  if (!png_image_write_to_memory(&image, out.data(), &size, 0, pixels.data(), 0, nullptr)) {
    std::abort();
  }
  out.resize(size);
  return out;
}

std::string jpeg() {
  jpeg_compress_struct compress{};
  jpeg_error_mgr error{};
  compress.err = jpeg_std_error(&error);
  jpeg_create_compress(&compress);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&compress, &buffer, &size);
  compress.image_width = 6;
  compress.image_height = 5;
  compress.input_components = 3;
  compress.in_color_space = JCS_RGB;
  jpeg_set_defaults(&compress);
  jpeg_start_compress(&compress, TRUE);
  std::string row = pattern(6 * 3);
  while (compress.next_scanline < compress.image_height) {
    auto* line = reinterpret_cast<JSAMPROW>(row.data());
    jpeg_write_scanlines(&compress, &line, 1);
  }
  jpeg_finish_compress(&compress);
  std::string out(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&compress);
  std::free(buffer);
  return out;
}

std::vector<DataFile> make_files() {
  return {
      {"cifar10/cifar-10-batches-bin/data_batch_2.bin", cifar(1)},
      {"cifar10/cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"},
      {"mnist/train-images-idx3-ubyte.gz", gzip(idx_images(12))},
      {"mnist/train-labels-idx1-ubyte.gz", gzip(idx_labels(12))},
      {"table.csv", csv()},
      {"traffic/trafficdata.csv", traffic()},
      {"x.npy", npy_floats()},
      {"y.npy", npy_labels()},
      {"images/cat/1.png", png()},
      {"images/dog/1.jpg", jpeg()},
      {"preprocessing.json", R"({"divisor":255.0,"mean":[0.1307],"std":[0.3081]})"},
      {"cifar10/cifar-10-batches-bin/data_batch_1.bin", cifar(12)},
      {"cifar10/cifar-10-batches-bin/data_batch_3.bin", cifar(1)},
      {"cifar10/cifar-10-batches-bin/data_batch_4.bin", cifar(1)},
      {"cifar10/cifar-10-batches-bin/data_batch_5.bin", cifar(1)},
      {"cifar10/cifar-10-batches-bin/test_batch.bin", cifar(1)},
      {"mnist/t10k-images-idx3-ubyte.gz", idx_images(1)},
      {"mnist/t10k-labels-idx1-ubyte.gz", idx_labels(1)},
      {"images/cat/2.png", png()},
      {"images/dog/2.png", png()},
      {"images/cat/3.png", png()},
      {"images/dog/3.png", png()},
  };
}

}  // namespace

const std::vector<DataFile>& healthy_files() {
  static const std::vector<DataFile> kFiles = make_files();
  return kFiles;
}

}  // namespace octet::fuzz
