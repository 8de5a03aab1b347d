// Ctrl+C: one exception in the right thread, whenever it comes; a second one ends the process.
#include "host/sync/interrupt.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <future>
#include <thread>

#include "host/process/child.h"
#include "tests/host/open_fds.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using namespace probe;
using Clock = std::chrono::steady_clock;

constexpr auto no_limit = Clock::time_point::max();
const SpawnOptions options{"forebay: test child", "forebay-test"};

void press_ctrl_c() { ASSERT_EQ(::kill(::getpid(), SIGINT), 0); }

bool is_blocked() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, SIGINT) == 1;
}

void block(int how) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::pthread_sigmask(how, &set, nullptr);
}

/// A thread that waits for something, as the tested calls do.
struct Place {
  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
  bool waiting = false;  // the predicate has been looked at, under the mutex: so the wait follows

  bool wait(Clock::time_point deadline) {
    std::unique_lock lock(mutex);
    const auto look = [this] {
      waiting = true;
      return ready;
    };
    try {
      const bool came = detail::wait_interruptibly(lock, changed, deadline, look);
      EXPECT_TRUE(lock.owns_lock());
      return came;
    } catch (const Interrupted&) {
      EXPECT_TRUE(lock.owns_lock());
      throw;
    }
  }
  /// Returns once the other thread is inside the wait (its mutex is free only there).
  bool is_waited_in() {
    const auto deadline = soon();
    while (Clock::now() < deadline) {
      const std::scoped_lock lock(mutex);
      if (waiting) return true;
    }
    return false;
  }
  void make_ready() {
    const std::scoped_lock lock(mutex);
    ready = true;
    changed.notify_all();
  }
};

TEST(Interrupt, WithoutAScopeAWaitIsAWait) {
  Place place;
  EXPECT_FALSE(place.wait(Clock::now() + 5ms));
  place.make_ready();
  EXPECT_TRUE(place.wait(Clock::now()));
  EXPECT_TRUE(place.wait(no_limit));
  EXPECT_EQ(detail::interrupt_fd(), -1);
  EXPECT_NO_THROW(detail::throw_if_interrupted());
}

TEST(Interrupt, WithoutASignalAWaitInAScopeIsAWait) {
  const InterruptScope scope;
  Place place;
  EXPECT_FALSE(place.wait(Clock::now() + 5ms));
  EXPECT_FALSE(place.wait(Clock::now() - 1s));
  const std::jthread other([&] {
    ASSERT_TRUE(place.is_waited_in());
    place.make_ready();
  });
  EXPECT_TRUE(place.wait(no_limit));
}

TEST(Interrupt, DuringAWaitWithoutLimit) {
  const InterruptScope scope;
  Place place;
  const std::jthread other([&] {
    ASSERT_TRUE(place.is_waited_in());
    press_ctrl_c();
  });
  try {
    place.wait(no_limit);
    FAIL() << "not interrupted";
  } catch (const Interrupted& error) {
    EXPECT_EQ(error.code(), ErrorCode::interrupted);
    EXPECT_STREQ(error.what(), "interrupted by SIGINT (Ctrl+C)");
  }
  EXPECT_FALSE(place.wait(Clock::now() + 1ms)) << "the exception is thrown once";
  EXPECT_NO_THROW(detail::throw_if_interrupted());
}

TEST(Interrupt, DuringAWaitWithALimit) {
  const InterruptScope scope;
  Place place;
  const std::jthread other([&] {
    ASSERT_TRUE(place.is_waited_in());
    press_ctrl_c();
  });
  EXPECT_THROW(place.wait(soon()), Interrupted);
}

TEST(Interrupt, BeforeTheWaitEvenOfSomethingThatIsReady) {
  const InterruptScope scope;
  Place place;
  place.make_ready();
  press_ctrl_c();
  EXPECT_THROW(place.wait(no_limit), Interrupted);
  EXPECT_TRUE(place.wait(no_limit));
}

TEST(Interrupt, NoWakeUpIsLostWhereverItComes) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer hands a signal on only when the thread comes to its next call";
#endif
  for (int round = 0; round < 500; ++round) {
    const InterruptScope scope;
    Place place;
    std::atomic<bool> go{false};
    const std::jthread other([&] {
      while (!go) std::this_thread::yield();
      const auto moment = Clock::now() + std::chrono::nanoseconds(round * 50);
      while (Clock::now() < moment) {
      }
      press_ctrl_c();
    });
    go = true;
    ASSERT_THROW(place.wait(soon()), Interrupted) << "round " << round;
  }
}

TEST(Interrupt, ReadinessAndSignalTogetherLoseNeither) {
  for (int round = 0; round < 500; ++round) {
    const InterruptScope scope;
    Place place;
    std::jthread other([&] {
      ASSERT_TRUE(place.is_waited_in());
      press_ctrl_c();
      place.make_ready();
    });
    int interrupts = 0;
    try {
      ASSERT_TRUE(place.wait(soon()));
    } catch (const Interrupted&) {
      ++interrupts;
    }
    other.join();
    try {
      ASSERT_TRUE(place.wait(soon()));
    } catch (const Interrupted&) {
      ++interrupts;
    }
    ASSERT_EQ(interrupts, 1) << "round " << round;
  }
}

