/* The protocol of a shared queue (host/channel/queue_core.cpp): producers and consumers, each of which may be killed
 * between any two of its steps, and the supervisor who gives back what a dead one owned.
 *
 * A step is one access to shared memory, as in the code, and what the process computes from it for itself. Spin runs
 * the steps in any order, but one after another: memory orders are not its subject (see README.md).
 *
 * States have the names of enum SlotState, and labels that begin with queue_ those of the code's crash points. What
 * is checked: the assertions, quiescence() wherever nobody can go on, and that no process stops but at a label that
 * begins with end_. MUTANT_... are mistakes that the check must find.
 */

#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef MESSAGES /* of each producer */
#define MESSAGES 1
#endif
#ifndef CRASHES /* at most */
#define CRASHES 1
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#define PROCESSES (PRODUCERS + CONSUMERS)
#define SUPERVISOR PROCESSES /* its number among those that can be killed */
#define ALL_MESSAGES (PRODUCERS * MESSAGES)
#define FULL_OR_EMPTY 255

/* "empty" alone is a word of Promela's. */
mtype = { slot_empty, slot_reserved, slot_ready, slot_taking, slot_aborted };

/* A slot's word: position, state, owner (0: nobody), in one, because one compare and swap changes all. */
#define WORD(position, state, owner) ((position) * 64 + (state) * 8 + (owner))
#define POSITION(word) ((word) / 64)
#define STATE(word) (((word) / 8) % 8)
#define OWNER(word) ((word) % 8)
#define TOKEN(process) ((process) + 1)

short word[SLOTS];
byte content[SLOTS];    /* the message's number, as its producer wrote it */
byte deliveries[SLOTS]; /* times that a consumer died while it had the message */
byte tail, head;

/* host/sync/wait_point.h, with a bit for each process. `seen`: what it read from the sequence is its value still, so
 * that no number has to be kept. `sleepers`: it waits in the kernel, and is woken by the kernel alone. */
typedef WaitPoint {
  byte seen;
  bit waiting;
  byte sleepers
}
WaitPoint filled, freed;

chan kill = [0] of { byte };
byte deaths, burials;
byte over;                 /* a bit for each process that was killed or has come to its end */
bit unburied[PROCESSES];

/* What the checks remember; no process decides by these. */
bit visible[ALL_MESSAGES]; /* to consumers: its put may return */
bit taken_once[ALL_MESSAGES];
bit read_once[ALL_MESSAGES];
bit done[ALL_MESSAGES];

/* SIGKILL, in the process that it comes to. What that one knew is gone, and it sleeps nowhere. */
inline die() {
  deaths++;
  over = over | (1 << me);
  unburied[me] = 1;
  filled.sleepers = filled.sleepers & ~(1 << me);
  filled.seen = filled.seen & ~(1 << me);
  freed.sleepers = freed.sleepers & ~(1 << me);
  freed.seen = freed.seen & ~(1 << me)
}

#ifdef IDEAL_WAKE
/* Waiting as it should be, without its steps: a look begins with NOTE, a change has WAKE in its own step, and who
 * looked in vain goes on once there was a change since. For more processes than the real one allows. */
#define NOTE(point) point.seen = point.seen | (1 << me)
#define WAKE(point) point.seen = 0
#define ASLEEP ((filled.sleepers & filled.seen) | (freed.sleepers & freed.seen))

inline announce_or_sleep(point) {
#ifndef MUTANT_NEVER_SLEEPS
  point.sleepers = point.sleepers | (1 << me);
end_asleep:
  atomic { (point.seen & (1 << me)) == 0 -> point.sleepers = point.sleepers & ~(1 << me) }
#else
  skip
#endif
}

inline wake_sleepers(point) {
  point.seen = 0
}

inline wake_all(point) {
  skip
}
#else
#define NOTE(point) skip
#define WAKE(point) skip
#define ASLEEP (filled.sleepers | freed.sleepers)

/* A turn of WaitPoint::wait, after a look in vain: the first time it announces the sleep, to look again; then it
 * sleeps. The kernel compares the futex word and falls asleep in one step. */
