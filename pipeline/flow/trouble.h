#pragma once

#include <cstdint>
#include <map>

namespace forebay {

/// How much the end of an owner, or what it reported, says about the part that it was building. A SIGKILL
/// comes from outside (a person, the OOM killer): two of them say what one report, one crash or one exit
/// says.
enum class Evidence : std::uint8_t { from_outside = 1, strong = 2 };

/// What is known of the device's failures, and what follows: how many rows the next part of a batch may have,
/// who is guilty, and when the device itself is. Decides only; no process, no slot. Not thread-safe.
///
/// Rules:
///  1. A batch that failed once is built again as it was: who is guilty is not known.
///  2. From its second failure on it is built with care: alone, so that no other lane can be the cause; each
///  failure halves
///     the rows of a part, each success doubles them.
///  3. A row that fails `attempts` times as a part of its own is guilty, and so is its item. The last of
///  these attempts is
///     made by an owner that has failed at nothing else.
///  4. Out of memory is nobody's guilt: parts have half the rows from then on, in all batches.
///  5. Failures without a success or a verdict in between are bounded, and so are verdicts without a success:
///  more closely
///     as long as the device has never completed a row.
class Trouble {
 public:
  Trouble(std::uint32_t batch_rows, std::uint32_t attempts);

  enum class Verdict : std::uint8_t {
    again,     ///< the same part
    narrower,  ///< a part of half the rows
    guilty,    ///< the one row of the part
  };
  /// A part of a batch failed: `rows` are those that it had, `planned` those that it could have got.
  /// `fresh_owner`: its owner has failed at nothing else.
  [[nodiscard]] Verdict blame(std::uint64_t batch, std::uint32_t rows, std::uint32_t planned,
                              Evidence evidence, bool fresh_owner);

  enum class Memory : std::uint8_t {
    again,   ///< the limit was lowered already since this part was begun, or one row may fit the next time
    halved,  ///< row_limit() is half of what it was
    fresh_owner,  ///< one row did not fit: a new process may find memory that this one lost
    exhausted,    ///< one row does not fit
  };
  [[nodiscard]] Memory out_of_memory(std::uint32_t planned);

  /// One failure of the device, whatever number of parts it cost.
  void count_failure(Evidence evidence) noexcept {
    failing_ += static_cast<std::uint32_t>(evidence);
    all_failing_ += static_cast<std::uint32_t>(evidence);
  }
  void succeeded(std::uint64_t batch, std::uint32_t rows);
  void finished(std::uint64_t batch) { cases_.erase(batch); }

  /// Some batch is built with care: one lane at a time, this one first.
  [[nodiscard]] bool careful() const noexcept;
  [[nodiscard]] bool careful(std::uint64_t batch) const;
  [[nodiscard]] std::uint32_t part_rows(std::uint64_t batch) const;
  [[nodiscard]] std::uint32_t row_limit() const noexcept { return row_limit_; }
  /// The next failure of this batch's row is the last: rule 3.
  [[nodiscard]] bool last_attempt(std::uint64_t batch) const;

  /// The device has failed too often: the run ends.
  [[nodiscard]] bool hopeless() const noexcept;
  /// Since the last success.
  [[nodiscard]] std::uint32_t failures() const noexcept;
  /// Something was found guilty, and the device has done nothing since: is it the item, or the device?
  [[nodiscard]] bool unproven() const noexcept { return verdicts_ > 0; }
  [[nodiscard]] bool ever_succeeded() const noexcept { return ever_; }

 private:
  struct Case {
    std::uint32_t weight = 0;  ///< of its failures before it was built with care
    std::uint32_t size = 0;    ///< rows of a part; 0: not with care
    std::uint32_t here = 0;    ///< weight of the failures of the part that is tried now
  };
  std::uint32_t batch_rows_;
  std::uint32_t attempts_;
  std::uint32_t row_limit_;
  std::map<std::uint64_t, Case> cases_;  // of batches on lanes
  std::uint32_t failing_ = 0;            // weight of the failures since the last success or verdict
  std::uint32_t all_failing_ = 0;        // the same, verdicts or not
  std::uint32_t verdicts_ = 0;           // since the last success
  std::uint32_t one_row_ = 0;            // times that one row did not fit, since the last success
  bool ever_ = false;
};

}  // namespace forebay
