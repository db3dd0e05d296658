/* Opens an artifact: maps the file, checks the header, the table of contents, the digests and the plan, and answers
 * questions about it. Loads no code and makes no memory executable. */
#include "runtime/artifact/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schemas/seal.h"
#include "schemas/sha256.h"

#define BAD(...) erc__fail(ERC_CORRUPT, __VA_ARGS__)

/* ---- header ---- */

static enum erc_status check_magic(const uint8_t *data, size_t bytes)
{
	if (bytes >= 8 && !memcmp(data, ERCA_MAGIC, 8))
		return ERC_OK;
	if (bytes < 8 && !memcmp(data, ERCA_MAGIC, bytes))
		return BAD("truncated: the file has %zu bytes, not even a header", bytes);
	if (bytes >= 5 && !memcmp(data + 1, "ERCA", 4))
		return BAD("text-mode damage: the first bytes were changed by a transfer that is not binary; copy the file "
		           "again in binary mode");
	return BAD("not an artifact: it does not begin with the artifact magic");
}

static enum erc_status check_size(const struct erc_artifact *artifact)
{
	const struct erca_header *header = &artifact->header;
	if (header->content_bytes < header->header_bytes)
		return BAD("header: content_bytes is %llu, less than the header", (unsigned long long)header->content_bytes);
	if (artifact->bytes < header->content_bytes)
		return BAD("truncated: the file has %zu bytes, its header says %llu", artifact->bytes,
		           (unsigned long long)header->content_bytes);
	size_t rest = artifact->bytes - header->content_bytes;
	if (!rest)
		return ERC_OK;
	if (rest != sizeof(struct erca_signature) ||
	    memcmp(artifact->data + header->content_bytes, ERCA_SIGNATURE_MAGIC, 8))
		return BAD("%zu bytes after the content that are not a signature block (%zu bytes beginning with %s)", rest,
		           sizeof(struct erca_signature), ERCA_SIGNATURE_MAGIC);
	return ERC_OK;
}

static enum erc_status check_header(struct erc_artifact *artifact)
{
	struct erca_header *header = &artifact->header;
	TRY(check_magic(artifact->data, artifact->bytes));
	if (artifact->bytes < 12)
		return BAD("truncated: the file has %zu bytes, but the header needs %zu", artifact->bytes, sizeof *header);
	memcpy(header, artifact->data, artifact->bytes < sizeof *header ? artifact->bytes : sizeof *header);
	if (header->version_major != ERCA_VERSION_MAJOR)
		return erc__fail(ERC_VERSION,
		                 "artifact format %u.%u; this runtime (erc %s) reads format %u.x: compile the model again with "
		                 "a matching erc",
		                 header->version_major, header->version_minor, ERC_VERSION_TEXT, ERCA_VERSION_MAJOR);
	if (artifact->bytes < sizeof *header)
		return BAD("truncated: the file has %zu bytes, but the header needs %zu", artifact->bytes, sizeof *header);
	bool is_newer = header->version_minor > ERCA_VERSION_MINOR;
	if (header->header_bytes < sizeof *header || header->header_bytes % 8 ||
	    (!is_newer && header->header_bytes != sizeof *header))
		return BAD("header: header_bytes is %u, expected %zu", header->header_bytes, sizeof *header);
	if (header->reserved && !is_newer)
		return BAD("header: reserved is %u, expected 0", header->reserved);
	return check_size(artifact);
}

static enum erc_status check_root_digest(const struct erc_artifact *artifact)
{
	const struct erca_header *header = &artifact->header;
	struct erca_header blank = *header;
	struct erc_sha256 hash;
	uint8_t digest[ERC_SHA256_BYTES];
	memset(blank.root_digest, 0, sizeof blank.root_digest);
	erc_sha256_init(&hash);
	erc_sha256_update(&hash, &blank, sizeof blank);
	erc_sha256_update(&hash, artifact->data + sizeof blank, header->header_bytes - sizeof blank);
	erc_sha256_update(&hash, artifact->sections, header->section_count * sizeof(struct erca_section));
	erc_sha256_final(&hash, digest);
	if (memcmp(digest, header->root_digest, sizeof digest))
		return BAD("root digest does not match: the header or the table of contents is damaged");
	return ERC_OK;
}

/* ---- table of contents ---- */

