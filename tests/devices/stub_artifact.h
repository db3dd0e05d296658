/* Artifacts for the stand-in for CUDA. Every target "emulated:sm_NN" of an artifact becomes "cuda:sm_NN", and its
 * kernels become images of the stand-in. So code for GPUs runs through the whole CUDA device without a GPU. META
 * keeps the old names. */
#ifndef STUB_ARTIFACT_H
#define STUB_ARTIFACT_H

#include "tests/devices/build_artifact.h"
#include "tests/devices/stub_image.h"

#define STUB_THREAD_BYTES \
	32768 /* THREAD_BYTES of compiler/targets/emulated.c, which asks for this much local memory per thread */
#define STUB_EMULATED "emulated:sm_"

struct stub_artifact {
	uint8_t *file;
	size_t bytes;
	struct erca_section *sections;
	uint8_t *plan; /* with its header */
	size_t plan_bytes;
	uint8_t *codes[ERCA_MAX_SECTIONS]; /* new sections; NULL: unchanged */
	size_t code_bytes[ERCA_MAX_SECTIONS];
};

static inline void *stub_artifact_record(const struct stub_artifact *a, const struct erca_table *table, uint32_t index)
{
	return a->plan + table->offset + (size_t)index * table->stride;
}

/* A CUDA block has no local memory for the stacks of fibers, so the stand-in adds it. */
static inline void stub_artifact_shrink(const struct stub_artifact *a, uint32_t target, uint32_t *kernel_count)
{
	const struct erca_plan_header *plan = (void *)a->plan;
	uint64_t max = 0;
	*kernel_count = 0;
	for (uint32_t i = 0; i < plan->kernels.count; i++) {
		const struct erca_kernel *kernel = stub_artifact_record(a, &plan->kernels, i);
		if (kernel->target == target && kernel->entry >= *kernel_count)
			*kernel_count = kernel->entry + 1;
	}
	for (uint32_t i = 0; i < plan->variants.count; i++) {
		struct erca_variant *variant = stub_artifact_record(a, &plan->variants, i);
		if (((struct erca_kernel *)stub_artifact_record(a, &plan->kernels, variant->kernel))->target != target)
			continue;
		variant->local_bytes -= (1 + (uint64_t)variant->threads) * STUB_THREAD_BYTES + 64;
		max = variant->local_bytes > max ? variant->local_bytes : max;
	}
	for (uint32_t i = 0; i < plan->entries.count; i++) {
		struct erca_entry *entry = stub_artifact_record(a, &plan->entries, i);
		if (entry->target == target)
			entry->local_bytes = max;
	}
}

/* The target's new section: the images, and seals of the changed launches. */
static inline void stub_artifact_code(struct stub_artifact *a, struct erca_target *target, uint32_t kernel_count)
{
	const struct erca_section *section = &a->sections[target->code_section];
	size_t bytes, seal_bytes;
	uint32_t old_seals = 0;
	if (!erc_seals_find(a->file + section->offset, section->bytes, &old_seals))
		abort();
	size_t old_bytes = section->bytes - (old_seals + 1) * sizeof(struct erca_seal);
	uint8_t *code = (void *)stub_code(a->file + section->offset, old_bytes, kernel_count, STUB_THREAD_BYTES, &bytes);
	void *seals = make_seals((struct plan_bytes){a->plan, a->plan_bytes}, target->code_section, &seal_bytes);
	code = realloc(code, bytes + seal_bytes);
	if (!code)
		abort();
	memcpy(code + bytes, seals, seal_bytes);
	free(seals);
	a->codes[target->code_section] = code;
	target->code_bytes = a->code_bytes[target->code_section] = bytes + seal_bytes;
}

/* Returns the number of converted targets. */
static inline uint32_t stub_artifact_turn(struct stub_artifact *a)
{
	const struct erca_plan_header *plan = (void *)a->plan;
	uint32_t turned = 0, kernel_count;
	for (uint32_t i = 0; i < plan->targets.count; i++) {
		struct erca_target *target = stub_artifact_record(a, &plan->targets, i);
		char *name = (char *)a->plan + plan->strings.offset + target->name;
		unsigned number;
		if (strncmp(name, STUB_EMULATED, strlen(STUB_EMULATED)) || target->code_section == ERCA_NONE)
			continue;
		number = (unsigned)atoi(name + strlen(STUB_EMULATED));
		sprintf(name, "cuda:sm_%u", number); /* shorter than the name before */
		target->kind = ERCA_TARGET_CUDA;
		target->level = number * 10;
		stub_artifact_shrink(a, i, &kernel_count);
		stub_artifact_code(a, target, kernel_count);
		turned++;
	}
	return turned;
}

/* Joins the sections, in their old order. */
static inline uint8_t *stub_artifact_join(struct stub_artifact *a, size_t *bytes)
{
	struct erca_header *header = (void *)a->file;
	size_t max = a->bytes;
	for (uint32_t i = 0; i < header->section_count; i++)
		max += a->code_bytes[i] + a->sections[i].alignment;
	uint8_t *out = calloc(1, max);
	if (!out)
		abort();
	size_t at = header->toc_offset + header->section_count * sizeof(struct erca_section);
	memcpy(out, a->file, at);
	struct erca_section *sections = (void *)(out + header->toc_offset);
	for (uint32_t i = 0; i < header->section_count; i++) {
		const struct erca_section *old = &a->sections[i];
		if (a->codes[i])
			sections[i].bytes = a->code_bytes[i];
		sections[i].offset = at = (at + old->alignment - 1) / old->alignment * old->alignment;
		memcpy(out + at, a->codes[i] ? a->codes[i] : a->file + old->offset, sections[i].bytes);
		at += sections[i].bytes;
	}
	((struct erca_header *)(void *)out)->content_bytes = *bytes = at;
	build_rehash(out, at);
	return out;
}

static inline uint8_t *stub_artifact_read(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	*bytes = (size_t)ftell(file);
	rewind(file);
	uint8_t *data = malloc(*bytes + 1);
	if (!data || fread(data, 1, *bytes, file) != *bytes)
		abort();
	fclose(file);
	return data;
}

/* Converts the artifact at one path to another or the same path. Returns NULL, or what is wrong. The file is not
 * checked, because erc wrote it. */
static inline const char *stub_artifact(const char *from, const char *to)
{
	struct stub_artifact a = {.bytes = 0};
	size_t bytes;
	a.file = stub_artifact_read(from, &a.bytes);
	if (!a.file)
		return "cannot be read";
	if (a.bytes < sizeof(struct erca_header) || memcmp(a.file, ERCA_MAGIC, 8)) {
		free(a.file);
		return "is not an artifact";
	}
	const struct erca_header *header = (void *)a.file;
	a.sections = (void *)(a.file + header->toc_offset);
	for (uint32_t i = 0; i < header->section_count; i++)
		if (a.sections[i].type == ERCA_SECTION_PLAN) {
			a.plan = a.file + a.sections[i].offset;
			a.plan_bytes = a.sections[i].bytes;
		}
	uint32_t turned = stub_artifact_turn(&a);
	uint8_t *out = turned ? stub_artifact_join(&a, &bytes) : NULL;
	FILE *file = turned ? fopen(to, "wb") : NULL;
	int is_written = file && fwrite(out, 1, bytes, file) == bytes;
	is_written = file && !fclose(file) && is_written;
	for (int i = 0; i < ERCA_MAX_SECTIONS; i++)
		free(a.codes[i]);
	free(out);
	free(a.file);
	return !turned ? "has no emulated target" : is_written ? NULL : "cannot be written";
}

#endif
