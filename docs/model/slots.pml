/* The protocol of a run's slots: a coordinator (flow.cpp, worker_pool.cpp, worker_link.cpp, owner_desk.cpp,
 * handover.cpp), up to three workers (worker_main.cpp), an owner (owner.cpp) or none, and the caller. Worker
 * and owner can die at each step of the list that slot_life.pml is made of, CRASHES times in all.
 *
 * What is checked, by assertions where they stand and by the absence of invalid end states:
 *   - a slot moves along its life cycle only (move_*), and at the end each is free or retired: none is lost;
 *   - every item reaches the caller once, in order, as it was written completely by the lease in force;
 *   - a result slot that is read was completed by the batch that is read, also while the caller holds it;
 *   - a death is charged to the item that the dead worker had begun, and to no other;
 *   - a worker that obeys is never taken for one that lies;
 *   - nothing waits for ever; the leases are bounded (LEASES), so nothing goes on for ever either: every step
 *     uses up a message, an exit or what the caller gave back, and only leases make more of them.
 *
 * What a process does between two messages is seen by nobody before its report or its confirmed exit. So it is
 * one transition here, in which it may die at each of its steps; -DFINE takes the transitions apart.
 * -DSTUCK: a worker may also be held by the kernel for ever. -DLIAR: its report may be nonsense.
 * -DKEEPS: the rows of a released chunk are in the result, and outlive the owner (Backend::finishes_chunks).
 * -DBREAK_...: a rule is left out; Spin must find each of them wrong. See slots.md.
 */

#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef SLOTS /* of a worker's strip */
#define SLOTS 2
#endif
#ifndef ITEMS
#define ITEMS 3
#endif
#ifndef CHUNK /* items at most */
#define CHUNK 2
#endif
#ifndef BATCH /* items */
#define BATCH 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef LANES
#define LANES 2
#endif
#ifndef RESULTS
#define RESULTS 2
#endif
#ifndef LEASES /* generations of one strip, at most */
#define LEASES 20
#endif
#ifndef POISON /* an item that always ends its worker */
#define POISON 99
#endif
#ifndef ATTEMPTS /* charged deaths until an item is quarantined; more than CRASHES */
#define ATTEMPTS 3
#endif
#ifdef FINE
#define TOGETHER
#else
#define TOGETHER atomic
#endif

#define CREDITS 2
#define NONE 255
#define ALL_SLOTS (WORKERS * SLOTS)
#define BATCHES ((ITEMS + BATCH - 1) / BATCH)
#define STRIP_OF(s) ((s) / SLOTS)
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define BATCH_END(b) (plan_complete -> MIN(((b) + 1) * BATCH, ITEMS) : ((b) + 1) * BATCH)
#define IN(set, n) (((set) >> (n)) & 1)

#include "slot_life.pml"

/* ---- shared memory: payload and descriptors of every slot, a progress word for each strip ---- */
#define MEMORY(s, position) ((s) * CHUNK + (position))
byte payload[ALL_SLOTS * CHUNK];    /* item + 1 that is there completely; 0: torn */
byte descriptor[ALL_SLOTS * CHUNK]; /* item + 1 that it describes */
byte progress_generation[WORKERS];
byte progress_position[WORKERS];
bit progress_done[WORKERS]; /* nothing of the job is in work any more */
byte result_memory[RESULTS]; /* batch + 1 that is there completely; 0: torn */
#ifdef KEEPS
byte result_row[RESULTS * BATCH]; /* item + 1 that is there completely; 0: torn. Instead of result_memory */
#endif

/* ---- channels: a worker's reports outlive it until its exit has been handled ---- */
mtype:message = { begin_batch, add_chunk, end_batch, owner_takes_work, chunk_released, batch_done };
chan jobs[WORKERS] = [CREDITS] of { byte, byte, byte, byte, byte }; /* first, slot, generation, count, resume */
chan reports[WORKERS] = [CREDITS] of { byte, byte, byte };          /* slot, generation, done */
#ifdef OWNER
chan to_owner = [ALL_SLOTS + 2 * LANES] of { mtype:message, byte, byte, byte, byte, byte }; /* lane, ... */
chan from_owner = [ALL_SLOTS + LANES + 1] of { mtype:message, byte, byte };
#endif

