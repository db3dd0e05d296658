/* Whether bytes can be a code image. */
#include "compiler/targets/image.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "schemas/tile.h"

#ifndef EM_CUDA
#define EM_CUDA 190
#endif

static bool table_is_inside(size_t bytes, uint64_t offset, uint64_t count, uint64_t each)
{
	return offset <= bytes && count * each <= bytes - offset; /* both factors have 16 bits */
}

static bool is_elf(const void *data, size_t bytes, Elf64_Ehdr *header)
{
	if (bytes < sizeof *header)
		return false;
	memcpy(header, data, sizeof *header);
	return !memcmp(header->e_ident, ELFMAG, SELFMAG) && header->e_ident[EI_CLASS] == ELFCLASS64 &&
	       table_is_inside(bytes, header->e_shoff, header->e_shnum, header->e_shentsize) &&
	       table_is_inside(bytes, header->e_phoff, header->e_phnum, header->e_phentsize);
}

bool image_is(enum image_kind kind, const void *data, size_t bytes)
{
	Elf64_Ehdr header;
	if (kind == IMAGE_PTX)
		return bytes && !((const char *)data)[bytes - 1] && strstr(data, ".version");
	if (!is_elf(data, bytes, &header))
		return false;
	if (kind == IMAGE_CUBIN)
		return header.e_machine == EM_CUDA;
	if (kind == IMAGE_OBJECT)
		return header.e_type == ET_REL && header.e_shnum;
	return header.e_type == ET_DYN && header.e_phnum &&
	       memmem(data, bytes, ERC_CPU_IMAGE_QUERY, strlen(ERC_CPU_IMAGE_QUERY));
}
