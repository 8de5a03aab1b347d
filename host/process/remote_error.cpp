#include "host/process/remote_error.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <typeinfo>
#include <utility>

#include "host/limits.h"
#include "host/process/exception_record.h"
#include "host/process/known_exceptions.h"
#include "host/process/stack_trace.h"

namespace forebay {
namespace {

std::string headline(const RemoteInfo& info) {
  return info.message.empty() ? info.type : info.type + ": " + info.message;
}

/// std::exception_ptr is one pointer, to the exception object (the Itanium ABI's), but has no way to say it.
const void* object_of(const std::exception_ptr& exception) noexcept {
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
  const void* object = nullptr;
  std::memcpy(&object, &exception, sizeof(object));
  return object;
}

/// The value in flight as text, if it is a T.
template <typename T>
bool text_of(std::string& text) {
  try {
    throw;
  } catch (const T& value) {
    text = fmt::format("{}", value);
    return true;
  } catch (...) {
    return false;
  }
}

bool c_text_of(std::string& text) {
  try {
    throw;
  } catch (const char* value) {
    // One byte more than is kept, so that the cut is seen; no search for the end of what may have none.
    if (value != nullptr) text.assign(value, ::strnlen(value, limits::exception_message_bytes_max + 1));
    return true;
  } catch (...) {
    return false;
  }
}

template <typename... T>
bool any_text_of(std::string& text) {
  return (text_of<T>(text) || ...);
}

/// The record of the exception in flight, which is no std::exception.
ExceptionRecord record_of_other() {
  ExceptionRecord record;
  const std::type_info* type = abi::__cxa_current_exception_type();
  record.info.type =
      type != nullptr ? plain_type_name(demangled(type->name())) : "an exception of another language";
  if (!c_text_of(record.info.message)) {
    static_cast<void>(
        any_text_of<std::string, std::string_view, int, unsigned, long, unsigned long, long long,
                    unsigned long long, bool, char, double, float>(record.info.message));
  }
  return record;
}

ExceptionRecord record_of(const std::exception& error) {
  ExceptionRecord record;
  if (const RemoteInfo* info = remote_info(error)) {
    record.info = *info;
  } else {
    record.info.type = plain_type_name(demangled(typeid(error).name()));
    const char* message = error.what();
    if (message != nullptr) record.info.message = message;
  }
  take_details(error, record);
  return record;
}

std::exception_ptr cause_of_current() noexcept {
  try {
    throw;
  } catch (const std::nested_exception& nested) {
    return nested.nested_ptr();
  } catch (...) {
    return nullptr;
  }
}

struct Found {
  ExceptionRecord record;
  std::exception_ptr cause;
};

struct Origin {
  pid_t pid;
  std::uint64_t task;
  std::string_view task_name;
};

void add_origin(ExceptionRecord& record, const Origin& origin) {
  record.info.pid = origin.pid;
  record.info.task = origin.task;
  record.info.task_name = origin.task_name;
}

/// The trace costs most; without memory for it, the rest still tells much.
void add_trace(ExceptionRecord& record, const std::exception_ptr& exception, const Error* own) noexcept {
  try {
    record.info.trace = describe_frames(TraceScope::trace_of(object_of(exception)));
    if (own == nullptr) return;
    const std::source_location& where = own->where();
    record.info.trace.insert(record.info.trace.begin(), fmt::format("{} ({}:{})", where.function_name(),
                                                                    where.file_name(), where.line()));
  } catch (...) {
    record.info.trace.clear();
  }
}

Found take_apart(const std::exception_ptr& exception, const Origin& origin) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    Found found{record_of(error), cause_of_current()};
    if (remote_info(error) != nullptr) return found;
    add_origin(found.record, origin);
    add_trace(found.record, exception, dynamic_cast<const Error*>(&error));
    return found;
  } catch (...) {
    Found found{record_of_other(), cause_of_current()};
    add_origin(found.record, origin);
    add_trace(found.record, exception, nullptr);
    return found;
  }
}

