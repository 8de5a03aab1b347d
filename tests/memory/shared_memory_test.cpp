// Named blocks as a program uses them: made, attached, closed, unlinked, and refused.
#include "host/memory/shared_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "host/channel/queue.h"
#include "host/pool/pool.h"
#include "host/process/guardian.h"
#include "tests/memory/blocks.h"

namespace forebay {
namespace {

using namespace probe;

/// Unlinks at the end of a test what that did not.
struct Unlinked {
  SharedMemory block;
  ~Unlinked() { ::unlink(("/dev/shm/" + block.name()).c_str()); }
};

TEST(M1, ABlockHasANameASizeAndZeros) {
  Unlinked made{SharedMemory::create(test_name("m1"), 5000)};
  EXPECT_EQ(made.block.name(), test_name("m1"));
  EXPECT_EQ(made.block.size(), 5000U);
  EXPECT_EQ(made.block.buf().size(), 5000U);
  EXPECT_TRUE(std::ranges::all_of(made.block.buf(), [](std::byte b) { return b == std::byte{0}; }));
  made.block.buf()[0] = std::byte{42};
  struct stat status {};
  ASSERT_EQ(::stat(("/dev/shm/" + made.block.name()).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U) << "nobody else's";
  EXPECT_GE(status.st_blocks * 512, 5000) << "its memory is there";
}

TEST(M1, AttachedItIsTheSameMemoryAndAsLarge) {
  Unlinked made{SharedMemory::create(test_name("same"), 100)};
  SharedMemory second = SharedMemory::attach(made.block.name());
  EXPECT_EQ(second.size(), 100U);
  second.buf()[99] = std::byte{7};
  EXPECT_EQ(made.block.buf()[99], std::byte{7});
  const SharedMemory third = SharedMemory::attach("/" + made.block.name());
  EXPECT_EQ(third.name(), made.block.name());
  EXPECT_EQ(third.buf()[99], std::byte{7});
  second.close();
  EXPECT_TRUE(second.buf().empty());
  second.close();
  EXPECT_EQ(made.block.buf()[99], std::byte{7}) << "others go on";
}

TEST(M1, WithoutANameItGetsOne) {
  Unlinked first{SharedMemory::create(10)};
  Unlinked second{SharedMemory::create(10)};
  EXPECT_THAT(first.block.name(), ::testing::MatchesRegex("forebay_[0-9a-f]+"));
  EXPECT_NE(first.block.name(), second.block.name());
  EXPECT_TRUE(is_there(first.block.name()));
}

TEST(M2, WhatExistsIsNotMadeAndWhatDoesNotIsNotAttached) {
  Unlinked made{SharedMemory::create(test_name("twice"), 10)};
  made.block.buf()[0] = std::byte{1};
  EXPECT_THROW(static_cast<void>(SharedMemory::create(made.block.name(), 10)), BlockExists);
  EXPECT_EQ(SharedMemory::attach(made.block.name()).buf()[0], std::byte{1});
  EXPECT_THROW(static_cast<void>(SharedMemory::attach(test_name("never"))), BlockNotFound);
}

TEST(M2, SizesThatNoBlockHas) {
  for (const std::size_t size : {std::size_t{0}, static_cast<std::size_t>(-1), std::size_t{1} << 63U}) {
    EXPECT_EQ(code_of([&] { static_cast<void>(SharedMemory::create(test_name("size"), size)); }),
              ErrorCode::usage)
        << size;
  }
  EXPECT_FALSE(is_there(test_name("size")));
}

TEST(M2, WhatIsNoBlockIsNotAttached) {
  const std::string path = "/dev/shm/" + test_name("strange");
  const auto attach = [] { static_cast<void>(SharedMemory::attach(test_name("strange"))); };
  UniqueFd(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  EXPECT_EQ(code_of(attach), ErrorCode::protocol) << "empty";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(code_of(attach), ErrorCode::protocol) << "a pipe";
  ::unlink(path.c_str());
  ASSERT_EQ(::symlink("/etc/passwd", path.c_str()), 0);
  EXPECT_EQ(code_of(attach), ErrorCode::protocol) << "a link";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  EXPECT_EQ(code_of(attach), ErrorCode::protocol) << "a folder";
  ::rmdir(path.c_str());
}

TEST(M2, AForeignBlockGetsItsMemoryWhenItIsAttached) {
  const std::string path = "/dev/shm/" + test_name("sparse");
  {
    const UniqueFd fd(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(::ftruncate(fd.get(), 40'000), 0);
  }
  const Unlinked attached{SharedMemory::attach(test_name("sparse"))};
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 40'000);
}

TEST(M3, UnlinkedTwiceIsAnError) {
  const SharedMemory made = SharedMemory::create(test_name("gone"), 10);
  made.unlink();
  EXPECT_FALSE(is_there(made.name()));
  EXPECT_EQ(made.buf().size(), 10U) << "who uses it goes on";
  EXPECT_THROW(made.unlink(), BlockNotFound);
  EXPECT_THROW(static_cast<void>(SharedMemory::attach(made.name())), BlockNotFound);
}

TEST(M3, AfterCloseItCanBeUnlinkedStillAndOnlyItself) {
  SharedMemory first = SharedMemory::create(test_name("name"), 10);
  first.close();
  first.unlink();
  const SharedMemory second = SharedMemory::create(test_name("name"), 10);
  EXPECT_THROW(first.unlink(), BlockNotFound) << "the name is another block's";
  EXPECT_TRUE(is_there(second.name()));
  second.unlink();
}

TEST(M4, ANameThatIsTakenIsFollowedByAnother) {
  Unlinked taken{SharedMemory::create(test_name("taken"), 10)};
  int asked = 0;
  const auto names = [&asked] { return test_name(++asked < 3 ? "taken" : "free"); };
  Unlinked made{create_block(names, 10, {}, 5)};
  EXPECT_EQ(made.block.name(), test_name("free"));
  EXPECT_EQ(asked, 3);
  asked = -100;
  EXPECT_THROW(static_cast<void>(create_block(names, 10, {}, 5)), BlockExists);
  EXPECT_EQ(asked, -95);
}

void write_by_name(const std::string& name) { SharedMemory::attach(name).buf()[1] = std::byte{2}; }
void write_by_handle(const SharedMemory& block) { block.buf()[2] = std::byte{3}; }

TEST(M5, WhatAChildWritesIsSeen) {
  Unlinked made{SharedMemory::create(test_name("child"), 10)};
  Process by_name(write_by_name, made.block.name());
  EXPECT_EQ(run(by_name), 0);
  EXPECT_EQ(made.block.buf()[1], std::byte{2});
  EXPECT_TRUE(is_there(made.block.name())) << "in Python the child's end may unlink it";
  Process by_handle(write_by_handle, made.block);
  EXPECT_EQ(run(by_handle), 0);
  EXPECT_EQ(made.block.buf()[2], std::byte{3});
}

TEST(M5, AnArgumentNeedsNoName) {
  const SharedMemory made = SharedMemory::create(test_name("nameless"), 10);
  made.unlink();
  Process child(write_by_handle, made);
  EXPECT_EQ(run(child), 0);
  EXPECT_EQ(made.buf()[2], std::byte{3});
}

TEST(M5, ThroughAPoolAndAQueue) {
  Pool pool(1);
  Unlinked made{pool.apply(
      [](int value) {
        SharedMemory block = SharedMemory::create(10);
        block.buf()[0] = static_cast<std::byte>(value);
        return block;
      },
      9)};
  EXPECT_EQ(made.block.buf()[0], std::byte{9});
  Queue<SharedMemory> queue;
  queue.put(made.block);
  SharedMemory again = queue.get();
  EXPECT_EQ(again.buf()[0], std::byte{9});
  again.close();
  EXPECT_EQ(code_of([&] { queue.put(again); }), ErrorCode::usage);
}

TEST(M9, NamesThatAreNone) {
  const std::string longest(limits::block_name_bytes_max, 'n');
  for (const std::string& name :
       {std::string(), std::string("/"), std::string("a/b"), std::string("/a/"), std::string("."),
        std::string(".."), std::string("a\0b", 3), std::string(1, '\0'), longest + "n"}) {
    EXPECT_EQ(code_of([&] { static_cast<void>(SharedMemory::create(name, 10)); }), ErrorCode::usage);
    EXPECT_EQ(code_of([&] { static_cast<void>(SharedMemory::attach(name)); }), ErrorCode::usage);
  }
}

TEST(M9, NamesWithColonsSpacesAndOfTheGreatestLength) {
  const std::string longest = test_name(std::string(limits::block_name_bytes_max, 'n'));
  for (const std::string& name :
       {test_name("a:b"), test_name(" \n\xFF%s"), longest.substr(0, limits::block_name_bytes_max)}) {
    const Unlinked made{SharedMemory::create(name, 10)};
    EXPECT_EQ(SharedMemory::attach(name).size(), 10U);
    made.block.unlink();
    EXPECT_FALSE(is_there(name));
  }
}

TEST(Pitfall13, MoreThanThereIsIsAnErrorWhenItIsMade) {
  struct statvfs room {};
  ASSERT_EQ(::statvfs("/dev/shm", &room), 0);
  const std::size_t too_much = room.f_frsize * (room.f_blocks + 1);
  const auto code = code_of([&] { static_cast<void>(SharedMemory::create(test_name("huge"), too_much)); });
  EXPECT_TRUE(code == ErrorCode::no_space || code == ErrorCode::no_memory);
  EXPECT_FALSE(is_there(test_name("huge")));
}

/// With a /dev/shm of its own, of 1 MiB. 77: it may not have one.
int fill_a_small_one() {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") != 0) {
    return 77;
  }
  const SharedMemory half = SharedMemory::create("half", 512 << 10);
  std::ranges::fill(half.buf(), std::byte{1});
  const auto full = code_of([] { static_cast<void>(SharedMemory::create("rest", 600 << 10)); });
  if (full != ErrorCode::no_space || is_there("rest")) return 1;
  half.unlink();
  return 0;
}

TEST(Pitfall13, AFullFileSystemIsAnErrorWhenABlockIsMade) {
  Process child(fill_a_small_one);
  const int code = run(child);
  if (code == 77) GTEST_SKIP() << "this user may not mount a file system";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace forebay
