/* One client of the load, on a non-blocking socket: a raw WebSocket, a Socket.IO client over WebSocket, or a stream of
 * server-sent events, which only receives. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "ledger.h"

enum client_state {
	CLIENT_NEW,
	CLIENT_CONNECTING,  /* TCP under way */
	CLIENT_UPGRADING,   /* waits for HTTP 101 */
	CLIENT_OPENING,     /* waits for Engine.IO's open packet, then for Socket.IO's CONNECT */
	CLIENT_JOINING,     /* waits for the answer to its join */
	CLIENT_READY
};

enum { CLIENT_WINDOW_MAX = 4096 };

/* What the plan says about a client. */
struct role {
	uint16_t port;
	int socketio;   /* else raw WebSocket */
	int stream;     /* server-sent events of the path in `join` */
	char *connect;  /* JSON of the CONNECT packet */
	char *join;     /* JSON array of the event that joins, NULL where the server joins by itself */
	uint32_t room;
	int sender;
	char *send;     /* what is sent, with @@ for the tag and its padding, ## for an id of the message */
};

struct client {
	struct role role;
	int fd;
	enum client_state state;
	uint32_t index;
	uint64_t started_at;

	unsigned char *partial; /* a frame that has not arrived whole */
	size_t partial_length;
	unsigned char *waiting; /* what the kernel did not take */
	size_t waiting_length;

	uint32_t sent;         /* messages; the number of the newest */
	uint32_t next_answer;  /* the acknowledgement that is due next, when they come in order */
	uint32_t outstanding;
	uint64_t *sent_at;     /* by number modulo CLIENT_WINDOW_MAX */

	struct member member;
};

/* Starts connecting to 127.0.0.1; progress comes through client_readable and client_writable. */
void client_connect(struct client *client);
void client_readable(struct client *client);
void client_writable(struct client *client);

/* Sends the next message, its tag carrying the time `at` in nanoseconds; `padding` bytes follow the tag. */
void client_send(struct client *client, uint64_t at, size_t padding, int acknowledged);

/* Reads a file of one tab-separated line for each client: port, "socketio", "raw" or "stream", CONNECT's JSON, the
 * join's JSON (a stream's path) or "-", number of the room, 1 for a sender, what it sends. Returns how many. */
uint32_t plan_read(const char *path, struct client **clients);

/* What load.c wants to know. */
void on_ready(struct client *client);
void on_message(struct client *client, uint64_t id, uint64_t sent_at, uint64_t now);
void on_answer(struct client *client, uint32_t number, int succeeded, const char *text, size_t length, uint64_t now);

/* load.c's services. */
void watch(struct client *client, int writable_too, int added);
uint64_t clock_nanos(void);
extern const char *event_name; /* deliveries are events of this name, and raw frames */

/* Reports an error to the runner and ends the program. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *need(void *allocated);

#endif
