#pragma once

#include <sys/types.h>

#include <cstdint>

#include "host/channel/channel.h"

namespace forebay {

namespace detail {
struct ForkRequest;

/// The same for a copy that a forkserver made of itself, whose channel is at its place. Says first, on the
/// channel, that it is there.
[[noreturn]] void run_as_copy(const ForkRequest& request);

/// The same for a copy made by fork, wherever its channel and the guardian's descriptor are.
[[noreturn]] void run_as_fork(pid_t parent, std::uint64_t nonce, Channel channel, const char* title,
                              int guardian);
}  // namespace detail

/// The rest of a spawned child's life, after `variable` (the value of spawn_variable) told init() that it is
/// one: takes the note, ties itself to its parent's life, runs its ChildMain, exits with its return value. An
/// exception that escapes is one line on stderr, headed by `title`, and exit code 1. A hand-over that is not
/// one (the variable leaked into a process that Forebay did not spawn) is exit code 2: going on into the
/// program's main could spawn without end. `ready` is called before ChildMain: from there on the child may
/// spawn itself.
[[noreturn]] void run_as_child(const char* variable, const char* title, void (*ready)());

}  // namespace forebay
