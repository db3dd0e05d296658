/* Artifacts made in memory, record by record, for the tests of the loader and the devices. It also writes wrong
 * artifacts, which the loader must reject. */
#ifndef BUILD_ARTIFACT_H
#define BUILD_ARTIFACT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/artifact.h"
#include "runtime/include/erc.h"
#include "schemas/sha256.h"
#include "tests/devices/make_seals.h"

#define BUILD_META "{\"schema\":\"erc.meta/1\"}"

struct pool {
	uint8_t *data;
	size_t bytes;
};

struct build {
	struct pool strings;
	struct pool tables[ERC_TABLE_COUNT]; /* SECTIONS stays empty */
	const void *code;                    /* NULL: no CODE section; without seals, which build_finish adds */
	size_t code_bytes;
	const void *weights;
	size_t weights_bytes;
	int newer;               /* minor versions newer than this one */
	uint32_t record_padding; /* bytes after each record, as a newer version may have */
	uint32_t extra_type;     /* one additional empty section of this type; 0: none */
	uint32_t extra_flags;
};

/* Section numbers in files of build_finish. */
enum { BUILD_META_SECTION, BUILD_PLAN_SECTION, BUILD_CODE_SECTION };

static inline uint32_t pool_add(struct pool *pool, const void *record, size_t bytes)
{
	uint32_t index = (uint32_t)(pool->bytes / bytes);
	pool->data = realloc(pool->data, pool->bytes + bytes);
	if (!pool->data)
		abort();
	memcpy(pool->data + pool->bytes, record, bytes);
	pool->bytes += bytes;
	return index;
}

static inline uint32_t build_text(struct build *build, const char *text)
{
	uint32_t at = (uint32_t)build->strings.bytes;
	for (size_t i = 0; i <= strlen(text); i++)
		pool_add(&build->strings, text + i, 1);
	return at;
}

