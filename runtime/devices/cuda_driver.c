/* The CUDA driver's library: finds it, opens it, and describes its failures. */
#include "runtime/devices/cuda_driver.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST 12000

static enum erc_status find_symbol(void *library, const char *path, const char *name, bool is_needed, void *out)
{
	void *symbol = dlsym(library, name);
	memcpy(out, &symbol, sizeof symbol); /* ISO C has no cast from an object pointer to a function pointer */
	if (!symbol && is_needed)
		return erc__fail(ERC_DEVICE, "cuda: %s has no %s: the driver is too old; update it to one for CUDA 12 or newer",
		                 path, name);
	return ERC_OK;
}

enum erc_status erc__cuda_driver_load(struct cuda_driver *driver)
{
	const char *path = secure_getenv("ERC_LIBCUDA");
	if (!path)
		path = "libcuda.so.1";
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return erc__fail(ERC_DEVICE, "cuda: no driver: %s; install NVIDIA's driver, or use device \"cpu\"", dlerror());
#define X(is_needed, name, parameters) TRY(find_symbol(library, path, #name, is_needed, &driver->name));
#include "runtime/devices/cuda_symbols.def"
#undef X
	/* By default there are 8 hardware queues, which streams share. A word or a real-time run would then wait for the
	 * launches of other streams. */
	setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
	cu_result result = driver->cuInit(0);
	if (result == CU_NO_DEVICE)
		return erc__fail(ERC_DEVICE, "cuda: the driver sees no GPU: check that nvidia-smi lists one, and check "
		                             "CUDA_VISIBLE_DEVICES");
	TRY(erc__cuda_driver_check(driver, result, "cuInit"));
	TRY(erc__cuda_driver_check(driver, driver->cuDriverGetVersion(&driver->version), "cuDriverGetVersion"));
	if (driver->version < OLDEST)
		return erc__fail(ERC_DEVICE,
		                 "cuda: the driver is of CUDA %d.%d: too old; update it to one for CUDA 12 or newer",
		                 driver->version / 1000, driver->version % 1000 / 10);
	return ERC_OK;
}

enum erc_status erc__cuda_driver_check(const struct cuda_driver *driver, cu_result result, const char *call)
{
	const char *name = NULL, *text = NULL;
	if (!result)
		return ERC_OK;
	driver->cuGetErrorName(result, &name);
	driver->cuGetErrorString(result, &text);
	return erc__fail(result == CU_OUT_OF_MEMORY ? ERC_NOMEM : ERC_DEVICE, "cuda: %s: %s (%d): %s", call,
	                 name ? name : "unknown error", result, text ? text : "no text");
}

int erc__cuda_is_lasting(cu_result result)
{
	static const cu_result lasting[] = {4, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 999};
	for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++)
		if (result == lasting[i])
			return 1;
	return 0;
}
