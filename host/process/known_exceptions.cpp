#include "host/process/known_exceptions.h"

#include <any>
#include <array>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include "host/pool/crew_error.h"
#include "host/pool/future_error.h"
#include "host/sync/interrupt.h"

namespace forebay {
namespace {

/// Stands for an error category that this process does not have.
class UnknownCategory : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "remote"; }
  [[nodiscard]] std::string message(int value) const override {
    return "error " + std::to_string(value) + " of another process's error category";
  }
};

const std::error_category& category_of(CodeFamily family) noexcept {
  static const UnknownCategory unknown;
  switch (family) {
    case CodeFamily::generic: return std::generic_category();
    case CodeFamily::system: return std::system_category();
    case CodeFamily::iostream: return std::iostream_category();
    case CodeFamily::future: return std::future_category();
    default: return unknown;
  }
}

CodeFamily family_of(const std::error_category& category) noexcept {
  if (category == std::generic_category()) return CodeFamily::generic;
  if (category == std::system_category()) return CodeFamily::system;
  if (category == std::iostream_category()) return CodeFamily::iostream;
  if (category == std::future_category()) return CodeFamily::future;
  return CodeFamily::unknown;
}

/// A T with the parts of the record. Its own what() does not matter: Remote<T> has the message.
template <typename T>
T construct(const ExceptionRecord& record) {
  const std::string& message = record.info.message;
  const auto code = [&] { return std::error_code(record.code, category_of(record.family)); };
  if constexpr (std::is_same_v<T, std::filesystem::filesystem_error>) {
    return T(message, record.path1, record.path2, code());
  } else if constexpr (std::is_constructible_v<T, std::error_code, const std::string&>) {
    return T(code(), message);
  } else if constexpr (std::is_constructible_v<T, const std::string&, std::error_code>) {
    return T(message, code());
  } else if constexpr (std::is_same_v<T, std::future_error>) {
    return T(static_cast<std::future_errc>(record.code));
  } else if constexpr (std::is_same_v<T, std::regex_error>) {
    // An enumeration without a fixed type may hold nothing else.
    const bool known_code = record.code >= 0 && record.code <= std::regex_constants::error_stack;
    return T(known_code ? static_cast<std::regex_constants::error_type>(record.code)
                        : std::regex_constants::error_complexity);
  } else if constexpr (std::is_same_v<T, Error>) {
    const auto own_code = static_cast<ErrorCode>(record.code);
    const bool known_code =
        static_cast<std::int32_t>(own_code) == record.code && to_string(own_code) != "unknown";
    return T(known_code ? own_code : ErrorCode::remote, message);
  } else if constexpr (std::is_constructible_v<T, const std::string&>) {
    return T(message);
  } else {
    return T();
  }
}

template <typename T>
class Remote : public T, public RemoteInfo {
 public:
  explicit Remote(ExceptionRecord&& record) : T(construct<T>(record)), RemoteInfo(std::move(record.info)) {}
  [[nodiscard]] const char* what() const noexcept override { return message.c_str(); }
};

/// To be constructed while its cause is the exception in flight.
template <typename T>
class Caused : public T, public std::nested_exception {
 public:
  explicit Caused(T&& error) : T(std::move(error)) {}
};

template <typename T>
std::exception_ptr with_cause(T&& error, const std::exception_ptr& cause) {
  if (!cause) return std::make_exception_ptr(std::move(error));
  try {
    std::rethrow_exception(cause);
  } catch (...) {
    return std::make_exception_ptr(Caused<T>(std::move(error)));
  }
}

struct KnownType {
  std::string_view name;
  std::exception_ptr (*make)(ExceptionRecord&& record, const std::exception_ptr& cause);
};

template <typename T>
constexpr KnownType known(std::string_view name) {
  return {name, [](ExceptionRecord&& record, const std::exception_ptr& cause) {
            return with_cause(Remote<T>(std::move(record)), cause);
          }};
}