/* ---- what the kernel knows ---- */
bit worker_starts[WORKERS] = 1;
bit worker_exited[WORKERS]; /* confirmed: its pidfd is readable */
bit worker_killed[WORKERS]; /* by the coordinator, for a lie (LIAR); it goes on until it dies */
bit worker_stuck[WORKERS];  /* not even SIGKILL has ended it in time */
byte straggler = NONE;      /* place in payload that such a process still writes to */
bit owner_starts = 1;
bit owner_exited;
bit stopping; /* all channels are closed */
byte crashes_left = CRASHES;

/* ---- the coordinator's private memory. A chunk has the number of its first item. ---- */
mtype:place = { nowhere, pending, owed, ready, at_owner, at_caller };
mtype:slot slot[ALL_SLOTS] = slot_free;
byte next_generation[WORKERS] = 1;
mtype:place place[ITEMS] = nowhere;
byte count[ITEMS];    /* items of the chunk */
byte finished[ITEMS]; /* of them, in its slot */
byte lease_slot[ITEMS] = NONE;
byte lease_generation[ITEMS];
byte owes[WORKERS * CREDITS]; /* chunks in the order sent */
byte owes_count[WORKERS];
bit worker_retired[WORKERS];
byte planned;
bit plan_complete, starved;
byte failed; /* set of items that are quarantined */
byte deaths[ITEMS];
bit due = 1; /* something happened since the last round */
bit run_failed, ended;
#ifdef OWNER
bit takes_work;
bit lane_busy[LANES], lane_ended[LANES];
byte lane_batch[LANES], lane_cursor[LANES], lane_result[LANES], lane_rows[LANES];
byte free_results = (1 << RESULTS) - 1;
byte next_batch; /* all before it have been picked */
byte again;      /* set of batches to be picked again */
#ifdef KEEPS
bit lane_open[LANES]; /* the owner has been told of it */
byte kept;            /* set of chunks whose rows an owner has said to be in the result */
#endif
#endif

/* ---- the handover between coordinator and caller (handover.cpp, under its mutex) ---- */
bit waiting; /* the caller is blocked */
chan given_back = [ALL_SLOTS + RESULTS] of { byte };
byte results[BATCHES] = NONE; /* result slot of a finished batch */

/* ---- what only the checks know ---- */
byte in_work[WORKERS]; /* item + 1 that the process has begun and not finished */
bit big[ITEMS];        /* finds no room behind another item */
byte delivered;        /* items before it have been delivered */
hidden mtype:step died_at;

/* Scratch of transitions that nothing interrupts. */
hidden byte n, m, c, w0, best, item, lane0, batch0, slot0, generation0, done0, a0, b0;
hidden mtype:message type0;

/* A place where the process may die. A worker may also be held by the kernel for ever. */
inline step(name) {
  if
  :: atomic { crashes_left > 0 -> crashes_left--; died_at = name }; goto dead
  :: true
  fi
}

/* ================================ worker ================================ */

inline worker_step(name) {
  if
  :: atomic { crashes_left > 0 -> crashes_left--; died_at = name }; goto dead
#ifdef STUCK
  :: atomic { crashes_left > 0 && straggler == NONE -> crashes_left--; died_at = name }; goto stuck
#endif
#ifdef LIAR
  :: worker_killed[me] -> goto dead
#endif
  :: true
  fi
}

inline publish_progress(is_done) {
  d_step { progress_generation[me] = generation; progress_position[me] = at; progress_done[me] = is_done }
}

/* Item `at` of the job into its place. What lies behind it in the payload may be overwritten as well. */
inline write_payload() {
  d_step { at2 = at; do :: at2 < CHUNK -> payload[MEMORY(s, at2)] = 0; at2++ :: else -> break od; at2 = 0 };
  worker_step(worker_decoded);
  payload[MEMORY(s, at)] = first + at + 1
}

