/* Latencies in microseconds, kept to 1.6 % in constant memory: exact below 64 µs, 64 steps for each doubling above. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 32 };

struct histogram {
	uint64_t count;
	uint64_t maximum;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t micros)
{
	if (micros < HISTOGRAM_STEPS)
		return (unsigned)micros;
	unsigned shift = (unsigned)(63 - __builtin_clzll(micros)) - 6;
	unsigned bucket = (shift + 1) * HISTOGRAM_STEPS + (unsigned)(micros >> shift) - HISTOGRAM_STEPS;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static inline uint64_t histogram_value(unsigned bucket)
{
	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_STEPS - 1;
	return (uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift;
}

static inline void histogram_add(struct histogram *histogram, uint64_t nanos)
{
	uint64_t micros = nanos / 1000;
	histogram->count++;
	if (micros > histogram->maximum)
		histogram->maximum = micros;
	histogram->buckets[histogram_bucket(micros)]++;
}

static inline uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t rank = (uint64_t)((double)histogram->count * percent / 100.0), seen = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > rank)
			return histogram_value(i);
	}
	return histogram->maximum;
}

static inline void histogram_print(const struct histogram *histogram, const char *name)
{
	printf("\"%s\":{\"count\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"p999\":%llu,\"max\":%llu}", name,
	       (unsigned long long)histogram->count, (unsigned long long)histogram_percentile(histogram, 50),
	       (unsigned long long)histogram_percentile(histogram, 90),
	       (unsigned long long)histogram_percentile(histogram, 99),
	       (unsigned long long)histogram_percentile(histogram, 99.9), (unsigned long long)histogram->maximum);
}

static inline void histogram_clear(struct histogram *histogram)
{
	memset(histogram, 0, sizeof *histogram);
}

#endif
