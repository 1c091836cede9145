/* The floor of fan-out: whatever one client says, all clients hear, with one send() for each delivery and nothing else.
 *
 *   floor PORT
 *
 * Serves until it is ended. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "websocket.h"

enum { INPUT_SIZE = 1 << 18, OUTPUT_SIZE = INPUT_SIZE + FRAME_HEADER_MAX };

struct client {
	int fd;
	int open; /* its handshake is done */
	unsigned char *partial;
	size_t partial_length;
	unsigned char *waiting; /* what the kernel did not take */
	size_t waiting_length;
};

static int epoll_fd;
static struct client **clients;
static size_t client_count, client_capacity;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(struct client *client, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};
	if (epoll_ctl(epoll_fd, operation, client->fd, &event) < 0)
		fail("epoll_ctl");
}

static void leave(struct client *client)
{
	for (size_t i = 0; i < client_count; i++)
		if (clients[i] == client) {
			clients[i] = clients[--client_count];
			break;
		}
	close(client->fd);
	free(client->partial);
	free(client->waiting);
	free(client);
}

static void deliver(struct client *client, const unsigned char *data, size_t length)
{
	size_t taken = 0;
	if (!client->waiting_length) {
		ssize_t sent = send(client->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == (ssize_t)length)
			return;
		taken = sent > 0 ? (size_t)sent : 0;
		watch(client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	}
	client->waiting = realloc(client->waiting, client->waiting_length + length - taken);
	if (!client->waiting)
		fail("realloc");
	memcpy(client->waiting + client->waiting_length, data + taken, length - taken);
	client->waiting_length += length - taken;
}

static void broadcast(const unsigned char *payload, size_t length)
{
	static unsigned char output[OUTPUT_SIZE];
	size_t header = frame_header(output, FRAME_TEXT, length, NULL);
	memcpy(output + header, payload, length);
	for (size_t i = 0; i < client_count; i++)
		if (clients[i]->open)
			deliver(clients[i], output, header + length);
}

static size_t handshake(struct client *client, const unsigned char *data, size_t length)
{
	static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	                             "Sec-WebSocket-Accept: " WEBSOCKET_ACCEPT "\r\n\r\n";
	static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	const char *end = memmem(data, length, "\r\n\r\n", 4);
	if (!end)
		return 0;
	client->open = memmem(data, length, WEBSOCKET_KEY, strlen(WEBSOCKET_KEY)) != NULL;
	deliver(client, (const unsigned char *)(client->open ? answer : refusal), strlen(client->open ? answer : refusal));
	return (size_t)(end - (const char *)data) + 4;
}

/* Returns 0 when the client is gone. */
static int readable(struct client *client)
{
	static unsigned char input[INPUT_SIZE];
	size_t length = client->partial_length, used = 0;
	if (length)
		memcpy(input, client->partial, length);
	ssize_t got = recv(client->fd, input + length, INPUT_SIZE - length, MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return 1;
	if (got <= 0)
		return 0;
	length += (size_t)got;
	if (!client->open)
		used = handshake(client, input, length);
	while (client->open && used < length) {
		struct frame frame;
		int parsed = frame_parse(input + used, length - used, &frame);
		if (parsed < 0 || (parsed && frame.opcode == FRAME_CLOSE))
			return 0;
		if (!parsed)
			break;
		used += frame.size;
		if (frame.opcode == FRAME_TEXT)
			broadcast(frame.payload, frame.length);
	}
	client->partial_length = length - used;
	client->partial = realloc(client->partial, client->partial_length + 1);
	if (!client->partial)
		fail("realloc");
	memcpy(client->partial, input + used, client->partial_length);
	return client->partial_length < INPUT_SIZE;
}

static void writable(struct client *client)
{
	ssize_t sent = send(client->fd, client->waiting, client->waiting_length, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent <= 0)
		return;
	client->waiting_length -= (size_t)sent;
	memmove(client->waiting, client->waiting + sent, client->waiting_length);
	if (!client->waiting_length)
		watch(client, EPOLL_CTL_MOD, EPOLLIN);
}

static void accept_all(int listener)
{
	int fd, on = 1;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (client_count == client_capacity) {
			client_capacity = client_capacity ? client_capacity * 2 : 1024;
			clients = realloc(clients, client_capacity * sizeof(struct client *));
			if (!clients)
				fail("realloc");
		}
		struct client *client = calloc(1, sizeof *client);
		if (!client)
			fail("calloc");
		client->fd = fd;
		clients[client_count++] = client;
		watch(client, EPOLL_CTL_ADD, EPOLLIN);
	}
}

int main(int count, char **arguments)
{
	if (count != 2) {
		fputs("usage: floor PORT\n", stderr);
		return 2;
	}
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
		fail("listening");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		struct epoll_event events[512];
		int n = epoll_wait(epoll_fd, events, 512, -1);
		for (int i = 0; i < n; i++) {
			struct client *client = events[i].data.ptr;
			if (!client) {
				accept_all(listener);
				continue;
			}
			if (events[i].events & EPOLLOUT)
				writable(client);
			if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP) && !readable(client))
				leave(client);
		}
	}
}
