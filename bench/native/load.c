/* The load generator: one thread, one epoll, thousands of clients.
 *
 *   load PLAN EVENT acks|deliveries CONCURRENCY TIMEOUT
 *
 * PLAN is a file of one tab-separated line for each client (see plan_read). A message is done when its acknowledgement
 * has come (acks) or when each member of its room has received it (deliveries). Commands come on standard input, one a
 * line; what happens is reported on standard output, one JSON object a line:
 *
 *   connect N                        connects the clients up to the Nth, CONCURRENCY at a time
 *   run window W WARM SECONDS PAD    keeps W messages under way (of each sender, or in all when counting deliveries)
 *   run rate R WARM SECONDS PAD      sends R messages a second, each stamped with the time at which it was due
 *
 * A run is measured between its "begin" and "end", which waits for the first delivery; then everything under way must
 * arrive ("drained"), TIMEOUT seconds at most. Between commands connections are kept alive. The end of standard input ends the program. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "figures.h"
#include "ledger.h"

static const uint64_t SECOND = 1000000000ull;

enum phase { IDLE, CONNECTING, WARMING, MEASURING, DRAINING };

const char *event_name;
static int acknowledged;
static uint32_t concurrency;
static uint64_t timeout;

static int epoll_fd, timer_fd;
static struct client *clients;
static uint32_t client_count, connect_next, connect_goal, ready_count;
static uint32_t *senders, sender_count, sender_turn;
static struct ledger ledger;

static enum phase phase;
static uint64_t phase_end, phase_began;

static struct {
	uint32_t window;  /* 0 when a rate is kept */
	double rate;
	uint64_t started, warm, length;
	uint64_t due; /* messages of a rate that were due so far */
	size_t padding;
} run;

