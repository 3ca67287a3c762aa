#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace cangong {

MappedFile::MappedFile(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) fail(Fault::missing, "there is no file " + path.string());
  if (file < 0) fail(Fault::storage, "cannot read " + path.string());
  struct stat about {};
  const bool known = ::fstat(file, &about) == 0;
  void* data = MAP_FAILED;
  if (known && about.st_size > 0)
    data =
        ::mmap(nullptr, static_cast<std::size_t>(about.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  if (known && about.st_size == 0) return;
  if (data == MAP_FAILED) fail(Fault::storage, "cannot read " + path.string());
  data_ = data, size_ = static_cast<std::size_t>(about.st_size);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace cangong
