/* Reads handwritten digits: loads an artifact, runs it on each given image, and prints the recognised digit next to
 * the true one, which is part of the file's name ("03-is-3.pgm").
 *
 *     hello digits.erca IMAGE.pgm... */
#include <erc.h>
#include <stdio.h>
#include <string.h>

#define SIDE 8
#define DIGITS 10

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, erc_error_detail());
	return 1;
}

/* Reads a PGM file in text form: 8x8 pixels with values 0 to 16. */
static int read_image(const char *path, float image[SIDE * SIDE])
{
	int width, height, max, count = 0;
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "P2 %d %d %d", &width, &height, &max) != 3 || width != SIDE || height != SIDE) {
		fprintf(stderr, "%s: not an 8x8 PGM image\n", path);
		if (file)
			fclose(file);
		return 1;
	}
	while (count < SIDE * SIDE && fscanf(file, "%f", &image[count]) == 1 && image[count] >= 0 && image[count] <= 16)
		count++;
	fclose(file);
	if (count < SIDE * SIDE)
		fprintf(stderr, "%s: pixel %d is missing or not in 0 to 16\n", path, count);
	return count < SIDE * SIDE;
}

static int best(const float logits[DIGITS])
{
	int digit = 0;
	for (int i = 1; i < DIGITS; i++)
		if (logits[i] > logits[digit])
			digit = i;
	return digit;
}

static void print_image(const float image[SIDE * SIDE], int seen, int truth)
{
	printf("\n");
	for (int y = 0; y < SIDE; y++) {
		printf("   ");
		for (int x = 0; x < SIDE; x++) {
			char shade = " .:-=+*#@"[(int)image[y * SIDE + x] / 2];
			printf("%c%c", shade, shade);
		}
		if (y == SIDE / 2)
			printf("   sees %d, is %d%s", seen, truth, seen == truth ? "" : "   WRONG");
		printf("\n");
	}
}

/* Runs every image with one request; *right counts the correct answers. */
static int run_all(erc_session *session, char **paths, int count, int *right)
{
	float image[SIDE * SIDE], logits[DIGITS];
	erc_request *request;
	if (erc_request_create(session, &request) || erc_request_bind_input(request, 0, image, sizeof image) ||
	    erc_request_bind_output(request, 0, logits, sizeof logits))
		return failed("request");
	for (int i = 0; i < count; i++) {
		const char *is = strstr(paths[i], "is-");
		int truth = is ? is[3] - '0' : -1;
		if (read_image(paths[i], image))
			return 1;
		if (erc_request_run(request))
			return failed(paths[i]);
		print_image(image, best(logits), truth);
		*right += best(logits) == truth;
	}
	return erc_request_destroy(request) ? failed("request") : 0;
}

int main(int argc, char **argv)
{
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	int right = 0;
	if (argc < 3)
		return fprintf(stderr, "usage: hello digits.erca IMAGE.pgm...\n"), 2;
	if (erc_runtime_create(NULL, &runtime) || erc_model_load(runtime, argv[1], NULL, &model) ||
	    erc_session_create(model, NULL, &session))
		return failed(argv[1]);
	if (run_all(session, argv + 2, argc - 2, &right))
		return 1;
	printf("\n%d of %d right, on %s\n", right, argc - 2, erc_model_target(model));
	return erc_session_destroy(session) || erc_model_unload(model) || erc_runtime_destroy(runtime) ? failed("end") : 0;
}
