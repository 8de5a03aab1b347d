#include "pipeline/decode/encoded_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/memory/unique_fd.h"
#include "pipeline/decode/item_error.h"

namespace forebay {
namespace {

UniqueFd file_of(const std::string& content) {
  UniqueFd fd(::memfd_create("encoded", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return fd;
}

ItemErrorCode code_of(EncodedFile& reader, int fd) {
  try {
    static_cast<void>(reader.read(fd));
  } catch (const ItemFailure& failure) {
    return failure.code();
  }
  return ItemErrorCode::none;
}

TEST(EncodedFile, ReadsWholeFilesOneAfterTheOther) {
  EncodedFile reader;
  for (const std::size_t size : {10U, 100'000U, 3U}) {
    const std::string content(size, static_cast<char>('a' + size % 20));
    const auto bytes = reader.read(file_of(content).get());
    ASSERT_EQ(bytes.size(), size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), content);
  }
}

TEST(EncodedFile, ErrorsAreData) {
  EncodedFile reader;
  EXPECT_EQ(code_of(reader, file_of("").get()), ItemErrorCode::empty_file);
  EXPECT_EQ(code_of(reader, -1), ItemErrorCode::io_error);
  const UniqueFd write_only(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  EXPECT_NE(code_of(reader, write_only.get()), ItemErrorCode::none);
  const UniqueFd huge(::memfd_create("huge", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(huge.get(), (off_t{1} << 30) + 1), 0);
  EXPECT_EQ(code_of(reader, huge.get()), ItemErrorCode::too_large) << "and no memory was taken for it";
}

}  // namespace
}  // namespace forebay
