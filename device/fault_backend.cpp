#include "device/fault_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace forebay {
namespace {

struct Rule {
  std::string operation;
  std::uint64_t nth = 1;
  bool and_later = false;
  std::optional<std::uint64_t> rows_above;  // instead of nth
  BackendError::Kind kind = BackendError::Kind::recoverable;
};

Rule parse_rule(std::string_view text) {
  const auto wrong = [&] {
    return Error(ErrorCode::usage, fmt::format("FOREBAY_FAULT rule '{}' is not operation:nth[+]:kind", text));
  };
  const std::size_t first = text.find(':');
  const std::size_t second = text.find(':', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) throw wrong();
  Rule rule;
  rule.operation = text.substr(0, first);
  std::string_view number = text.substr(first + 1, second - first - 1);
  constexpr std::string_view bound = "rows>";
  const bool by_rows = rule.operation == "begin_batch" && number.starts_with(bound);
  if (by_rows) {
    number.remove_prefix(bound.size());
  } else if (number.ends_with('+')) {
    rule.and_later = true;
    number.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rule.nth);
  if (error != std::errc() || end != number.data() + number.size()) throw wrong();
  if (by_rows) rule.rows_above = std::exchange(rule.nth, 1);
  if (rule.nth == 0) throw wrong();
  const std::string_view kind = text.substr(second + 1);
  if (kind == "sticky") {
    rule.kind = BackendError::Kind::sticky;
  } else if (kind == "oom") {
    rule.kind = BackendError::Kind::out_of_memory;
  } else if (kind != "recoverable") {
    throw wrong();
  }
  return rule;
}

std::vector<Rule> parse_rules(std::string_view text) {
  std::vector<Rule> rules;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    rules.push_back(parse_rule(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return rules;
}

class FaultBackend final : public Backend {
 public:
  FaultBackend(std::unique_ptr<Backend> inner, std::vector<Rule> rules)
      : inner_(std::move(inner)),
        rules_(std::move(rules)),
        waits_(std::any_of(rules_.begin(), rules_.end(),
                           [](const Rule& rule) { return rule.operation == "wait"; })) {}

  [[nodiscard]] BackendInfo info() const override { return inner_->info(); }
  [[nodiscard]] bool finishes_chunks() const noexcept override { return inner_->finishes_chunks(); }
  void pin(std::span<std::byte> range) override {
    visit("pin");
    inner_->pin(range);
  }
  void unpin(std::span<std::byte> range) noexcept override { inner_->unpin(range); }
  void begin_batch(std::uint32_t lane, const BatchSpec& spec, std::span<std::byte> result) override {
    visit("begin_batch", spec.rows);
    inner_->begin_batch(lane, spec, result);
  }
  Ticket add_chunk(std::uint32_t lane, std::span<const std::byte> chunk,
                   std::span<const ItemOp> items) override {
    visit("add_chunk");
    return inner_->add_chunk(lane, chunk, items);
  }
  std::uint32_t load_stage(const std::string& module, const std::string& name) override {
    visit("load_stage");
    return inner_->load_stage(module, name);
  }
  Ticket end_batch(std::uint32_t lane, std::uint32_t rows, std::span<const std::uint32_t> stages) override {
    visit("end_batch");
    return inner_->end_batch(lane, rows, stages);
  }
  void abandon(std::uint32_t lane) override {
    visit("abandon");
    inner_->abandon(lane);
  }
  [[nodiscard]] bool done(Ticket ticket) override {
    return (!waits_ || ticket.value <= waited_[ticket.lane]) && inner_->done(ticket);
  }
  void wait(Ticket ticket) override {
    visit("wait");
    inner_->wait(ticket);
    waited_[ticket.lane] = std::max(waited_[ticket.lane], ticket.value);
  }

 private:
  static bool applies(const Rule& rule, std::uint64_t call, std::uint64_t rows) {
    if (rule.rows_above) return rows > *rule.rows_above;
    return rule.and_later ? call >= rule.nth : call == rule.nth;
  }
  void visit(const std::string& operation, std::uint64_t rows = 0) {
    const std::uint64_t call = ++calls_[operation];
    for (const Rule& rule : rules_) {
      if (rule.operation != operation || !applies(rule, call, rows)) continue;
      throw BackendError(rule.kind, fmt::format("injected by FOREBAY_FAULT: {} number {}", operation, call));
    }
  }

  std::unique_ptr<Backend> inner_;
  std::vector<Rule> rules_;
  bool waits_;
  std::map<std::string, std::uint64_t> calls_;
  std::map<std::uint32_t, std::uint64_t> waited_;  // by lane: tickets that are known to be done
};

}  // namespace

std::unique_ptr<Backend> with_faults(std::unique_ptr<Backend> backend) {
  const char* rules = std::getenv("FOREBAY_FAULT");
  if (rules == nullptr || *rules == '\0') return backend;
  return std::make_unique<FaultBackend>(std::move(backend), parse_rules(rules));
}

}  // namespace forebay
