#pragma once

#include <array>
#include <string>

namespace forebay::detail {

/// The path of a leaf as it travels in messages; empty for none.
using LeafPath = std::array<char, 256>;

/// A cgroup (v2) below this process's own, for everything that it starts: cgroup.kill then ends all of it,
/// whatever process group or session it has gone to. Only where this process's cgroup was delegated to it: it
/// is not the top one, and this process may change it. Empty where it was not, and where the kernel has no
/// cgroup.kill (before 5.14). Never throws for what the system refuses. `root` as in cgroup_folders().
[[nodiscard]] std::string make_leaf_cgroup(const std::string& root = {});

/// Moves this process into the leaf, unless it is there. A leaf that cannot be entered is nothing to fail
/// for.
void enter_leaf_cgroup(const LeafPath& leaf) noexcept;
/// SIGKILL to everything in it.
void kill_leaf_cgroup(const LeafPath& leaf) noexcept;
/// False where something is in it still.
[[nodiscard]] bool remove_leaf_cgroup(const LeafPath& leaf) noexcept;

}  // namespace forebay::detail