/* BUILD_ADD(build, TARGETS, struct erca_target, .name = ..., ...) returns the record's index. */
#define BUILD_ADD(build, table, type, ...) \
	pool_add(&(build)->tables[ERC_TABLE_##table], &(type){__VA_ARGS__}, sizeof(type))

static inline uint32_t build_count(const struct build *build, enum erc_table table, size_t record_bytes)
{
	return (uint32_t)(build->tables[table].bytes / record_bytes);
}

static inline size_t build_plan(const struct build *build, uint8_t *out)
{
	static const uint32_t strides[ERC_TABLE_COUNT] = {
#define X(id, type) [ERC_TABLE_##id] = sizeof(type),
		ERC_TABLES(X)
#undef X
	};
	static const size_t places[ERC_TABLE_COUNT] = {
		[ERC_TABLE_TARGETS] = offsetof(struct erca_plan_header, targets),
		[ERC_TABLE_BUDGETS] = offsetof(struct erca_plan_header, budgets),
		[ERC_TABLE_ENTRIES] = offsetof(struct erca_plan_header, entries),
		[ERC_TABLE_TENSORS] = offsetof(struct erca_plan_header, tensors),
		[ERC_TABLE_PLANS] = offsetof(struct erca_plan_header, plans),
		[ERC_TABLE_RECORDS] = offsetof(struct erca_plan_header, records),
		[ERC_TABLE_OPERANDS] = offsetof(struct erca_plan_header, operands),
		[ERC_TABLE_VARIANTS] = offsetof(struct erca_plan_header, variants),
		[ERC_TABLE_KERNELS] = offsetof(struct erca_plan_header, kernels),
		[ERC_TABLE_PARAMS] = offsetof(struct erca_plan_header, params),
		[ERC_TABLE_PROFILES] = offsetof(struct erca_plan_header, profiles),
		[ERC_TABLE_POINTS] = offsetof(struct erca_plan_header, points),
		[ERC_TABLE_DEFAULTS] = offsetof(struct erca_plan_header, defaults),
		[ERC_TABLE_CLASSES] = offsetof(struct erca_plan_header, classes),
		[ERC_TABLE_RESIZABLES] = offsetof(struct erca_plan_header, resizables),
		[ERC_TABLE_RANGES] = offsetof(struct erca_plan_header, ranges),
		[ERC_TABLE_TERMS] = offsetof(struct erca_plan_header, terms),
		[ERC_TABLE_PATCHES] = offsetof(struct erca_plan_header, patches),
	};
	struct erca_plan_header *header = (struct erca_plan_header *)out;
	size_t at = sizeof *header;
	header->header_bytes = (uint32_t)at;
	for (int i = ERC_TABLE_SECTIONS + 1; i < ERC_TABLE_COUNT; i++) {
		uint32_t bytes = strides[i];
		struct erca_table table = {at, (uint32_t)(build->tables[i].bytes / strides[i]), bytes + build->record_padding};
		memcpy(out + places[i], &table, sizeof table);
		for (uint32_t r = 0; r < table.count; r++, at += table.stride) {
			memcpy(out + at, build->tables[i].data + (size_t)r * strides[i], bytes);
			memset(out + at + bytes, 0xee, build->record_padding);
		}
	}
	header->strings = (struct erca_table){at, (uint32_t)build->strings.bytes, 1};
	if (build->strings.bytes)
		memcpy(out + at, build->strings.data, build->strings.bytes);
	return at + build->strings.bytes;
}

static inline void build_section(uint8_t *file, uint32_t type, uint32_t alignment, const void *data, size_t bytes)
{
	struct erca_header *header = (struct erca_header *)file;
	struct erca_section *section = (struct erca_section *)(file + header->toc_offset) + header->section_count++;
	section->type = type;
	section->alignment = alignment;
	section->offset = (header->content_bytes + alignment - 1) / alignment * alignment;
	section->bytes = bytes;
	if (bytes)
		memcpy(file + section->offset, data, bytes);
	header->content_bytes = section->offset + bytes;
}

/* Adds the seals to the code, in memory that the caller frees, and their size to the targets of the plan. */
static inline void *build_code(const struct build *build, uint8_t *plan, size_t plan_bytes, size_t *bytes)
{
	const struct erca_table *targets = &((const struct erca_plan_header *)plan)->targets;
	size_t seal_bytes;
	void *seals = make_seals((struct plan_bytes){plan, plan_bytes}, BUILD_CODE_SECTION, &seal_bytes);
	char *code = malloc(build->code_bytes + seal_bytes);
	if (!code)
		abort();
	memcpy(code, build->code, build->code_bytes);
	memcpy(code + build->code_bytes, seals, seal_bytes);
	free(seals);
	*bytes = build->code_bytes + seal_bytes;
	for (uint32_t i = 0; i < targets->count; i++) {
		struct erca_target *target = (void *)(plan + targets->offset + (size_t)i * targets->stride);
		if (target->code_section == BUILD_CODE_SECTION && target->code_bytes == build->code_bytes)
			target->code_bytes = *bytes;
	}
	return code;
}

/* Returns the file, aligned to 4096 bytes, which the caller frees. Frees the memory of the build. */
static inline uint8_t *build_finish(struct build *build, size_t *bytes)
{
	size_t plan_max = sizeof(struct erca_plan_header) + build->strings.bytes;
	uint32_t section_count = 2 + !!build->code + !!build->weights + !!build->extra_type;
	for (int i = 0; i < ERC_TABLE_COUNT; i++)
		plan_max += build->tables[i].bytes + build->tables[i].bytes / 8 * build->record_padding;
	uint8_t *plan = calloc(1, plan_max);
	if (!plan)
		abort();
	size_t plan_bytes = build_plan(build, plan), code_bytes = 0;
	void *code = build->code ? build_code(build, plan, plan_bytes, &code_bytes) : NULL;
	size_t max = (plan_max + code_bytes + build->weights_bytes + 8 * 4096) / 4096 * 4096;
	uint8_t *file = aligned_alloc(4096, max);
	if (!file)
		abort();
	memset(file, 0, max);
	struct erca_header *header = (struct erca_header *)file;
	memcpy(header->magic, ERCA_MAGIC, 8);
	header->version_major = ERCA_VERSION_MAJOR;
	header->version_minor = (uint16_t)(ERCA_VERSION_MINOR + build->newer);
	header->header_bytes = sizeof *header;
	header->toc_offset = sizeof *header;
	header->content_bytes = header->toc_offset + section_count * sizeof(struct erca_section);
	build_section(file, ERCA_SECTION_META, ERCA_SECTION_ALIGN, BUILD_META, strlen(BUILD_META));
	build_section(file, ERCA_SECTION_PLAN, ERCA_SECTION_ALIGN, plan, plan_bytes);
	if (code)
		build_section(file, ERCA_SECTION_CODE, ERCA_WEIGHTS_ALIGN, code, code_bytes);
	if (build->weights)
		build_section(file, ERCA_SECTION_WEIGHTS, ERCA_WEIGHTS_ALIGN, build->weights, build->weights_bytes);
	if (build->extra_type) {
		build_section(file, build->extra_type, ERCA_SECTION_ALIGN, NULL, 0);
		((struct erca_section *)(file + header->toc_offset))[section_count - 1].flags = build->extra_flags;
	}
	*bytes = header->content_bytes;
	build_rehash(file, *bytes);
	free(plan);
	free(code);
	free(build->strings.data);
	for (int i = 0; i < ERC_TABLE_COUNT; i++)
		free(build->tables[i].data);
	memset(build, 0, sizeof *build);
	return file;
}

#endif
