#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "websocket.h"

enum { INPUT_SIZE = 1 << 20, OUTPUT_SIZE = 1 << 17, TAG_SIZE = 32 };

/* Of all clients: one is read, and one written, at a time. */
static unsigned char input[INPUT_SIZE + 1];
static unsigned char output[OUTPUT_SIZE];

static void send_bytes(struct client *client, const unsigned char *data, size_t length)
{
	if (!client->waiting_length) {
		ssize_t taken = send(client->fd, data, length, MSG_NOSIGNAL);
		if (taken < 0 && errno != EAGAIN)
			die("client %u: sending failed: %s", client->index, strerror(errno));
		if (taken == (ssize_t)length)
			return;
		if (taken > 0) {
			data += taken;
			length -= (size_t)taken;
		}
		watch(client, 1, 0);
	}
	client->waiting = need(realloc(client->waiting, client->waiting_length + length));
	memcpy(client->waiting + client->waiting_length, data, length);
	client->waiting_length += length;
}

static void send_frame(struct client *client, int opcode, const char *text, size_t length)
{
	static const unsigned char mask[4] = {0x5a, 0x13, 0xc7, 0x68};
	if (length > OUTPUT_SIZE - FRAME_HEADER_MAX)
		die("a message of %zu bytes is larger than the generator sends", length);
	size_t header = frame_header(output, opcode, length, mask);
	for (size_t i = 0; i < length; i++)
		output[header + i] = (unsigned char)text[i] ^ mask[i & 3];
	send_bytes(client, output, header + length);
}

static void send_text(struct client *client, const char *text)
{
	send_frame(client, FRAME_TEXT, text, strlen(text));
}

void client_connect(struct client *client)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(client->role.port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		die("client %u: no socket: %s (raise RLIMIT_NOFILE)", client->index, strerror(errno));
	int on = 1;
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	int off = 0;
	setsockopt(client->fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
	/* Reset instead of TIME_WAIT: thousands of connections in one run must not starve the next of ports. */
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	client->started_at = clock_nanos();
	client->state = CLIENT_CONNECTING;
	if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
		die("client %u: connecting failed: %s", client->index, strerror(errno));
	watch(client, 1, 1);
}

static void upgrade(struct client *client)
{
	char request[512];
	int length;
	client->state = CLIENT_UPGRADING;
	if (client->role.stream) {
		length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", client->role.join,
		                  client->role.port);
		send_bytes(client, (unsigned char *)request, (size_t)length);
		return;
	}
	length = snprintf(request, sizeof request,
	                      "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WEBSOCKET_KEY "\r\n\r\n",
	                      client->role.socketio ? "/socket.io/?EIO=4&transport=websocket" : "/", client->role.port);
	send_bytes(client, (unsigned char *)request, (size_t)length);
}

void client_writable(struct client *client)
{
	if (client->state == CLIENT_CONNECTING) {
		int error = 0;
		socklen_t size = sizeof error;
		getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error)
			die("client %u: connecting failed: %s", client->index, strerror(error));
		watch(client, 0, 0);
		upgrade(client);
		return;
	}
	ssize_t taken = send(client->fd, client->waiting, client->waiting_length, MSG_NOSIGNAL);
	if (taken < 0) {
		if (errno != EAGAIN)
			die("client %u: sending failed: %s", client->index, strerror(errno));
		return;
	}
	client->waiting_length -= (size_t)taken;
	memmove(client->waiting, client->waiting + taken, client->waiting_length);
	if (!client->waiting_length) {
		free(client->waiting);
		client->waiting = NULL;
		watch(client, 0, 0);
	}
}

static void ready(struct client *client)
{
	client->state = CLIENT_READY;
	on_ready(client);
}

/* Returns the bytes of the HTTP answer, 0 while it is incomplete. */
static size_t upgraded(struct client *client, const unsigned char *data, size_t length)
{
	const char *end = memmem(data, length, "\r\n\r\n", 4);
	if (!end)
		return 0;
	size_t size = (size_t)(end - (const char *)data) + 4;
	if (client->role.stream) {
		if (memcmp(data, "HTTP/1.1 200", 12))
			die("client %u: no stream here: %.*s", client->index, (int)(length < 300 ? length : 300), (const char *)data);
		ready(client);
		return size;
	}
	if (length < 12 || memcmp(data, "HTTP/1.1 101", 12) || !memmem(data, size, WEBSOCKET_ACCEPT, strlen(WEBSOCKET_ACCEPT)))
		die("client %u: no WebSocket here: %.*s", client->index, (int)(length < 300 ? length : 300), (const char *)data);
	if (client->role.socketio)
		client->state = CLIENT_OPENING;
	else
		ready(client);
	return size;
}

static void connected(struct client *client)
{
	if (!client->role.join) {
		ready(client);
		return;
	}
	char packet[1024];
	client->state = CLIENT_JOINING;
	snprintf(packet, sizeof packet, "420%s", client->role.join);
	client->sent = 0;
	send_text(client, packet);
}

