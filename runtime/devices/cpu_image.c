/* CPU targets, and loading CODE sections. A CODE section is a shared object with one query symbol. It is given to
 * the dynamic linker through a file in memory. */
#include "runtime/devices/cpu.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- targets ---- */

#if defined(__x86_64__)
static int has_v3(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2");
}

static int has_v4(void)
{
	return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl");
}
#elif defined(__aarch64__)
static int has_aarch64(void)
{
	return 1;
}
#endif

/* The best target first. */
static const struct cpu_target {
	const char *name;
	int (*is_supported)(void);
} cpu_targets[] = {
#if defined(__x86_64__)
	{"cpu:x86-64-v4", has_v4},
	{"cpu:x86-64-v3", has_v3},
	{"emulated:sm_75", has_v3},
	{"emulated:sm_90", has_v3},
#elif defined(__aarch64__)
	{"cpu:aarch64", has_aarch64},
#endif
	{"cpu", NULL}, /* a machine for which there is no target */
};

const char *erc__cpu_best_target(void)
{
	const struct cpu_target *target = cpu_targets;
	while (target->is_supported && !target->is_supported())
		target++;
	return target->name;
}

int erc__cpu_can_run(const struct erc__device *device, const struct erca_target *target, const char *name)
{
	(void)device;
	if (target->kind != ERCA_TARGET_CPU)
		return 0;
	for (const struct cpu_target *row = cpu_targets; row->is_supported; row++)
		if (!strcmp(row->name, name))
			return row->is_supported();
	return 0;
}

/* ---- images ---- */

struct erc__image {
	int file;                          /* kept open: with a reused number the linker would see the same path twice */
	void *handle;                      /* the dynamic linker's handle */
	const struct erc_cpu_image *table; /* inside the image */
};

static enum erc_status write_all(int file, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t written = write(file, data, bytes);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return erc__fail(ERC_IO, "code image: writing to a file in memory: %s", strerror(errno));
		data += written;
		bytes -= (size_t)written;
	}
	return ERC_OK;
}

/* The dynamic linker maps what the program headers say, and faults if the file is shorter. It checks the rest
 * itself. */
static enum erc_status check_segments(const void *code, size_t bytes)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	if (bytes < sizeof header || memcmp(code, ELFMAG, SELFMAG) || ((const uint8_t *)code)[EI_CLASS] != ELFCLASS64)
		return erc__fail(ERC_CORRUPT, "code image: not a 64-bit ELF file (%zu bytes)", bytes);
	memcpy(&header, code, sizeof header);
	if (header.e_phentsize != sizeof segment || header.e_phoff > bytes ||
	    header.e_phnum > (bytes - header.e_phoff) / sizeof segment)
		return erc__fail(ERC_CORRUPT, "code image: its program headers lie outside of it (%zu bytes)", bytes);
	for (uint32_t i = 0; i < header.e_phnum; i++) {
		memcpy(&segment, (const char *)code + header.e_phoff + i * sizeof segment, sizeof segment);
		if (segment.p_type != PT_NULL && (segment.p_offset > bytes || segment.p_filesz > bytes - segment.p_offset))
			return erc__fail(ERC_CORRUPT, "code image: segment %u ends after the image (%zu bytes)", i, bytes);
	}
	return ERC_OK;
}

/* The dynamic linker gives a text only, which names the system's error if there was one. */
static enum erc_status link_failed(const char *text)
{
	static const struct {
		int error;
		enum erc_status status;
	} lacks[] = {{ENOMEM, ERC_NOMEM}, {EMFILE, ERC_IO}, {ENFILE, ERC_IO}, {EACCES, ERC_IO}, {EPERM, ERC_IO}};
	for (size_t i = 0; i < ERC__COUNT(lacks); i++)
		if (strstr(text, strerror(lacks[i].error)))
			return erc__fail(lacks[i].status, "code image: it cannot be loaded now: %s", text);
	return erc__fail(ERC_CORRUPT, "code image: the dynamic linker refuses it: %s", text);
}

static enum erc_status link_image(struct erc__image *image, const void *code, size_t bytes)
{
	char path[64];
	TRY(check_segments(code, bytes));
	image->file = memfd_create("erc-code", MFD_CLOEXEC);
	if (image->file < 0)
		return erc__fail(ERC_IO, "code image: memfd_create: %s", strerror(errno));
	TRY(write_all(image->file, code, bytes));
	snprintf(path, sizeof path, "/proc/self/fd/%d", image->file);
	image->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!image->handle)
		return link_failed(dlerror());
	void *symbol = dlsym(image->handle, ERC_CPU_IMAGE_QUERY);
	erc_cpu_image_query_fn query;
	memcpy(&query, &symbol, sizeof query); /* ISO C has no cast from an object pointer to a function pointer */
	if (!query)
		return erc__fail(ERC_CORRUPT, "code image: it does not export %s", ERC_CPU_IMAGE_QUERY);
	image->table = query();
	if (!image->table)
		return erc__fail(ERC_CORRUPT, "code image: %s returns nothing", ERC_CPU_IMAGE_QUERY);
	if (image->table->abi != ERC_CPU_IMAGE_ABI)
		return erc__fail(ERC_VERSION,
		                 "code image: tile ABI %u; this runtime calls ABI %u: compile the model again with a matching "
		                 "erc",
		                 image->table->abi, ERC_CPU_IMAGE_ABI);
	if (image->table->kernel_count && !image->table->kernels)
		return erc__fail(ERC_CORRUPT, "code image: %u kernels without a table", image->table->kernel_count);
	return ERC_OK;
}

enum erc_status erc__cpu_image_load(struct erc__device *device, const void *code, size_t bytes, struct erc__image **out)
{
	if (!code)
		return erc__fail(ERC_CORRUPT, "the target has no CODE section");
	struct erc__image *image = erc__alloc(sizeof *image);
	if (!image)
		return erc__no_memory("code image", sizeof *image);
	image->file = -1;
	enum erc_status status = link_image(image, code, bytes);
	if (status)
		erc__cpu_image_unload(device, image);
	else
		*out = image;
	return status;
}

void erc__cpu_image_unload(struct erc__device *device, struct erc__image *image)
{
	(void)device;
	if (!image)
		return;
	if (image->handle)
		dlclose(image->handle);
	if (image->file >= 0)
		close(image->file);
	erc__free(image);
}

enum erc_status erc__cpu_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                     struct erc__kernel *out)
{
	if (kernel->entry >= image->table->kernel_count)
		return erc__fail(ERC_CORRUPT, "code image: kernel %u of %u", kernel->entry, image->table->kernel_count);
	*out = (struct erc__kernel){.tile = image->table->kernels[kernel->entry]};
	if (!out->tile)
		return erc__fail(ERC_CORRUPT, "code image: kernel %u is NULL", kernel->entry);
	return ERC_OK;
}