proctype Worker(byte me) {
  byte first, s = NONE, generation, items, at, at2;
entered:
end_replaced:
  TOGETHER {
    worker_starts[me];
    worker_starts[me] = 0;
    worker_step(worker_entered);
    worker_step(worker_opened);
    worker_step(worker_hello); /* hello moves no slot */
  }
idle:
  TOGETHER {
    if
    :: jobs[me]?first, s, generation, items, at
    :: stopping && empty(jobs[me]) -> goto left
#ifdef LIAR
    :: worker_killed[me] -> goto dead
#endif
    fi;
    worker_step(worker_received);
    do
    :: at < items ->
       publish_progress(0);
       in_work[me] = first + at + 1;
       worker_step(worker_begun);
       if
       :: IN(failed, first + at) /* the job's skip mask */
       :: !IN(failed, first + at) && first + at == POISON -> goto dead
       :: !IN(failed, first + at) && first + at != POISON && at > 0 && big[first + at] -> break
       :: else -> write_payload()
       fi;
       worker_step(worker_filled);
       descriptor[MEMORY(s, at)] = first + at + 1;
       worker_step(worker_described);
       at++
    :: else -> break
    od;
    publish_progress(1);
    in_work[me] = 0;
    worker_step(worker_finished);
    if
#ifdef LIAR
    :: crashes_left > 0 -> crashes_left--; reports[me]!s, generation, CHUNK + 1
#endif
    :: reports[me]!s, generation, at
    fi;
    worker_step(worker_reported);
    d_step { first = 0; s = NONE; generation = 0; items = 0; at = 0 }
  }
  goto idle;
dead:
  atomic {
    true;
    d_step { first = 0; s = NONE; generation = 0; items = 0; at = 0; worker_exited[me] = 1 }
  };
  goto entered;
#ifdef STUCK
stuck:
  atomic {
    true;
    d_step {
      if :: s != NONE && at < CHUNK -> straggler = MEMORY(s, at) :: else fi;
      first = 0; s = NONE; generation = 0; items = 0; at = 0; worker_stuck[me] = 1
    }
  };
  goto entered; /* nobody starts another, unless a rule is broken */
#endif
left:
  skip
}

#ifdef STUCK
/* A read into the payload that the kernel completes late, in a process that cannot be ended. */
active proctype Straggler() {
end_straggler:
  do
  :: d_step { straggler != NONE -> payload[straggler] = 0; straggler = NONE }
  od
}
#endif

/* ================================ owner ================================ */

#ifdef OWNER
proctype Owner() {
  /* The device's queue, in order: batch?, lane, slot, generation, first, count */
  chan tickets = [ALL_SLOTS + LANES] of { bit, byte, byte, byte, byte, byte };
  bit is_batch;
  byte lane, x, y, first, items;
  byte rows[LANES], batch_of[LANES], result_of[LANES];
entered:
end_replaced:
  TOGETHER {
    owner_starts;
    owner_starts = 0;
    step(owner_entered);
    step(owner_opened);
    step(owner_pinned);
    from_owner!owner_takes_work, 0, 0;
    step(owner_ready)
  }
  do
  :: TOGETHER {
       to_owner?begin_batch, lane, x, y, first, _;
       d_step {
         rows[lane] = first; result_of[lane] = x; batch_of[lane] = y; result_memory[x] = 0;
#ifdef KEEPS
         for (n : first .. BATCH - 1) { result_row[x * BATCH + n] = 0 };
#endif
         x = 0; y = 0; lane = 0; first = 0
       };
       step(owner_begun)
     }
  :: TOGETHER {
       to_owner?add_chunk, lane, x, y, first, items;
       tickets!0, lane, x, y, first, items;
       d_step { lane = 0; x = 0; y = 0; first = 0; items = 0 };
       step(owner_submitted)
     }
  :: TOGETHER {
       to_owner?end_batch, lane, x, _, _, _;
       tickets!1, lane, x, 0, 0, 0;
       d_step { lane = 0; x = 0 };
       step(owner_ended)
     }
  :: TOGETHER { /* the oldest ticket is done */
       tickets?is_batch, lane, x, y, first, items;
       if
       :: !is_batch ->
          d_step {
            assert(slot[x] == slot_in_flight);
            for (n : 0 .. items - 1) {
              if
              :: IN(failed, first + n)
              :: else ->
                 assert(payload[MEMORY(x, n)] == first + n + 1);
#ifdef KEEPS
                 result_row[result_of[lane] * BATCH + rows[lane]] = first + n + 1;
#endif
                 rows[lane]++
              fi
            }
          };
          step(owner_read);
          from_owner!chunk_released, x, y;
          step(owner_released)
       :: else ->
          assert(rows[lane] == x);
          result_memory[result_of[lane]] = batch_of[lane] + 1;
          step(owner_complete);
          from_owner!batch_done, lane, batch_of[lane];
          d_step { rows[lane] = 0; batch_of[lane] = 0; result_of[lane] = 0 };
          step(owner_reported)
       fi;
       d_step { is_batch = 0; lane = 0; x = 0; y = 0; first = 0; items = 0 }
     }
  :: stopping && empty(to_owner) -> goto left
  od;
dead:
  atomic {
    true;
    d_step {
      do :: tickets?_, _, _, _, _, _ :: empty(tickets) -> break od;
      for (n : 0 .. LANES - 1) { rows[n] = 0; batch_of[n] = 0; result_of[n] = 0 };
      is_batch = 0; lane = 0; x = 0; y = 0; first = 0; items = 0;
      owner_exited = 1
    }
  };
  goto entered;
left:
  skip
}
#endif

