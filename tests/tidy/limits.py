"""The numbers and lists that the checks hold the tree to, each with its reason."""

# The arrow: a part may include itself and what stands left of it.
ARROW = ("host", "device", "pipeline")

COLUMNS_MAX = 110          # C++ and CUDA: two files side by side on a laptop
COLUMNS_MAX_SCRIPT = 132   # scripts and build files: no formatter folds them, and their messages are long
FILE_LINES_MAX = 400       # one noun per file: the median is near 100, hardly any is above 300
FUNCTION_LINES_MAX = 70    # a function fits a screen
MACROS_MAX = 3             # every other need is met by the language

# Pattern in code (comments and strings are blanked), where it is banned ("" is every folder), and what to write
# instead.
BANNED = (
    (r"(?<![\w.>])(::\s*)?v?fork\s*\(", ("host", "device", "pipeline", "samples", "bench"),
     "spawn with Child: a forked driver is poisoned"),
    (r"\bcudaDeviceSynchronize\s*\(", ("",), "wait for an event on a stream"),
    (r"(?<![\w.>])(::|std::)?system\s*\(", ("",), "spawn the program"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(", ("host", "device", "pipeline", "samples"),
     "wait for the event itself, with a deadline"),
    (r"(\.|->)detach\s*\(\s*\)", ("",), "a thread has an owner: std::jthread"),
    (r"\bnew\s+(?!\()[\w:<]", ("host", "device", "pipeline", "samples", "bench"), "std::make_unique, or a value"),
    (r"(?<!= )\bdelete\s+[\w*(]|\bdelete\s*\[", ("host", "device", "pipeline", "samples", "bench"),
     "let the owner's destructor do it"),
    (r"\b(malloc|calloc|realloc)\s*\(", ("host", "device", "pipeline", "samples", "bench"), "std::vector"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof)\s*\(", ("",), "std::string, fmt::format, from_chars"),
    (r"\b(std::)?(printf|puts|putchar)\s*\(", ("host", "device", "pipeline"),
     "a library does not write to stdout: throw an Error, or return it"),
    (r"\bstd::(cout|cerr|clog)\b", ("host", "device", "pipeline"), "a library does not print"),
    (r"\bstd::endl\b", ("",), "'\\n': endl flushes"),
    (r"\bs?rand\s*\(|\bstd::random_device\b", ("host", "device", "pipeline"), "Philox: keyed, so runs repeat"),
    (r"\busing\s+namespace\s+std\s*;", ("",), "name what is used"),
)

# The one place that copies a process by fork, which the guide's system offers: it refuses the driver and threads first.
FORKERS = ("host/process/fork_child.cpp",)
FORKING = r"\bfork"

# The command may print: it is no library.
PRINTERS = ("pipeline/cli/",)
PRINTING = r"printf|puts|putchar|cout|cerr|clog"

# CUDA is spelled in device/cuda/ and in the modules that only an owner loads.
CUDA_SPELLED = r"\bcuda[A-Z]\w*\s*\(|\bcu[A-Z]\w+\s*\(|<<<"
CUDA_FOLDERS = ("device/cuda/", "samples/", "bench/gpu/", "tests/")
# Raw allocation: only the file whose class frees it again.
CUDA_RAW = r"\bcuda(Malloc\w*|Free\w*|StreamCreate\w*|EventCreate\w*|HostRegister|HostUnregister)\s*\("
CUDA_RAW_FOLDERS = ("device/cuda/", "bench/gpu/")

# Words that promise work instead of doing it; searched in all text (spelled so that this line is none).
UNFINISHED = r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b"

# Files that may copy bytes, and which. Everything else writes payload by decoding or computing it.
BYTE_COPIES = {
    "host/channel/channel.cpp": "descriptors and control messages",
    "host/channel/rights.h": "descriptors into control messages",
    "host/channel/channel.h": "control messages",
    "host/channel/connection.cpp": "a message into and out of the ring: the hand-over",
    "host/channel/queue.cpp": "a message into its slot, for who does not write it in place",
    "host/channel/ring.cpp": "the head of a block",
    "host/codec/archive.h": "values of arguments and results: encoding is this copy",
    "host/codec/codec.h": "values of arguments and results: decoding is this copy",
    "host/codec/decoder.h": "values of arguments and results: decoding is this copy",
    "host/codec/encoder.cpp": "a large range into shared memory, once",
    "host/codec/encoder.h": "values of arguments and results: encoding is this copy",
    "host/memory/shareable_list.cpp": "elements into and out of a list; its table, which others may change",
    "host/pool/crew_dispatch.cpp": "the head of a result, out of memory that a worker may change",
    "host/pool/crew_member.cpp": "a task's encoded arguments into its ring: the hand-over",
    "host/pool/crew_worker.cpp": "a task's encoded result into its ring: the hand-over",
    "host/pool/payload.cpp": "a large payload into shared memory, once; control messages",
    "host/sync/value.h": "the first elements of an Array",
    "host/process/forkserver.cpp": "a changed environment, into sealed memory",
    "host/process/function.cpp": "a path into a function id",
    "host/process/block_note.cpp": "a block's name into a note",
    "host/process/guardian.cpp": "the leaf's path into the set-up message",
    "host/process/guardian_main.cpp": "a message out of the bytes that were received",
    "host/process/guardian_socket.cpp": "descriptors and credentials into and out of control messages",
    "host/process/image.cpp": "an ELF note",
    "host/process/process_main.cpp": "an exception's record into sealed memory, once",
    "host/process/process_state.cpp": "arguments longer than a message, into sealed memory, once",
    "host/process/remote_error.cpp": "the pointer inside a std::exception_ptr",
    "host/process/start_child.cpp": "a name into the hand-over note",
    "device/cuda/cuda_backend.cu": "the table of the last operator, 3 KiB, into page-locked memory",
    "device/ops/finish.cpp": "u8 nhwc: the last operator where the bytes stay as they are",
    "device/ops/resample_avx2.cpp": "eight bytes from a register: an unaligned store",
    "device/ops/resample_select.cpp": "a row of a picture that keeps its size: the pixels stay as they are",
    "pipeline/decode/png_filter.cpp": "a pixel of three bytes between memory and a register",
    "pipeline/flow/assembler.cpp": "tensors of host stages, into their row, counted in payload_copies",
    "pipeline/flow/messages.h": "control messages",
    "pipeline/sink/contact_sheet.cpp": "64 small pictures side by side",
    "pipeline/sink/denormalise.cpp": "one element out of unaligned bytes",
}

# Words in backticks that are neither a file nor a name of this tree: others' interfaces and tools.
KNOWN_WORDS = frozenset(())
