// Exceptions as bytes and back: the same type, the same text, the causes; and garbage is an error, no crash.
#include "host/process/remote_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <any>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <regex>
#include <string>
#include <system_error>
#include <typeinfo>
#include <variant>
#include <vector>

#include "host/limits.h"
#include "host/process/child.h"
#include "host/process/known_exceptions.h"
#include "host/process/stack_trace.h"
#include "host/sync/interrupt.h"
#include "tests/host/crossing.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using probe::bytes_of;
using probe::crossed;
using probe::thrown_by;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Calls `check` with the exception, which must be a T.
template <typename T, typename Check>
void expect_caught(const std::exception_ptr& exception, Check&& check) {
  ASSERT_TRUE(exception);
  try {
    std::rethrow_exception(exception);
  } catch (const T& error) {
    check(error);
  } catch (...) {
    ADD_FAILURE() << "not caught as " << typeid(T).name();
  }
}

/// `thrown` arrives as the same type, and no more derived one: checked by its name; with the same what().
template <typename T>
void expect_same(const std::exception_ptr& thrown, const std::string& name) {
  SCOPED_TRACE(name);
  std::string text;
  expect_caught<T>(thrown, [&](const T& error) { text = error.what(); });
  expect_caught<T>(crossed(thrown), [&](const T& error) {
    EXPECT_EQ(error.what(), text);
    const RemoteInfo* info = remote_info(error);
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->type, name);
    EXPECT_EQ(info->message, text);
    EXPECT_EQ(info->pid, 4711);
    EXPECT_EQ(info->task, 7U);
    EXPECT_EQ(info->task_name, "resize");
  });
  // A second crossing, as from a grandchild, changes nothing.
  expect_caught<T>(decode_exception(encode_exception(crossed(thrown), 1, 2, "other")), [&](const T& error) {
    EXPECT_EQ(error.what(), text);
    ASSERT_NE(remote_info(error), nullptr);
    EXPECT_EQ(remote_info(error)->pid, 4711);
    EXPECT_EQ(remote_info(error)->type, name);
  });
}

template <typename T, typename... Args>
void expect_round_trip(const std::string& name, Args&&... args) {
  expect_same<T>(std::make_exception_ptr(T(std::forward<Args>(args)...)), name);
}

TEST(RemoteErrors, EveryStandardTypeArrivesAsItself) {
  expect_round_trip<std::exception>("std::exception");
  expect_round_trip<std::logic_error>("std::logic_error", "one");
  expect_round_trip<std::invalid_argument>("std::invalid_argument", "two");
  expect_round_trip<std::domain_error>("std::domain_error", "three");
  expect_round_trip<std::length_error>("std::length_error", "");
  expect_round_trip<std::out_of_range>("std::out_of_range", "five\nlines");
  expect_round_trip<std::runtime_error>("std::runtime_error", "six");
  expect_round_trip<std::range_error>("std::range_error", "seven");
  expect_round_trip<std::overflow_error>("std::overflow_error", "eight");
  expect_round_trip<std::underflow_error>("std::underflow_error", "nine");
  expect_round_trip<std::bad_exception>("std::bad_exception");
}