ExceptionRecord note(std::string type, std::string message, const Origin& origin) {
  ExceptionRecord record;
  record.info.type = std::move(type);
  record.info.message = std::move(message);
  add_origin(record, origin);
  return record;
}

std::vector<std::byte> encode(const std::exception_ptr& exception, const Origin& origin) {
  std::vector<ExceptionRecord> records;
  if (!exception) records.push_back(note("no exception", "", origin));
  std::exception_ptr next = exception;
  while (next && records.size() <= limits::exception_causes_max) {
    Found found = take_apart(next, origin);
    records.push_back(std::move(found.record));
    next = std::move(found.cause);
  }
  if (next) {
    records.push_back(
        note("further causes", fmt::format("[cut after {} causes]", limits::exception_causes_max), origin));
  }
  return write_records(records);
}

/// Calls `visit` with `error` and what caused it, outermost first.
template <typename Visit>
void visit_chain(const std::exception& error, const Visit& visit, std::size_t most) {
  visit(error);
  if (most == 0) return;
  const auto* nested = dynamic_cast<const std::nested_exception*>(&error);
  if (nested == nullptr || !nested->nested_ptr()) return;
  try {
    nested->rethrow_nested();
  } catch (const std::exception& cause) {
    visit_chain(cause, visit, most - 1);
  } catch (...) {
    const RemoteError cause(std::move(record_of_other().info));
    visit(cause);
  }
}

std::string describe(const std::exception& error) {
  const RemoteInfo* info = remote_info(error);
  if (info == nullptr) return plain_type_name(demangled(typeid(error).name())) + ": " + error.what() + "\n";
  std::string text = fmt::format("Traceback of process {}", info->pid);
  if (info->task != 0) text += fmt::format(", task {}", info->task);
  if (!info->task_name.empty()) text += fmt::format(" \"{}\"", info->task_name);
  text += info->trace.empty() ? " (not recorded):\n" : " (innermost call first):\n";
  for (const std::string& line : info->trace) text += "  at " + line + "\n";
  return text + headline(*info) + "\n";
}

}  // namespace

RemoteInfo::~RemoteInfo() = default;

RemoteError::RemoteError(RemoteInfo info)
    : Error(ErrorCode::remote, headline(info)), RemoteInfo(std::move(info)) {}

const RemoteInfo* remote_info(const std::exception& error) noexcept {
  return dynamic_cast<const RemoteInfo*>(&error);
}

std::string remote_traceback(const std::exception& error) {
  std::string text;
  visit_chain(
      error,
      [&text](const std::exception& one) {
        const char* between = "\nThe above exception was the direct cause of the following exception:\n\n";
        text = text.empty() ? describe(one) : describe(one) + between + text;
      },
      limits::exception_causes_max + 1);
  return text;
}

std::vector<std::byte> encode_exception(const std::exception_ptr& exception, pid_t pid, std::uint64_t task,
                                        std::string_view task_name) noexcept {
  const Origin origin{pid, task, task_name};
  try {
    return encode(exception, origin);
  } catch (...) {
    try {
      return write_records({note("unknown", "no memory was left to describe the exception", origin)});
    } catch (...) {
      return {};
    }
  }
}

std::exception_ptr decode_exception(std::span<const std::byte> bytes) noexcept {
  try {
    std::optional<std::vector<ExceptionRecord>> records = read_records(bytes);
    if (!records) {
      return std::make_exception_ptr(Error(
          ErrorCode::protocol,
          bytes.empty() ? "another process's exception came without a description: it had no memory left"
                        : "another process's exception came garbled; run the same Forebay in both"));
    }
    std::exception_ptr exception;
    for (auto record = records->rbegin(); record != records->rend(); ++record) {
      exception = make_exception(std::move(*record), exception);
    }
    return exception;
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace forebay
