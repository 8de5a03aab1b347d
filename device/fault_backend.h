#pragma once

#include <memory>

#include "device/backend.h"

namespace forebay {

/// Wraps a backend so that chosen calls fail, for tests of recovery: $FOREBAY_FAULT holds rules
/// `operation:nth:kind` separated by `;`, such as "add_chunk:3:sticky;end_batch:1+:oom". Operations: pin,
/// begin_batch, add_chunk, load_stage, end_batch, wait, abandon. `nth` counts the calls of this process from
/// 1; `3+` is every one from the third. For begin_batch it may also be a bound, `rows>16`: every batch, or
/// part of one, of more rows. Kinds: recoverable, sticky, oom. A rule for wait makes every ticket need one
/// (the cpu's are done when they are issued). Without the variable the backend is returned as it is. Throws
/// Error(usage) for a rule that makes no sense.
[[nodiscard]] std::unique_ptr<Backend> with_faults(std::unique_ptr<Backend> backend);

}  // namespace forebay