uint64_t clock_nanos(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void watch(struct client *client, int writable_too, int added)
{
	struct epoll_event event = {.events = EPOLLIN | (writable_too ? EPOLLOUT : 0), .data.ptr = client};
	if (epoll_ctl(epoll_fd, added ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, client->fd, &event) < 0)
		die("client %u: epoll_ctl failed: %s", client->index, strerror(errno));
}

/* Sending */

static void send_next(struct client *client, uint64_t at)
{
	client_send(client, at, run.padding, acknowledged);
	figures.sent++;
	if (!acknowledged)
		ledger_expect(&ledger, client->role.room, (uint64_t)client->index << 32 | client->sent);
}

static struct client *next_sender(void)
{
	struct client *client = &clients[senders[sender_turn]];
	sender_turn = (sender_turn + 1) % sender_count;
	return client;
}

static void fill_window(uint64_t now)
{
	if (acknowledged)
		for (uint32_t i = 0; i < sender_count; i++)
			for (uint32_t n = 0; n < run.window; n++)
				send_next(&clients[senders[i]], now);
	else
		for (uint32_t n = 0; n < run.window; n++)
			send_next(next_sender(), now);
}

static void keep_rate(uint64_t now)
{
	uint64_t due = (uint64_t)((double)(now - run.started) / 1e9 * run.rate);
	for (; run.due < due; run.due++) {
		uint64_t at = run.started + (uint64_t)((double)(run.due + 1) / run.rate * 1e9);
		struct client *client = next_sender();
		if (client->outstanding < CLIENT_WINDOW_MAX - 1)
			send_next(client, at);
		else
			figures.skipped++;
	}
}

static int running(void)
{
	return phase == WARMING || phase == MEASURING;
}

void on_answer(struct client *client, uint32_t number, int succeeded, const char *text, size_t length, uint64_t now)
{
	if (number == 0 || number > client->sent || !client->outstanding)
		die("client %u: an answer to %u, which was never asked", client->index, number);
	if (number != client->next_answer)
		faults.answer_disorder++;
	client->next_answer = number + 1;
	client->outstanding--;
	histogram_add(&figures.answers, now - client->sent_at[number % CLIENT_WINDOW_MAX]);
	if (succeeded) {
		figures.done++;
		ledger_expect(&ledger, client->role.room, (uint64_t)client->index << 32 | number);
	} else if (!faults.failed++) {
		snprintf(faults.first, sizeof faults.first, "%.*s", (int)(length < 299 ? length : 299), text);
	}
	if (running() && run.window)
		send_next(client, now);
}

void on_message(struct client *client, uint64_t id, uint64_t sent_at, uint64_t now)
{
	figures.deliveries++;
	histogram_add(&figures.delivered, now > sent_at ? now - sent_at : 0);
	if (!ledger_deliver(&ledger, client->role.room, &client->member, id) || acknowledged)
		return;
	figures.done++;
	if (running() && run.window)
		send_next(&clients[id >> 32], now);
}

/* Phases */

static void set_timer(uint64_t interval)
{
	struct timespec every = {(time_t)(interval / SECOND), (long)(interval % SECOND)};
	struct itimerspec spec = {every, every};
	timerfd_settime(timer_fd, 0, &spec, NULL);
}

static void enter(enum phase next, uint64_t now, uint64_t length)
{
	phase = next;
	phase_began = now;
	phase_end = now + length;
}

static void connect_more(void)
{
	while (connect_next < connect_goal && connect_next - ready_count < concurrency)
		client_connect(&clients[connect_next++]);
}

void on_ready(struct client *client)
{
	ledger.rooms[client->role.room].members++;
	client->next_answer = 1;
	ready_count++;
	histogram_add(&figures.connects, clock_nanos() - client->started_at);
	connect_more();
}

static void begin_run(uint64_t now)
{
	ledger_clear(&ledger);
	for (uint32_t i = 0; i < client_count; i++) {
		clients[i].member = (struct member){0};
		clients[i].outstanding = 0;
	}
	memset(&faults, 0, sizeof faults);
	clear_figures();
	run.started = now;
	run.due = 0;
	enter(WARMING, now, run.warm);
	if (run.window)
		fill_window(now);
	else
		set_timer(run.rate > 5000 ? SECOND / 5000 : (uint64_t)((double)SECOND / run.rate));
}

static int everything_arrived(void)
{
	if (ledger.received < ledger.expected)
		return 0;
	for (uint32_t i = 0; i < sender_count; i++)
		if (clients[senders[i]].outstanding)
			return 0;
	return 1;
}

static void advance(uint64_t now)
{
	if (phase == CONNECTING && ready_count == connect_goal) {
		report_connected(ready_count, phase_began, now);
		phase = IDLE;
	} else if (phase == CONNECTING && now >= phase_end) {
		die("%u of %u clients connected in time", ready_count, connect_goal);
	} else if (phase == WARMING && now >= phase_end) {
		clear_figures();
		enter(MEASURING, now, run.length);
		report_begin();
	} else if (phase == MEASURING && now >= phase_end && (figures.deliveries || now >= phase_end + timeout)) {
		report_end(phase_began, now);
		set_timer(0);
		enter(DRAINING, now, timeout);
	} else if (phase == DRAINING && (everything_arrived() || now >= phase_end)) {
		report_drained(&ledger, clients, ready_count, phase_began, now, now < phase_end);
		phase = IDLE;
	}
}

/* Commands */

static void take_plan(const char *path)
{
	uint32_t rooms = 0;
	client_count = plan_read(path, &clients);
	senders = need(calloc(client_count + 1, sizeof *senders));
	for (uint32_t i = 0; i < client_count; i++) {
		if (clients[i].role.sender)
			senders[sender_count++] = i;
		if (clients[i].role.room >= rooms)
			rooms = clients[i].role.room + 1;
	}
	if (!sender_count || client_count > 0xffff)
		die("the plan needs a sender, and 65,535 clients at most");
	ledger_init(&ledger, rooms, client_count);
}

static void command(const char *line, uint64_t now)
{
	char mode[8];
	double value, warm, seconds;
	if (phase != IDLE)
		die("the command \"%s\" came while another was under way", line);
	if (sscanf(line, "connect %u", &connect_goal) == 1) {
		if (connect_goal > client_count)
			die("%u clients were asked for, the plan holds %u", connect_goal, client_count);
		clear_figures();
		enter(CONNECTING, now, timeout * 6);
		connect_more();
	} else if (sscanf(line, "run %7s %lf %lf %lf %zu", mode, &value, &warm, &seconds, &run.padding) == 5) {
		if (ready_count < client_count)
			die("a run needs every client of the plan connected");
		int windowed = !strcmp(mode, "window");
		if (value <= 0 || (windowed && value >= CLIENT_WINDOW_MAX))
			die("a window of %g, or such a rate, cannot be kept", value);
		run.window = windowed ? (uint32_t)value : 0;
		run.rate = windowed ? 0 : value;
		run.warm = (uint64_t)(warm * 1e9);
		run.length = (uint64_t)(seconds * 1e9);
		begin_run(now);
	} else {
		die("\"%s\" is no command", line);
	}
}

static void read_commands(void)
{
	static char line[256];
	static size_t length;
	ssize_t got = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
	if (got <= 0)
		exit(0);
	length += (size_t)got;
	char *end = memchr(line, '\n', length);
	if (!end)
		return;
	*end = 0;
	command(line, clock_nanos());
	length = 0;
}

static void watch_fd(int fd, void *mark)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl failed: %s", strerror(errno));
}

int main(int count, char **arguments)
{
	if (count != 6) {
		fputs("usage: load PLAN EVENT acks|deliveries CONCURRENCY TIMEOUT\n", stderr);
		return 2;
	}
	event_name = arguments[2];
	acknowledged = !strcmp(arguments[3], "acks");
	concurrency = (uint32_t)atoi(arguments[4]);
	timeout = (uint64_t)(atof(arguments[5]) * 1e9);
	take_plan(arguments[1]);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	watch_fd(STDIN_FILENO, NULL);
	watch_fd(timer_fd, &timer_fd);
	for (;;) {
		struct epoll_event events[512];
		uint64_t now = clock_nanos();
		advance(now);
		int wait = phase == IDLE ? -1 : now >= phase_end ? 1 : (int)((phase_end - now) / 1000000) + 1;
		int n = epoll_wait(epoll_fd, events, 512, wait);
		if (n < 0 && errno != EINTR)
			die("epoll_wait failed: %s", strerror(errno));
		for (int i = 0; i < n; i++) {
			struct client *client = events[i].data.ptr;
			if (!client) {
				read_commands();
			} else if ((void *)client == (void *)&timer_fd) {
				uint64_t expirations;
				if (read(timer_fd, &expirations, sizeof expirations) > 0 && running())
					keep_rate(clock_nanos());
			} else if (client->state == CLIENT_CONNECTING) {
				client_writable(client);
			} else {
				if (events[i].events & EPOLLOUT)
					client_writable(client);
				if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
					client_readable(client);
			}
		}
	}
}
