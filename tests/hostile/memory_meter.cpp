#include "tests/hostile/memory_meter.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int64_t> live_bytes{0}, peak_live_bytes{0};

void* take(std::size_t size, std::size_t alignment) {
  const bool fits = size <= static_cast<std::size_t>(octet::MemoryMeter::kMaxBytes) &&
                    live_bytes + static_cast<std::int64_t>(size) <= octet::MemoryMeter::kMaxBytes;
  const std::size_t rounded = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment;
  void* const memory = fits ? std::aligned_alloc(alignment, rounded * alignment) : nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  const auto bytes = static_cast<std::int64_t>(malloc_usable_size(memory));
  const std::int64_t now = live_bytes += bytes;
  for (std::int64_t peak = peak_live_bytes;
       now > peak && !peak_live_bytes.compare_exchange_weak(peak, now);) {
  }
  return memory;
}

void* try_to_take(std::size_t size) noexcept {
  try {
    return take(size, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  live_bytes -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// All forms: a sanitizer brings its own for those that are left out, and then compares who gave
// memory with who takes it back.
void* operator new(std::size_t size) { return take(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return take(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return try_to_take(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return try_to_take(size); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { give_back(memory); }

namespace octet {

MemoryMeter::MemoryMeter() : before_(live_bytes) { peak_live_bytes = before_; }

std::int64_t MemoryMeter::peak_bytes() const { return peak_live_bytes - before_; }

}  // namespace octet
