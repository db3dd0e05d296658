/* Turns files into one C table: `embed FILE... > templates.c`. The compiler finds templates by file name, without
 * the folder. The bytes are unchanged. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	printf("#include <stddef.h>\n#include \"compiler/targets/template.h\"\n");
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return 1;
		}
		printf("static const unsigned char file_%d[] = {", i);
		size_t bytes = 0;
		for (int c; (c = getc(file)) != EOF; bytes++)
			printf("%s%d,", bytes % 24 ? "" : "\n", c);
		printf("0};\n");
		if (ferror(file) || fclose(file)) {
			perror(argv[i]);
			return 1;
		}
	}
	printf("const struct template_file template_files[] = {\n");
	for (int i = 1; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');
		printf("\t{\"%s\", (const char *)file_%d, sizeof file_%d - 1},\n", slash ? slash + 1 : argv[i], i, i);
	}
	printf("\t{NULL, NULL, 0},\n};\n");
	return fflush(stdout) ? 1 : 0;
}
