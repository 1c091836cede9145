/* What every member of every room received, so that a benchmark of a server that loses, doubles or reorders is no result.
 *
 * A message's id is its sender's index in the upper and the sender's own count in the lower 32 bits. The first member
 * to receive its nth message of a room decides what the room's nth message is; every other member is held to it. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stddef.h>
#include <stdint.h>

struct room {
	uint64_t *order;     /* ids in the order of delivery */
	uint32_t *receivers; /* of the message at that place */
	size_t length, capacity;
	uint32_t members;
	uint64_t expected;      /* messages that every member must get */
	uint64_t expected_sum;  /* of their mixed ids */
};

/* One member's side of it. */
struct member {
	uint64_t received;
	uint64_t sum;
};

struct ledger {
	struct room *rooms;
	size_t room_count;
	uint32_t *last_of_sender;
	size_t sender_count;
	uint64_t order_mismatches; /* deliveries at another place than another member's */
	uint64_t sender_disorder;  /* messages that overtook an earlier one of their sender */
	uint64_t expected, received;
};

void ledger_init(struct ledger *ledger, size_t rooms, size_t senders);
void ledger_clear(struct ledger *ledger);

/* Every member of the room must get message `id`, once. */
void ledger_expect(struct ledger *ledger, uint32_t room, uint64_t id);

/* A member got message `id`. Returns 1 when as many members as the room has got their message at that place. */
int ledger_deliver(struct ledger *ledger, uint32_t room, struct member *member, uint64_t id);

/* Whether a member has each message of its room exactly once: the same number of ids and the same sum of their
 * mixed values, in whatever order. */
int ledger_exact(const struct ledger *ledger, uint32_t room, const struct member *member);

#endif
