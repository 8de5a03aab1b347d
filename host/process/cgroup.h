#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace forebay {

/// A directory of a cgroup that limits this process: its own or an ancestor's.
struct CgroupFolder {
  int version = 0;        ///< 1 or 2
  std::string name;       ///< as people say it: "/user.slice"; "/" for the top that is visible here
  std::string directory;  ///< where its files lie, `root` included
};

/// The cgroups that this process is in for `controller` ("memory", "cpu"), from its own up to the top that is
/// visible here, of v1 and of v2 (both in a hybrid system; a file that a folder lacks limits nothing). Empty
/// where there are none. `root` is prepended to every path, so that recorded trees can be tested. Blocks for
/// file reads.
[[nodiscard]] std::vector<CgroupFolder> cgroup_folders(std::string_view controller, const std::string& root);

}  // namespace forebay