static uint64_t hexadecimal(const char *text, int digits)
{
	uint64_t value = 0;
	for (int i = 0; i < digits; i++) {
		char c = text[i];
		value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return value;
}

/* The tag of a message: "~~", its time in 16 hexadecimal digits, its sender in 4, its number in 8, and "~~". */
static void event(struct client *client, const char *text, size_t length, uint64_t now)
{
	const char *tag = memmem(text, length, "~~", 2);
	if (!tag || length - (size_t)(tag - text) < TAG_SIZE)
		return;
	uint64_t id = hexadecimal(tag + 18, 4) << 32 | hexadecimal(tag + 22, 8);
	on_message(client, id, hexadecimal(tag + 2, 16), now);
}

static void answer(struct client *client, const char *text, size_t length, uint64_t now)
{
	uint32_t number = 0;
	size_t i = 0;
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		number = number * 10 + (uint32_t)(text[i] - '0');
	int succeeded = memmem(text + i, length - i, "\"ok\":true", 9) != NULL;
	if (client->state == CLIENT_JOINING) {
		if (!succeeded)
			die("client %u: joining failed: %.*s", client->index, (int)length, text);
		ready(client);
		return;
	}
	on_answer(client, number, succeeded, text + i, length - i, now);
}

/* A packet of Engine.IO, and of Socket.IO in it. */
static void packet(struct client *client, const char *text, size_t length, uint64_t now)
{
	if (length && text[0] == '2') {
		send_text(client, "3");
	} else if (length && text[0] == '0') {
		char connect[2048];
		snprintf(connect, sizeof connect, "40%s", client->role.connect);
		send_text(client, connect);
	} else if (length > 1 && text[0] == '4') {
		size_t name = strlen(event_name);
		if (text[1] == '2') {
			if (length > name + 4 && !memcmp(text + 4, event_name, name) && text[name + 4] == '"')
				event(client, text, length, now);
		} else if (text[1] == '3') {
			answer(client, text + 2, length - 2, now);
		} else if (text[1] == '0' && client->state == CLIENT_OPENING) {
			connected(client);
		} else {
			die("client %u: the server sent %.*s", client->index, (int)(length < 300 ? length : 300), text);
		}
	} else if (!length || text[0] != '6') {
		die("client %u: the server sent %.*s", client->index, (int)(length < 300 ? length : 300), text);
	}
}

static void frame(struct client *client, const struct frame *frame, uint64_t now)
{
	const char *text = (const char *)frame->payload;
	if (frame->opcode == FRAME_PING)
		send_frame(client, FRAME_PONG, text, frame->length);
	else if (frame->opcode == FRAME_CLOSE)
		die("client %u: closed by the server with %u", client->index,
		    frame->length > 1 ? frame->payload[0] << 8 | frame->payload[1] : 1005);
	else if (frame->opcode == FRAME_PONG)
		return;
	else if (client->role.socketio)
		packet(client, text, frame->length, now);
	else
		event(client, text, frame->length, now);
}

/* Takes the whole lines of a stream, the lines of its chunked coding among them; returns how many bytes they are. */
static size_t lines(struct client *client, const char *text, size_t length, uint64_t now)
{
	static const char start[] = "data: {\"event\":\"";
	size_t used = 0, name = strlen(event_name);
	const char *end;
	while ((end = memchr(text + used, '\n', length - used))) {
		const char *line = text + used;
		size_t size = (size_t)(end - line);
		if (size > sizeof start + name && !memcmp(line, start, sizeof start - 1) &&
		    !memcmp(line + sizeof start - 1, event_name, name))
			event(client, line, size, now);
		used += size + 1;
	}
	return used;
}

void client_readable(struct client *client)
{
	size_t length = client->partial_length, used = 0;
	if (length)
		memcpy(input, client->partial, length);
	ssize_t got = recv(client->fd, input + length, INPUT_SIZE - length, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		die("client %u: the server dropped the connection%s%s", client->index, got ? ": " : "", got ? strerror(errno) : "");
	length += (size_t)got;
	input[length] = 0;
	uint64_t now = clock_nanos();
	if (client->state == CLIENT_UPGRADING)
		used = upgraded(client, input, length);
	if (client->role.stream && client->state > CLIENT_UPGRADING)
		used += lines(client, (const char *)input + used, length - used, now);
	while (!client->role.stream && client->state > CLIENT_UPGRADING && used < length) {
		struct frame next;
		int parsed = frame_parse(input + used, length - used, &next);
		if (parsed < 0)
			die("client %u: a frame with extensions or fragments", client->index);
		if (!parsed)
			break;
		used += next.size;
		frame(client, &next, now);
	}
	size_t rest = length - used;
	if (rest == INPUT_SIZE)
		die("client %u: a frame larger than %d bytes", client->index, INPUT_SIZE);
	if (rest) {
		client->partial = need(realloc(client->partial, rest));
		memcpy(client->partial, input + used, rest);
	} else if (client->partial) {
		free(client->partial);
		client->partial = NULL;
	}
	client->partial_length = rest;
}

void client_send(struct client *client, uint64_t at, size_t padding, int acknowledged)
{
	static char text[OUTPUT_SIZE];
	uint32_t number = ++client->sent;
	size_t length = 0;
	if (client->role.socketio)
		length = (size_t)sprintf(text, acknowledged ? "42%u" : "42", number);
	for (const char *from = client->role.send; *from; from++) {
		if (length + padding + 64 > sizeof text)
			die("a message of %zu bytes is larger than the generator sends", length + padding);
		if (from[0] == '@' && from[1] == '@') {
			length += (size_t)sprintf(text + length, "~~%016llx%04x%08x~~", (unsigned long long)at, client->index, number);
			memset(text + length, 'x', padding);
			length += padding;
			from++;
		} else if (from[0] == '#' && from[1] == '#') {
			length += (size_t)sprintf(text + length, "%u-%u", client->index, number);
			from++;
		} else {
			text[length++] = *from;
		}
	}
	if (acknowledged) {
		if (!client->sent_at)
			client->sent_at = need(calloc(CLIENT_WINDOW_MAX, sizeof *client->sent_at));
		client->sent_at[number % CLIENT_WINDOW_MAX] = at;
		client->outstanding++;
	}
	send_frame(client, FRAME_TEXT, text, length);
}
