/* Writes the artifact file: the sections one after the other, hashed as they are written, then the header and the table
 * of contents. */
#include "compiler/artifact/writer.h"

#include <errno.h>
#include <unistd.h>

#include "schemas/artifact.h"
#include "schemas/sha256.h"

#define TOC_OFFSET 128

struct output {
	struct context *ctx;
	FILE *file;
	uint64_t offset;
	struct erc_sha256 hash; /* of the open section */
	struct erca_section sections[ERCA_MAX_SECTIONS];
	uint32_t section_count;
	bool failed;
};

static void write_bytes(struct output *out, const void *data, size_t bytes)
{
	out->failed |= bytes && fwrite(data, 1, bytes, out->file) != bytes;
	out->offset += bytes;
}

static void pad_to(struct output *out, uint64_t alignment)
{
	static const char zeros[ERCA_WEIGHTS_ALIGN];
	write_bytes(out, zeros, (size_t)(-out->offset & (alignment - 1)));
}

static void section_data(struct output *out, const void *data, size_t bytes)
{
	write_bytes(out, data, bytes);
	erc_sha256_update(&out->hash, data, bytes);
}

static struct erca_section *section_begin(struct output *out, uint32_t type, uint32_t alignment)
{
	struct erca_section *section = &out->sections[out->section_count++];
	pad_to(out, alignment);
	*section = (struct erca_section){.type = type, .alignment = alignment, .offset = out->offset};
	erc_sha256_init(&out->hash);
	return section;
}

static void section_end(struct output *out, struct erca_section *section)
{
	section->bytes = out->offset - section->offset;
	erc_sha256_final(&out->hash, section->sha256);
}

static void write_weights(struct output *out, const struct plans *plans)
{
	static const char zeros[ERCA_BUFFER_ALIGN];
	struct erca_section *section = section_begin(out, ERCA_SECTION_WEIGHTS, ERCA_WEIGHTS_ALIGN);
	for (size_t i = 0; i < plans->weight_count; i++) {
		const struct buffer *buffer = plans->weights[i];
		section_data(out, zeros, (size_t)((uint64_t)buffer->offset - (out->offset - section->offset)));
		section_data(out, buffer->data, (size_t)buffer->bytes);
	}
	section_data(out, zeros, (size_t)((uint64_t)plans->weights_bytes - (out->offset - section->offset)));
	section_end(out, section);
}

static void write_section(struct output *out, uint32_t type, uint32_t alignment, const void *data, size_t bytes)
{
	struct erca_section *section = section_begin(out, type, alignment);
	section_data(out, data, bytes);
	section_end(out, section);
}

static void write_code(struct output *out, const struct target_plan *target, const struct text *seals)
{
	struct erca_section *section = section_begin(out, ERCA_SECTION_CODE, ERCA_WEIGHTS_ALIGN);
	section_data(out, target->code, (size_t)target->code_bytes);
	section_data(out, seals->data, seals->length);
	section_end(out, section);
}

static enum ercc_status write_sections(struct output *out, const struct artifact *artifact)
{
	struct text meta = {.arena = &out->ctx->arena}, plan = {.arena = &out->ctx->arena};
	uint32_t code_section[ERCA_MAX_TARGETS], next = artifact->plans->weights_bytes > 0 ? 3 : 2;
	if (artifact->target_count > COUNT_OF(code_section))
		return fail(out->ctx, ERCC_USAGE, "%u targets; at most %zu fit one artifact", artifact->target_count,
		            COUNT_OF(code_section));
	for (uint32_t i = 0; i < artifact->target_count; i++)
		code_section[i] = artifact->targets[i].code ? next++ : ERCA_NONE;
	TRY(artifact_meta(out->ctx, artifact, &meta));
	struct text seals[ERCA_MAX_TARGETS] = {{0}};
	TRY(artifact_plan(out->ctx, artifact, code_section, &plan, seals));
	out->offset = TOC_OFFSET + (uint64_t)next * sizeof(struct erca_section);
	out->failed |= fseek(out->file, (long)out->offset, SEEK_SET) != 0;
	write_section(out, ERCA_SECTION_META, ERCA_SECTION_ALIGN, meta.data, meta.length);
	write_section(out, ERCA_SECTION_PLAN, ERCA_SECTION_ALIGN, plan.data, plan.length);
	if (artifact->plans->weights_bytes > 0)
		write_weights(out, artifact->plans);
	for (uint32_t i = 0; i < artifact->target_count; i++)
		if (artifact->targets[i].code)
			write_code(out, &artifact->targets[i], &seals[i]);
	return ERCC_OK;
}

static void write_header(struct output *out)
{
	struct erca_header header = {.version_major = ERCA_VERSION_MAJOR,
	                             .version_minor = ERCA_VERSION_MINOR,
	                             .header_bytes = sizeof header,
	                             .content_bytes = out->offset,
	                             .toc_offset = TOC_OFFSET,
	                             .section_count = out->section_count};
	size_t toc_bytes = out->section_count * sizeof *out->sections;
	struct erc_sha256 hash;
	static const char zeros[TOC_OFFSET - sizeof header];
	memcpy(header.magic, ERCA_MAGIC, sizeof header.magic);
	erc_sha256_init(&hash);
	erc_sha256_update(&hash, &header, sizeof header);
	erc_sha256_update(&hash, out->sections, toc_bytes);
	erc_sha256_final(&hash, header.root_digest);
	out->failed |= fseek(out->file, 0, SEEK_SET) != 0;
	write_bytes(out, &header, sizeof header);
	write_bytes(out, zeros, sizeof zeros);
	write_bytes(out, out->sections, toc_bytes);
}

enum ercc_status artifact_write(struct context *ctx, const struct artifact *artifact, const char *out_path)
{
	char *temporary = arena_printf(&ctx->arena, "%s.%ld.tmp", out_path, (long)getpid());
	struct output out = {.ctx = ctx, .file = fopen(temporary, "wbx")};
	if (!out.file)
		return fail(ctx, ERCC_IO, "cannot write '%s': %s", out_path, strerror(errno));
	enum ercc_status status = write_sections(&out, artifact);
	if (status == ERCC_OK)
		write_header(&out);
	out.failed |= fclose(out.file) != 0;
	if (status == ERCC_OK && (out.failed || rename(temporary, out_path)))
		status = fail(ctx, ERCC_IO, "cannot write '%s': %s", out_path, strerror(errno));
	if (status != ERCC_OK)
		unlink(temporary);
	return status;
}
