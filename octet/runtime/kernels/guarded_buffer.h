#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

namespace octet {

/// For tests: elements that end `readable` bytes before a page that faults, so that a kernel which
/// reads or writes past its contract dies. Every byte starts as `fill`.
template <typename T>
class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t count, std::size_t readable = 0, int fill = 0xa5)
      : count_(count) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (count * sizeof(T) + readable + page - 1) / page * page;
    void* mapped =
        mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED || mprotect(static_cast<std::byte*>(mapped) + bytes, page, PROT_NONE))
      std::abort();
    mapping_ = {static_cast<std::byte*>(mapped), Unmap{bytes + page}};
    std::memset(mapped, fill, bytes);
    data_ = reinterpret_cast<T*>(mapping_.get() + bytes - readable - count * sizeof(T));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::span<T> span() { return {data_, count_}; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }

 private:
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* mapping) const { munmap(mapping, bytes); }
  };
  std::unique_ptr<std::byte, Unmap> mapping_{nullptr, Unmap{0}};
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace octet