/* ================================ coordinator ================================ */

inline new_generation(chunk) {
  lease_generation[chunk] = next_generation[STRIP_OF(lease_slot[chunk])];
  next_generation[STRIP_OF(lease_slot[chunk])]++;
  assert(next_generation[STRIP_OF(lease_slot[chunk])] <= LEASES)
}

inline send_job(worker, chunk) {
  jobs[worker]!chunk, lease_slot[chunk], lease_generation[chunk], count[chunk], finished[chunk]
}

/* Its items need a slot of their own, from the beginning. */
inline chunk_returned(chunk) {
  place[chunk] = pending; lease_slot[chunk] = NONE; lease_generation[chunk] = 0;
#ifndef BREAK_KEEPS_FINISHED
  finished[chunk] = 0
#endif
}

inline forget(chunk) {
  place[chunk] = nowhere; count[chunk] = 0; finished[chunk] = 0;
  lease_slot[chunk] = NONE; lease_generation[chunk] = 0
}

/* The one read of descriptors. What it refuses would be a worker that lies; none does here. */
inline collect(chunk, end) {
  assert(end <= count[chunk]);
  do
  :: finished[chunk] < end ->
     assert(descriptor[MEMORY(lease_slot[chunk], finished[chunk])] == chunk + finished[chunk] + 1);
     finished[chunk]++
  :: else -> break
  od
}

inline finish(chunk) { move_finish(lease_slot[chunk]); place[chunk] = ready }

inline pop_front(worker) {
  owes[worker * CREDITS] = owes[worker * CREDITS + 1];
  owes[worker * CREDITS + 1] = 0;
  owes_count[worker]--
}

#ifdef BREAK_ACCEPTS_STALE
#define IN_FORCE(c) true
#define IS_SANE done0 <= count[c] && done0 > 0 && done0 >= finished[c]
#else
#define IN_FORCE(c) lease_generation[c] == generation0
#ifdef BREAK_REFUSES_NO_NEWS
#define IS_SANE slot0 == lease_slot[c] && done0 <= count[c] && done0 > finished[c]
#else
#define IS_SANE slot0 == lease_slot[c] && done0 <= count[c] && done0 > 0 && done0 >= finished[c]
#endif
#endif

inline on_report(worker) {
  reports[worker]?slot0, generation0, done0;
  c = owes[worker * CREDITS];
  if
  :: owes_count[worker] > 0 && IN_FORCE(c) ->
     if
     :: IS_SANE ->
        pop_front(worker);
        collect(c, done0);
        if
        :: done0 < count[c] ->
           count[c + done0] = count[c] - done0;
           place[c + done0] = pending;
           count[c] = done0
        :: else
        fi;
        finish(c)
     :: else -> /* still owed, by a worker that is killed now */
        assert(done0 > CHUNK);
        worker_killed[worker] = 1
     fi
  :: else /* a lease that is no longer in force */
  fi
}

inline read_reports(worker) {
  do :: nempty(reports[worker]) -> on_report(worker) :: empty(reports[worker]) -> break od
}

#ifdef BREAK_BLAMES_THE_IDLE
#define IS_IN_WORK(worker) true
#else
#define IS_IN_WORK(worker) !progress_done[worker]
#endif

inline charge(worker, chunk, position) {
#ifdef BREAK_BLAMES_THE_FIRST
  item = chunk;
#else
  item = chunk + position;
#endif
  assert(in_work[worker] == item + 1);
  if
  :: POISON < ITEMS && !IN(failed, item) ->
     deaths[item]++;
     if :: deaths[item] >= ATTEMPTS -> failed = failed | (1 << item); deaths[item] = 0 :: else fi
  :: else
  fi
}

inline charge_what_was_in_work(worker) {
  if
  :: progress_position[worker] < count[c] && IS_IN_WORK(worker) -> charge(worker, c, progress_position[worker])
  :: else
  fi
}

