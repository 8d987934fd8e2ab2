#pragma once

#include <cstddef>
#include <memory>

namespace octet {

/// Uninitialized-to-zero memory aligned to a cache line, with `kOverread` readable bytes behind the
/// end, so that kernels may load a whole vector at the last element.
class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kOverread = 64;

  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size_bytes);

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size_bytes() const { return size_bytes_; }

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_.get());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_bytes_ = 0;
};

}  // namespace octet