inline announce_or_sleep(point) {
  do
  :: atomic { announced && (point.seen & (1 << me)) != 0 -> point.sleepers = point.sleepers | (1 << me) }
end_asleep:
     atomic { (point.sleepers & (1 << me)) == 0 -> announced = 0 }
  :: atomic { announced && (point.seen & (1 << me)) == 0 -> announced = 0 }
  :: atomic { !announced -> point.seen = point.seen | (1 << me); announced = 1; break }
  od;
  point.waiting = 1
}

inline wake_sleepers(point) {
  point.waiting = 0;
  point.seen = 0;    /* the sequence moves on */
  point.sleepers = 0 /* futex_wake */
}

/* After a change. */
inline wake_all(point) {
  if
  :: point.waiting != 0 -> wake_sleepers(point)
  :: point.waiting == 0
  fi
}
#endif

/* To the label queue_reserved with the position that the caller may write, or to the label no_room. */
inline try_reserve() {
  do
  :: atomic { position = tail; NOTE(freed) };
     now = word[position % SLOTS];
     if
     :: atomic { /* a dead producer's: counts for nothing */
          POSITION(now) < position && STATE(now) == slot_aborted ->
          if
          :: word[position % SLOTS] == now -> word[position % SLOTS] = WORD(position, slot_empty, 0)
          :: else
          fi;
          now = 0
        }
     :: atomic { /* full, unless the tail moved on meanwhile */
          POSITION(now) < position && STATE(now) != slot_aborted ->
          now = 0;
          if
          :: tail == position -> position = 0; goto no_room
          :: else
          fi
        }
     :: atomic {
          POSITION(now) == position && STATE(now) == slot_empty ->
          if
          :: word[position % SLOTS] == now ->
             word[position % SLOTS] = WORD(position, slot_reserved, TOKEN(me));
             now = 0;
             goto queue_reserved
          :: else -> now = 0
          fi
        }
     :: atomic { /* somebody has claimed it, and not moved the tail on yet or died before */
          POSITION(now) > position || (POSITION(now) == position && STATE(now) != slot_empty) ->
          now = 0;
          if
          :: tail == position -> tail = position + 1
          :: else
          fi
        }
     fi
  od
}

proctype producer(byte me) {
  byte position, message;
  short now;
  bit announced;
  {
    skip;
next_message:
    try_reserve();
no_room:
    announce_or_sleep(freed);
    goto next_message;
queue_reserved:
    atomic { /* the tail is a hint, no claim */
      if
      :: tail == position -> tail = position + 1
      :: else
      fi;
      announced = 0;
      freed.seen = freed.seen & ~(1 << me) /* forgotten */
    };
    atomic { /* nobody else looks at these while the slot is reserved */
      content[position % SLOTS] = me * MESSAGES + message;
      deliveries[position % SLOTS] = 0
    };
    if
    :: skip; /* the message is written */
queue_written:
       atomic {
         word[position % SLOTS] = WORD(position, slot_ready, 0);
         visible[me * MESSAGES + message] = 1;
         WAKE(filled);
         message++;
         position = 0
       };
queue_committed:
       wake_all(filled)
#ifdef ABANDON
    :: atomic { /* a loan that goes without a commit */
         word[position % SLOTS] = WORD(position, slot_aborted, 0);
         content[position % SLOTS] = 0;
         WAKE(filled);
         WAKE(freed);
         message++;
         position = 0
       };
       wake_all(filled);
#ifndef MUTANT_ABANDON_WAKES_NO_PRODUCER
       wake_all(freed)
#endif
#endif
    fi;
    atomic {
      if
      :: message < MESSAGES -> goto next_message
      :: else -> message = 0; over = over | (1 << me)
      fi
    }
  } unless {
    atomic { kill?eval(me) -> die(); position = 0; message = 0; now = 0; announced = 0 }
  }
}

