#include "octet/data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "octet/base/error.h"
#include "octet/base/files.h"

namespace octet {

struct GzipReader::Stream {
  z_stream z{};
  bool at_end = false;
};

GzipReader::GzipReader(const std::filesystem::path& path) : path_(path), file_(read_file(path)) {
  const bool compressed =
      file_.size() >= 2 && file_[0] == std::byte{0x1F} && file_[1] == std::byte{0x8B};
  if (!compressed) return;
  stream_ = std::make_unique<Stream>();
  constexpr int kGzipOnly = 16;  // added to the window bits
  if (inflateInit2(&stream_->z, kGzipOnly + MAX_WBITS) != Z_OK) {
    fail(ErrorKind::kInternal, path_.string(), ": zlib cannot start");
  }
  stream_->z.next_in = reinterpret_cast<Bytef*>(file_.data());
  stream_->z.avail_in = static_cast<uInt>(file_.size());  // read_file accepts at most 2^31
}

GzipReader::~GzipReader() {
  if (stream_) inflateEnd(&stream_->z);
}

std::size_t GzipReader::read(std::span<std::byte> out) {
  if (!stream_) {
    const std::size_t count = std::min(out.size(), file_.size() - position_);
    if (count > 0) std::memcpy(out.data(), file_.data() + position_, count);
    position_ += count;
    return count;
  }
  z_stream& z = stream_->z;
  std::size_t done = 0;
  while (done < out.size() && !stream_->at_end) {
    const std::size_t piece = std::min<std::size_t>(out.size() - done, std::size_t{1} << 30);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    z.avail_out = static_cast<uInt>(piece);
    const int status = inflate(&z, Z_NO_FLUSH);
    done += piece - z.avail_out;
    if (status == Z_STREAM_END) {
      stream_->at_end = true;
      if (z.avail_in > 0) {
        fail(ErrorKind::kBadData, path_.string(), ": ", z.avail_in,
             " bytes behind the end of the gzip data");
      }
    } else if (status == Z_BUF_ERROR && z.avail_in == 0) {
      break;  // truncated: the caller knows how much is missing
    } else if (status != Z_OK) {
      fail(ErrorKind::kBadData, path_.string(), ": damaged gzip data at byte ", z.total_in, ": ",
           z.msg != nullptr ? z.msg : "no progress");
    }
  }
  return done;
}

}  // namespace octet
