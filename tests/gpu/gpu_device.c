/* Describes the driver's first GPU, a line for each fact: "target cuda:sm_90". Without a GPU: a message, and exit code
 * 5. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* Numbers are those of the driver API. */
enum { MULTIPROCESSORS = 16, MAJOR = 75, MINOR = 76, SHARED_BYTES = 97 };

static int leave(const char *why, int result)
{
	fprintf(stderr, result ? "no GPU: %s (error %d)\n" : "no GPU: %s\n", why, result);
	return 5;
}

static void *find(void *library, const char *name)
{
	void *symbol = dlsym(library, name);
	if (!symbol) {
		fprintf(stderr, "no GPU: the driver has no %s\n", name);
		exit(5);
	}
	return symbol;
}

int main(void)
{
	int (*init)(unsigned), (*version)(int *), (*count)(int *), (*name)(char *, int, int), (*attribute)(int *, int, int);
	int (*memory)(size_t *, int);
	const char *path = getenv("ERC_LIBCUDA") ? getenv("ERC_LIBCUDA") : "libcuda.so.1";
	void *library = dlopen(path, RTLD_NOW);
	char text[128] = "";
	int driver = 0, devices = 0, major = 0, minor = 0, units = 0, shared = 0, result;
	size_t bytes = 0;
	if (!library)
		return leave(dlerror(), 0);
	*(void **)&init = find(library, "cuInit");
	*(void **)&version = find(library, "cuDriverGetVersion");
	*(void **)&count = find(library, "cuDeviceGetCount");
	*(void **)&name = find(library, "cuDeviceGetName");
	*(void **)&attribute = find(library, "cuDeviceGetAttribute");
	*(void **)&memory = dlsym(library, "cuDeviceTotalMem_v2");
	if ((result = init(0)) || (result = version(&driver)) || (result = count(&devices)) || !devices)
		return leave("the driver sees none", result);
	if ((result = name(text, sizeof text, 0)) || (result = attribute(&major, MAJOR, 0)) ||
	    (result = attribute(&minor, MINOR, 0)) || (result = attribute(&units, MULTIPROCESSORS, 0)) ||
	    (result = attribute(&shared, SHARED_BYTES, 0)))
		return leave("the driver does not describe it", result);
	if (memory)
		memory(&bytes, 0);
	printf("name %s\ntarget cuda:sm_%d%d\ndriver %d.%d\nunits %d\nshared %d\nmib %zu\n", text, major, minor,
	       driver / 1000, driver % 1000 / 10, units, shared, bytes >> 20);
	return 0;
}
