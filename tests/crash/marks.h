#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace forebay::testing_marks {

/// A folder in which processes leave marks for each other, named by an environment variable that children
/// inherit.
class Marks {
 public:
  Marks() {
    std::string pattern = ::testing::TempDir() + "forebay-marks-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::setenv("FOREBAY_TEST_MARKS", folder_.c_str(), 1);
  }
  Marks(const Marks&) = delete;
  Marks& operator=(const Marks&) = delete;
  ~Marks() {
    ::unsetenv("FOREBAY_TEST_MARKS");
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  std::string folder_;
};

/// True for the first caller with this name, in whatever process.
inline bool first_time(const std::string& name) {
  const char* folder = std::getenv("FOREBAY_TEST_MARKS");
  if (folder == nullptr) return false;
  const int fd =
      ::open((std::string(folder) + "/" + name).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  ::close(fd);
  return true;
}

}  // namespace forebay::testing_marks