/* Of one producer no message is taken, the first time, before one that was put earlier. */
inline check_order() {
  i = content[position % SLOTS];
  taken_once[i] = 1;
  do
  :: i % MESSAGES != 0 ->
     i--;
     assert(!visible[i] || taken_once[i])
  :: else -> break
  od;
  i = 0
}

/* To the label queue_taken with the position of the message that the caller may read, or to the label no_message. */
inline try_take() {
  atomic { first = head; position = first; NOTE(filled) };
  do
  :: atomic { position - first >= SLOTS -> first = 0; position = 0; goto no_message }
  :: atomic { position - first < SLOTS -> now = word[position % SLOTS] };
     if
     :: atomic {
          POSITION(now) < position || (POSITION(now) == position && STATE(now) == slot_empty) ->
          now = 0;
          first = 0;
          position = 0;
          goto no_message
        }
     :: atomic { /* done with */
          POSITION(now) > position ->
          now = 0;
          if
          :: position == first -> first++
          :: else
          fi;
          if
          :: head == position -> head = position + 1
          :: else
          fi;
          position++
        }
     :: atomic { POSITION(now) == position && STATE(now) == slot_ready -> back = first };
#ifndef MUTANT_NO_LOOK_BACK
        do /* has one become ready that was passed over as reserved? It goes first */
        :: atomic {
             back != position ->
             if
             :: word[back % SLOTS] == WORD(back, slot_ready, 0) -> position = first; now = 0; back = 0; break
             :: else -> back++
             fi
           }
        :: atomic {
             back == position && now != 0 ->
             back = 0;
             if
             :: word[position % SLOTS] == now ->
                word[position % SLOTS] = WORD(position, slot_taking, TOKEN(me));
                now = 0;
                first = 0;
                check_order();
                goto queue_taken
             :: else -> now = 0; break
             fi
           }
        od
#else
        atomic {
          back = 0;
          if
          :: word[position % SLOTS] == now ->
             word[position % SLOTS] = WORD(position, slot_taking, TOKEN(me));
             now = 0;
             first = 0;
             check_order();
             goto queue_taken
          :: else -> now = 0
          fi
        }
#endif
     :: atomic {
          POSITION(now) == position && STATE(now) == slot_aborted ->
          if
          :: word[position % SLOTS] == now ->
             word[position % SLOTS] = WORD(position + SLOTS, slot_empty, 0);
             WAKE(freed);
             now = 0
          :: else -> now = 0; goto look_again
          fi
        };
        wake_all(freed);
look_again:
        skip
     :: atomic { /* passed over */
          POSITION(now) == position && (STATE(now) == slot_reserved || STATE(now) == slot_taking) ->
          now = 0;
          position++
        }
     fi
  od
}

proctype consumer(byte me) {
  byte position, first, back, message, i;
  short now;
  bit announced;
  {
    skip;
next_message:
    try_take();
no_message:
    announce_or_sleep(filled);
    goto next_message;
queue_taken:
    atomic {
      announced = 0;
      filled.seen = filled.seen & ~(1 << me);
      message = content[position % SLOTS];
      assert(visible[message] && !done[message]);
      /* Delivered twice, and it does not say so? */
      assert(deliveries[position % SLOTS] > 0 || !read_once[message]);
      read_once[message] = 1
    };
queue_read:
    atomic {
      content[position % SLOTS] = 0; /* nobody reads these again */
      deliveries[position % SLOTS] = 0;
      word[position % SLOTS] = WORD(position + SLOTS, slot_empty, 0);
      done[message] = 1;
      WAKE(freed);
      message = 0
    };
queue_released:
    atomic {
      if
      :: head == position -> head = position + 1
      :: else
      fi;
      position = 0
    };
    wake_all(freed);
    goto next_message
  } unless {
    atomic {
      kill?eval(me) -> die();
      position = 0; first = 0; back = 0; message = 0; i = 0; now = 0; announced = 0
    }
  }
}

