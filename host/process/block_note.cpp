#include "host/process/block_note.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <span>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/process/block_table.h"
#include "host/process/guardian.h"
#include "host/process/guardian_socket.h"
#include "host/process/init.h"

namespace forebay::detail {
namespace {

using Clock = std::chrono::steady_clock;

bool tell(int guardian, const BlockNote& note, std::span<const int> fds,
          Clock::time_point deadline) noexcept {
  return tell_guardian(guardian, std::as_bytes(std::span(&note, 1)), fds, deadline);
}

/// At the end of a process in order, its blocks are the tree's. Whoever is killed does not come here.
struct LeaveAtExit {
  LeaveAtExit() = default;
  LeaveAtExit(const LeaveAtExit&) = delete;
  LeaveAtExit& operator=(const LeaveAtExit&) = delete;
  ~LeaveAtExit() {
    const int guardian = Guardian::instance().known_descriptor();
    if (guardian < 0) return;
    BlockNote note;
    note.event = BlockNote::Event::left;
    static_cast<void>(tell(guardian, note, {}, Clock::now() + limits::child_stop));
  }
};

int guardian_for_blocks() {
  if (!initialised()) {
    throw Error(ErrorCode::usage,
                "cannot make a named block that is sure to be unlinked: call forebay::init(argc, argv) first "
                "in main, or make it with tracked = false");
  }
  const int guardian = Guardian::instance().descriptor();
  if (guardian >= 0) return guardian;
  throw Error(ErrorCode::environment,
              "cannot start the process that unlinks named blocks when this program is killed; raise the "
              "limits on processes and open files, or make the block with tracked = false");
}

/// The guardian's word, or 0 where it says none in time.
std::uint64_t answer_in(int eventfd, std::chrono::milliseconds time) noexcept {
  pollfd entry{eventfd, POLLIN, 0};
  std::uint64_t answer = 0;
  if (::poll(&entry, 1, static_cast<int>(time.count())) != 1) return 0;
  return ::read(eventfd, &answer, sizeof(answer)) == static_cast<ssize_t>(sizeof(answer)) ? answer : 0;
}

}  // namespace

void have_unlinked(const std::string& name, int fd) {
  const int guardian = guardian_for_blocks();
  static const LeaveAtExit at_exit;
  const UniqueFd answers(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!answers.valid())
    throw os_error(errno, "cannot create an event", "raise the limit on open files (ulimit -n)");
  BlockNote note;
  expect(name.size() < note.name.size(), "a block's name was checked");
  std::copy(name.begin(), name.end(), note.name.begin());
  const std::array<int, 2> fds{fd, answers.get()};
  const auto deadline = Clock::now() + limits::child_start;
  while (Clock::now() < deadline) {
    if (!tell(guardian, note, fds, deadline)) break;
    const std::uint64_t answer = answer_in(answers.get(), limits::guardian_answer);
    if (answer == 0) continue;  // told again, it knows the block by its file
    if (answer != block_table_full) return;
    throw Error(ErrorCode::environment, "a program has at most " + std::to_string(limits::named_blocks_max) +
                                            " named blocks of shared memory at a time; unlink some");
  }
  throw Error(ErrorCode::timeout,
              "the process that unlinks named blocks does not answer; is it stopped (forebay-guard)?");
}

void tell_shared(int fd) noexcept {
  const int guardian = Guardian::instance().known_descriptor();
  if (guardian < 0) return;
  BlockNote note;
  note.event = BlockNote::Event::shared;
  static_cast<void>(tell(guardian, note, {&fd, 1}, Clock::now() + limits::child_stop));
}

}  // namespace forebay::detail
