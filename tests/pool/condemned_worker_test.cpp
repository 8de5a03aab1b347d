#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <memory>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "host/pool/crew_member.h"
#include "host/pool/crew_worker.h"
#include "host/pool/item_source.h"
#include "host/process/function.h"
#include "host/process/start_child.h"
#include "tests/pool/pool_probe.h"

// The race of a time limit with its item's end, step by step: a real worker, and the test as its pool.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words

constexpr std::uint32_t count = 3;
constexpr std::uint64_t serial = 5;

using Item = std::tuple<Gate, Counters, int>;

void pass_and_count(const Item& item) {
  const auto& [gate, runs, number] = item;
  runs.add(static_cast<std::size_t>(number));
  if (number == 0) gate.pass();
}

class CondemnedWorker : public ::testing::Test {
 protected:
  CondemnedWorker() {
    SealedMemory memory = SealedMemory::create("test-link", CrewLink::bytes);
    CrewLink::create(memory.bytes());
    link_ = std::make_unique<CrewLink>(memory.bytes());
    CrewSetup setup;
    setup.link_bytes = memory.bytes().size();
    setup.timed = 1;
    const std::array<int, 2> fds{memory.fd(), doorbell_.get()};
    const Parcel parcel{std::as_bytes(std::span(&setup, 1)), fds};
    Child child = start_child(&crew_worker_main, {"forebay: test worker", "forebay-worker"},
                              StartMethod::spawn, {&parcel, 1});
    member_ = std::make_unique<CrewMember>(1, std::move(child), std::move(memory));

    // Item 0 waits for the gate, those behind it do not.
    const auto function = &pass_and_count;
    std::vector<Item> items;
    for (int number = 0; number < static_cast<int>(count); ++number) items.emplace_back(gate_, runs_, number);
    using Items = detail::ItemCall<decltype(function), false, std::views::all_t<std::vector<Item>&>>;
    const TargetRef target = Items::target(function);
    Encoder out;
    encode_callable(out, function);
    const detail::ItemSource source = detail::item_source<decltype(function), false>(items);
    while (source(out)) {
    }
    auto task = std::make_unique<CrewTask>();
    task->serial = serial;
    task->count = count;
    task->arguments = out.take();
    const FunctionNote note{function_id_of(reinterpret_cast<const void*>(target.entry)),
                            target.target != nullptr ? function_id_of(target.target) : FunctionId{}};
    EXPECT_EQ(member_->send(*task, TaskKind::run, {&note, 1}), CrewMember::Sent::sent);
    member_->add(std::move(task));
  }

  [[nodiscard]] bool dies_by_sigkill() {
    const auto status = member_->child().wait_until(soon());
    return status && status->signal == SIGKILL;
  }

  UniqueFd doorbell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Gate gate_;
  Counters runs_{count};
  std::unique_ptr<CrewLink> link_;
  std::unique_ptr<CrewMember> member_;
};

TEST_F(CondemnedWorker, BeginsNothingBehindItsItem) {
  ASSERT_TRUE(gate_.waits(1));
  const auto work = member_->work();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->item, 0U);
  EXPECT_LE(work->since, Clock::now());
  EXPECT_GT(work->since, Clock::now() - patience);
  ASSERT_TRUE(member_->condemn(*work));
  gate_.open();
  EXPECT_TRUE(dies_by_sigkill()) << "by itself: nobody has killed it";
  EXPECT_EQ(runs_.get(0), 1);
  EXPECT_EQ(runs_.get(1), 0);
  EXPECT_EQ(member_->item_at_death(*member_->front()), 0U) << "its end was not told";
  member_->front()->next = 1;  // as if it had been
  EXPECT_EQ(member_->item_at_death(*member_->front()), std::nullopt) << "item 1 is not to be charged";
}

TEST_F(CondemnedWorker, IsNotWhereItWasQuicker) {
  ASSERT_TRUE(gate_.waits(1));
  const auto work = member_->work();
  ASSERT_TRUE(work);
  gate_.open();
  ASSERT_TRUE(runs_.reaches(count - 1, 1));
  EXPECT_FALSE(member_->condemn(*work));
  EXPECT_FALSE(member_->condemned());
  EXPECT_EQ(member_->work()->item, count - 1);
}

TEST_F(CondemnedWorker, IsBelievedNoTimeThatHasNotCome) {
  ASSERT_TRUE(gate_.waits(1));
  const auto hour = std::chrono::nanoseconds(std::chrono::hours(1)).count();
  const auto now = std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
  for (const std::int64_t lie : {now + hour, std::int64_t{-1}}) {
    link_->words.began_ns.store(lie);
    EXPECT_EQ(member_->work()->since, member_->heard);
    EXPECT_EQ(member_->work()->item, std::nullopt);
  }
}

}  // namespace
}  // namespace forebay
