/* `probe_artifact IN.erca OUT.erca LOCAL_BYTES SPIN_US`: converts an artifact of one `cumsum`, compiled with the kernel
 * of tests/gpu/probe, to bench_preempt's probe. It has a tile for every PROBE_ROWS rows. LOCAL_BYTES is so large that a
 * unit holds only one tile; each tile keeps its unit for SPIN_US. */
#include <stdio.h>

#include "compiler/kernels/params.h"
#include "tests/devices/build_artifact.h"
#include "tests/bench/probe.h"

static uint8_t *read_file(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	*bytes = (size_t)ftell(file);
	rewind(file);
	uint8_t *data = malloc(*bytes + 1);
	if (data && fread(data, 1, *bytes, file) != *bytes) {
		free(data);
		data = NULL;
	}
	fclose(file);
	return data;
}

static struct erca_plan_header *find_plan(uint8_t *file, size_t bytes)
{
	const struct erca_header *header = (void *)file;
	const struct erca_section *sections = (void *)(file + header->toc_offset);
	if (bytes < sizeof *header || memcmp(header->magic, ERCA_MAGIC, 8))
		return NULL;
	for (uint32_t i = 0; i < header->section_count; i++)
		if (sections[i].type == ERCA_SECTION_PLAN)
			return (void *)(file + sections[i].offset);
	return NULL;
}

/* Our own compiler wrote the file, so its tables are not checked. */
static int shape(struct erca_plan_header *plan, uint64_t local_bytes, int64_t spin_us)
{
	uint8_t *base = (uint8_t *)plan;
	if (plan->records.count != 1 || plan->variants.count < 1)
		return 0;
	for (uint32_t i = 0; i < plan->variants.count; i++) {
		struct erca_variant *variant = (void *)(base + plan->variants.offset + (size_t)i * plan->variants.stride);
		int64_t *params = (void *)(base + plan->params.offset + (size_t)variant->param_first * plan->params.stride);
		if (variant->param_count <= CUMULATE_INNER || plan->params.stride != sizeof *params)
			return 0;
		params[ROWS_PER_TILE] = PROBE_ROWS;
		params[CUMULATE_INNER] = spin_us * 1000;
		variant->tile_count = (uint32_t)(params[ROWS_TOTAL] / PROBE_ROWS);
		variant->local_bytes = local_bytes;
	}
	for (uint32_t i = 0; i < plan->entries.count; i++)
		((struct erca_entry *)(void *)(base + plan->entries.offset + (size_t)i * plan->entries.stride))->local_bytes =
			local_bytes;
	return 1;
}

int main(int argc, char **argv)
{
	size_t bytes = 0;
	if (argc != 5) {
		fprintf(stderr, "usage: probe_artifact IN.erca OUT.erca LOCAL_BYTES SPIN_US\n");
		return 2;
	}
	uint8_t *file = read_file(argv[1], &bytes);
	struct erca_plan_header *plan = file ? find_plan(file, bytes) : NULL;
	if (!plan || !shape(plan, strtoull(argv[3], NULL, 10), atoll(argv[4]))) {
		fprintf(stderr, "probe_artifact: %s is no artifact of one cumsum\n", argv[1]);
		free(file);
		return 1;
	}
	reseal(file);
	build_rehash(file, bytes);
	FILE *out = fopen(argv[2], "wb");
	int is_written = out && fwrite(file, 1, bytes, out) == bytes;
	is_written = out && !fclose(out) && is_written;
	if (!is_written)
		fprintf(stderr, "probe_artifact: %s cannot be written\n", argv[2]);
	free(file);
	return !is_written;
}
