#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "host/memory/unique_fd.h"
#include "pipeline/cli/finding.h"

namespace forebay::cli {
namespace {

constexpr const char* section = "kernel";
using State = Finding::State;

Finding outcome(const char* name, int error, const char* purpose, const char* without) {
  if (error == 0) return {section, name, State::ok, purpose};
  return {section, name, State::lacks,
          fmt::format("{}: {}", std::generic_category().message(error), without)};
}

int try_memfd() {
  const UniqueFd fd(::memfd_create("forebay-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return errno;
  if (::ftruncate(fd.get(), 4096) != 0) return errno;
  return ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 ? 0 : errno;
}

int try_pidfd() {
  const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  return fd.valid() ? 0 : errno;
}

int try_populate() {
#ifdef MADV_POPULATE_WRITE
  constexpr int advice = MADV_POPULATE_WRITE;
#else
  constexpr int advice = 23;  // Linux 5.14; older headers do not name it
#endif
  constexpr std::size_t bytes = 4096;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  const int error = ::madvise(memory, bytes, advice) == 0 ? 0 : errno;
  ::munmap(memory, bytes);
  return error;
}

}  // namespace

Findings examine_kernel() {
  Findings findings;
  utsname name{};
  if (::uname(&name) == 0) {
    findings.push_back({section, "version", State::note, fmt::format("{} {}", name.sysname, name.release)});
  }
  findings.push_back(
      outcome("memfd", try_memfd(), "sealed shared memory without a name", "Forebay cannot run here"));
  findings.push_back(outcome("pidfd", try_pidfd(), "deaths are noticed at once", "Forebay cannot run here"));
  findings.push_back(outcome("populate", try_populate(), "MADV_POPULATE_WRITE: slots are filled in up front",
                             "pages are touched one by one (Linux 5.14 has MADV_POPULATE_WRITE)"));
  return findings;
}

}  // namespace forebay::cli
