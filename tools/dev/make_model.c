/* Writes a well-known network as an ONNX file, in the form of an exporter and with seeded random weights, so that
 * there is something real to compile where no trained model can be shipped. */
#include <errno.h>
#include <stdlib.h>

#include "tools/dev/make_model.h"

#define IR_VERSION 8
#define OPSET 17

static const char usage[] =
	"usage: make_model NAME OUT.onnx [--seed N] [--batch N | --dynamic-batch] [--classes N]\n"
	"                  [--size N] [--keep-bn]\n"
	"  --size N     height and width of the input, or its length (default: the network's usual one)\n"
	"  --keep-bn    batch-norm as separate nodes, not folded into the convolutions\n"
	"names:";

struct arguments {
	const struct network *network;
	const char *path;
};

static int print_usage(void)
{
	fputs(usage, stderr);
	for (const struct network *network = networks; network->name; network++)
		fprintf(stderr, " %s", network->name);
	fputs("\n", stderr);
	return 2;
}

static bool parse_number(const char *text, long long low, long long high, long long *out)
{
	char *end;
	errno = 0;
	*out = text ? strtoll(text, &end, 10) : 0;
	return text && *text && *end == '\0' && errno == 0 && *out >= low && *out <= high;
}

/* Handles options that take a number. Returns false if it is another option or the number is bad. */
static bool parse_option(struct maker *maker, const char *option, const char *value)
{
	long long number;
	if (strcmp(option, "--seed") == 0 && parse_number(value, 0, INT64_MAX, &number))
		maker->seed = (uint64_t)number;
	else if (strcmp(option, "--batch") == 0 && parse_number(value, 1, 4096, &number))
		maker->batch = number;
	else if (strcmp(option, "--classes") == 0 && parse_number(value, 1, 100000, &number))
		maker->classes = (int)number;
	else if (strcmp(option, "--size") == 0 && parse_number(value, 32, 16384, &number))
		maker->image_size = (int)number;
	else
		return false;
	return true;
}

static bool parse_arguments(struct maker *maker, struct arguments *arguments, char **argv)
{
	for (; *argv; argv++) {
		if (strcmp(*argv, "--keep-bn") == 0) {
			maker->keep_batch_norm = true;
		} else if (strcmp(*argv, "--dynamic-batch") == 0) {
			maker->batch = -1;
		} else if (**argv == '-') {
			if (!parse_option(maker, argv[0], argv[1]))
				return false;
			argv++;
		} else if (!arguments->network) {
			arguments->network = networks;
			while (arguments->network->name && strcmp(arguments->network->name, *argv) != 0)
				arguments->network++;
		} else if (!arguments->path) {
			arguments->path = *argv;
		} else {
			return false;
		}
	}
	return arguments->path && arguments->network->name;
}

/* Packs directly into the file, so that weights are in memory only once. */
struct file_buffer {
	ProtobufCBuffer base;
	FILE *file;
};

static void append_to_file(ProtobufCBuffer *buffer, size_t bytes, const uint8_t *data)
{
	fwrite(data, 1, bytes, ((struct file_buffer *)buffer)->file);
}

static int write_model(const onnx_model *model, const char *path)
{
	struct file_buffer buffer = {{append_to_file}, fopen(path, "wb")};
	if (buffer.file)
		protobuf_c_message_pack_to_buffer(&model->base, &buffer.base);
	if (!buffer.file || ferror(buffer.file) || fclose(buffer.file)) {
		fprintf(stderr, "make_model: %s: %s\n", path, strerror(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	jmp_buf out_of_memory;
	struct arena arena = {.out_of_memory = &out_of_memory};
	struct maker maker = {.arena = &arena, .seed = 1, .batch = 1, .classes = 1000};
	struct arguments arguments = {0};
	(void)argc;
	if (!parse_arguments(&maker, &arguments, argv + 1))
		return print_usage();
	if (setjmp(out_of_memory)) {
		fputs("make_model: out of memory\n", stderr);
		return 1;
	}
	maker.model = build_model(&arena, IR_VERSION, OPSET);
	maker.model->producer_name = "make_model";
	maker.model->graph->name = (char *)arguments.network->name;
	arguments.network->make(&maker);
	int result = write_model(maker.model, arguments.path);
	arena_release(&arena);
	return result;
}