inline recover(worker) {
  for (m : 0 .. owes_count[worker] - 1) {
    c = owes[worker * CREDITS + m];
    if
#ifdef BREAK_ANY_PROGRESS
    :: true ->
#else
    :: progress_generation[worker] == lease_generation[c] ->
#endif
       collect(c, progress_position[worker]);
       charge_what_was_in_work(worker)
#ifndef BREAK_ANY_PROGRESS
    :: else
#endif
    fi;
    move_renew(lease_slot[c]);
#ifndef BREAK_SAME_GENERATION
    new_generation(c)
#endif
  };
  in_work[worker] = 0;
  do
  :: owes_count[worker] > 0 && finished[owes[worker * CREDITS]] == count[owes[worker * CREDITS]] ->
     c = owes[worker * CREDITS];
     pop_front(worker);
     finish(c)
  :: else -> break
  od;
  do :: jobs[worker]?_, _, _, _, _ :: empty(jobs[worker]) -> break od; /* a new process has a new channel */
  worker_killed[worker] = 0;
  worker_starts[worker] = 1;
  for (m : 0 .. owes_count[worker] - 1) {
    c = owes[worker * CREDITS + m];
    send_job(worker, c)
  }
}

inline on_worker_exit(worker) {
  worker_exited[worker] = 0;
  read_reports(worker); /* what it reported before it died still counts */
  recover(worker)
}

/* SIGKILL has not ended it: what it may still write to is used no more, its chunks run elsewhere. Those of its
 * reports that have not been read yet come too late. */
inline on_worker_stuck(worker) {
  worker_stuck[worker] = 0;
#ifdef BREAK_RECLAIMS_EARLY
  recover(worker);
#else
  worker_retired[worker] = 1;
  for (m : 0 .. owes_count[worker] - 1) {
    c = owes[worker * CREDITS + m];
    owes[worker * CREDITS + m] = 0;
    if
    :: progress_generation[worker] == lease_generation[c] -> charge_what_was_in_work(worker)
    :: else
    fi;
    move_retire(lease_slot[c]);
    chunk_returned(c)
  };
  owes_count[worker] = 0;
  in_work[worker] = 0;
  do :: jobs[worker]?_, _, _, _, _ :: empty(jobs[worker]) -> break od;
#endif
}

/* The slot of a strip that is free, or NONE. */
inline find_slot(worker) {
  slot0 = NONE;
  for (n : 0 .. SLOTS - 1) {
    if
    :: slot0 == NONE && slot[worker * SLOTS + n] == slot_free -> slot0 = worker * SLOTS + n
    :: else
    fi
  }
}

/* The worker with credit and a free slot that owes least, or NONE. */
inline with_room() {
  best = NONE;
  for (m : 0 .. WORKERS - 1) {
    find_slot(m);
    if
    :: slot0 != NONE && !worker_retired[m] && owes_count[m] < CREDITS ->
       if
       :: best == NONE -> best = m
       :: best != NONE ->
          if :: owes_count[m] < owes_count[best] -> best = m :: else fi
       fi
    :: else
    fi
  }
}

inline first_pending() {
  c = NONE;
  for (n : 0 .. ITEMS - 1) {
    if :: c == NONE && place[n] == pending -> c = n :: else fi
  }
}

inline next_chunk() {
  c = NONE;
  if
  :: plan_complete
  :: !plan_complete && planned == ITEMS -> plan_complete = 1
  :: else ->
     c = planned;
     count[c] = MIN(CHUNK, BATCH - planned % BATCH);
     if
     :: planned + count[c] > ITEMS -> count[c] = ITEMS - planned; plan_complete = 1
     :: else
     fi;
     planned = planned + count[c]
  fi
}

inline dispatch_to(worker, chunk) {
  find_slot(worker);
  move_lease(slot0);
  lease_slot[chunk] = slot0;
  new_generation(chunk);
  place[chunk] = owed;
  owes[worker * CREDITS + owes_count[worker]] = chunk;
  owes_count[worker]++;
  send_job(worker, chunk)
}

inline pool_is_idle() {
  a0 = 1;
  for (m : 0 .. WORKERS - 1) {
    if :: owes_count[m] > 0 -> a0 = 0 :: else fi
  }
}

inline revoke_for_pending() {
  best = NONE;
  for (n : c + 1 .. ITEMS - 1) {
    if :: place[n] == ready -> best = n :: else fi
  };
#ifndef OWNER
  if :: !waiting -> best = NONE :: else fi; /* what the caller works on is not its to wait for */
#endif
#ifdef BREAK_NEVER_REVOKES
  best = NONE;
#endif
  if
  :: best != NONE ->
     move_revoke(lease_slot[best]);
     chunk_returned(best);
     due = 1
  :: else
  fi
}

