#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace forebay::detail {

/// Lets a message carry descriptors. `control` must hold CMSG_SPACE of them, be aligned as cmsghdr, and live
/// as long as the header; it is zeroed first, for its padding goes to the kernel too. Does nothing without
/// any.
inline void carry_rights(msghdr& header, std::span<std::byte> control, std::span<const int> fds) noexcept {
  if (fds.empty()) return;
  std::fill(control.begin(), control.end(), std::byte{0});
  header.msg_control = control.data();
  header.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
}

}  // namespace forebay::detail
