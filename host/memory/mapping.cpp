#include "host/memory/mapping.h"

#include <sys/mman.h>

#include <boost/interprocess/detail/os_file_functions.hpp>
#include <boost/interprocess/exceptions.hpp>
#include <cerrno>
#include <string>

#include "host/contract.h"
#include "host/error.h"

namespace forebay {
namespace {

namespace bip = boost::interprocess;

/// What mapped_region asks of a mappable thing; Boost's own ones open files by name, and ours have none.
struct MappableFd {
  int fd;
  [[nodiscard]] bip::mapping_handle_t get_mapping_handle() const noexcept {
    return bip::ipcdetail::mapping_handle_from_file_handle(fd);
  }
};

bip::mapped_region map(int fd, std::size_t bytes, Mapping::Access access) {
  const bip::mode_t mode = access == Mapping::Access::read_write ? bip::read_write : bip::read_only;
  try {
    return {MappableFd{fd}, mode, 0, bytes};
  } catch (const bip::interprocess_exception& error) {
    throw os_error(error.get_native_error(),
                   "cannot map " + std::to_string(bytes) + " bytes of shared memory",
                   "use less memory, or raise the limits ulimit -v and vm.max_map_count");
  }
}

}  // namespace

Mapping::Mapping(int fd, std::size_t bytes, Access access) {
  expect(fd >= 0 && bytes > 0, "a mapping has a descriptor and a size");
  region_ = map(fd, bytes, access);
  if (::madvise(region_.get_address(), region_.get_size(), MADV_DONTFORK) != 0) {
    throw os_error(errno, "cannot keep shared memory out of forked processes (MADV_DONTFORK)");
  }
}

}  // namespace forebay
