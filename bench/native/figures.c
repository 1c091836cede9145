#include "figures.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct figures figures;
struct faults faults;

/* The runner waits for each line. */
static void finish(const char *end)
{
	puts(end);
	fflush(stdout);
}

static void print_escaped(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c >= ' ')
			printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
}

void die(const char *format, ...)
{
	char text[700];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	fputs("{\"event\":\"error\",\"message\":\"", stdout);
	print_escaped(text);
	finish("\"}");
	_exit(1);
}

void *need(void *allocated)
{
	if (!allocated)
		die("out of memory");
	return allocated;
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void clear_figures(void)
{
	memset(&figures, 0, sizeof figures);
	figures.cpu = cpu_seconds();
}

void report_connected(uint32_t clients, uint64_t began, uint64_t now)
{
	printf("{\"event\":\"connected\",\"clients\":%u,\"seconds\":%.6f,", clients, (double)(now - began) / 1e9);
	histogram_print(&figures.connects, "connects");
	finish("}");
}

void report_begin(void)
{
	finish("{\"event\":\"begin\"}");
}

void report_end(uint64_t began, uint64_t now)
{
	double seconds = (double)(now - began) / 1e9;
	printf("{\"event\":\"end\",\"seconds\":%.6f,\"sent\":%llu,\"done\":%llu,\"deliveries\":%llu,\"skipped\":%llu,"
	       "\"generator_cpu\":%.6f,",
	       seconds, (unsigned long long)figures.sent, (unsigned long long)figures.done,
	       (unsigned long long)figures.deliveries, (unsigned long long)figures.skipped, cpu_seconds() - figures.cpu);
	histogram_print(&figures.answers, "answers");
	putchar(',');
	histogram_print(&figures.delivered, "delivered");
	finish("}");
}

void report_drained(const struct ledger *ledger, const struct client *clients, uint32_t count, uint64_t began,
                    uint64_t now, int complete)
{
	uint64_t exact = 0, missing = 0, extra = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct member *member = &clients[i].member;
		uint64_t expected = ledger->rooms[clients[i].role.room].expected;
		exact += (uint64_t)ledger_exact(ledger, clients[i].role.room, member);
		missing += member->received < expected ? expected - member->received : 0;
		extra += member->received > expected ? member->received - expected : 0;
	}
	printf("{\"event\":\"drained\",\"complete\":%s,\"seconds\":%.6f,\"members\":%u,\"exact\":%llu,\"missing\":%llu,"
	       "\"extra\":%llu,\"order_mismatches\":%llu,\"sender_disorder\":%llu,\"answer_disorder\":%llu,\"failed\":%llu,"
	       "\"failure\":\"",
	       complete ? "true" : "false", (double)(now - began) / 1e9, count, (unsigned long long)exact,
	       (unsigned long long)missing, (unsigned long long)extra, (unsigned long long)ledger->order_mismatches,
	       (unsigned long long)ledger->sender_disorder, (unsigned long long)faults.answer_disorder,
	       (unsigned long long)faults.failed);
	print_escaped(faults.first);
	finish("\"}");
}
