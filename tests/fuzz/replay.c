/* Runs a fuzz target once on every file named, or in the folders named: for builds without
 * libFuzzer. Prints how many files it ran; a crash is the failure. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define MAX_FILE_BYTES (16 << 20)

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(MAX_FILE_BYTES);
	if (!file || !data) {
		perror(path);
		exit(1);
	}
	size_t bytes = fread(data, 1, MAX_FILE_BYTES, file);
	fclose(file);
	/* Exactly as long as the input, so that reading beyond it is seen. */
	uint8_t *exact = realloc(data, bytes ? bytes : 1);
	LLVMFuzzerTestOneInput(exact, bytes);
	free(exact);
	return 1;
}

static int run_folder(DIR *folder, const char *path)
{
	char name[4096];
	int count = 0;
	for (struct dirent *entry; (entry = readdir(folder));) {
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			count += run_file(name);
	}
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		count += folder ? run_folder(folder, argv[i]) : run_file(argv[i]);
		if (folder)
			closedir(folder);
	}
	printf("%s: %d files\n", argv[0], count);
	return count == 0;
}
