/* Opening files that are read: never a pipe or a device, which could make a compilation wait for ever. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/core/core.h"

FILE *open_regular(const char *path, const char **why)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool known = fd >= 0 && fstat(fd, &info) == 0;
	FILE *file = known && S_ISREG(info.st_mode) ? fdopen(fd, "rb") : NULL;
	*why = !known ? strerror(errno) : S_ISDIR(info.st_mode) ? strerror(EISDIR) : "it is not a regular file";
	if (!file && fd >= 0)
		close(fd);
	return file;
}
