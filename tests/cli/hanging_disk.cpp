// Preloaded into the command: its first write to a file whose name ends like FOREBAY_TEST_HANGING_FILE takes
// twelve seconds, as on a disk that does not answer for a while.
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::atomic<bool> has_hung{false};

void hang_once(int fd) {
  const char* name = std::getenv("FOREBAY_TEST_HANGING_FILE");
  if (name == nullptr || has_hung.load()) return;
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  if (length <= 0 || !std::string_view(path.data(), static_cast<std::size_t>(length)).ends_with(name)) return;
  if (has_hung.exchange(true)) return;
  timespec left{12, 0};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) ssize_t pwrite(int fd, const void* bytes, size_t count,
                                                                 off_t offset) {
  using Write = ssize_t (*)(int, const void*, size_t, off_t);
  static const auto next = reinterpret_cast<Write>(::dlsym(RTLD_NEXT, "pwrite"));
  hang_once(fd);
  return next(fd, bytes, count, offset);
}