/* QueueBody::recover(), for one dead process. */
inline recover() {
  do
  :: atomic { slot < SLOTS -> now = word[slot] };
     if
     :: atomic { OWNER(now) != TOKEN(dead) -> now = 0 }
     :: atomic {
          OWNER(now) == TOKEN(dead) && STATE(now) == slot_reserved ->
          if
          :: word[slot] == now -> word[slot] = WORD(POSITION(now), slot_aborted, 0); content[slot] = 0
          :: else
          fi;
          now = 0
        }
     :: atomic {
          OWNER(now) == TOKEN(dead) && STATE(now) == slot_taking ->
#ifndef MUTANT_SILENT_REDELIVERY
          deliveries[slot]++
#endif
        };
        atomic {
          if
#ifdef MUTANT_DROPS_TAKEN
          :: word[slot] == now -> word[slot] = WORD(POSITION(now) + SLOTS, slot_empty, 0)
#else
          :: word[slot] == now -> word[slot] = WORD(POSITION(now), slot_ready, 0)
#endif
          :: else
          fi;
          now = 0
        }
     fi;
     slot++
  :: atomic { slot == SLOTS -> slot = 0; break }
  od;
#ifndef MUTANT_RECOVERY_WAKES_NOBODY
  wake_sleepers(filled);
  wake_sleepers(freed);
#endif
  atomic { unburied[dead] = 0; burials++; dead = 0 }
}

inline bury_the_dead() {
end_watch:
  do
  :: atomic {
       deaths != burials -> dead = 0;
       do
       :: !unburied[dead] -> dead++
       :: unburied[dead] -> break
       od
     };
     recover()
  od
}

/* The supervisor. Where it is killed, in the midst of a recovery perhaps, another takes its place and begins anew. */
proctype supervisor() {
  byte dead, slot;
  short now;
next_supervisor:
  {
    bury_the_dead()
  } unless {
    atomic { kill?eval(SUPERVISOR) -> dead = 0; slot = 0; now = 0; goto next_supervisor }
  }
}

/* Kills at any moment, or never. The first victim is the first of its kind: the others are alike. */
proctype killer() {
end_no_crash:
  if
  :: kill!0
  :: kill!PRODUCERS
  fi;
#if CRASHES > 1
end_no_second_crash:
  if
  :: kill!0
  :: kill!1
  :: kill!2
  :: kill!3
  :: kill!SUPERVISOR
  fi;
#endif
  skip
}

/* Nobody can go on: nothing may be stuck, lost or there twice. */
inline quiescence() {
  slot = 0;
  do
  :: slot < SLOTS ->
     /* Who lives has gone on, and what the dead had was given back. */
     assert(STATE(word[slot]) != slot_reserved && STATE(word[slot]) != slot_taking);
     if
     :: STATE(word[slot]) == slot_ready ->
        assert((ASLEEP & filled.sleepers) == 0); /* a lost wake-up: it could take this one */
        assert(!done[content[slot]]);
        there[content[slot]] = 1
     :: else ->
        assert((ASLEEP & freed.sleepers) == 0) /* a lost wake-up: it could write here */
     fi;
     slot++
  :: else -> break
  od;
  message = 0;
  do
  :: message < ALL_MESSAGES ->
     assert(!visible[message] || done[message] || there[message]);
     there[message] = 0;
     message++
  :: else -> break
  od;
  slot = 0;
  message = 0
}

init {
  byte process, slot, message;
  bit there[ALL_MESSAGES];
  atomic {
    do
    :: slot < SLOTS -> word[slot] = WORD(slot, slot_empty, 0); slot++
    :: else -> break
    od;
    do
    :: process < PRODUCERS -> run producer(process); process++
    :: process >= PRODUCERS && process < PROCESSES -> run consumer(process); process++
    :: else -> break
    od;
    run supervisor();
#if CRASHES > 0
    run killer();
#endif
    process = 0;
    slot = 0
  };
#ifndef LOOPS /* where loops without progress are looked for, this is none of them */
end_of_time:
  do
  :: atomic { /* everybody has ended or sleeps, and no dead one is unburied */
       (over | ASLEEP) == (1 << PROCESSES) - 1 && deaths == burials -> quiescence()
     }
  od
#else
  skip
#endif
}