static enum erc_status read_toc(struct erc_artifact *artifact)
{
	const struct erca_header *header = &artifact->header;
	uint64_t toc_bytes = header->section_count * (uint64_t)sizeof(struct erca_section);
	if (!header->section_count || header->section_count > ERCA_MAX_SECTIONS)
		return BAD("header: section_count is %u, expected 1 to %d", header->section_count, ERCA_MAX_SECTIONS);
	if (header->toc_offset < header->header_bytes || header->toc_offset % 8 ||
	    header->toc_offset > header->content_bytes || header->content_bytes - header->toc_offset < toc_bytes)
		return BAD("header: toc_offset is %llu: the table of contents (%llu bytes) does not lie between header and end "
		           "(%llu)",
		           (unsigned long long)header->toc_offset, (unsigned long long)toc_bytes,
		           (unsigned long long)header->content_bytes);
	artifact->sections = erc__alloc(toc_bytes);
	if (!artifact->sections)
		return erc__no_memory("table of contents", toc_bytes);
	memcpy(artifact->sections, artifact->data + header->toc_offset, toc_bytes);
	artifact->tables[ERC_TABLE_SECTIONS] =
		(struct erc__table){(const uint8_t *)artifact->sections, header->section_count, sizeof(struct erca_section)};
	return ERC_OK;
}

/* What the reader knows about a section type; a type without a row is unknown. */
static const struct section_rule {
	uint32_t alignment; /* minimum */
	int max;            /* 1: at most one section of this type */
	const char *name;
} section_rules[] = {
	[ERCA_SECTION_META] = {ERCA_SECTION_ALIGN, 1, "META"},
	[ERCA_SECTION_PLAN] = {ERCA_SECTION_ALIGN, 1, "PLAN"},
	[ERCA_SECTION_WEIGHTS] = {ERCA_WEIGHTS_ALIGN, 1, "WEIGHTS"},
	[ERCA_SECTION_CODE] = {ERCA_WEIGHTS_ALIGN, ERCA_MAX_SECTIONS, "CODE"},
	[ERCA_SECTION_GOLDEN] = {ERCA_SECTION_ALIGN, 1, "GOLDEN"},
	[ERCA_SECTION_DEBUG] = {ERCA_SECTION_ALIGN, 1, "DEBUG"},
};

static const struct section_rule *section_rule(uint32_t type)
{
	return type < ERC__COUNT(section_rules) && section_rules[type].name ? &section_rules[type] : NULL;
}

/* `end`: where the section before ends; set to the end of this section. */
static enum erc_status check_section(const struct erc_artifact *artifact, uint32_t i, uint64_t *end)
{
	const struct erca_section *section = &artifact->sections[i];
	const struct section_rule *rule = section_rule(section->type);
	bool is_newer = artifact->header.version_minor > ERCA_VERSION_MINOR;
	uint64_t content = artifact->header.content_bytes;
	if (!rule && !(is_newer && section->flags & ERCA_SECTION_OPTIONAL))
		return BAD("section %u: unknown type %u", i, section->type);
	if (!is_newer && (section->flags & ~ERCA_SECTION_OPTIONAL || section->reserved))
		return BAD("section %u: unknown flags %#x or reserved field %u", i, section->flags, section->reserved);
	if (section->alignment & (section->alignment - 1) ||
	    section->alignment < (rule ? rule->alignment : ERCA_SECTION_ALIGN))
		return BAD("section %u: alignment is %u, expected a power of two from %u", i, section->alignment,
		           rule ? rule->alignment : ERCA_SECTION_ALIGN);
	if (section->offset % section->alignment)
		return BAD("section %u: offset %llu is not a multiple of its alignment %u", i,
		           (unsigned long long)section->offset, section->alignment);
	if (section->offset < *end || section->offset - *end >= section->alignment)
		return BAD("section %u: offset is %llu, expected the next multiple of %u from %llu", i,
		           (unsigned long long)section->offset, section->alignment, (unsigned long long)*end);
	if (section->offset > content || content - section->offset < section->bytes)
		return BAD("section %u: offset %llu + %llu bytes end after the content (%llu bytes)", i,
		           (unsigned long long)section->offset, (unsigned long long)section->bytes,
		           (unsigned long long)content);
	for (uint64_t at = *end; at < section->offset; at++)
		if (artifact->data[at])
			return BAD("byte %llu: padding before section %u is %#x, expected 0", (unsigned long long)at, i,
			           artifact->data[at]);
	*end = section->offset + section->bytes;
	return ERC_OK;
}

