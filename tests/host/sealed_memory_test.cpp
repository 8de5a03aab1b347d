#include "host/memory/sealed_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <limits>
#include <string>

#include "host/error.h"
#include "tests/host/open_fds.h"

namespace forebay {
namespace {

const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

UniqueFd duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

ErrorCode code_of_open(UniqueFd fd, std::size_t bytes) {
  try {
    static_cast<void>(SealedMemory::open(std::move(fd), bytes));
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "opened";
  return ErrorCode::io;
}

/// VmFlags of the mapping in /proc/self/smaps that `address` begins.
std::string flags_of(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  bool here = false;
  while (std::getline(smaps, line)) {
    const std::size_t dash = line.find('-');
    if (dash != std::string::npos && line.find_first_not_of("0123456789abcdef") == dash) {
      here = std::stoull(line.substr(0, dash), nullptr, 16) == reinterpret_cast<std::uintptr_t>(address);
    }
    if (here && line.starts_with("VmFlags:")) return line + " ";
  }
  return {};
}

TEST(SealedMemory, IsRoundedUpToPagesZeroedAndWritable) {
  const SealedMemory memory = SealedMemory::create("test", page + 1);
  ASSERT_EQ(memory.bytes().size(), 2 * page);
  for (const std::byte byte : memory.bytes()) ASSERT_EQ(byte, std::byte{0});
  memory.bytes().back() = std::byte{9};
  EXPECT_EQ(memory.bytes().back(), std::byte{9});
}

TEST(Pitfall13, NobodyCanResizeOrUnsealIt) {
  const SealedMemory memory = SealedMemory::create("test", 4 * page);
  for (const off_t size : {off_t{0}, static_cast<off_t>(page), static_cast<off_t>(8 * page)}) {
    EXPECT_EQ(::ftruncate(memory.fd(), size), -1);
    EXPECT_EQ(errno, EPERM);
  }
  EXPECT_EQ(::fallocate(memory.fd(), 0, 0, static_cast<off_t>(8 * page)), -1);
  EXPECT_EQ(::fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(SealedMemory, IsPopulated) {
  const SealedMemory memory = SealedMemory::create("test", 64 * page);
  std::vector<unsigned char> resident(64);
  ASSERT_EQ(::mincore(memory.bytes().data(), memory.bytes().size(), resident.data()), 0);
  for (const unsigned char state : resident) EXPECT_EQ(state & 1U, 1U);
  struct stat status {};
  ASSERT_EQ(::fstat(memory.fd(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, 64 * page) << "the space is reserved";
}

TEST(SealedMemory, AnotherMappingSeesTheSameBytes) {
  const SealedMemory memory = SealedMemory::create("test", 100);
  const SealedMemory other = SealedMemory::open(duplicate(memory.fd()), 100);
  EXPECT_EQ(other.bytes().size(), memory.bytes().size());
  EXPECT_NE(other.bytes().data(), memory.bytes().data());
  memory.bytes()[42] = std::byte{7};
  EXPECT_EQ(other.bytes()[42], std::byte{7});
}

TEST(SealedMemory, OutlivesItsCreator) {
  SealedMemory memory = SealedMemory::create("test", 100);
  memory.bytes()[0] = std::byte{5};
  UniqueFd fd = duplicate(memory.fd());
  memory = SealedMemory();
  EXPECT_EQ(SealedMemory::open(std::move(fd), 100).bytes()[0], std::byte{5});
}

TEST(SealedMemory, OpenRefusesAnotherSize) {
  const SealedMemory memory = SealedMemory::create("test", 4 * page);
  EXPECT_EQ(code_of_open(duplicate(memory.fd()), 3 * page), ErrorCode::protocol);
  EXPECT_EQ(code_of_open(duplicate(memory.fd()), 5 * page), ErrorCode::protocol);
}

TEST(Pitfall13, OpenRefusesWhatCouldShrinkUnderneath) {
  UniqueFd unsealed(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(unsealed.get(), static_cast<off_t>(page)), 0);
  ASSERT_EQ(::fcntl(unsealed.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
  EXPECT_EQ(code_of_open(std::move(unsealed), page), ErrorCode::protocol);
  EXPECT_EQ(code_of_open(UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC)), page), ErrorCode::protocol);
  EXPECT_EQ(code_of_open(UniqueFd(), page), ErrorCode::protocol);
}

TEST(Pitfall13, ASizeThatCannotExistIsNoMemory) {
  for (const std::size_t bytes : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 62U}) {
    const std::size_t before = open_fds();
    try {
      static_cast<void>(SealedMemory::create("test", bytes));
      ADD_FAILURE() << "created";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::no_memory) << error.what();
    }
    EXPECT_EQ(open_fds(), before);
  }
}

TEST(SealedMemory, AForkedProcessDoesNotHaveIt) {
  const SealedMemory memory = SealedMemory::create("test", page);
  EXPECT_NE(flags_of(memory.bytes().data()).find(" dc "), std::string::npos) << "not marked MADV_DONTFORK";
  const pid_t pid = ::fork();
  if (pid == 0) {
    unsigned char resident = 0;
    const int rc = ::mincore(memory.bytes().data(), page, &resident);
    ::_exit(rc != 0 && errno == ENOMEM ? 0 : 1);  // ENOMEM: nothing is mapped there
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(Mapping, MovesAndIsEmptyAfterwards) {
  const SealedMemory memory = SealedMemory::create("test", page);
  Mapping first(memory.fd(), page, Mapping::Access::read_only);
  ASSERT_TRUE(first.valid());
  const std::byte* data = first.bytes().data();
  const Mapping second = std::move(first);
  EXPECT_EQ(second.bytes().data(), data);
  EXPECT_FALSE(
      first.valid());  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): that is the question
  EXPECT_FALSE(Mapping().valid());
}

TEST(Mapping, ReadOnlyIsReadOnly) {
  const SealedMemory memory = SealedMemory::create("test", page);
  const Mapping mapping(memory.fd(), page, Mapping::Access::read_only);
  const std::string flags = flags_of(mapping.bytes().data());
  EXPECT_NE(flags.find(" rd "), std::string::npos) << flags;
  EXPECT_EQ(flags.find(" wr "), std::string::npos) << flags;
}

TEST(Mapping, ADescriptorThatCannotBeMappedIsAnError) {
  const UniqueFd pipe_like(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_THROW(Mapping(pipe_like.get(), page, Mapping::Access::read_only), Error);
}

}  // namespace
}  // namespace forebay
