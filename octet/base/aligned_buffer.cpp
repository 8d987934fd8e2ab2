#include "octet/base/aligned_buffer.h"

#include <cstring>
#include <new>

namespace octet {

AlignedBuffer::AlignedBuffer(std::size_t size_bytes)
    : data_(static_cast<std::byte*>(
          ::operator new (size_bytes + kOverread, std::align_val_t{kAlignment}))),
      size_bytes_(size_bytes) {
  std::memset(data_.get(), 0, size_bytes + kOverread);
}

void AlignedBuffer::Free::operator()(std::byte* data) const noexcept {
  ::operator delete (data, std::align_val_t{kAlignment});
}

}  // namespace octet