inline dispatch() {
  do
  :: true ->
     with_room();
     if :: best == NONE -> break :: else fi;
     first_pending();
     if :: c == NONE -> next_chunk() :: else fi;
     if :: c == NONE -> break :: else fi;
     dispatch_to(best, c)
  od;
  pool_is_idle();
  with_room();
  starved = (a0 && best == NONE);
  first_pending();
  if :: starved && c != NONE -> revoke_for_pending() :: else fi
}

#ifdef OWNER
/* Batch to be built next, or NONE. */
inline pick_batch() {
  batch0 = NONE;
  for (n : 0 .. BATCHES - 1) {
    if :: batch0 == NONE && IN(again, n) -> batch0 = n :: else fi
  };
  if
  :: batch0 != NONE -> again = again & ~(1 << batch0)
  :: else ->
     if
     :: next_batch < BATCHES ->
        if :: place[next_batch * BATCH] == ready -> batch0 = next_batch; next_batch++ :: else fi
     :: else
     fi
  fi
}

inline begin() {
  lane_busy[lane0] = 1;
  lane_batch[lane0] = batch0;
  lane_cursor[lane0] = batch0 * BATCH;
  n = 0;
  do :: !IN(free_results, n) -> n++ :: else -> break od;
  lane_result[lane0] = n;
  free_results = free_results & ~(1 << n);
#ifdef KEEPS
  lane_open[lane0] = 1;
#endif
  to_owner!begin_batch, lane0, n, batch0, 0, 0
}

#ifdef KEEPS
/* What a dead owner has left: nothing, or the rest of a batch for the new one. */
inline go_on() {
  if
  :: lane_cursor[lane0] >= BATCH_END(lane_batch[lane0]) -> offer_result()
  :: else ->
     if
     :: place[lane_cursor[lane0]] == ready ->
        lane_open[lane0] = 1;
        to_owner!begin_batch, lane0, lane_result[lane0], lane_batch[lane0], lane_rows[lane0], 0
     :: else
     fi
  fi
}
#define LANE_OPEN(lane) lane_open[lane]
#else
#define LANE_OPEN(lane) 1
#endif

inline add(chunk) {
  b0 = 0;
  for (n : 0 .. count[chunk] - 1) {
    if :: IN(failed, chunk + n) :: else -> b0++ fi
  };
  lane_cursor[lane0] = chunk + count[chunk];
  lane_rows[lane0] = lane_rows[lane0] + b0;
  place[chunk] = at_owner;
  move_take(lease_slot[chunk]);
  if
  :: b0 == 0 -> move_release(lease_slot[chunk]); lease_slot[chunk] = NONE; lease_generation[chunk] = 0
  :: else -> to_owner!add_chunk, lane0, lease_slot[chunk], lease_generation[chunk], chunk, count[chunk]
  fi
}

inline pump() {
  if
  :: takes_work ->
     for (lane0 : 0 .. LANES - 1) {
       if
       :: !lane_busy[lane0] && free_results != 0 ->
          pick_batch();
          if :: batch0 != NONE -> begin() :: else fi
       :: else
       fi
     };
#ifdef KEEPS
     for (lane0 : 0 .. LANES - 1) {
       if :: lane_busy[lane0] && !lane_open[lane0] -> go_on() :: else fi
     };
#endif
     for (lane0 : 0 .. LANES - 1) {
       if
       :: lane_busy[lane0] && LANE_OPEN(lane0) && !lane_ended[lane0] ->
          do
          :: lane_cursor[lane0] >= BATCH_END(lane_batch[lane0]) ->
             to_owner!end_batch, lane0, lane_rows[lane0], 0, 0, 0;
             lane_ended[lane0] = 1;
             break
          :: else ->
             c = lane_cursor[lane0];
             if :: c < ITEMS && place[c] == ready -> add(c) :: else -> break fi
          od
       :: else
       fi
     }
  :: else
  fi
}

inline clear_lane() {
  lane_busy[lane0] = 0; lane_ended[lane0] = 0; lane_batch[lane0] = 0; lane_cursor[lane0] = 0;
  lane_result[lane0] = 0; lane_rows[lane0] = 0
#ifdef KEEPS
  ; lane_open[lane0] = 0
#endif
}

inline offer_result() {
  assert(results[lane_batch[lane0]] == NONE && lane_batch[lane0] * BATCH >= delivered);
  results[lane_batch[lane0]] = lane_result[lane0];
  for (n : 0 .. ITEMS - 1) {
    if :: place[n] == at_owner && n / BATCH == lane_batch[lane0] -> forget(n) :: else fi
  };
  clear_lane()
}

