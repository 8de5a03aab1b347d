// The start method forkserver: copies of a server that are the application's own children, with a C library
// in order.
#include <gmock/gmock.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

#include "host/error.h"
#include "host/process/context.h"
#include "host/process/current_process.h"
#include "host/process/forkserver.h"
#include "host/process/sibling_clone.h"
#include "host/process/start_child.h"
#include "host/process/thread_count.h"
#include "tests/process/process_probe.h"

namespace forebay {
namespace {

using namespace probe;

const Context forkserver = get_context(StartMethod::forkserver);

TEST(Forkserver, ItsChildrenAreTheApplicationsOwn) {
  Process process = forkserver.process([](pid_t root) { return ::getppid() == root ? 5 : 6; }, ::getpid());
  EXPECT_EQ(run(process), 5);
  EXPECT_NE(detail::Forkserver::instance().pid(), 0);
  EXPECT_NE(process.pid(), detail::Forkserver::instance().pid());
}

TEST(Forkserver, TheCopysCLibraryIsInOrder) {
  Process process = forkserver.process([] {
    // The number that mutexes are owned by is the thread's own.
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_t recursive;
    ::pthread_mutex_init(&recursive, &attributes);
    ::pthread_mutex_lock(&recursive);
    if (recursive.__data.__owner != ::gettid()) return 1;
    if (::pthread_mutex_lock(&recursive) != 0) return 2;
    int other = 0;
    std::thread([&] { other = ::pthread_mutex_trylock(&recursive); }).join();
    if (other != EBUSY) return 3;
    ::pthread_mutex_unlock(&recursive);
    if (::pthread_mutex_unlock(&recursive) != 0) return 4;
    if (::gettid() != ::getpid()) return 5;
    if (::tgkill(::getpid(), ::gettid(), 0) != 0 || ::pthread_kill(::pthread_self(), 0) != 0) return 6;
    // Threads, each with its own errno and its own exceptions.
    std::atomic<int> sum{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&sum] {
        const std::vector<std::string> text(100, std::string(1000, 'x'));
        try {
          throw std::runtime_error("caught");
        } catch (const std::runtime_error&) {
          sum += static_cast<int>(text.size());
        }
      });
    }
    threads.clear();
    if (sum != 800) return 7;
    std::FILE* file = std::tmpfile();
    if (file == nullptr || std::fprintf(file, "x") != 1 || std::fclose(file) != 0) return 8;
    return thread_count() == 1U ? 0 : 9;
  });
  EXPECT_EQ(run(process), 0);
}

/// A robust mutex in memory that processes share.
class SharedRobustMutex {
 public:
  explicit SharedRobustMutex(const UniqueFd& memory)
      : mutex_(static_cast<pthread_mutex_t*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0))) {}
  SharedRobustMutex(const SharedRobustMutex&) = delete;
  SharedRobustMutex& operator=(const SharedRobustMutex&) = delete;
  ~SharedRobustMutex() { ::munmap(mutex_, 4096); }
  void init() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ASSERT_EQ(::pthread_mutex_init(mutex_, &attributes), 0);
  }
  pthread_mutex_t* get() { return mutex_; }

 private:
  pthread_mutex_t* mutex_;
};

UniqueFd page() {
  UniqueFd memory(::memfd_create("mutex", MFD_CLOEXEC));
  if (::ftruncate(memory.get(), 4096) != 0) throw std::runtime_error("no memory");
  return memory;
}

TEST(Forkserver, ARobustMutexOfAKilledCopyIsReported) {
  const UniqueFd memory = page();
  SharedRobustMutex mutex(memory);
  mutex.init();
  const UniqueFd held(::eventfd(0, EFD_CLOEXEC));
  Process process = forkserver.process(
      [](const UniqueFd& shared, const UniqueFd& ready) {
        SharedRobustMutex mine(shared);
        if (::pthread_mutex_lock(mine.get()) != 0) return;
        sleep_until_killed(ready);
      },
      memory, held);
  process.start();
  await(held.get());
  EXPECT_EQ(::pthread_mutex_trylock(mutex.get()), EBUSY);
  process.kill();
  EXPECT_EQ(joined(process), -SIGKILL);
  EXPECT_EQ(::pthread_mutex_trylock(mutex.get()), EOWNERDEAD);
  EXPECT_EQ(::pthread_mutex_consistent(mutex.get()), 0);
  EXPECT_EQ(::pthread_mutex_unlock(mutex.get()), 0);
}

TEST(Forkserver, ItsChildrenSeeTheParentAsItIsNow) {
  Process before = forkserver.process([] {});
  EXPECT_EQ(run(before), 0);  // the server is there
  const std::filesystem::path folder = std::filesystem::current_path();
  ASSERT_EQ(::setenv("FOREBAY_TEST_LATE", "set", 1), 0);
  std::filesystem::current_path("/proc");
  Captured captured(STDOUT_FILENO);
  Process process = forkserver.process([] {
    const char* value = std::getenv("FOREBAY_TEST_LATE");
    if (value == nullptr || std::string(value) != "set" || std::getenv("PATH") == nullptr) return 1;
    if (::setenv("FOREBAY_TEST_LATE", "changed", 1) != 0 || ::getpgid(0) != ::getpid()) return 2;
    std::printf("to the captured stream");
    return std::filesystem::current_path() == "/proc" ? 0 : 3;
  });
  const int code = run(process);
  std::filesystem::current_path(folder);
  ::unsetenv("FOREBAY_TEST_LATE");
  EXPECT_EQ(code, 0);
  EXPECT_EQ(captured.text(), "to the captured stream");
  Process without = forkserver.process([] { return std::getenv("FOREBAY_TEST_LATE") == nullptr ? 0 : 1; });
  EXPECT_EQ(run(without), 0);
}

