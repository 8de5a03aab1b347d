#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every limit of Forebay, each with its reason. A limit that is missing here is a defect.
namespace forebay::limits {

/// Bytes of one channel message. SOCK_SEQPACKET messages are copied by the kernel; 4 KiB holds the largest
/// POD.
inline constexpr std::size_t message_bytes_max = 4096;

/// Descriptors in one message: the kernel's SCM_MAX_FD is 253; a chunk passes at most 64.
inline constexpr std::size_t message_fds_max = 64;

/// Chunks ahead of each worker: one in work, one waiting, so that a wake-up's latency is off the critical
/// path.
inline constexpr std::uint32_t worker_credits = 2;

/// Worker processes of one pipeline. Far above any core count; bounds tables and a typo's damage.
inline constexpr std::uint32_t workers_max = 1024;

/// Slots of one worker's strip.
inline constexpr std::uint32_t slots_per_worker_max = 256;

/// Items of one batch: bounds the batch buffer's arithmetic and a typo's damage.
inline constexpr std::uint32_t batch_items_max = 65536;

/// Host stages and device stages of one plan: they travel in one set-up message.
inline constexpr std::size_t stages_max = 8;

/// Attempts at an item that ends its worker before it is quarantined: one may be chance, two a coincidence.
/// The most that can be asked for bounds what a poison item costs.
inline constexpr std::uint32_t item_attempts = 3;
inline constexpr std::uint32_t item_attempts_max = 100;

/// As long after an innocent item's worker was killed by a signal, somebody kills workers: a signal is then
/// weak evidence against an item, and so many are needed where one would do.
inline constexpr std::chrono::seconds killer_at_large{60};
inline constexpr std::uint32_t weak_signals = 4;

/// Consecutive deaths without one newly delivered item before the run is given up.
inline constexpr std::uint32_t deaths_without_progress_max = 24;

/// Failures of a device in a row, each a report or an owner's death, without one row in between that it
/// completed or one item that was found guilty: then the run ends. Halving the largest batch down to one item
/// takes 18; what an item is given as attempts comes on top. A SIGKILL from outside counts half.
inline constexpr std::uint32_t device_failures_max = 20;

/// Items that are found guilty of a device's failures in a row, without one row in between that the device
/// completed. More bad pictures side by side than a chunk usually has are less likely than a bad device.
inline constexpr std::uint32_t device_verdicts_max = 16;

/// The same as long as the device has not completed anything: it is the suspect then.
inline constexpr std::uint32_t device_first_verdicts_max = 3;

/// Owners in a row that die, other than by SIGKILL, before they have taken their memory and stages: what is
/// wrong then is wrong the next time too. Three, because a device that was just lost may need a moment;
/// weak_signals times as many while somebody kills processes of the run, for then many die that could have
/// got ready.
inline constexpr std::uint32_t owner_setup_failures_max = 3;

/// From spawn to the child's hello. Exec, dynamic linking and reading /proc take milliseconds; a loaded
/// machine or a sanitizer build may take a thousand times that. A first CUDA start compiles: see owner_start.
inline constexpr std::chrono::seconds child_start{30};
inline constexpr std::chrono::seconds owner_start{180};

/// One batch of an owner that has completed one before: as long as all its items may take, between these. The
/// first one has owner_start, for it may compile.
inline constexpr std::chrono::seconds owner_batch_min{10};

/// Owners that may end while they open their device, one after another: a kill or a memory shortage is
/// chance.
inline constexpr std::uint32_t owner_open_attempts = 3;

/// From a polite stop to SIGKILL when a run ends. Ctrl+C promises one second in all.
inline constexpr std::chrono::milliseconds child_stop{400};

/// How far apart two stop signals must be to mean "at once": a closing terminal and `timeout` send two within
/// a millisecond, a person does not press Ctrl+C twice faster than this.
inline constexpr std::chrono::milliseconds stop_again{300};

/// After a stop signal: what is still not over then hangs in a file system, and is left.
inline constexpr std::chrono::seconds stop_patience{10};

/// After a stop, for how long finished rows are still written; what is left of the promised second is for the
/// processes to end and the memory to be given back.
inline constexpr std::chrono::milliseconds stop_write{300};

/// Bytes of rows written between two looks for a stop: 10 ms of a slow disk's cache.
inline constexpr std::size_t write_piece_bytes = std::size_t{8} << 20U;

/// Pixels of the last operator between two looks for a stop: a millisecond.
inline constexpr std::size_t finish_piece_pixels = std::size_t{1} << 20U;

/// How long a run waits for descriptors or memory to open its next item, when none is under way that would
/// give them back.
inline constexpr std::chrono::seconds open_wait{10};

/// How long fork waits until Forebay's own threads have nothing in hand: they start a process at most, which
/// takes milliseconds, or a thousand times that on a loaded machine.
inline constexpr std::chrono::milliseconds fork_gate_wait{5000};

/// From SIGKILL to the confirmed exit. A process in D state may take longer: it is then reported and left.
inline constexpr std::chrono::seconds child_reap{10};

/// One item may take so long, then its worker is taken for hung and killed. Above any decode. --item-timeout
/// sets another; the least is above a look and a loaded machine's hiccup, the most is a week-long run.
inline constexpr std::chrono::seconds worker_silence{120};
inline constexpr std::chrono::milliseconds item_timeout_min{10};
inline constexpr std::chrono::seconds item_timeout_max{604'800};

/// An item or a wait that takes so long is reported, or half of its time limit where that is less.
inline constexpr std::chrono::seconds stall_report{10};

/// How often the flow looks at those that it waits for, at most and at least; a quarter of the item's time
/// limit in between.
inline constexpr std::chrono::milliseconds look_every_max{1000};
inline constexpr std::chrono::milliseconds look_every_min{10};

/// A worker or owner that is stopped (SIGSTOP) for so long, while the coordinator is not, is replaced. Longer
/// than it takes to continue the processes of a group one after another.
inline constexpr std::chrono::seconds stopped_patience{3};

/// The flow thread came so much later than it meant to: it was stopped, or the machine was. A loaded machine
/// is late by less.
inline constexpr std::chrono::milliseconds lateness_min{200};

/// Memory that one item may take beyond what its worker has: the least is a small picture's, the most a typo.
inline constexpr std::uint64_t item_memory_mb_max = std::uint64_t{1} << 20U;

/// Memory of one process of a run beside the shared: resident code, decoder scratch and tables, measured: 12
/// to 20 MB. A CUDA context takes so much of the host's memory in the owner, in round figures.
inline constexpr std::uint64_t process_bytes = 20'000'000;
inline constexpr std::uint64_t cuda_context_bytes = 300'000'000;

/// What a run may be told to stay within: 16 TiB, more is a typo.
inline constexpr std::uint64_t memory_mb_max = std::uint64_t{1} << 24U;

/// Descriptors and tasks (processes and threads) of a coordinator beside those that its workers and its owner
/// take: streams, poller, signals, source, results and what is opened for a moment; flow, spawner, signals,
/// progress, output watch, counting, contact sheet, the main thread and one to spare. Measured: 15 and 7.
inline constexpr std::uint64_t own_descriptors = 20;
inline constexpr std::uint64_t own_tasks = 9;

/// Threads that a CUDA driver starts in its owner, in round figures.
inline constexpr std::uint64_t cuda_threads = 16;

/// Address space of a coordinator beside slots and batches: libraries, the stacks of its threads and what
/// malloc reserves for each. Measured with small limits: 126 MB.
inline constexpr std::uint64_t own_address_bytes = 136'000'000;

/// Memory is short from this share of the time on that somebody waits for it, looked at once in a while: work
/// that streams files past the page cache stays below.
inline constexpr double pressure_stalled_share = 0.2;

/// Memory is short where a limit leaves no more than its part of so much, or than so many bytes where that is
/// less: the margin in which the kernel reclaims at every allocation.
inline constexpr std::uint64_t pressure_left_parts = 20;
inline constexpr std::uint64_t pressure_left_bytes = std::uint64_t{256} << 20U;

/// How often a run looks at that, and from the last look that found it short to using one slot more again:
/// longer than it takes to fill all slots.
inline constexpr std::chrono::seconds pressure_look{1};
inline constexpr std::chrono::seconds pressure_calm{10};

/// For how long `forebay doctor run` counts the entries of its sources: a million files of a local disk.
inline constexpr std::chrono::seconds doctor_count{5};

/// How long a child without work waits before it looks again; its channel closes when the coordinator ends.
inline constexpr std::chrono::minutes idle_poll{10};

/// How long next() waits for the caller to let a batch go, when all buffers are held. A training step takes
/// less.
inline constexpr std::chrono::minutes batch_wait{10};

/// Living processes of one tree that its guardian watches; above any limit on processes of a container. Those
/// beyond still end with their parents.
inline constexpr std::size_t guarded_max = 16384;

/// Named blocks of shared memory of one tree of processes at a time that its guardian unlinks; a look at all
/// of them takes it some milliseconds.
inline constexpr std::size_t named_blocks_max = 4096;

/// Of a block's name: NAME_MAX.
inline constexpr std::size_t block_name_bytes_max = 255;

/// Random names that are tried for a block without one: each is free but with a chance of one in 2^64.
inline constexpr unsigned block_name_tries = 16;

/// From telling the guardian of a block to its answer, which takes 0.1 ms, before it is told again: one that
/// was killed with the note in hand has a successor by then.
inline constexpr std::chrono::milliseconds guardian_answer{1000};

/// Elements of one ShareableList: bounds the table that a process copies when it attaches one.
inline constexpr std::uint64_t shareable_list_items_max = std::uint64_t{1} << 20U;

/// Payload alignment in a slot: DALI's sample alignment, a multiple of every vector width and cache line.
inline constexpr std::size_t payload_alignment = 128;

/// Above twice this Pillow raises DecompressionBombError, above it, it warns (Image.MAX_IMAGE_PIXELS).
inline constexpr std::uint64_t image_pixels_warn = 89'478'485;
inline constexpr std::uint64_t image_pixels_max = 2 * image_pixels_warn;

/// Encoded bytes of one picture: above any camera's; a larger file is data, not memory taken.
inline constexpr std::uint64_t encoded_bytes_max = std::uint64_t{1} << 30U;

/// One line of an @list: PATH_MAX, label included. Longer ones are no list but some other file.
inline constexpr std::size_t list_line_bytes_max = 4096;

/// Bytes of an @list read at a time: the first entry of a list of any length costs one read.
inline constexpr std::size_t list_buffer_bytes = std::size_t{64} << 10U;

/// Send buffer of a channel's end: sixteen of the largest messages, so that a peer's credits always fit. At
/// least this is needed; Linux's default (212,992) is above it.
inline constexpr int channel_buffer_bytes = 64 * 1024;

/// Bytes read of one file in /proc or /sys: the largest, mountinfo, has about 100 bytes a mount.
inline constexpr std::size_t system_file_bytes_max = std::size_t{4} << 20U;

/// Space reserved ahead in tensors.npy: at first, and at most in one step, doubling between. Large steps keep
/// the file in few extents; a disk that is nearly full is asked for what is needed at once.
inline constexpr std::uint64_t npy_reserve_bytes_min = std::uint64_t{64} << 20U;
inline constexpr std::uint64_t npy_reserve_bytes_max = std::uint64_t{1} << 30U;

/// Lines of items.jsonl held back for an earlier batch in completion order: 300,000 lines of 200 bytes, what
/// a fast run delivers while one worker is silent for limits::worker_silence.
inline constexpr std::size_t items_held_bytes = std::size_t{64} << 20U;

/// Edge of a finished picture: a row of f32 is then 3 GiB; more is a typo.
inline constexpr std::uint32_t result_edge_max = 16384;

/// Slots of one worker: with a single one it could not fill while the last is read.
inline constexpr std::uint32_t slots_per_worker_min = 2;

/// Payload of one slot: offsets in an ItemOp are 32 bits.
inline constexpr std::uint64_t slot_bytes_max = std::uint64_t{2} << 30U;

/// Notices that are kept of a run, 200 bytes each; of a run with more the first are the telling ones.
inline constexpr std::size_t notices_kept = 256;

/// Snapshots behind the progress line's rates: three seconds of ten a second.
inline constexpr std::size_t rate_samples = 32;

/// From one look to the next at a child that has ended but that its debugger has not let go of. Otherwise
/// unused.
inline constexpr std::chrono::milliseconds held_back_poll{1};

/// Bytes of a plain range from which on it crosses in shared memory of its own. Making, passing and mapping
/// one costs about 20 us, as much as copying some 128 KiB twice.
inline constexpr std::size_t shared_range_bytes_min = std::size_t{128} << 10U;

/// Bytes of such a range from which on the memory that is left is asked for first: that reads files, 50 us.
inline constexpr std::size_t admitted_range_bytes_min = std::size_t{64} << 20U;

/// Each of the two rings between a pool and a worker: some thousand small tasks or results, so that neither
/// side waits for the other; half a MiB a worker in all.
inline constexpr std::size_t crew_ring_bytes = std::size_t{256} << 10U;

/// Tasks that one worker has at a time. Those that it has not begun can be taken back, so a long queue costs
/// no balance; it saves a wake-up a task.
inline constexpr std::size_t crew_tasks_max = 256;

/// How long a worker without a task, or a caller without a result, spins before it sleeps. A sleeper's
/// wake-up costs 5 us on bare metal and up to 50 us on a virtual machine.
inline constexpr std::chrono::microseconds crew_spin{50};
inline constexpr std::chrono::microseconds crew_spin_min{4};

/// How long a worker that spins holds back the word that a result is there: a caller that spins takes it
/// sooner.
inline constexpr std::chrono::microseconds crew_doorbell_delay{4};

/// Outcomes that are taken from the rings under one hold of a pool's lock: a submit waits for no more than
/// that.
inline constexpr std::size_t crew_deliveries_max = 512;

/// How often a worker with a limit on its growth looks at its memory, between two tasks: reading /proc is 10
/// us.
inline constexpr std::chrono::milliseconds crew_memory_look{250};

/// How long a worker waits for room to send a large result. The pool's thread empties the channel at once,
/// but that may be held up by a callback of the application.
inline constexpr std::chrono::minutes crew_send{10};

/// From telling a worker to end to its end, exit handlers of the application included; then it is killed.
inline constexpr std::chrono::seconds crew_exit{10};

/// From a failed start of a replacement to the next try, as long as other workers live.
inline constexpr std::chrono::milliseconds crew_respawn{200};

/// Workers that die one after another before they can work, until their pool is broken. A machine that is
/// short of memory for a moment may cost a few.
inline constexpr std::uint32_t crew_start_deaths_max = 8;

/// From finding a ring full of tasks that were all taken back to the next look: the worker says nothing about
/// those that it skips, and skips thousands in this time.
inline constexpr std::chrono::milliseconds crew_stall{1};

/// How long the pool's thread sleeps where nothing is due: events wake it.
inline constexpr std::chrono::minutes crew_idle{10};

/// How long it sleeps where items run against a time limit: the limit's sixteenth, within these bounds. What
/// it sleeps longer (the machine or the process was stopped) is not counted against the items, so a stop that
/// it cannot see costs an item no more than this.
inline constexpr std::chrono::milliseconds crew_watch_min{5};
inline constexpr std::chrono::milliseconds crew_watch_max{500};
inline constexpr std::int64_t crew_watch_parts = 16;

/// Lateness of that sleep that is nobody's stop: the clock's granularity, and waking up.
inline constexpr std::chrono::milliseconds crew_watch_slack{2};

/// A worker that does not begin what it was given is killed after the time limit, but not before this: it may
/// have to be woken first, on a machine that is busy.
inline constexpr std::chrono::seconds crew_begin_min{1};

/// Processes that share a context at a time: the index of an OwnerToken has ten bits.
inline constexpr std::uint32_t participants_max = 1024;

/// The context that small objects of a process go to (locks, events, values): 64 MiB of address space, of
/// which only what is used takes memory. Larger objects get a context of their own.
inline constexpr std::size_t context_bytes = std::size_t{64} << 20U;
inline constexpr std::size_t context_object_bytes_max = std::size_t{256} << 10U;

/// How long a process that waits for another one spins before it sleeps: about what a sleep and a wake-up
/// cost on a virtual machine; and the least, to see whether a spin has become worth it.
inline constexpr std::chrono::microseconds spin_max{50};
inline constexpr std::chrono::nanoseconds spin_min{500};

/// Permits of one semaphore, waiters of one condition and parties of one barrier, at a time: each is a word
/// that is looked through, so that no count can be lost with a process.
inline constexpr std::uint32_t semaphore_permits_max = 1024;
inline constexpr std::uint32_t condition_waiters_max = 256;
inline constexpr std::uint32_t barrier_parties_max = 1024;

/// Messages of one queue at a time, and bytes of one message: a queue's address space is their product.
inline constexpr std::uint32_t queue_messages_max = std::uint32_t{1} << 20U;
inline constexpr std::uint32_t queue_messages_default = 1024;
inline constexpr std::uint64_t queue_message_bytes_max = std::uint64_t{1} << 32U;
inline constexpr std::uint64_t queue_message_bytes_default = std::uint64_t{64} << 10U;

/// Each direction of a pipe: a message of up to a quarter of it goes in one part, larger ones in several.
inline constexpr std::size_t pipe_ring_bytes = std::size_t{256} << 10U;

/// Bytes of a Unix socket's address: sun_path has 108, with the NUL after a path or before an abstract name.
inline constexpr std::size_t socket_address_bytes_max = 107;

/// Clients that may have connected to a listener before it accepts: a server's usual number. Handshakes under
/// way at a time, each a descriptor, of the 1024 that a process usually may have; and clients that are taken
/// before those that are there are heard again.
inline constexpr int listener_backlog = 128;
inline constexpr std::size_t listener_handshakes_max = 64;
inline constexpr int listener_admissions = 16;

/// For a client to answer a listener: a wake-up and an HMAC, or a thousand times that on a loaded machine.
inline constexpr std::chrono::seconds handshake{5};

/// For a listener to let a client in, as CPython has it: it may be busy between two calls of accept().
inline constexpr std::chrono::seconds connect{20};

/// How long a listener waits for others that begin to listen in the same directory, each for microseconds;
/// and from one look to the next at that, and at an address where nobody listens yet.
inline constexpr std::chrono::seconds address_lock{5};
inline constexpr std::chrono::milliseconds address_look{10};

/// Memory that is taken for a message by what its head says; beyond, as its bytes come.
inline constexpr std::uint64_t pipe_reserve_bytes_max = std::uint64_t{1} << 30U;

/// How long who waits for a pipe sleeps on the ring's word before it looks whether the other side is still
/// there, as the kernel wakes no such sleeper when that is killed. A tenth of the promised second.
inline constexpr std::chrono::milliseconds pipe_look{100};

/// How often a waiting thread that has an InterruptScope looks for a Ctrl+C that another thread has taken.
inline constexpr std::chrono::milliseconds interrupt_look{100};

/// Of a library's file whose build id is read: real ones have a dozen segments and 100 bytes of notes.
inline constexpr std::size_t image_segments_max = 1024;
inline constexpr std::size_t image_note_bytes_max = std::size_t{1} << 20U;

/// For how long a thread that waits for futures drives their engine before it looks whether another thread
/// has completed them: a hundred looks a second cost nothing.
inline constexpr std::chrono::milliseconds drive_slice{10};

/// Of an exception that crosses processes. Message: a page of text many times over; the rest is in a log.
/// Other texts: PATH_MAX, the longest that is ever exact. Frames: the innermost, where the fault is, also
/// under deep recursion. Causes (std::throw_with_nested): a layer of a program each. Throws remembered by one
/// thread: the causes of one exception and a few that were caught meanwhile.
inline constexpr std::size_t exception_message_bytes_max = std::size_t{16} << 10U;
inline constexpr std::size_t exception_text_bytes_max = 4096;
inline constexpr std::size_t exception_frames_max = 64;
inline constexpr std::size_t exception_frame_bytes_max = 1024;
inline constexpr std::size_t exception_causes_max = 8;
inline constexpr std::size_t throws_remembered = 8;

/// Functions of one image that a stack trace may name, 16 bytes each, and images whose tables are kept. A
/// large program has 100,000 and loads a dozen libraries with code that throws.
inline constexpr std::size_t image_symbols_max = std::size_t{1} << 20U;
inline constexpr std::size_t image_tables_max = 16;

}  // namespace forebay::limits
