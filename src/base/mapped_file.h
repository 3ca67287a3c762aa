// A file's bytes as memory, read when they are looked at.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/file.h"

namespace cangong {

class MappedFile {
 public:
  MappedFile() = default;
  // Throws Fault::missing where there is no such file, Fault::storage where it cannot be mapped.
  explicit MappedFile(const fs::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept { swap(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    swap(other);
    return *this;
  }

  std::size_t size() const { return size_; }
  // As values of one kind; a rest that is none is left out.
  template <class T>
  std::span<const T> as() const {
    return {static_cast<const T*>(data_), size_ / sizeof(T)};
  }

 private:
  void swap(MappedFile& other) noexcept {
    std::swap(data_, other.data_), std::swap(size_, other.size_);
  }
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace cangong
