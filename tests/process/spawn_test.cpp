// Many spawns, at once and in a row, and functions of other images.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "host/error.h"
#include "host/process/child.h"
#include "host/process/thread_count.h"
#include "tests/host/open_fds.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using namespace probe;
namespace fs = std::filesystem;

const SpawnOptions options{"forebay: test child", "forebay-test"};

std::size_t threads() { return thread_count().value(); }

TEST(Spawn, TwoHundredCyclesLeaveNothingOpen) {
  static_cast<void>(Child::spawn(&stay, options));  // the spawner's thread is up from here on
  const std::size_t fds_before = open_fds();
  const std::size_t threads_before = threads();
  for (int i = 0; i < 200; ++i) {
    Child child = Child::spawn([](Channel) { return 3; }, options);
    const auto status = child.wait_until(soon());
    ASSERT_TRUE(status) << i;
    ASSERT_EQ(status->exit_code, 3) << i;
  }
  EXPECT_EQ(open_fds(), fds_before);
  EXPECT_EQ(threads(), threads_before);
}

TEST(Spawn, FromEightThreadsAtOnce) {
  constexpr int spawns = 5;
  std::vector<std::string> failures(8);
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < failures.size(); ++number) {
    threads.emplace_back([number, &failures] {
      try {
        for (int i = 0; i < spawns; ++i) {
          Child child = Child::spawn(
              [](Channel channel) {
                const Note note = hear(channel);
                tell(channel, Note::of(open_files(), note.number));
                return 0;
              },
              options);
          const auto mine = static_cast<std::int64_t>(number * 100) + i;
          tell(child.channel(), Note::of("", mine));
          const Note answer = hear(child.channel());
          const std::string files = answer.words();
          const auto lines = std::count(files.begin(), files.end(), '\n');
          if (answer.number != mine) failures[number] += "somebody else's answer; ";
          if (lines != 4) failures[number] += "inherited:\n" + files;
          if (!child.wait_until(soon())) failures[number] += "does not end; ";
        }
      } catch (const std::exception& error) {
        failures[number] += error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
}

struct Unload {
  void operator()(void* library) const noexcept { ::dlclose(library); }
};
using Library = std::unique_ptr<void, Unload>;

Library load(const fs::path& path) {
  Library library(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) throw std::runtime_error(::dlerror());
  return library;
}

ChildMain main_of(const Library& library) {
  return reinterpret_cast<ChildMain>(::dlsym(library.get(), "crossing_main"));
}

TEST(Spawn, AFunctionOfALibraryCrosses) {
  const Library library = load(FOREBAY_CROSSING_LIBRARY);
  Child child = Child::spawn(main_of(library), options);
  EXPECT_EQ(child.wait_until(soon())->exit_code, 77);
}

TEST(Spawn, AReplacedLibraryIsRefusedAndNotRun) {
  const Folder folder;
  const fs::path path = folder.path() / "crossing.so";
  fs::copy_file(FOREBAY_CROSSING_LIBRARY, path);
  const Library library = load(path);
  fs::remove(path);
  fs::copy_file(FOREBAY_OTHER_CROSSING_LIBRARY, path);
  const Captured captured(STDERR_FILENO);
  Child child = Child::spawn(main_of(library), options);
  const auto status = child.wait_until(soon());
  ASSERT_TRUE(status);
  EXPECT_EQ(describe(*status), "exit code 2");
  const std::string text = captured.text();
  EXPECT_NE(text.find("forebay: test child: worker binary differs: " + path.string()), std::string::npos)
      << text;
  EXPECT_EQ(text.find("crossing library loaded"), std::string::npos) << text;
}

TEST(Spawn, SomethingThatIsNoFunctionIsRefused) {
  static int data = 0;
  EXPECT_THROW(static_cast<void>(Child::spawn(reinterpret_cast<ChildMain>(&data), options)), Error);
  EXPECT_THROW(static_cast<void>(Child::spawn(nullptr, options)), Error);
}

}  // namespace
}  // namespace forebay