inline on_owner_message() {
  from_owner?type0, a0, b0;
  if
  :: type0 == owner_takes_work -> takes_work = 1
  :: type0 == chunk_released ->
     for (n : 0 .. ITEMS - 1) {
       if
       :: place[n] == at_owner && lease_slot[n] == a0 && lease_generation[n] == b0 ->
          move_release(a0);
#ifdef KEEPS
          kept = kept | (1 << n);
#endif
#ifndef BREAK_RELEASES_TWICE
          lease_slot[n] = NONE; lease_generation[n] = 0
#endif
       :: else
       fi
     }
  :: type0 == batch_done ->
     lane0 = a0;
     if :: lane_busy[lane0] && lane_ended[lane0] && lane_batch[lane0] == b0 -> offer_result() :: else fi
  fi
}

#ifdef KEEPS
/* The chunks of the lane before the first whose rows are not in the result stay. */
inline keep_finished() {
  c = lane_batch[lane0] * BATCH;
  lane_rows[lane0] = 0;
  do
  :: c < lane_cursor[lane0] ->
     b0 = 0;
     for (n : 0 .. count[c] - 1) {
       if :: IN(failed, c + n) :: else -> b0++ fi
     };
     if
#ifdef BREAK_KEEPS_SUBMITTED
     :: true -> lane_rows[lane0] = lane_rows[lane0] + b0
#else
     :: IN(kept, c) || b0 == 0 -> lane_rows[lane0] = lane_rows[lane0] + b0
#endif
     :: else -> break
     fi;
#ifdef BREAK_KEEPS_SUBMITTED
     if
     :: lease_slot[c] != NONE ->
        move_release(lease_slot[c]); lease_slot[c] = NONE; lease_generation[c] = 0
     :: else
     fi;
#endif
     c = c + count[c]
  :: else -> break
  od;
  for (n : c .. ITEMS - 1) {
    if
    :: place[n] == at_owner && n / BATCH == lane_batch[lane0] ->
       assert(!IN(kept, n)); /* an owner answers in order */
       if
       :: lease_slot[n] != NONE -> move_put_back(lease_slot[n]); place[n] = ready
       :: else -> chunk_returned(n)
       fi
    :: else
    fi
  };
  lane_cursor[lane0] = c;
  lane_ended[lane0] = 0;
  lane_open[lane0] = 0
}
#endif

inline on_owner_exit() {
  owner_exited = 0;
  do :: nempty(from_owner) -> on_owner_message() :: empty(from_owner) -> break od;
#ifdef KEEPS
  for (lane0 : 0 .. LANES - 1) {
    if :: lane_busy[lane0] -> keep_finished() :: else fi
  };
#else
  for (lane0 : 0 .. LANES - 1) {
    if
#ifdef BREAK_READS_RESULT
    :: lane_busy[lane0] && lane_ended[lane0] -> offer_result()
    :: lane_busy[lane0] && !lane_ended[lane0] ->
#else
    :: lane_busy[lane0] ->
#endif
       for (n : 0 .. ITEMS - 1) {
         if
         :: place[n] == at_owner && n / BATCH == lane_batch[lane0] ->
            if
#ifdef BREAK_FORGETS_PUT_BACK
            :: lease_slot[n] != NONE -> chunk_returned(n)
#else
            :: lease_slot[n] != NONE -> move_put_back(lease_slot[n]); place[n] = ready
#endif
            :: else -> chunk_returned(n)
            fi
         :: else
         fi
       };
       again = again | (1 << lane_batch[lane0]);
       free_results = free_results | (1 << lane_result[lane0]);
       clear_lane()
    :: else
    fi
  };
#endif
  do :: to_owner?_, _, _, _, _, _ :: empty(to_owner) -> break od;
  takes_work = 0;
  owner_starts = 1
}
#endif

inline take_back() {
  do
  :: given_back?a0 ->
#ifdef OWNER
     free_results = free_results | (1 << a0)
#else
     move_deliver(lease_slot[a0]);
#ifdef BREAK_RELEASES_TWICE
     move_deliver(lease_slot[a0]);
#endif
     forget(a0)
#endif
  :: empty(given_back) -> break
  od
}

/* The plan is delivered, or no worker is left: then the run ends with an error. */
inline look_for_the_end() {
  pool_is_idle();
  first_pending();
  b0 = 0;
  for (m : 0 .. WORKERS - 1) {
    if :: worker_retired[m] -> b0++ :: else fi
  };
  if
  :: b0 == WORKERS -> ended = 1; run_failed = 1
  :: b0 < WORKERS && plan_complete && c == NONE && a0 ->
#ifdef OWNER
     n = 0;
     for (lane0 : 0 .. LANES - 1) {
       if :: lane_busy[lane0] -> n = 1 :: else fi
     };
     ended = (n == 0 && again == 0 && next_batch * BATCH >= ITEMS)
#else
     ended = 1
#endif
  :: else
  fi
}

