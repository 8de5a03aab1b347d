/* Made of pipeline/flow/slot_life.h; the test SlotLife holds the two to each other. To make it anew:
   FOREBAY_WRITE_MODEL=1 flow_test --gtest_filter='SlotLife.*' */
mtype:slot = { slot_free, slot_filling, slot_ready, slot_in_flight, slot_retired }

/* A move of slot s; one that the life cycle does not allow is an error of the model's. */
inline move_lease(s) { assert(slot[s] == slot_free); slot[s] = slot_filling }
inline move_renew(s) { assert(slot[s] == slot_filling); slot[s] = slot_filling }
inline move_finish(s) { assert(slot[s] == slot_filling); slot[s] = slot_ready }
inline move_take(s) { assert(slot[s] == slot_ready); slot[s] = slot_in_flight }
inline move_put_back(s) { assert(slot[s] == slot_in_flight); slot[s] = slot_ready }
inline move_release(s) { assert(slot[s] == slot_in_flight); slot[s] = slot_free }
inline move_deliver(s) { assert(slot[s] == slot_ready); slot[s] = slot_free }
inline move_revoke(s) { assert(slot[s] == slot_ready); slot[s] = slot_free }
inline move_retire(s) { assert(slot[s] == slot_filling); slot[s] = slot_retired }

/* Where a process can die. */
mtype:step = {
  worker_entered,
  worker_opened,
  worker_hello,
  worker_received,
  worker_begun,
  worker_decoded,
  worker_filled,
  worker_described,
  worker_finished,
  worker_reported,
  owner_entered,
  owner_opened,
  owner_pinned,
  owner_ready,
  owner_begun,
  owner_submitted,
  owner_read,
  owner_released,
  owner_ended,
  owner_complete,
  owner_reported
}