static enum erc_status check_toc(struct erc_artifact *artifact)
{
	const struct erca_header *header = &artifact->header;
	uint32_t seen[ERC__COUNT(section_rules)] = {0};
	uint32_t first[ERC__COUNT(section_rules)] = {0};
	uint64_t end = header->toc_offset + header->section_count * sizeof(struct erca_section);
	for (uint64_t at = header->header_bytes; at < header->toc_offset; at++)
		if (artifact->data[at])
			return BAD("byte %llu: padding before the table of contents is %#x, expected 0", (unsigned long long)at,
			           artifact->data[at]);
	for (uint32_t i = 0; i < header->section_count; i++) {
		uint32_t type = artifact->sections[i].type;
		TRY(check_section(artifact, i, &end));
		if (!section_rule(type))
			continue;
		if (!seen[type]++)
			first[type] = i;
		if (seen[type] > (uint32_t)section_rules[type].max)
			return BAD("section %u: a second %s section", i, section_rules[type].name);
	}
	if (end != header->content_bytes)
		return BAD("header: content_bytes is %llu, but the last section ends at %llu",
		           (unsigned long long)header->content_bytes, (unsigned long long)end);
	if (!seen[ERCA_SECTION_META] || !seen[ERCA_SECTION_PLAN])
		return BAD("the table of contents has no %s section", seen[ERCA_SECTION_META] ? "PLAN" : "META");
	artifact->meta_section = first[ERCA_SECTION_META];
	artifact->plan_section = first[ERCA_SECTION_PLAN];
	artifact->weights_section = seen[ERCA_SECTION_WEIGHTS] ? first[ERCA_SECTION_WEIGHTS] : ERCA_NONE;
	return ERC_OK;
}

/* ---- sections ---- */

static enum erc_status check_digest(const struct erc_artifact *artifact, uint32_t i, const void *data)
{
	const struct erca_section *section = &artifact->sections[i];
	uint8_t digest[ERC_SHA256_BYTES];
	erc_sha256_of(data, section->bytes, digest);
	if (memcmp(digest, section->sha256, sizeof digest))
		return BAD("section %u (%s): its SHA-256 does not match: the file is damaged", i,
		           section_rules[section->type].name);
	return ERC_OK;
}

static enum erc_status read_sections(struct erc_artifact *artifact)
{
	const struct erca_section *plan = &artifact->sections[artifact->plan_section];
	artifact->plan_bytes = plan->bytes;
	artifact->plan = erc__alloc(plan->bytes);
	if (!artifact->plan)
		return erc__no_memory("plan", plan->bytes);
	memcpy(artifact->plan, artifact->data + plan->offset, plan->bytes);
	TRY(check_digest(artifact, artifact->plan_section, artifact->plan));
	for (uint32_t i = 0; i < artifact->header.section_count; i++) {
		const struct erca_section *section = &artifact->sections[i];
		if (section->type == ERCA_SECTION_META || section->type == ERCA_SECTION_CODE)
			TRY(check_digest(artifact, i, artifact->data + section->offset));
	}
	if (artifact->weights_section != ERCA_NONE) {
		const struct erca_section *weights = &artifact->sections[artifact->weights_section];
		artifact->weights = artifact->data + weights->offset;
		artifact->weights_bytes = weights->bytes;
	}
	return ERC_OK;
}

static enum erc_status check_all(struct erc_artifact *artifact)
{
	TRY(check_header(artifact));
	TRY(read_toc(artifact));
	TRY(check_root_digest(artifact));
	TRY(check_toc(artifact));
	TRY(read_sections(artifact));
	return erc__artifact_check_plan(artifact);
}

/* ---- open and close ---- */

static enum erc_status open_data(const void *data, size_t bytes, bool is_mapped, erc_artifact **out)
{
	struct erc_artifact *artifact = erc__alloc(sizeof *artifact);
	if (!artifact) {
		if (is_mapped)
			munmap((void *)data, bytes);
		return erc__no_memory("artifact", sizeof *artifact);
	}
	artifact->data = data;
	artifact->bytes = bytes;
	artifact->is_mapped = is_mapped;
	enum erc_status status = check_all(artifact);
	if (status) {
		erc_artifact_close(artifact);
		return status;
	}
	*out = artifact;
	return ERC_OK;
}

