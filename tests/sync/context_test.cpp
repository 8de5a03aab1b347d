// What lies under the primitives: places in the table, objects that are made again, the supervisor's
// succession.
#include "host/sync/shared_context.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "host/error.h"
#include "host/sync/lock.h"
#include "host/sync/semaphore.h"
#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

std::size_t mappings() {
  std::size_t count = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) ++count;
  return count;
}

void touch(Value<int> value) { value.fetch_add(1); }

/// Makes a semaphore, gives it to two children, and is killed: then nobody but them is left.
void acquire_then_stay(Semaphore semaphore, Event there) {
  semaphore.acquire();
  stay(std::move(there));
}

TEST(SharedContext, ObjectsThatNobodyHasAreMadeAgain) {
  // Far more than the default context holds at a time.
  for (int i = 0; i < 50'000; ++i) {
    Array<std::byte> array(16'000);
    ASSERT_EQ(array[15'999], std::byte{0});
    array[15'999] = std::byte{1};
  }
}

TEST(SharedContext, AThousandParticipantsOneAfterAnotherLeaveTheirPlaces) {
  Value<int> value(0);
  const auto before = mappings();
  for (int i = 0; i < 1100; ++i) {
    Process process(touch, value);
    process.start();
    ASSERT_TRUE(process.join(patience));
    ASSERT_EQ(process.exit_code(), 0);
  }
  EXPECT_EQ(value.load(), 1100);
  EXPECT_LE(mappings(), before + 16);  // not one a process
}

TEST(SharedContext, AGarbledHandleIsAnError) {
  Encoder encoder;
  Lock().encode_into(encoder);
  Encoded encoded = encoder.take();
  for (std::size_t i = 0; i < encoded.bytes.size(); ++i) {
    Encoded copy;
    copy.bytes = encoded.bytes;
    copy.bytes[i] ^= std::byte{0x40};
    Decoder decoder(copy.bytes, {});
    try {
      static_cast<void>(Semaphore::decode_from(decoder));
      FAIL() << "byte " << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::protocol);
    }
  }
}

TEST(SharedContext, AnObjectTooLargeForTheDefaultOneGetsItsOwn) {
  Array<double> array(1 << 20);
  array[array.size() - 1] = 3;
  Children children;
  children.start([](Array<double> shared) { shared[0] = shared[shared.size() - 1]; }, array);
  children.expect_good_ends();
  EXPECT_EQ(array[0], 3);
}

/// The maker of the semaphore, whose death leaves the two that share it.
void make_and_give(Semaphore report, Event ready) {
  Semaphore semaphore(1);
  Event there;
  static Process holder(acquire_then_stay, semaphore, there);
  holder.start();
  there.wait(patience);
  holder.kill();
  if (semaphore.acquire(within + 1s)) report.release();
  ready.set();
}

TEST(SharedContext, ADeathIsRecoveredByTheMakerInAnyProcess) {
  Semaphore report(0);
  Event ready;
  Children children;
  children.start(make_and_give, report, ready);
  ASSERT_TRUE(ready.wait(patience));
  EXPECT_TRUE(report.try_acquire());
  children.expect_good_ends();
}

}  // namespace
}  // namespace forebay
