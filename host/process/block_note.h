#pragma once

#include <string>

namespace forebay::detail {

/// Has the guardian of this tree unlink the block that `fd` refers to and that is about to get this name:
/// when this process is killed, or the tree ends, and the name is the block's still. Blocks until the
/// guardian knows. Thread-safe. Throws Error(usage) before init(), Error(environment) where no guardian can
/// be had or it knows limits::named_blocks_max blocks, Error(timeout).
void have_unlinked(const std::string& name, int fd);

/// This process uses the block too: where it is of this tree, it is the tree's from now on and outlives its
/// maker.
void tell_shared(int fd) noexcept;

}  // namespace forebay::detail