TEST(Interrupt, OtherThreadsNeverGetTheException) {
  const InterruptScope scope;
  Place place;
  std::promise<bool> result;
  const std::jthread other([&] {
    EXPECT_EQ(detail::interrupt_fd(), -1);
    result.set_value(place.wait(soon()));
    EXPECT_NO_THROW(detail::throw_if_interrupted());
  });
  ASSERT_TRUE(place.is_waited_in());
  press_ctrl_c();
  EXPECT_THROW(detail::throw_if_interrupted(), Interrupted);
  place.make_ready();
  EXPECT_TRUE(result.get_future().get());
}

TEST(Interrupt, APollSeesItUntilItIsThrown) {
  const InterruptScope scope;
  pollfd entry{detail::interrupt_fd(), POLLIN, 0};
  ASSERT_GE(entry.fd, 0);
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  press_ctrl_c();
  while (::poll(&entry, 1, 20'000) < 0) ASSERT_EQ(errno, EINTR);
  EXPECT_EQ(entry.revents, POLLIN);
  EXPECT_THROW(detail::throw_if_interrupted(), Interrupted);
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
}

TEST(Interrupt, ThreadsThatBlockTheSignalMakeNoDifference) {
  block(SIG_BLOCK);
  {
    const InterruptScope scope;
    EXPECT_FALSE(is_blocked());
    Place place;
    const std::jthread other([&] {
      block(SIG_BLOCK);
      ASSERT_TRUE(place.is_waited_in());
      press_ctrl_c();
    });
    EXPECT_THROW(place.wait(soon()), Interrupted);
  }
  EXPECT_TRUE(is_blocked());
  block(SIG_UNBLOCK);
}

TEST(Interrupt, OneScopeAtATimeAndAnotherAfterwards) {
  {
    const InterruptScope scope;
    try {
      const InterruptScope second;
      FAIL() << "two at once";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::usage);
    }
    press_ctrl_c();
    EXPECT_THROW(detail::throw_if_interrupted(), Interrupted) << "the refused one did no harm";
  }
  const InterruptScope scope;
  press_ctrl_c();
  EXPECT_THROW(detail::throw_if_interrupted(), Interrupted);
}

std::atomic<int> seen_by_application{0};

TEST(Interrupt, TheEndPutsTheOldHandlerBackAndHandsOnWhatNobodyTook) {
  struct sigaction own {};
  struct sigaction before {};
  own.sa_handler = [](int) { ++seen_by_application; };
  ASSERT_EQ(::sigaction(SIGINT, &own, &before), 0);
  seen_by_application = 0;
  const std::size_t fds = open_fds();
  {
    const InterruptScope scope;
    press_ctrl_c();
    EXPECT_THROW(detail::throw_if_interrupted(), Interrupted);
  }
  EXPECT_EQ(seen_by_application, 0);
  {
    const InterruptScope scope;
    press_ctrl_c();
    EXPECT_EQ(seen_by_application, 0);
  }
  EXPECT_EQ(seen_by_application, 1);
  press_ctrl_c();
  EXPECT_EQ(seen_by_application, 2);
  EXPECT_EQ(open_fds(), fds);
  ASSERT_EQ(::sigaction(SIGINT, &before, nullptr), 0);
}

int twice(Channel channel) {
  const InterruptScope scope;
  Place place;
  try {
    tell(channel, Note::of("waiting"));
    place.wait(soon());
  } catch (const Interrupted&) {
    tell(channel, Note::of("interrupted"));
  }
  hear(channel);  // nothing comes: only the second signal ends this
  return 3;
}

TEST(Interrupt, ASecondSignalEndsTheProcess) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer hands a signal on only when the thread comes to its next call";
#endif
  Child child = Child::spawn(&twice, options);
  EXPECT_EQ(hear(child.channel()).words(), "waiting");
  child.signal(SIGINT);
  EXPECT_EQ(hear(child.channel()).words(), "interrupted");
  child.signal(SIGINT);
  const auto status = child.wait_until(soon());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal, SIGINT);
}

/// The copy of a process with a scope: Ctrl+C has its old meaning there, and the scope's end does no harm.
template <bool ends_scope>
int forks(Channel) {
  pid_t copy = 0;
  {
    const InterruptScope scope;
    copy = ::fork();
    if (copy == 0 && !ends_scope) {
      ::kill(::getpid(), SIGINT);
      ::_exit(1);
    }
    if (copy != 0) {
      int status = 0;
      if (::waitpid(copy, &status, 0) != copy) return 1;
      if (ends_scope ? status != 0 : WTERMSIG(status) != SIGINT) return 2;
      press_ctrl_c();
      try {
        detail::throw_if_interrupted();
        return 3;
      } catch (const Interrupted&) {
        return 33;
      }
    }
  }
  {
    const InterruptScope own;
    ::kill(::getpid(), SIGINT);
    try {
      detail::throw_if_interrupted();
      ::_exit(4);
    } catch (const Interrupted&) {
    }
  }
  struct sigaction now {};
  ::sigaction(SIGINT, nullptr, &now);
  ::_exit(now.sa_handler == SIG_DFL ? 0 : 5);
}

TEST(Interrupt, AForkedCopyHasTheOldHandlingAndMayMakeItsOwnScope) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a copy of a process with threads may hold a sanitizer's own lock, and start no thread";
#endif
  for (const ChildMain main : {&forks<false>, &forks<true>}) {
    Child child = Child::spawn(main, options);
    const auto status = child.wait_until(soon());
    ASSERT_TRUE(status) << "hangs";
    EXPECT_EQ(status->exit_code, 33) << describe(*status);
  }
}

}  // namespace
}  // namespace forebay
