/* A histogram whose steps grow with the value. */
#include "runtime/base/statistics.h"

/* Within a factor of two, the steps are even: value = (32 + step) << octave, in units of 32 ns. */
static uint32_t slot_of(uint64_t ns)
{
	uint64_t value = ns >> 5; /* the finest step is 32 ns */
	if (value < ERC__HISTOGRAM_STEPS)
		return (uint32_t)value;
	uint32_t octave = 63 - (uint32_t)__builtin_clzll(value) - 5; /* so that value >> octave is in [32, 64) */
	uint32_t slot = (octave + 1) * ERC__HISTOGRAM_STEPS + (uint32_t)(value >> octave) - ERC__HISTOGRAM_STEPS;
	uint32_t last = ERC__HISTOGRAM_OCTAVES * ERC__HISTOGRAM_STEPS - 1;
	return slot < last ? slot : last;
}

/* The middle of a slot. */
static double slot_us(uint32_t slot)
{
	if (slot < ERC__HISTOGRAM_STEPS)
		return ((double)slot + 0.5) * 0.032;
	uint32_t octave = slot / ERC__HISTOGRAM_STEPS - 1;
	double value = (double)(slot % ERC__HISTOGRAM_STEPS + ERC__HISTOGRAM_STEPS) + 0.5;
	return value * (double)(UINT64_C(1) << octave) * 0.032;
}

void erc__counts_add(struct erc__counts *counts, const struct erc__counts *more)
{
	counts->submitted += more->submitted;
	counts->completed += more->completed;
	counts->missed += more->missed;
	counts->shed += more->shed;
	counts->cancelled += more->cancelled;
	counts->failed += more->failed;
	counts->preemptions += more->preemptions;
	counts->launches += more->launches;
}

void erc__histogram_add(struct erc__histogram *histogram, uint64_t ns)
{
	histogram->counts[slot_of(ns)]++;
	histogram->count++;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
}

double erc__histogram_percentile_us(const struct erc__histogram *histogram, double share)
{
	double most_us = (double)histogram->max_ns / 1000;
	uint64_t seen = 0;
	if (!histogram->count)
		return 0;
	for (uint32_t slot = 0; slot < ERC__HISTOGRAM_OCTAVES * ERC__HISTOGRAM_STEPS; slot++) {
		seen += histogram->counts[slot];
		if ((double)seen >= share * (double)histogram->count && seen)
			return slot_us(slot) < most_us ? slot_us(slot) : most_us;
	}
	return most_us;
}
