#include "host/process/leaf_cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "host/memory/unique_fd.h"
#include "host/process/cgroup.h"
#include "host/process/system_file.h"

namespace forebay::detail {
namespace {

void write_file(const std::string& path, std::string_view text) noexcept {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.valid()) static_cast<void>(::write(file.get(), text.data(), text.size()));
}

bool is_there_already(std::string_view leaf) {
  const std::string_view name = leaf.substr(leaf.rfind('/'));
  const std::string own = read_system_file("/proc/self/cgroup").value_or("");
  const std::size_t line = own.rfind("0::");
  return line != std::string::npos && first_line(std::string_view(own).substr(line)).ends_with(name);
}

}  // namespace

std::string make_leaf_cgroup(const std::string& root) {
  const auto folders = cgroup_folders("", root);
  const auto own =
      std::find_if(folders.begin(), folders.end(), [](const auto& each) { return each.version == 2; });
  if (own == folders.end() || own->name == "/") return {};
  if (::access((own->directory + "/cgroup.procs").c_str(), W_OK) != 0) return {};
  const std::string leaf = own->directory + "/forebay-" + std::to_string(::getpid());
  if (leaf.size() >= LeafPath{}.size()) return {};
  // One of this name was left by an earlier process of this number, and is empty: then it is taken over.
  if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return {};
  if (::access((leaf + "/cgroup.kill").c_str(), W_OK) == 0) return leaf;
  ::rmdir(leaf.c_str());
  return {};
}

void enter_leaf_cgroup(const LeafPath& leaf) noexcept {
  if (leaf[0] == '\0' || leaf.back() != '\0') return;
  try {
    if (!is_there_already(leaf.data())) write_file(std::string(leaf.data()) + "/cgroup.procs", "0");
  } catch (...) {
    // No memory for a path: then it ends by its process group.
  }
}

void kill_leaf_cgroup(const LeafPath& leaf) noexcept {
  if (leaf[0] == '\0' || leaf.back() != '\0') return;
  try {
    write_file(std::string(leaf.data()) + "/cgroup.kill", "1");
  } catch (...) {
    // As above.
  }
}

bool remove_leaf_cgroup(const LeafPath& leaf) noexcept {
  if (leaf[0] == '\0' || leaf.back() != '\0') return true;
  return ::rmdir(leaf.data()) == 0 || errno != EBUSY;
}

}  // namespace forebay::detail