static enum erc_status map_file(int file, const char *path, void **data, size_t *bytes)
{
	struct stat info;
	if (fstat(file, &info))
		return erc__fail(ERC_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return erc__fail(ERC_IO, "%s: not a regular file", path);
	if (!info.st_size)
		return BAD("%s: truncated: the file is empty", path);
	if ((uint64_t)info.st_size > SIZE_MAX)
		return erc__fail(ERC_IO, "%s: too large to map", path);
	*bytes = (size_t)info.st_size;
	*data = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, file, 0);
	if (*data == MAP_FAILED)
		return erc__fail(ERC_IO, "%s: mmap: %s", path, strerror(errno));
	/* Reading a mapping past the end of the file faults, and a writer may have cut the file between the two calls. */
	if (!fstat(file, &info) && (uint64_t)info.st_size >= *bytes)
		return ERC_OK;
	munmap(*data, *bytes);
	return erc__fail(ERC_IO, "%s: the file changed while it was opened", path);
}

enum erc_status erc_artifact_open(const char *path, erc_artifact **out)
{
	void *data = NULL;
	size_t bytes = 0;
	if (!path || !out)
		return erc__fail(ERC_INVALID, "path or out is NULL");
	*out = NULL;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is refused, not waited for */
	if (file < 0)
		return erc__fail(ERC_IO, "%s: %s", path, strerror(errno));
	enum erc_status status = map_file(file, path, &data, &bytes);
	close(file);
	if (status)
		return status;
	status = open_data(data, bytes, 1, out);
	return status ? erc__fail(status, "%s: %s", path, erc_error_detail()) : ERC_OK;
}

enum erc_status erc_artifact_open_memory(const void *data, size_t bytes, erc_artifact **out)
{
	if (!data || !out)
		return erc__fail(ERC_INVALID, "data or out is NULL");
	*out = NULL;
	if ((uintptr_t)data % ERCA_WEIGHTS_ALIGN)
		return erc__fail(ERC_INVALID, "an artifact in memory must be aligned to %d bytes", ERCA_WEIGHTS_ALIGN);
	return open_data(data, bytes, 0, out);
}

void erc_artifact_close(erc_artifact *artifact)
{
	if (!artifact)
		return;
	if (artifact->is_mapped)
		munmap((void *)artifact->data, artifact->bytes);
	erc__free(artifact->sections);
	erc__free(artifact->plan);
	erc__free(artifact);
}

enum erc_status erc_artifact_verify_weights(const erc_artifact *artifact)
{
	if (!artifact)
		return erc__fail(ERC_INVALID, "artifact is NULL");
	if (artifact->weights_section == ERCA_NONE)
		return ERC_OK;
	return check_digest(artifact, artifact->weights_section, artifact->weights);
}

/* ---- questions ---- */

void erc_artifact_info(const erc_artifact *artifact, struct erc_artifact_info *out)
{
	memset(out, 0, sizeof *out);
	out->version_major = artifact->header.version_major;
	out->version_minor = artifact->header.version_minor;
	out->file_bytes = artifact->bytes;
	out->is_signed = artifact->bytes > artifact->header.content_bytes;
	erc_sha256_hex(artifact->header.root_digest, out->root_digest);
}

uint32_t erc_artifact_count(const erc_artifact *artifact, enum erc_table table)
{
	return (size_t)table < ERC_TABLE_COUNT ? artifact->tables[table].count : 0;
}

const void *erc_artifact_record(const erc_artifact *artifact, enum erc_table table, uint32_t index)
{
	return index < erc_artifact_count(artifact, table) ? erc__record(artifact, table, index) : NULL;
}

const char *erc_artifact_string(const erc_artifact *artifact, uint32_t string)
{
	return string < artifact->string_bytes ? artifact->strings + string : "";
}

const void *erc_artifact_section(const erc_artifact *artifact, uint32_t section, size_t *bytes)
{
	if (section >= artifact->header.section_count)
		return NULL;
	if (bytes)
		*bytes = artifact->sections[section].bytes;
	return artifact->data + artifact->sections[section].offset;
}

const void *erc__artifact_code(const struct erc_artifact *artifact, const struct erca_target *target, size_t *bytes)
{
	uint32_t seals = 0;
	*bytes = 0;
	const void *code = erc_artifact_section(artifact, target->code_section, bytes);
	if (code && erc_seals_find(code, *bytes, &seals))
		*bytes -= seals * sizeof(struct erca_seal) + sizeof(struct erca_seal_end);
	return code;
}
