// What a killed process leaves behind: nothing that Forebay started, and nothing in the groups of those.
#include "host/process/guardian.h"

#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <sys/stat.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "host/process/cgroup.h"
#include "host/process/context.h"
#include "host/process/current_process.h"
#include "host/process/guardian_table.h"
#include "host/process/init.h"
#include "host/process/start_child.h"
#include "tests/process/process_probe.h"
#include "tests/process/successor.h"

namespace forebay {
namespace {

using namespace probe;

constexpr std::chrono::milliseconds gone_by{2000};  // the promise

void ignore_everything() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

/// Tells a test who is there, over a pipe that all of the tree write to.
void announce(const UniqueFd& pipe, pid_t pid) {
  if (::write(pipe.get(), &pid, sizeof(pid)) != sizeof(pid)) throw std::runtime_error("cannot announce");
}

pid_t start_sleep() {
  pid_t pid = 0;
  char name[] = "sleep";
  char time[] = "1000";
  char* argv[] = {name, time, nullptr};
  sigset_t none;
  ::sigemptyset(&none);
  if (::posix_spawnp(&pid, name, nullptr, nullptr, argv, environ) != 0) throw std::runtime_error("no sleep");
  return pid;
}

void deaf(const UniqueFd& pipe) {
  ignore_everything();
  announce(pipe, ::getpid());
  while (true) ::pause();
}

void stopped(const UniqueFd& pipe) {
  announce(pipe, ::getpid());
  ::raise(SIGSTOP);
}

/// A process that is none of Forebay's, in this one's process group; it ignores what can be ignored.
void with_company(const UniqueFd& pipe) {
  ignore_everything();
  announce(pipe, start_sleep());
  announce(pipe, ::getpid());
  while (true) ::pause();
}

void nested(const UniqueFd& pipe, int depth, StartMethod method) {
  ignore_everything();
  announce(pipe, start_sleep());
  announce(pipe, ::getpid());
  if (depth > 0) {
    Process child = get_context(method).process(&nested, pipe, depth - 1, method);
    child.start();
  }
  while (true) ::pause();
}

/// A tree of its own: its root is a process that Forebay's guardian of this test does not know.
template <typename F, typename... A>
int root_of(Channel channel, const F& function, const A&... arguments) {
  const auto received = std::make_unique<Received>();
  static_cast<void>(channel.receive_until(*received, soon()));
  const UniqueFd pipe = std::move(received->fds.front());
  Process child(function, pipe, arguments...);
  child.start();
  tell(channel, Note::of("guardian", detail::Guardian::instance().pid()));
  stay_and_tell_successors(std::move(channel));
  while (true) ::pause();
}

struct Tree {
  Child root;
  std::vector<Watched> members;
  std::vector<pid_t> pids;
  pid_t guardian = 0;
};

/// Starts the tree and waits until `count` have announced themselves. Child::spawn is not watched by this
/// test's guardian.
Tree tree_of(ChildMain root, std::size_t count) {
  Tree tree;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  tree.root = Child::spawn(root, {"forebay: test root", "test-root"});
  const Note note = Note::of("pipe");
  const int fd = writer.get();
  if (tree.root.channel().try_send(note, std::span(&fd, 1)) != SendResult::sent)
    throw std::runtime_error("cannot tell");
  tree.guardian = static_cast<pid_t>(hear(tree.root.channel()).number);
  while (tree.members.size() < count) {
    pid_t pid = 0;
    if (!is_signalled(reader.get(), patience) || ::read(reader.get(), &pid, sizeof(pid)) != sizeof(pid)) {
      throw std::runtime_error("not all are there");
    }
    tree.members.emplace_back(pid);
    tree.pids.push_back(pid);
  }
  return tree;
}

void expect_all_gone(Tree& tree) {
  const auto deadline = std::chrono::steady_clock::now() + gone_by;
  for (std::size_t i = 0; i < tree.members.size(); ++i) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    EXPECT_TRUE(tree.members[i].ends_within(std::max(left, 0ms))) << "member " << i << " is still there";
  }
}

/// As it is when somebody sends SIGKILL: nothing is reaped, no group is killed by Forebay's own hand.
void kill_root(Tree& tree) {
  for (const Watched& member : tree.members) ASSERT_TRUE(member.valid() && !member.ends_within(0ms));
  ASSERT_EQ(::kill(tree.root.pid(), SIGKILL), 0);
}

TEST(Pitfall4, AChildThatIgnoresEverythingEndsWithItsKilledParent) {
  Tree tree = tree_of([](Channel channel) { return root_of(std::move(channel), &deaf); }, 1);
  kill_root(tree);
  expect_all_gone(tree);
}

TEST(Pitfall4, SoDoesAStoppedOne) {
  Tree tree = tree_of([](Channel channel) { return root_of(std::move(channel), &stopped); }, 1);
  kill_root(tree);
  expect_all_gone(tree);
}

TEST(Pitfall4, AndWhatItStartedItself) {
  Tree tree = tree_of([](Channel channel) { return root_of(std::move(channel), &with_company); }, 2);
  kill_root(tree);
  expect_all_gone(tree);
}

TEST(Pitfall4, ThreeDeepWithBothStartMethods) {
  Tree spawned =
      tree_of([](Channel channel) { return root_of(std::move(channel), &nested, 2, StartMethod::spawn); }, 6);
  Tree forked = tree_of(
      [](Channel channel) { return root_of(std::move(channel), &nested, 2, StartMethod::forkserver); }, 6);
  kill_root(spawned);
  expect_all_gone(spawned);
  kill_root(forked);
  expect_all_gone(forked);
}

TEST(Pitfall4, AKilledOneInBetweenTakesItsOwnAlongAndNobodyElse) {
  Tree tree =
      tree_of([](Channel channel) { return root_of(std::move(channel), &nested, 2, StartMethod::spawn); }, 6);
  // In order: the child's sleep and the child, then its child's, and so on downwards.
  ASSERT_EQ(::kill(tree.pids[3], SIGKILL), 0);
  const auto deadline = std::chrono::steady_clock::now() + gone_by;
  for (const std::size_t gone : {2U, 3U, 4U, 5U}) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    EXPECT_TRUE(tree.members[gone].ends_within(std::max(left, 0ms))) << gone;
  }
  for (const std::size_t there : {0U, 1U}) EXPECT_FALSE(tree.members[there].ends_within(50ms)) << there;
  ASSERT_EQ(::kill(tree.root.pid(), SIGKILL), 0);
  expect_all_gone(tree);
}

