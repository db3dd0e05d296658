/* Figures from samples: means, percentiles, shares. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/workload.h"

void series_add(struct series *series, double value)
{
	if (series->count == series->capacity) {
		series->capacity = series->capacity ? series->capacity * 2 : 256;
		series->values = memory_grow(series->values, series->capacity * sizeof *series->values);
	}
	series->values[series->count++] = value;
}

void series_append(struct series *series, const struct series *other)
{
	for (size_t i = 0; i < other->count; i++)
		series_add(series, other->values[i]);
}

void series_free(struct series *series)
{
	free(series->values);
	*series = (struct series){0};
}

double series_mean(const struct series *series)
{
	double sum = 0;
	for (size_t i = 0; i < series->count; i++)
		sum += series->values[i];
	return series->count ? sum / (double)series->count : 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double series_percentile(const struct series *series, double share)
{
	if (!series->count)
		return 0;
	double *sorted = memory_new(series->count * sizeof *sorted);
	memcpy(sorted, series->values, series->count * sizeof *sorted);
	qsort(sorted, series->count, sizeof *sorted, by_value);
	size_t rank = (size_t)(share * (double)series->count + 0.999999);
	double value = sorted[rank ? rank - 1 : 0];
	free(sorted);
	return value;
}

double series_median(const struct series *series)
{
	return series_percentile(series, 0.5);
}

size_t series_count_within(const struct series *series, double limit)
{
	size_t within = 0;
	for (size_t i = 0; i < series->count; i++)
		within += series->values[i] <= limit;
	return within;
}

void outcome_free(struct outcome *outcome)
{
	series_free(&outcome->latency);
	series_free(&outcome->service);
	series_free(&outcome->visible);
	series_free(&outcome->granted);
	*outcome = (struct outcome){0};
}

void outcome_add(struct outcome *to, const struct outcome *from)
{
	series_append(&to->latency, &from->latency);
	series_append(&to->service, &from->service);
	series_append(&to->visible, &from->visible);
	series_append(&to->granted, &from->granted);
	to->arrivals += from->arrivals;
	to->shed += from->shed;
	to->dropped += from->dropped;
	to->failed += from->failed;
	to->preemptions += from->preemptions;
	to->completed += from->completed;
	to->max_units = from->max_units > to->max_units ? from->max_units : to->max_units;
}