TEST(RemoteErrors, WhatTheLibraryThrowsItselfArrivesAsItself) {
  using Library = std::function<void()>;
  expect_same<std::bad_alloc>(std::make_exception_ptr(std::bad_alloc()), "std::bad_alloc");
  expect_same<std::bad_array_new_length>(std::make_exception_ptr(std::bad_array_new_length()),
                                         "std::bad_array_new_length");
  const Library bad_cast = [] {
    const std::unique_ptr<std::exception> error = std::make_unique<std::bad_alloc>();
    static_cast<void>(dynamic_cast<std::logic_error&>(*error));
  };
  expect_same<std::bad_cast>(thrown_by(bad_cast), "std::bad_cast");
  expect_same<std::bad_any_cast>(thrown_by([] { static_cast<void>(std::any_cast<int>(std::any(1.0))); }),
                                 "std::bad_any_cast");
  expect_same<std::bad_typeid>(std::make_exception_ptr(std::bad_typeid()), "std::bad_typeid");
  expect_same<std::bad_function_call>(thrown_by([] { std::function<void()>()(); }), "std::bad_function_call");
  expect_same<std::bad_optional_access>(thrown_by([] { static_cast<void>(std::optional<int>().value()); }),
                                        "std::bad_optional_access");
  const Library bad_variant = [] { static_cast<void>(std::get<1>(std::variant<int, double>(1))); };
  expect_same<std::bad_variant_access>(thrown_by(bad_variant), "std::bad_variant_access");
  const Library bad_weak = [] { std::shared_ptr<int>(std::weak_ptr<int>()); };
  expect_same<std::bad_weak_ptr>(thrown_by(bad_weak), "std::bad_weak_ptr");
  expect_same<std::out_of_range>(thrown_by([] { static_cast<void>(std::vector<int>().at(3)); }),
                                 "std::out_of_range");
  expect_same<std::invalid_argument>(thrown_by([] { static_cast<void>(std::stoi("x")); }),
                                     "std::invalid_argument");
}

TEST(RemoteErrors, CodesArriveWithTheirCategories) {
  const auto same_code = []<typename T>(const T& error) {
    expect_caught<T>(crossed(std::make_exception_ptr(error)),
                     [&](const T& remote) { EXPECT_EQ(remote.code(), error.code()); });
  };
  const std::system_error generic(std::make_error_code(std::errc::no_space_on_device), "full");
  expect_round_trip<std::system_error>("std::system_error", generic);
  same_code(generic);
  same_code(std::system_error(EAGAIN, std::system_category(), "again"));
  const std::future_error future(std::future_errc::promise_already_satisfied);
  expect_round_trip<std::future_error>("std::future_error", future);
  same_code(future);
  const std::ios_base::failure failure("torn");
  expect_round_trip<std::ios_base::failure>("std::ios_base::failure", failure);
  same_code(failure);
  const auto stream = thrown_by([] {
    std::ifstream in;
    in.exceptions(std::ios::failbit);
    in.open("/nowhere/at/all");
  });
  expect_same<std::ios_base::failure>(stream, "std::ios_base::failure");
  const auto regex = std::make_exception_ptr(std::regex_error(std::regex_constants::error_brack));
  expect_same<std::regex_error>(regex, "std::regex_error");
  expect_caught<std::regex_error>(crossed(regex), [](const std::regex_error& error) {
    EXPECT_EQ(error.code(), std::regex_constants::error_brack);
  });
}

struct OwnCategory : std::error_category {
  [[nodiscard]] const char* name() const noexcept override { return "own"; }
  [[nodiscard]] std::string message(int) const override { return "own error"; }
};

TEST(RemoteErrors, ACodeOfAnUnknownCategoryKeepsItsNumberAndText) {
  static const OwnCategory own;
  const auto exception = std::make_exception_ptr(std::system_error(12, own, "bad"));
  expect_same<std::system_error>(exception, "std::system_error");
  expect_caught<std::system_error>(crossed(exception), [](const std::system_error& error) {
    EXPECT_EQ(error.code().value(), 12);
    EXPECT_STREQ(error.code().category().name(), "remote");
    EXPECT_NE(error.code(), std::error_code(12, std::generic_category()));
    EXPECT_STREQ(error.what(), "bad: own error");
  });
}

TEST(RemoteErrors, AFilesystemErrorKeepsItsPaths) {
  using std::filesystem::filesystem_error;
  const auto exception = thrown_by([] { std::filesystem::copy_file("/nowhere/a", "/nowhere/b"); });
  expect_same<filesystem_error>(exception, "std::filesystem::filesystem_error");
  expect_caught<filesystem_error>(crossed(exception), [](const filesystem_error& error) {
    EXPECT_EQ(error.path1(), "/nowhere/a");
    EXPECT_EQ(error.path2(), "/nowhere/b");
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  });
}

