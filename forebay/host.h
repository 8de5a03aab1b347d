#pragma once

// Processes, pools, executors and futures, for programs that link forebay::host alone: #include
// <forebay/host.h>.
#include "host/codec/shared_range.h"
#include "host/error.h"
#include "host/pool/as_completed.h"
#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "host/pool/promise.h"
#include "host/pool/wait.h"
#include "host/process/context.h"
#include "host/process/cpu_count.h"
#include "host/process/current_process.h"
#include "host/process/forkserver.h"
#include "host/process/init.h"
#include "host/process/process.h"
#include "host/process/process_info.h"
#include "host/process/remote_error.h"
#include "host/process/start_method.h"
#include "host/sync/interrupt.h"
