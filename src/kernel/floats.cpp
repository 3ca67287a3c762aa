#include "kernel/floats.h"

#include <new>

namespace cangong {

void Floats::resize(std::size_t count) {
  if (count > room_) {
    constexpr std::size_t kLine = 64;
    const std::size_t bytes = ((count + kKernelSlack) * sizeof(float) + kLine - 1) / kLine * kLine;
    std::unique_ptr<float, Free> grown(static_cast<float*>(std::aligned_alloc(kLine, bytes)));
    if (!grown) throw std::bad_alloc();
    std::fill_n(grown.get(), bytes / sizeof(float), 0.0f);
    std::copy_n(data(), size_, grown.get());
    data_ = std::move(grown), room_ = count;
  } else if (count > size_) {
    std::fill(data() + size_, data() + count, 0.0f);
  }
  size_ = count;
}

}  // namespace cangong
