#include "kernel/floats.h"

#include <new>

namespace cangong {

template <class Number>
void Aligned<Number>::resize(std::size_t count) {
  if (count > room_) {
    constexpr std::size_t kLine = 64;
    const std::size_t bytes = ((count + kKernelSlack) * sizeof(Number) + kLine - 1) / kLine * kLine;
    std::unique_ptr<Number, Free> grown(static_cast<Number*>(std::aligned_alloc(kLine, bytes)));
    if (!grown) throw std::bad_alloc();
    std::fill_n(grown.get(), bytes / sizeof(Number), Number{});
    std::copy_n(data(), size_, grown.get());
    data_ = std::move(grown), room_ = count;
  } else if (count > size_) {
    std::fill(data() + size_, data() + count, Number{});
  }
  size_ = count;
}

template class Aligned<float>;
template class Aligned<std::uint32_t>;

}  // namespace cangong
