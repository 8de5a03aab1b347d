#include "pipeline/source/open_item.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "host/error.h"
#include "pipeline/decode/item_error.h"

namespace forebay {

UniqueFd open_item(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      throw os_error(errno, "cannot open the next item, " + path,
                     "raise the limit on open files (ulimit -n)");
    }
    throw ItemFailure(ItemErrorCode::io_error,
                      fmt::format("cannot open: {}", std::generic_category().message(errno)));
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) {
    throw ItemFailure(ItemErrorCode::io_error,
                      fmt::format("cannot stat: {}", std::generic_category().message(errno)));
  }
  if (S_ISDIR(info.st_mode)) throw ItemFailure(ItemErrorCode::io_error, "is a directory, not a file");
  if (!S_ISREG(info.st_mode)) throw ItemFailure(ItemErrorCode::io_error, "is no regular file");
  return fd;
}

}  // namespace forebay