constexpr std::array known_types{
    known<std::exception>("std::exception"),
    known<std::logic_error>("std::logic_error"),
    known<std::invalid_argument>("std::invalid_argument"),
    known<std::domain_error>("std::domain_error"),
    known<std::length_error>("std::length_error"),
    known<std::out_of_range>("std::out_of_range"),
    known<std::future_error>("std::future_error"),
    known<std::runtime_error>("std::runtime_error"),
    known<std::range_error>("std::range_error"),
    known<std::overflow_error>("std::overflow_error"),
    known<std::underflow_error>("std::underflow_error"),
    known<std::regex_error>("std::regex_error"),
    known<std::system_error>("std::system_error"),
    known<std::ios_base::failure>("std::ios_base::failure"),
    known<std::filesystem::filesystem_error>("std::filesystem::filesystem_error"),
    known<std::bad_alloc>("std::bad_alloc"),
    known<std::bad_array_new_length>("std::bad_array_new_length"),
    known<std::bad_cast>("std::bad_cast"),
    known<std::bad_any_cast>("std::bad_any_cast"),
    known<std::bad_typeid>("std::bad_typeid"),
    known<std::bad_exception>("std::bad_exception"),
    known<std::bad_function_call>("std::bad_function_call"),
    known<std::bad_optional_access>("std::bad_optional_access"),
    known<std::bad_variant_access>("std::bad_variant_access"),
    known<std::bad_weak_ptr>("std::bad_weak_ptr"),
    known<Error>("forebay::Error"),
    known<Interrupted>("forebay::Interrupted"),
    known<TimeoutError>("forebay::TimeoutError"),
    known<CancelledError>("forebay::CancelledError"),
    known<InvalidStateError>("forebay::InvalidStateError"),
    known<BrokenPromiseError>("forebay::BrokenPromiseError"),
    known<BrokenProcessPool>("forebay::BrokenProcessPool"),
    known<PoolTerminated>("forebay::PoolTerminated"),
    known<ResultNotSent>("forebay::ResultNotSent"),
};

}  // namespace

std::string plain_type_name(std::string spelled) {
  constexpr std::string_view nested = "std::_Nested_exception<";
  while (spelled.starts_with(nested) && spelled.ends_with('>')) {
    spelled = spelled.substr(nested.size(), spelled.size() - nested.size() - 1);
    while (spelled.ends_with(' ')) spelled.pop_back();  // "_Nested_exception<A<B> >"
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> aliases{{
      {"std::ios_base::failure[abi:cxx11]", "std::ios_base::failure"},
      {"std::__ios_failure", "std::ios_base::failure"},  // what streams throw
      {"std::filesystem::__cxx11::filesystem_error", "std::filesystem::filesystem_error"},
  }};
  for (const auto& [from, to] : aliases) {
    if (spelled == from) return std::string(to);
  }
  return spelled;
}

void take_details(const std::exception& error, ExceptionRecord& record) {
  const auto take = [&record](CodeFamily family, auto code) {
    record.family = family;
    record.code = static_cast<std::int32_t>(code);
  };
  const auto take_code = [&take](const std::error_code& code) {
    take(family_of(code.category()), code.value());
  };
  if (const auto* coded = dynamic_cast<const std::system_error*>(&error)) take_code(coded->code());
  if (const auto* coded = dynamic_cast<const std::future_error*>(&error)) take_code(coded->code());
  if (const auto* regex = dynamic_cast<const std::regex_error*>(&error))
    take(CodeFamily::regex, regex->code());
  if (const auto* own = dynamic_cast<const Error*>(&error)) take(CodeFamily::forebay, own->code());
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    record.path1 = file->path1().native();
    record.path2 = file->path2().native();
  }
}

std::exception_ptr make_exception(ExceptionRecord&& record, const std::exception_ptr& cause) {
  for (const KnownType& type : known_types) {
    if (type.name == record.info.type) return type.make(std::move(record), cause);
  }
  return with_cause(RemoteError(std::move(record.info)), cause);
}

}  // namespace forebay
