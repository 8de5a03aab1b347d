#pragma once

#include <exception>
#include <string>

#include "host/process/exception_record.h"

namespace forebay {

/// The name by which a type is known, from its C++ spelling: without what std::throw_with_nested() and the
/// standard library's inline namespaces put around it.
[[nodiscard]] std::string plain_type_name(std::string spelled);

/// The parts of a standard exception, or a forebay::Error, beside its message.
void take_details(const std::exception& error, ExceptionRecord& record);

/// The exception that a record tells of, caused by `cause` (null: by none): of the type that it names where
/// that is standard, else a RemoteError.
[[nodiscard]] std::exception_ptr make_exception(ExceptionRecord&& record, const std::exception_ptr& cause);

}  // namespace forebay
