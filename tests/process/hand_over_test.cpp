// The edges of the hand-over between a process and the child it spawns: programs without the guard, programs
// that spawn too early, a variable that leaked, forged and foreign notes.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "host/process/function.h"
#include "host/process/spawn_note.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using namespace probe;
namespace fs = std::filesystem;

struct Ran {
  int status = -1;  // as waitpid gives it
  std::string text;
};

/// Runs a program to its end, with `channel`, if any, as descriptor 3, and takes what it wrote to stdout and
/// stderr.
Ran run(const fs::path& program, const std::string& variable = {}, int channel = -1) {
  const UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, output.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, output.get(), STDERR_FILENO);
  if (channel >= 0) ::posix_spawn_file_actions_adddup2(&files, channel, spawn_channel_fd);
  ::posix_spawn_file_actions_addclosefrom_np(&files, channel >= 0 ? spawn_channel_fd + 1 : spawn_channel_fd);
  std::string name = program;
  std::string assignment = std::string(spawn_variable) + "=" + variable;
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  if (!variable.empty()) environment.push_back(assignment.data());
  environment.push_back(nullptr);
  char* argv[] = {name.data(), nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, name.c_str(), &files, nullptr, argv, environment.data());
  ::posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::runtime_error("cannot run " + name);
  Ran ran;
  if (!Watched(pid).ends_within(patience)) ::kill(pid, SIGKILL);
  ::waitpid(pid, &ran.status, 0);
  ran.text = file_text("/proc/self/fd/" + std::to_string(output.get()));
  return ran;
}

std::string own_variable(std::uint64_t nonce) {
  return std::to_string(::getpid()) + ":" + std::to_string(nonce);
}

int says_hello(Channel) {
  [[maybe_unused]] const ssize_t put = ::write(STDOUT_FILENO, "hello", 5);
  return 7;
}

/// The note that spawn() would send for says_hello.
SpawnNote true_note() {
  SpawnNote note;
  note.parent = ::getpid();
  note.nonce = 5;
  note.main = function_id_of(reinterpret_cast<const void*>(&says_hello));
  return note;
}

template <typename T>
Ran run_with_note(const T& note) {
  auto [mine, theirs] = Channel::pair();
  static_cast<void>(mine.try_send(note));
  return run("/proc/self/exe", own_variable(5), theirs.fd());
}

void expect_refusal(const Ran& ran, const std::string& words) {
  ASSERT_TRUE(WIFEXITED(ran.status)) << ran.status << ran.text;
  EXPECT_EQ(WEXITSTATUS(ran.status), 2) << ran.text;
  EXPECT_NE(ran.text.find(words), std::string::npos) << ran.text;
  EXPECT_EQ(ran.text.find("hello"), std::string::npos) << ran.text;
}

TEST(P22, AProgramWithoutTheGuardGetsAClearError) {
  const Ran ran = run(FOREBAY_NO_GUARD);
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.text, "usage: cannot spawn: call forebay::init(argc, argv) first in main\n");
}

TEST(P22, StaticInitialisersCannotSpawnNeitherInTheParentNorInTheChild) {
  const Ran ran = run(FOREBAY_EARLY_SPAWNER);
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.text,
            "usage: cannot spawn: call forebay::init(argc, argv) first in main\n"
            "usage: cannot spawn before main: a static initialiser of this program tried to, in a process "
            "that is being "
            "spawned itself; spawn after forebay::init(argc, argv)\n");
}

TEST(Pitfall16, AProgramReplacedOnDiskStillSpawnsItself) {
  const Folder folder;
  const fs::path copy = folder.path() / "replaced";
  fs::copy_file(FOREBAY_REPLACED, copy);
  const Ran ran = run(copy);
  EXPECT_EQ(ran.status, 0) << ran.text;
  EXPECT_EQ(ran.text, "exit code 42\n");
  EXPECT_EQ(file_text(copy), "#!/bin/false\n") << "the program did not replace itself";
}

TEST(HandOver, ATrueNoteIsObeyed) {
  const Ran ran = run_with_note(true_note());
  EXPECT_TRUE(WIFEXITED(ran.status));
  EXPECT_EQ(WEXITSTATUS(ran.status), 7);
  EXPECT_EQ(ran.text, "hello");
}

TEST(HandOver, ALeakedVariableDoesNotRunTheProgramAgain) {
  for (const std::string& variable :
       {own_variable(5), std::string("1:1"), std::string("nonsense"), std::string(":")}) {
    expect_refusal(run("/proc/self/exe", variable),
                   "FOREBAY_SPAWNED is set, but Forebay did not spawn this process");
  }
}

TEST(HandOver, ADescriptorThatIsNoChannelIsRefused) {
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  expect_refusal(run("/proc/self/exe", own_variable(5), file.get()), "Forebay did not spawn this process");
}

TEST(HandOver, AChildWhoseParentHasEndedAlreadyEnds) {
  // As it looks when the parent ends between the spawn and the child's first step: another parent has adopted
  // it.
  auto [mine, theirs] = Channel::pair();
  SpawnNote note = true_note();
  note.parent = ::getppid();
  static_cast<void>(mine.try_send(note));
  const Ran ran = run("/proc/self/exe", std::to_string(note.parent) + ":5", theirs.fd());
  expect_refusal(ran, "");
  EXPECT_EQ(ran.text, "");
}

TEST(HandOver, AClosedChannelIsRefused) {
  auto [mine, theirs] = Channel::pair();
  mine.close();
  expect_refusal(run("/proc/self/exe", own_variable(5), theirs.fd()), "sent no note");
}

TEST(HandOver, NotesThatAreNotForItAreRefused) {
  SpawnNote other_nonce = true_note();
  other_nonce.nonce = 6;
  expect_refusal(run_with_note(other_nonce), "not for this process");
  SpawnNote other_parent = true_note();
  other_parent.parent = 1;
  expect_refusal(run_with_note(other_parent), "not for this process");
  SpawnNote endless_name = true_note();
  endless_name.name.fill('x');
  expect_refusal(run_with_note(endless_name), "not for this process");
}

TEST(HandOver, AnotherBuildsNoteIsRefused) {
  SpawnNote other_version = true_note();
  ++other_version.version;
  expect_refusal(run_with_note(other_version), "worker binary differs");
  SpawnNote other_build = true_note();
  other_build.main.image[0] ^= 1U;
  expect_refusal(run_with_note(other_build), "worker binary differs: the executable should have build id");
  SpawnNote no_code = true_note();
  no_code.main.offset = 1;
  expect_refusal(run_with_note(no_code), "outside of the code");
  expect_refusal(run_with_note(std::uint64_t{1}), "worker binary differs");
}

}  // namespace
}  // namespace forebay
