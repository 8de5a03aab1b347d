// Deaths by the kernel's real OOM killer: a worker or an owner is moved into a small memory cgroup.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "host/memory/unique_fd.h"
#include "host/process/cgroup.h"
#include "pipeline/pipeline.h"
#include "tests/crash/marks.h"
#include "tests/crash/pictures.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using testing_marks::first_time;
using testing_marks::Marks;
namespace fs = std::filesystem;

bool write_to(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text << std::flush;
  return out.good();
}

/// A memory cgroup below this process's, for one test. Empty path where none can be made.
class SmallCgroup {
 public:
  explicit SmallCgroup(std::uint64_t bytes) {
    for (const CgroupFolder& parent : cgroup_folders("memory", "")) {
      const std::string path = parent.directory + "/forebay-oom-" + std::to_string(::getpid());
      std::error_code refused;
      if (!fs::create_directory(path, refused)) continue;
      const char* limit = parent.version == 1 ? "/memory.limit_in_bytes" : "/memory.max";
      counter_ = path + (parent.version == 1 ? "/memory.oom_control" : "/memory.events");
      // What may go to the swap is not killed.
      if (parent.version == 1) write_to(path + "/memory.swappiness", "0");
      if (fs::exists(path + limit) && write_to(path + limit, std::to_string(bytes))) {
        path_ = path;
        return;
      }
      fs::remove(path, refused);
    }
  }
  SmallCgroup(const SmallCgroup&) = delete;
  SmallCgroup& operator=(const SmallCgroup&) = delete;
  ~SmallCgroup() {
    std::error_code refused;  // a zombie may be in it for a moment
    for (int i = 0; i < 1000 && !path_.empty() && !fs::remove(path_, refused); ++i) ::usleep(1000);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool take(pid_t pid) const { return write_to(path_ + "/cgroup.procs", std::to_string(pid)); }
  [[nodiscard]] std::uint64_t kills() const {
    std::ifstream in(counter_);
    std::uint64_t value = 0;
    for (std::string name; in >> name >> value;) {
      if (name == "oom_kill") return value;
    }
    return 0;
  }

 private:
  std::string path_;
  std::string counter_;
};

constexpr std::uint64_t small_bytes = std::uint64_t{16} << 20U;

/// At item 33, the first time: goes into the small cgroup and takes more memory than that has.
void fill_and_take_too_much_once(Item& item) {
  auto* value = static_cast<std::int64_t*>(item.emplace(DType::i64, {1}).data);
  *value = static_cast<std::int64_t>(item.index()) * 3;
  const char* cgroup = std::getenv("FOREBAY_TEST_CGROUP");
  if (item.index() != 33 || cgroup == nullptr || !first_time("oom")) return;
  if (!write_to(std::string(cgroup) + "/cgroup.procs", std::to_string(::getpid()))) return;
  std::vector<std::byte> memory(8 * small_bytes);
  std::memset(memory.data(), 1, memory.size());
}

TEST(OutOfMemory, AKilledWorkerCostsOneAttempt) {
  const Marks marks;
  const SmallCgroup cgroup(small_bytes);
  if (cgroup.path().empty()) GTEST_SKIP() << "no memory cgroup can be made here";
  ::setenv("FOREBAY_TEST_CGROUP", cgroup.path().c_str(), 1);
  PipelineOptions options;
  options.workers = 2;
  options.batch = 16;
  Pipeline pipeline =
      PipelineBuilder::range(200).options(options).host_stage(fill_and_take_too_much_once).start();
  std::int64_t next = 0;
  for (const Batch& batch : pipeline) {
    const auto* values = static_cast<const std::int64_t*>(batch.tensor().data);
    for (const ItemRecord& item : batch.items()) {
      ASSERT_TRUE(item.ok()) << item.index << ": " << item.message;
      EXPECT_EQ(item.attempts, item.index == 33 ? 2U : 1U) << item.index;
      ASSERT_EQ(*values++, next++ * 3);
    }
  }
  ::unsetenv("FOREBAY_TEST_CGROUP");
  EXPECT_EQ(next, 200);
  EXPECT_EQ(cgroup.kills(), 1U) << "the kernel's own count";
}

TEST(OutOfMemory, AKilledOwnerIsReplaced) {
  constexpr std::uint64_t less_than_it_has = 64 << 10U;
  const SmallCgroup cgroup(less_than_it_has);
  if (cgroup.path().empty()) GTEST_SKIP() << "no memory cgroup can be made here";
  const test::TemporaryFolder folder;
  const std::vector<std::string> some = crash::make_pictures(folder.path(), 32, 200, 300);
  constexpr std::size_t times = 16;
  std::string lines;
  for (std::size_t i = 0; i < times; ++i) {
    for (const std::string& picture : some) lines += picture + '\n';
  }
  // A list from a pipe that says nothing yet: the owner touches no result before it is in the cgroup.
  const std::string list = folder / "list";
  ASSERT_EQ(::mkfifo(list.c_str(), 0600), 0);
  UniqueFd writer(::open(list.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(writer.valid());
  ASSERT_LT(lines.size(), std::size_t{64} << 10U) << "what a pipe holds";
  PipelineOptions options;
  options.workers = 2;
  options.batch = 16;
  options.device = DeviceChoice::cpu;
  options.placement = Placement::owner;
  Pipeline pipeline = PipelineBuilder::pictures({"@" + list}).options(options).start();
  // The pages of results are the owner's to touch.
  ASSERT_TRUE(cgroup.take(pipeline.stats().owner.pid));
  ASSERT_EQ(::write(writer.get(), lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  writer.reset();
  std::uint64_t items = 0;
  for (const Batch& batch : pipeline) {
    items += batch.items().size();
    for (const ItemRecord& item : batch.items()) ASSERT_TRUE(item.ok()) << item.message;
  }
  EXPECT_EQ(items, times * some.size());
  EXPECT_EQ(cgroup.kills(), 1U) << "the kernel's own count";
  EXPECT_EQ(pipeline.stats().owner.restarts, 1U);
}

}  // namespace
}  // namespace forebay