TEST(RemoteErrors, ForebaysOwnKeepTheirCode) {
  expect_round_trip<Error>("forebay::Error", ErrorCode::no_space, "full; make room");
  expect_caught<Error>(crossed(std::make_exception_ptr(Error(ErrorCode::no_space, "full"))),
                       [](const Error& error) {
                         EXPECT_EQ(error.code(), ErrorCode::no_space);
                         ASSERT_EQ(remote_info(error)->trace.size(), 1U);
                         EXPECT_THAT(remote_info(error)->trace[0], HasSubstr("remote_error_test.cpp:"));
                       });
  expect_round_trip<Interrupted>("forebay::Interrupted");
  EXPECT_EQ(to_string(ErrorCode::remote), "remote");
}

}  // namespace

// Not in the unnamed namespace: their names are part of what is tested.
struct UserError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Opaque {};

namespace {

void expect_unknown(const std::exception_ptr& thrown, const std::string& type, const std::string& message,
                    const std::string& what) {
  for (const auto& exception : {crossed(thrown), crossed(crossed(thrown))}) {
    expect_caught<RemoteError>(exception, [&](const RemoteError& error) {
      EXPECT_EQ(error.type, type);
      EXPECT_EQ(error.message, message);
      EXPECT_EQ(error.what(), what);
      EXPECT_EQ(error.code(), ErrorCode::remote);
      EXPECT_EQ(error.pid, 4711);
      EXPECT_EQ(remote_info(error), &error);
    });
  }
}

TEST(RemoteErrors, AnUnknownTypeIsARemoteErrorThatNamesIt) {
  expect_unknown(std::make_exception_ptr(UserError("mine")), "forebay::UserError", "mine",
                 "forebay::UserError: mine");
  expect_unknown(std::make_exception_ptr(Opaque()), "forebay::Opaque", "", "forebay::Opaque");
  expect_unknown(std::make_exception_ptr(42), "int", "42", "int: 42");
  expect_unknown(std::make_exception_ptr(-1.5), "double", "-1.5", "double: -1.5");
  expect_unknown(thrown_by([] { throw "a literal"; }), "char const*", "a literal", "char const*: a literal");
  const auto text = crossed(std::make_exception_ptr(std::string("a string")));
  expect_caught<RemoteError>(text, [](const RemoteError& error) { EXPECT_EQ(error.message, "a string"); });
  expect_unknown(nullptr, "no exception", "", "no exception");
}

TEST(RemoteErrors, WhatIsNotRemoteHasNoInfo) { EXPECT_EQ(remote_info(std::runtime_error("here")), nullptr); }

/// The chain as "type|what" from outside to inside, by std::rethrow_if_nested.
std::vector<std::string> chain_of(const std::exception_ptr& exception) {
  std::vector<std::string> chain;
  std::exception_ptr next = exception;
  while (next) {
    try {
      std::exception_ptr current = std::exchange(next, nullptr);
      std::rethrow_exception(current);
    } catch (const std::exception& error) {
      const RemoteInfo* info = remote_info(error);
      chain.push_back((info != nullptr ? info->type : "?") + "|" + error.what());
      try {
        std::rethrow_if_nested(error);
      } catch (...) {
        next = std::current_exception();
      }
    }
  }
  return chain;
}

void throws_three() {
  try {
    try {
      throw 3;
    } catch (...) {
      std::throw_with_nested(UserError("middle"));
    }
  } catch (...) {
    std::throw_with_nested(std::invalid_argument("outer"));
  }
}

TEST(RemoteErrors, CausesSurvive) {
  const std::vector<std::string> expected{"std::invalid_argument|outer",
                                          "forebay::UserError|forebay::UserError: middle", "int|int: 3"};
  const auto once = crossed(thrown_by(&throws_three));
  EXPECT_EQ(chain_of(once), expected);
  EXPECT_EQ(chain_of(crossed(once)), expected);
  expect_caught<std::invalid_argument>(
      once, [](const std::exception& error) { EXPECT_STREQ(error.what(), "outer"); });
}

TEST(RemoteErrors, ANestedExceptionWithoutACauseIsNotFatal) {
  struct Alone : std::runtime_error, std::nested_exception {
    Alone() : std::runtime_error("alone") {}
  };
  EXPECT_EQ(chain_of(crossed(std::make_exception_ptr(Alone()))).size(), 1U);
}

void throws_deep(int levels) {
  try {
    if (levels > 1) throws_deep(levels - 1);
  } catch (...) {
    std::throw_with_nested(std::runtime_error("level " + std::to_string(levels)));
  }
  if (levels == 1) throw std::runtime_error("level 1");
}

TEST(RemoteErrors, ALongChainIsCutVisibly) {
  const int most = static_cast<int>(limits::exception_causes_max) + 1;
  EXPECT_EQ(chain_of(crossed(thrown_by([&] { throws_deep(most); }))).back(), "std::runtime_error|level 1");
  const auto cut = crossed(thrown_by([&] { throws_deep(40); }));
  const std::vector<std::string> chain = chain_of(cut);
  ASSERT_EQ(chain.size(), limits::exception_causes_max + 2);
  EXPECT_EQ(chain.front(), "std::runtime_error|level 40");
  EXPECT_EQ(chain.back(), "further causes|further causes: [cut after 8 causes]");
  EXPECT_EQ(chain_of(crossed(cut)).size(), chain.size());
}

TEST(RemoteErrors, LongMessagesAreCutVisiblyAndStayUtf8) {
  const std::size_t most = limits::exception_message_bytes_max;
  for (const std::size_t size : {most - 1, most}) {
    expect_round_trip<std::runtime_error>("std::runtime_error", std::string(size, 'x'));
  }
  std::string euros;
  while (euros.size() < 100'000) euros += "\xe2\x82\xac";
  for (const std::string shift : {"", "x", "xx"}) {
    const auto once = crossed(std::make_exception_ptr(std::runtime_error(shift + euros)));
    for (const auto& exception : {once, crossed(once)}) {
      expect_caught<std::runtime_error>(exception, [&](const std::runtime_error& error) {
        const std::string text = error.what();
        const std::string mark = " [cut from " + std::to_string(shift.size() + euros.size()) + " bytes]";
        ASSERT_THAT(text, EndsWith(mark));
        const std::string kept = text.substr(shift.size(), text.size() - shift.size() - mark.size());
        EXPECT_LE(kept.size(), most);
        EXPECT_GT(kept.size(), most - 6);
        EXPECT_EQ(kept.size() % 3, 0U) << "cut through a character";
      });
    }
  }
}

TEST(RemoteErrors, BytesThatAreNoUtf8Arrive) {
  expect_round_trip<std::runtime_error>("std::runtime_error", "\xff\xfe \x80 bad \xc3");
  const std::string bad(100'000, '\x80');
  expect_caught<std::runtime_error>(crossed(std::make_exception_ptr(std::runtime_error(bad))),
                                    [&](const std::runtime_error& error) {
                                      EXPECT_THAT(error.what(), StartsWith(bad.substr(0, 16'384)));
                                      EXPECT_THAT(error.what(), EndsWith("[cut from 100000 bytes]"));
                                    });
  const std::string zeros("a\0b", 3);
  expect_caught<RemoteError>(crossed(std::make_exception_ptr(zeros)),
                             [&](const RemoteError& error) { EXPECT_EQ(error.message, zeros); });
}

TEST(RemoteErrors, TheTracebackReadsLikePythons) {
  const std::string text = [] {
    try {
      std::rethrow_exception(crossed(thrown_by(&throws_three)));
    } catch (const std::exception& error) {
      return remote_traceback(error);
    }
  }();
  const std::string head = "Traceback of process 4711, task 7 \"resize\" (not recorded):\n";
  const std::string between = "\nThe above exception was the direct cause of the following exception:\n\n";
  EXPECT_EQ(text, head + "int: 3\n" + between + head + "forebay::UserError: middle\n" + between + head +
                      "std::invalid_argument: outer\n");
  EXPECT_EQ(remote_traceback(std::runtime_error("local")), "std::runtime_error: local\n");
}

bool is_protocol_error(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return error.code() == ErrorCode::protocol && remote_info(error) == nullptr;
  } catch (...) {
    return false;
  }
}

TEST(RemoteErrors, WhatIsNotWholeIsAProtocolError) {
  const std::vector<std::byte> good = bytes_of(thrown_by(&throws_three));
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_TRUE(is_protocol_error(decode_exception(std::span(good).first(size)))) << size;
  }
  std::vector<std::byte> longer = good;
  longer.push_back(std::byte{0});
  EXPECT_TRUE(is_protocol_error(decode_exception(longer)));
}

TEST(RemoteErrors, FuzzedBytesAreAlwaysSomeException) {
  std::mt19937 random(20240607);  // NOLINT: the same bytes in every run
  const std::vector<std::byte> good = bytes_of(thrown_by([] {
    const TraceScope scope;
    throws_three();
  }));
  std::size_t refused = 0;
  constexpr std::size_t rounds = 20'000;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::byte> bytes = good;
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t i = 0; i < changes; ++i)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    if (random() % 8 == 0) {
      for (std::size_t i = 5; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(random());
    }
    const std::exception_ptr exception = decode_exception(bytes);
    ASSERT_TRUE(exception);
    if (is_protocol_error(exception)) {
      ++refused;
    } else {
      ASSERT_FALSE(chain_of(exception).empty());
    }
  }
  EXPECT_GT(refused, rounds / 10);
  EXPECT_LT(refused, rounds) << "a changed letter of a message is still an exception";
}

/// The stack grows now: without address space left it could not.
[[gnu::noinline]] void grow_stack() {
  volatile char pages[std::size_t{512} << 10U];
  for (std::size_t i = 0; i < sizeof(pages); i += 1024) pages[i] = 1;
}

/// Takes all memory, throws for want of more, and sends what that was.
int without_memory(Channel channel) {
  const rlimit little{std::size_t{256} << 20U, std::size_t{256} << 20U};
  grow_stack();
  if (::setrlimit(RLIMIT_AS, &little) != 0) return 2;
  struct Piece {
    std::unique_ptr<Piece> next;
    std::array<char, 24> filler;
  };
  std::unique_ptr<Piece> pieces;
  std::vector<std::byte> bytes;
  {
    const TraceScope scope;
    try {
      while (true) {
        auto piece = std::make_unique<Piece>();
        piece->next = std::exchange(pieces, nullptr);
        pieces = std::move(piece);
      }
    } catch (...) {
      bytes = encode_exception(std::current_exception(), 1, 0, "");
    }
  }
  while (pieces) pieces = std::move(pieces->next);
  const auto exception = decode_exception(bytes);
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    probe::tell(channel, probe::Note::of(error.what()));
  }
  return 0;
}

TEST(RemoteErrors, WithoutMemoryThereIsStillAnException) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's shadow needs more address space than the test leaves";
#endif
  Child child = Child::spawn(&without_memory, {"forebay: test child", "forebay-test"});
  const std::string text = probe::hear(child.channel()).words();
  EXPECT_THAT(text, ::testing::AnyOf(EndsWith("bad_alloc"), HasSubstr("memory"))) << text;
  EXPECT_EQ(child.wait_until(probe::soon())->exit_code, 0);
}

}  // namespace
}  // namespace forebay
