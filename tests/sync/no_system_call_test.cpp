// Where nobody waits, what processes share asks nothing of the kernel: shown in a process that the kernel
// kills for any system call but its end.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>

#include "host/channel/queue.h"
#include "host/process/process.h"
#include "host/sync/event.h"
#include "host/sync/lock.h"
#include "host/sync/semaphore.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

constexpr int times = 1000;
constexpr int no_filter = 70;

/// From here on this thread may end its process and nothing else.
bool forbid_system_calls() {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  }};
  sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// Does the step, first as usual (what is made at the first use is there then), and then often under the
/// filter; ends the process.
template <typename Step>
[[noreturn]] void end_without_system_call(const Step& step) {
  step();
  int code = no_filter;
  if (forbid_system_calls()) {
    for (int i = 0; i < times; ++i) step();
    code = 0;
  }
  ::syscall(SYS_exit_group, code);
  ::abort();  // not reached
}

void lock_and_unlock(Lock lock) {
  end_without_system_call([&] {
    lock.lock();
    lock.unlock();
  });
}

void set_and_clear(Event event) {
  end_without_system_call([&] {
    event.set();
    event.clear();
  });
}

void acquire_and_release(Semaphore semaphore) {
  end_without_system_call([&] {
    semaphore.acquire();
    semaphore.release();
  });
}

void put_and_get(Queue<int> queue) {
  end_without_system_call([&] {
    queue.put(1);
    static_cast<void>(queue.get());
  });
}

void wait_a_little(Event event) {
  end_without_system_call([&] { event.wait(2ms); });
}

template <typename F, typename... A>
int exit_code_of(const F& function, const A&... arguments) {
  Children children;
  Process& process = children.start(function, arguments...);
  EXPECT_TRUE(process.join(patience)) << "a process hangs";
  return process.exit_code().value_or(-1);
}

class NoSystemCall : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
#endif
  }
};

TEST_F(NoSystemCall, AWaitIsOneSoTheProcessIsKilled) {
  EXPECT_EQ(exit_code_of(wait_a_little, Event()), -SIGSYS);
}
TEST_F(NoSystemCall, LockAndUnlockWhereNobodyWaits) { EXPECT_EQ(exit_code_of(lock_and_unlock, Lock()), 0); }
TEST_F(NoSystemCall, AnEventIsSetWhereNobodyWaits) { EXPECT_EQ(exit_code_of(set_and_clear, Event()), 0); }
TEST_F(NoSystemCall, APermitIsThere) { EXPECT_EQ(exit_code_of(acquire_and_release, Semaphore(1)), 0); }
TEST_F(NoSystemCall, AMessageIsPutAndGotWhereNobodyWaits) {
  EXPECT_EQ(exit_code_of(put_and_get, Queue<int>()), 0);
}

}  // namespace
}  // namespace forebay
