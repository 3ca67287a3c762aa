#include "base/secret_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

namespace cangong {

void require_private(const fs::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) fail(Fault::missing, file.string() + " is missing");
  if ((about.st_mode & 077) != 0 || (about.st_uid != ::geteuid() && about.st_uid != 0))
    fail(Fault::denied, file.string() +
                            " may be read by others; let it belong to who runs this program, and "
                            "do: chmod 600 " +
                            file.string());
}

void require_secret_file(const fs::path& file) {
  try {
    require_private(file);
  } catch (const Error& error) {
    fail(Fault::config, error.what());
  }
}

std::string read_secret(const fs::path& file) {
  require_secret_file(file);
  const std::string text = read_file(file);
  const std::string secret(trim(std::string_view(text).substr(0, text.find('\n'))));
  if (secret.empty()) fail(Fault::config, file.string() + " is empty");
  return secret;
}

}  // namespace cangong
