#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"

/* splitmix64's finaliser: sums of it collide no more often than sums of random numbers. */
static uint64_t mixed(uint64_t id)
{
	id += 0x9e3779b97f4a7c15ull;
	id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9ull;
	id = (id ^ id >> 27) * 0x94d049bb133111ebull;
	return id ^ id >> 31;
}

void ledger_init(struct ledger *ledger, size_t rooms, size_t senders)
{
	memset(ledger, 0, sizeof *ledger);
	ledger->rooms = need(calloc(rooms, sizeof *ledger->rooms));
	ledger->room_count = rooms;
	ledger->last_of_sender = need(calloc(senders, sizeof *ledger->last_of_sender));
	ledger->sender_count = senders;
}

void ledger_clear(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->room_count; i++) {
		ledger->rooms[i].length = 0;
		ledger->rooms[i].expected = 0;
		ledger->rooms[i].expected_sum = 0;
	}
	memset(ledger->last_of_sender, 0, ledger->sender_count * sizeof *ledger->last_of_sender);
	ledger->order_mismatches = ledger->sender_disorder = ledger->expected = ledger->received = 0;
}

void ledger_expect(struct ledger *ledger, uint32_t index, uint64_t id)
{
	struct room *room = &ledger->rooms[index];
	room->expected++;
	room->expected_sum += mixed(id);
	ledger->expected += room->members;
}

static void append(struct ledger *ledger, struct room *room, uint64_t id)
{
	if (room->length == room->capacity) {
		room->capacity = room->capacity ? room->capacity * 2 : 1024;
		room->order = need(realloc(room->order, room->capacity * sizeof *room->order));
		room->receivers = need(realloc(room->receivers, room->capacity * sizeof *room->receivers));
	}
	room->order[room->length] = id;
	room->receivers[room->length++] = 0;
	uint32_t sender = (uint32_t)(id >> 32), number = (uint32_t)id;
	if (sender >= ledger->sender_count)
		die("a message arrived from sender %u, whom the plan does not hold", sender);
	if (number <= ledger->last_of_sender[sender])
		ledger->sender_disorder++;
	else
		ledger->last_of_sender[sender] = number;
}

int ledger_deliver(struct ledger *ledger, uint32_t index, struct member *member, uint64_t id)
{
	struct room *room = &ledger->rooms[index];
	size_t place = member->received++;
	member->sum += mixed(id);
	ledger->received++;
	if (place == room->length)
		append(ledger, room, id);
	else if (room->order[place] != id)
		ledger->order_mismatches++;
	return ++room->receivers[place] == room->members;
}

int ledger_exact(const struct ledger *ledger, uint32_t index, const struct member *member)
{
	const struct room *room = &ledger->rooms[index];
	return member->received == room->expected && member->sum == room->expected_sum;
}
