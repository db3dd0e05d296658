/* Checks the CODE section of a CUDA target (schemas/cuda.h): its table, and the position of each image. The driver
 * checks the contents of the images. */
#include "runtime/artifact/artifact_check.h"

#include <elf.h>
#include <string.h>

#define BAD_CODE(...) erc__fail(ERC_CORRUPT, "CUDA code: " __VA_ARGS__)

static bool is_elf(const char *image, uint64_t bytes)
{
	return bytes >= sizeof(Elf64_Ehdr) && !memcmp(image, ELFMAG, SELFMAG);
}

/* The driver is not given a size: it takes the size from the ELF file itself. */
static enum erc_status check_elf(const char *image, uint64_t bytes, uint32_t i)
{
	Elf64_Ehdr header;
	memcpy(&header, image, sizeof header);
	uint64_t sections = (uint64_t)header.e_shnum * header.e_shentsize,
			 segments = (uint64_t)header.e_phnum * header.e_phentsize;
	if (header.e_shoff > bytes || sections > bytes - header.e_shoff || header.e_phoff > bytes ||
	    segments > bytes - header.e_phoff)
		return BAD_CODE("image %u: the tables of the ELF file end after it (%" PRIu64 " bytes)", i, bytes);
	return ERC_OK;
}

static enum erc_status check_image(const char *code, size_t bytes, size_t first, uint32_t i)
{
	const struct erc_cuda_image *table = (const void *)code;
	uint64_t offset = table->images[i].offset, length = table->images[i].bytes;
	if (offset % 64 || offset < first)
		return BAD_CODE("image %u: offset is %" PRIu64 ", expected a multiple of 64 from %zu", i, offset, first);
	if (!length || offset > bytes || length > bytes - offset)
		return BAD_CODE("image %u: offset %" PRIu64 " + %" PRIu64 " bytes end after the section (%zu bytes)", i, offset,
		                length, bytes);
	if (!is_elf(code + offset, length))
		return code[offset + length - 1] ? BAD_CODE("image %u is neither an ELF file nor text that ends with a NUL", i)
		                                 : ERC_OK;
	return check_elf(code + offset, length, i);
}

static enum erc_status check_code(const void *code, size_t bytes)
{
	const struct erc_cuda_image *table = code;
	if (bytes < sizeof *table)
		return BAD_CODE("the section has %zu bytes, but its table needs %zu", bytes, sizeof *table);
	if (table->abi != ERC_CUDA_ABI)
		return erc__fail(ERC_VERSION, "CUDA code: made for ABI %u, this runtime has %u; compile the model again",
		                 table->abi, ERC_CUDA_ABI);
	if (table->kernel_count > (bytes - sizeof *table) / sizeof table->images[0])
		return BAD_CODE("a table of %u images does not fit %zu bytes", table->kernel_count, bytes);
	size_t first = sizeof *table + table->kernel_count * sizeof table->images[0];
	for (uint32_t i = 0; i < table->kernel_count; i++)
		TRY(check_image(code, bytes, first, i));
	return ERC_OK;
}

enum erc_status erc__check_cuda_target(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, i);
	if (target->code_section == ERCA_NONE)
		return BAD("targets", i, "kind %d has no code section", ERCA_TARGET_CUDA);
	size_t bytes = 0;
	const void *code = erc__artifact_code(artifact, target, &bytes);
	return check_code(code, bytes);
}

enum erc_status erc__check_cuda_kernel(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_kernel *kernel = erc__record(artifact, ERC_TABLE_KERNELS, i);
	const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, kernel->target);
	size_t bytes = 0;
	const struct erc_cuda_image *table = erc__artifact_code(artifact, target, &bytes);
	if (kernel->entry >= table->kernel_count)
		return BAD("kernels", i, "entry is %u, but targets[%u] has %u images", kernel->entry, kernel->target,
		           table->kernel_count);
	return ERC_OK;
}

enum erc_status erc__check_cuda_launch(uint32_t record_idx, const struct erca_record *record, uint32_t i,
                                       const struct erca_variant *variant)
{
	if (record->operand_count > ERC_CUDA_MOST_OPERANDS)
		return BAD("records", record_idx, "operand_count is %u, expected at most %d on CUDA", record->operand_count,
		           ERC_CUDA_MOST_OPERANDS);
	if (variant->param_count > ERC_CUDA_MOST_PARAMS)
		return BAD("variants", i, "param_count is %u, expected at most %d on CUDA", variant->param_count,
		           ERC_CUDA_MOST_PARAMS);
	if (variant->tile_count && (!variant->threads || variant->threads > 1024 || variant->threads % 32))
		return BAD("variants", i, "threads is %u, expected a multiple of 32 up to 1024", variant->threads);
	if (variant->local_bytes > MAX_CUDA_LOCAL_BYTES)
		return BAD("variants", i, "local_bytes is %" PRIu64 ", expected at most %d on CUDA", variant->local_bytes,
		           MAX_CUDA_LOCAL_BYTES);
	return ERC_OK;
}
