#include "host/process/cgroup.h"

#include <algorithm>
#include <array>
#include <optional>

#include "host/process/system_file.h"

namespace forebay {
namespace {

/// A mounted hierarchy: `subtree` is the cgroup that shows at `point` ("/" but in some containers).
struct Mount {
  std::string point;
  std::string subtree;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool contains(const std::vector<std::string_view>& parts, std::string_view wanted) {
  return std::find(parts.begin(), parts.end(), wanted) != parts.end();
}

/// Blanks and backslashes are written as \040 and so on in mountinfo.
std::string unescaped(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// proc(5): "36 35 98:0 /subtree /point options [optional…] - type source super-options".
std::optional<Mount> mounted(const std::string& mountinfo, std::string_view controller, int version) {
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    const bool found = version == 2 ? right[0] == "cgroup2"
                                    : right[0] == "cgroup" && contains(split(right[2], ','), controller);
    if (found) return Mount{unescaped(left[4]), unescaped(left[3])};
  }
  return std::nullopt;
}

/// Where /proc/self/mountinfo says nothing (hidden in some sandboxes): the places that everybody uses.
std::optional<Mount> conventional(std::string_view controller, int version, const std::string& root) {
  const std::string top = "/sys/fs/cgroup";
  const std::array<std::string, 2> v1{top + "/" + std::string(controller), top + "/cpu,cpuacct"};
  const std::array<std::string, 2> v2{top, top + "/unified"};
  for (const std::string& point : version == 2 ? v2 : v1) {
    if (version == 1 && point.ends_with("cpuacct") && controller != "cpu") continue;
    if (read_system_file(root + point + "/cgroup.procs")) return Mount{point, "/"};
  }
  return std::nullopt;
}

/// /proc/self/cgroup: "4:memory:/path" for v1, "0::/path" for v2.
std::optional<std::string> own_path(const std::string& cgroups, std::string_view controller, int version) {
  for (const std::string_view line : split(cgroups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool found = version == 2 ? line.starts_with("0::") : contains(split(controllers, ','), controller);
    if (found) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

/// The path below the mount point. A cgroup outside of what is mounted here (another namespace: "/../x") is
/// invisible: its nearest visible relative is the mount point.
std::string below_mount(std::string path, const Mount& mount) {
  if (path.find("/..") != std::string::npos) return {};
  if (mount.subtree != "/") {
    if (path != mount.subtree && !path.starts_with(mount.subtree + "/")) return {};
    path.erase(0, mount.subtree.size());
  }
  while (path.ends_with('/')) path.pop_back();
  return path;
}

void append_hierarchy(std::vector<CgroupFolder>& folders, const Mount& mount, std::string below, int version,
                      const std::string& root) {
  while (true) {
    folders.push_back({version, below.empty() ? "/" : below, root + mount.point + below});
    if (below.empty()) return;
    below.erase(below.rfind('/'));
  }
}

}  // namespace

std::vector<CgroupFolder> cgroup_folders(std::string_view controller, const std::string& root) {
  const std::string cgroups = read_system_file(root + "/proc/self/cgroup").value_or("");
  const std::string mountinfo = read_system_file(root + "/proc/self/mountinfo").value_or("");
  std::vector<CgroupFolder> folders;
  for (const int version : {1, 2}) {
    const std::optional<std::string> path = own_path(cgroups, controller, version);
    if (!path || !path->starts_with('/')) continue;
    std::optional<Mount> mount = mounted(mountinfo, controller, version);
    if (!mount) mount = conventional(controller, version, root);
    if (mount) append_hierarchy(folders, *mount, below_mount(*path, *mount), version, root);
  }
  return folders;
}

}  // namespace forebay