inline round() {
  due = 0;
  take_back();
  dispatch();
#ifdef OWNER
  pump();
#endif
  look_for_the_end()
}

#define EVENTS_OF(w) \
  :: d_step { !ended && nempty(reports[w]) -> on_report(w); due = 1 } \
  :: d_step { !ended && worker_exited[w] -> on_worker_exit(w); due = 1 } \
  :: d_step { !ended && worker_stuck[w] -> on_worker_stuck(w); due = 1 }

/* Events in any order; a round when there was one, or later, with more of them. */
proctype Coordinator() {
  do
  :: d_step { !ended && (due || nempty(given_back)) -> round() }
  EVENTS_OF(0)
#if WORKERS > 1
  EVENTS_OF(1)
#endif
#if WORKERS > 2
  EVENTS_OF(2)
#endif
#ifdef OWNER
  :: d_step { !ended && nempty(from_owner) -> on_owner_message(); due = 1 }
  :: d_step { !ended && owner_exited -> on_owner_exit(); due = 1 }
#endif
  :: ended -> break
  od;
  stopping = 1
}

/* ================================ caller ================================ */

inline check_chunk(chunk) {
  for (n : 0 .. count[chunk] - 1) {
    assert(IN(failed, chunk + n) || payload[MEMORY(lease_slot[chunk], n)] == chunk + n + 1)
  }
}

#ifdef KEEPS
/* The rows of a batch that are not there are the failed items', and the others have their order. */
inline check_result(number) {
  m = 0;
  for (n : number * BATCH .. MIN((number + 1) * BATCH, ITEMS) - 1) {
    if
    :: IN(failed, n)
    :: else -> assert(result_row[results[number] * BATCH + m] == n + 1); m++
    fi
  }
}
#elif defined(OWNER)
#define check_result(number) assert(result_memory[results[number]] == number + 1)
#endif

/* Behind the end: what was given back last, then nothing may be missing. */
inline check_the_end() {
  take_back();
  if
  :: !run_failed ->
     assert(delivered == ITEMS && planned == ITEMS);
     for (n : 0 .. ALL_SLOTS - 1) { assert(slot[n] == slot_free || slot[n] == slot_retired) };
     for (n : 0 .. ITEMS - 1) { assert(place[n] == nowhere) };
#ifdef OWNER
     assert(free_results == (1 << RESULTS) - 1);
#endif
     assert(POISON >= ITEMS || failed == (1 << POISON))
  :: else
  fi
}

proctype Caller() {
#ifdef OWNER
  byte batch;
  bit holds;
  do
  :: d_step {
       batch < BATCHES && !holds && results[batch] != NONE ->
       check_result(batch);
       holds = 1
     }
  :: d_step {
       holds ->
       check_result(batch);
       given_back!results[batch];
       results[batch] = NONE;
       holds = 0;
       batch++;
       delivered = MIN(batch * BATCH, ITEMS)
     }
#else
  do
  :: d_step {
       delivered < ITEMS && place[delivered] == ready ->
       check_chunk(delivered);
       place[delivered] = at_caller;
       waiting = 0
     }
  :: d_step {
       delivered < ITEMS && place[delivered] == at_caller ->
       check_chunk(delivered);
       given_back!delivered;
       delivered = delivered + count[delivered]
     }
  :: d_step { /* it begins to wait; the flow may have to revoke a chunk now */
       delivered < ITEMS && !waiting && place[delivered] != ready && place[delivered] != at_caller ->
       waiting = 1;
#ifndef BREAK_WAITS_SILENTLY
       due = due || starved
#endif
     }
#endif
  :: ended && (delivered == ITEMS || run_failed) -> break
  od;
  atomic { true; d_step { check_the_end(); true } }
}

init {
  byte i;
  atomic {
    for (i : 0 .. ITEMS - 1) {
      if
      :: i % BATCH % CHUNK != 0 -> big[i] = 1
      :: true
      fi
    };
    i = 0;
    run Coordinator();
    do :: i < WORKERS -> run Worker(i); i++ :: else -> break od;
    i = 0;
#ifdef OWNER
    run Owner();
#endif
    run Caller()
  }
}