/// Left the process group, the session and its parent, as daemons do.
void with_escaped(const UniqueFd& pipe, StartMethod method) {
  ignore_everything();
  if (method == StartMethod::forkserver) {
    Process child = get_context(method).process(&with_escaped, pipe, StartMethod::spawn);
    child.start();
    while (true) ::pause();
  }
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  char name[] = "sleep";
  char time[] = "1000";
  char* argv[] = {name, time, nullptr};
  if (::posix_spawnp(&pid, name, nullptr, &attributes, argv, environ) != 0)
    throw std::runtime_error("no sleep");
  ::posix_spawnattr_destroy(&attributes);
  announce(pipe, pid);
  announce(pipe, ::getpid());
  while (true) ::pause();
}

/// A cgroup that the test delegates to a root: made here, where this process may.
class Delegated {
 public:
  Delegated() {
    for (const CgroupFolder& folder : cgroup_folders("", {})) {
      if (folder.version != 2) continue;
      path_ = folder.directory + "/forebay-test-" + std::to_string(::getpid());
      if (::mkdir(path_.c_str(), 0755) != 0) path_.clear();
      return;
    }
  }
  Delegated(const Delegated&) = delete;
  Delegated& operator=(const Delegated&) = delete;
  ~Delegated() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// The root enters the cgroup before it starts anything.
template <StartMethod method>
int delegated_root(Channel channel) {
  const Note where = hear(channel);
  std::ofstream(where.words() + "/cgroup.procs") << "0" << std::flush;
  return root_of(std::move(channel), &with_escaped, method);
}

template <StartMethod method>
void expect_no_escape() {
  const Delegated delegated;
  if (delegated.path().empty()) GTEST_SKIP() << "no cgroup of version 2 that this process may make one in";
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  Tree tree;
  tree.root = Child::spawn(&delegated_root<method>, {"forebay: test root", "test-root"});
  tell(tree.root.channel(), Note::of(delegated.path()));
  const Note note = Note::of("pipe");
  const int fd = writer.get();
  ASSERT_EQ(tree.root.channel().try_send(note, std::span(&fd, 1)), SendResult::sent);
  hear(tree.root.channel());
  while (tree.members.size() < 2) {
    pid_t pid = 0;
    ASSERT_TRUE(is_signalled(reader.get(), patience));
    ASSERT_EQ(::read(reader.get(), &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
    tree.members.emplace_back(pid);
  }
  const std::string leaf = delegated.path() + "/forebay-" + std::to_string(tree.root.pid());
  if (!std::filesystem::exists(leaf)) {
    ASSERT_EQ(::kill(tree.root.pid(), SIGKILL), 0);
    GTEST_SKIP() << "the kernel has no cgroup.kill";
  }
  kill_root(tree);
  expect_all_gone(tree);
  ASSERT_TRUE(tree.root.wait_until(soon()));
  const auto deadline = soon();
  while (std::filesystem::exists(leaf) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_FALSE(std::filesystem::exists(leaf));
}

TEST(Pitfall4, InADelegatedCgroupNothingEscapes) { expect_no_escape<StartMethod::spawn>(); }

TEST(Pitfall4, InADelegatedCgroupNothingEscapesOfAForkserversChild) {
  expect_no_escape<StartMethod::forkserver>();
}

TEST(P5, AParentThatEndsIsSeenToEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  Process parent(
      [](const UniqueFd& pipe) {
        // It cuts the tie to its parent's life: only then can it see that one's end.
        Process grandchild(
            [](const UniqueFd& to) {
              ::prctl(PR_SET_PDEATHSIG, 0);
              const auto above = parent_process();
              announce(to, above->is_alive() && !above->join(0ms) ? 1 : 0);
              announce(to, above->join(20s) && !above->is_alive() ? 2 : 0);
            },
            pipe);
        grandchild.start();
        while (true) ::pause();
      },
      writer);
  parent.start();
  writer.reset();
  pid_t word = 0;
  ASSERT_EQ(::read(reader.get(), &word, sizeof(word)), static_cast<ssize_t>(sizeof(word)));
  EXPECT_EQ(word, 1);
  parent.kill();
  EXPECT_EQ(joined(parent), -SIGKILL);
  ASSERT_TRUE(is_signalled(reader.get(), patience));
  ASSERT_EQ(::read(reader.get(), &word, sizeof(word)), static_cast<ssize_t>(sizeof(word)));
  EXPECT_EQ(word, 2);
}

TEST(Guardian, ThereIsOneForTheTreeAndItIsNotTheRootsChild) {
  Process first([] {});
  EXPECT_EQ(run(first), 0);
  const pid_t pid = detail::Guardian::instance().pid();
  ASSERT_GT(pid, 0);
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1) << "wait(-1) would wait for it";
  EXPECT_EQ(file_text("/proc/" + std::to_string(pid) + "/comm"), "forebay-guard\n");
  EXPECT_NE(::getsid(pid), ::getsid(0));
  Process nests([] {
    Process child([] {});
    return run(child) == 0 && detail::Guardian::instance().pid() == 0 ? 0 : 1;
  });
  EXPECT_EQ(run(nests), 0);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;  // it closes some, as a child ends
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    if (gone) continue;
    const bool own = target == "/dev/null" || target.starts_with("socket:") ||
                     target.starts_with("anon_inode:") || target.starts_with("/memfd:forebay-guardian") ||
                     target.starts_with("pidfd:");
    EXPECT_TRUE(own) << target;
  }
}

TEST(Guardian, ItEndsWithTheRootsNormalEndToo) {
  Tree tree = tree_of([](Channel channel) { return root_of(std::move(channel), &deaf); }, 1);
  const Watched guardian(tree.guardian);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ASSERT_EQ(::kill(tree.guardian, signal), 0);
  EXPECT_FALSE(guardian.ends_within(50ms)) << "it ignores them";
  tree.root.signal(SIGTERM);
  EXPECT_TRUE(guardian.ends_within(gone_by));
}

TEST(Pitfall9, AStrangerWithTheNumberIsNotTaken) {
  // The same number, another process: as it looks to a guardian after the first has ended.
  Child first = Child::spawn(&stay, {});
  const std::uint64_t identity = detail::identity_of(first.pidfd(), first.pid());
  ASSERT_NE(identity, 0U);
  EXPECT_EQ(detail::identity_of(first.pidfd(), first.pid()), identity);
  Child second = Child::spawn(&stay, {});
  EXPECT_NE(detail::identity_of(second.pidfd(), second.pid()), identity);
  // A pidfd of a process that has been reaped reaches nobody, whoever has its number now.
  const UniqueFd old(::dup(first.pidfd()));
  const pid_t number = first.pid();
  first = Child{};
  detail::kill_group_of(old.get(), number);
  EXPECT_EQ(::syscall(SYS_pidfd_send_signal, old.get(), SIGKILL, nullptr, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_FALSE(second.wait_until(std::chrono::steady_clock::now() + 20ms));
}

TEST(Pitfall4, TheGuardianIsKilledFirstAndReplaced) {
  Tree tree = tree_of([](Channel channel) { return root_of(std::move(channel), &with_company); }, 2);
  ASSERT_GT(tree.guardian, 0);
  const Watched guardian(tree.guardian);
  ASSERT_EQ(::kill(tree.guardian, SIGKILL), 0);
  ASSERT_TRUE(guardian.ends_within(patience));
  await_successor(tree.root.channel(), tree.guardian);  // the promise holds from then on
  kill_root(tree);
  expect_all_gone(tree);
}

}  // namespace
}  // namespace forebay
