#include "octet/base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace octet {
namespace {

/// A weight of hundreds of megabytes costs more page faults than reading it. The kernel is asked
/// for large pages where whole ones fit, so that no memory is taken that the buffer does not fill;
/// it may refuse.
void ask_for_large_pages(std::byte* data, std::size_t size) {
  constexpr std::uintptr_t kLargePage = std::uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t first = (begin + kLargePage - 1) / kLargePage * kLargePage;
  const std::uintptr_t end = (begin + size) / kLargePage * kLargePage;
  if (first < end) ::madvise(data + (first - begin), end - first, MADV_HUGEPAGE);
}

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t size_bytes)
    : data_(static_cast<std::byte*>(
          ::operator new (size_bytes + kOverread, std::align_val_t{kAlignment}))),
      size_bytes_(size_bytes) {
  ask_for_large_pages(data_.get(), size_bytes);
  std::memset(data_.get(), 0, size_bytes + kOverread);
}

void AlignedBuffer::Free::operator()(std::byte* data) const noexcept {
  ::operator delete (data, std::align_val_t{kAlignment});
}

}  // namespace octet