TEST(Forkserver, OptionsHoldAsForSpawn) {
  Process process = forkserver.process({.name = "forked",
                                        .affinity = {0},
                                        .environment = {{"FOREBAY_TEST_SET", "yes"}},
                                        .working_directory = "/proc"},
                                       [] {
                                         cpu_set_t set;
                                         ::sched_getaffinity(0, sizeof(set), &set);
                                         const char* value = std::getenv("FOREBAY_TEST_SET");
                                         return CPU_COUNT(&set) == 1 && value != nullptr &&
                                                        current_process().name() == "forked" &&
                                                        std::filesystem::current_path() == "/proc"
                                                    ? 0
                                                    : 1;
                                       });
  EXPECT_EQ(run(process), 0);
}

TEST(Forkserver, DescriptorsAndSignalsAreThoseOfASpawnedChild) {
  Child child = start_child(
      [](Channel channel) {
        tell(channel, Note::of(open_files()));
        sigset_t mask;
        ::sigprocmask(SIG_SETMASK, nullptr, &mask);
        struct sigaction action {};
        ::sigaction(SIGINT, nullptr, &action);
        return ::sigismember(&mask, SIGTERM) == 0 && action.sa_handler == SIG_DFL ? 0 : 1;
      },
      {"forebay: test", "test"}, StartMethod::forkserver);
  const std::string files = hear(child.channel()).words();
  EXPECT_EQ(child.wait_until(soon())->exit_code, 0);
  const auto lines = std::count(files.begin(), files.end(), '\n');
  EXPECT_LE(lines, 5) << files;
  EXPECT_TRUE(files.starts_with("0:/dev/null\n")) << files;
  EXPECT_NE(files.find("3:socket:"), std::string::npos) << files;
}

TEST(P18, AKilledForkserverIsMadeAnewAndItsChildrenLiveOn) {
  for (const int signal : {SIGINT, SIGKILL, SIGTERM}) {
    const UniqueFd ready(::eventfd(0, EFD_CLOEXEC));
    Process survivor = forkserver.process(&sleep_until_killed, ready);
    survivor.start();
    await(ready.get());
    const pid_t server = detail::Forkserver::instance().pid();
    ASSERT_EQ(::kill(server, signal), 0);  // dead, dying, or unimpressed when it is asked next
    for (int i = 0; i < 3; ++i) {
      Process process = forkserver.process([](int code) { return code; }, i);
      EXPECT_EQ(run(process), i);
    }
    EXPECT_EQ(signal == SIGINT, detail::Forkserver::instance().pid() == server);
    EXPECT_TRUE(survivor.is_alive());
    survivor.kill();
    EXPECT_EQ(joined(survivor), -SIGKILL);
  }
}

TEST(P18, KilledAtAnyMomentItNeverRunsAFunctionTwice) {
  const UniqueFd count(::eventfd(0, EFD_CLOEXEC));
  constexpr int starts = 60;
  std::jthread killer([](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const pid_t server = detail::Forkserver::instance().pid();
      if (server != 0) ::kill(server, SIGKILL);
      std::this_thread::sleep_for(3ms);
    }
  });
  int started = 0;
  for (int i = 0; i < starts; ++i) {
    Process process = forkserver.process([](const UniqueFd& event) { signal_event(event.get()); }, count);
    try {
      process.start();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::spawn) << error.what();
      continue;
    }
    ++started;
    EXPECT_EQ(joined(process), 0);
  }
  killer = {};
  std::uint64_t ran = 0;
  ASSERT_EQ(::read(count.get(), &ran, sizeof(ran)), static_cast<ssize_t>(sizeof(ran)));
  EXPECT_EQ(ran, static_cast<std::uint64_t>(started));
  EXPECT_GT(started, 0);
}

int preloaded = 0;

TEST(P23, ThePreloadFunctionRunsOnceInTheServer) {
  Process process([] {
    set_forkserver_preload([] { ++preloaded; });
    for (int i = 0; i < 3; ++i) {
      Process child = forkserver.process([] { return preloaded; });
      if (run(child) != 1) return 1;
    }
    return preloaded;
  });
  EXPECT_EQ(run(process), 0);
}

TEST(Forkserver, APreloadFunctionThatStartsAThreadIsRefused) {
  Process process([] {
    set_forkserver_preload([] {
      static std::jthread thread([](const std::stop_token& stop) {
        while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
      });
    });
    Process child = forkserver.process([] {});
    try {
      child.start();
    } catch (const Error& error) {
      return std::string(error.what()).find("must not start others") != std::string::npos ? 0 : 1;
    }
    return 2;
  });
  EXPECT_EQ(run(process), 0);
}

TEST(P23, StartMethodsMixAndNestAndAreInherited) {
  for (const StartMethod outer : get_all_start_methods()) {
    for (const StartMethod inner : get_all_start_methods()) {
      Process process = get_context(outer).process(
          [](StartMethod expected, StartMethod below) {
            if (get_start_method() != expected) return 1;
            Process inherits([](StartMethod again) { return get_start_method() == again ? 0 : 2; }, expected);
            if (const int code = run(inherits); code != 0) return code;
            Process nested = get_context(below).process([] { return 7; });
            return run(nested);
          },
          outer, inner);
      EXPECT_EQ(run(process), 7) << to_string(outer) << " > " << to_string(inner);
    }
  }
}

}  // namespace
}  // namespace forebay
