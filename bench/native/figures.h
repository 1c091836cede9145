/* What the load generator counts, and the lines in which it reports. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdint.h>

#include "client.h"
#include "histogram.h"
#include "ledger.h"

/* Of the measured part of a run, or of connecting; latencies from sending to the acknowledgement and to each delivery. */
struct figures {
	uint64_t sent, done, deliveries, skipped;
	double cpu; /* the generator's own, in seconds */
	struct histogram answers, delivered, connects;
};

/* Of a run as a whole. */
struct faults {
	uint64_t failed, answer_disorder;
	char first[300]; /* answer that told of a failure */
};

extern struct figures figures;
extern struct faults faults;

void clear_figures(void);

/* Each prints one JSON object; `began` and `now` are in nanoseconds. */
void report_connected(uint32_t clients, uint64_t began, uint64_t now);
void report_begin(void);
void report_end(uint64_t began, uint64_t now);
void report_drained(const struct ledger *ledger, const struct client *clients, uint32_t count, uint64_t began,
                    uint64_t now, int complete);

#endif
