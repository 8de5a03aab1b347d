// Preloaded into the command: a disk as no test machine has one.
//   FOREBAY_TEST_HANGING_FILE=<end of a path>: the first write to such a file takes 14 seconds.
//   FOREBAY_TEST_FAILING_CALL="<call> <part of a path> <n> <errno> once|on": the n-th such call on such a
//   file fails, or with "on" also every call after it, on any file of the folder. With an errno of 0 a write
//   does half of what it is to.
#include <dlfcn.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

namespace {

std::string path_of(int fd) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::atomic<bool> has_hung{false};

void hang_once(int fd) {
  const char* name = std::getenv("FOREBAY_TEST_HANGING_FILE");
  if (name == nullptr || has_hung.load() || !path_of(fd).ends_with(name)) return;
  if (has_hung.exchange(true)) return;
  timespec left{14, 0};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

struct Failing {
  std::string call;
  std::string name;
  int at = 0;
  int error = 0;
  bool on = false;

  Failing() {
    const char* text = std::getenv("FOREBAY_TEST_FAILING_CALL");
    std::string how;
    if (text != nullptr && std::istringstream(text) >> call >> name >> at >> error >> how) on = how == "on";
  }
};

/// Whether this call is to fail; its errno then.
bool fails(std::string_view call, int fd, int& error) {
  static const Failing failing;
  static std::atomic<int> count{0};
  static std::atomic<bool> failed{false};
  if (failing.call.empty()) return false;
  error = failing.error;
  const std::string path = path_of(fd);
  if (failing.on && failed.load() && path.find("/out/") != std::string::npos) return true;
  if (call != failing.call || path.find(failing.name) == std::string::npos) return false;
  if (++count != failing.at) return false;
  failed.store(true);
  return true;
}

template <typename Call>
Call next_of(const char* name) {
  return reinterpret_cast<Call>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

#define FOREBAY_EXPORT extern "C" __attribute__((visibility("default")))

FOREBAY_EXPORT ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  static const auto next = next_of<decltype(&::pwrite)>("pwrite");
  hang_once(fd);
  int error = 0;
  if (fails("pwrite", fd, error)) {
    if (error == 0) return next(fd, bytes, (count + 1) / 2, offset);
    errno = error;
    return -1;
  }
  return next(fd, bytes, count, offset);
}

FOREBAY_EXPORT int fallocate(int fd, int mode, off_t offset, off_t length) {
  static const auto next = next_of<decltype(&::fallocate)>("fallocate");
  if (fails("fallocate", fd, errno)) return -1;
  return next(fd, mode, offset, length);
}

FOREBAY_EXPORT int ftruncate(int fd, off_t length) noexcept {
  static const auto next = next_of<decltype(&::ftruncate)>("ftruncate");
  if (fails("ftruncate", fd, errno)) return -1;
  return next(fd, length);
}

FOREBAY_EXPORT int fdatasync(int fd) {
  static const auto next = next_of<decltype(&::fdatasync)>("fdatasync");
  if (fails("fdatasync", fd, errno)) return -1;
  return next(fd);
}

FOREBAY_EXPORT int fsync(int fd) {
  static const auto next = next_of<decltype(&::fsync)>("fsync");
  if (fails("fsync", fd, errno)) return -1;
  return next(fd);
}
