#include "host/process/process_info.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace forebay {
namespace {

TEST(ProcessInfo, PeakGrowsByWhatIsTouched) {
  constexpr std::size_t bytes = std::size_t{64} << 20U;
  const auto before = peak_rss_bytes(::getpid());
  ASSERT_TRUE(before);
  std::vector<char> touched(bytes, 1);
  ASSERT_EQ(touched[bytes / 2], 1);
  EXPECT_GE(*peak_rss_bytes(::getpid()), bytes);
  EXPECT_GE(*pss_bytes(::getpid()), bytes);
  EXPECT_LT(*pss_bytes(::getpid()), *peak_rss_bytes(::getpid()) + bytes);
}

TEST(ProcessInfo, AnEndedProcessHasNone) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_FALSE(peak_rss_bytes(pid));
  EXPECT_FALSE(pss_bytes(pid));
}

}  // namespace
}  // namespace forebay
