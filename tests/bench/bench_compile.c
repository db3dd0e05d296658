/* How the cost of compiling grows: `bench_compile [KIND...]` compiles models of 1, 2, 4 ... times as many nodes, each in a
 * process of its own, and prints time and memory. A process makes the artifact for one CPU target, without the kernel
 * cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compiler/include/ercc.h"
#include "tools/dev/onnx_builder.h"

struct builder {
	struct arena arena;
	onnx_graph *graph;
};

static const char *name_of(struct builder *b, const char *stem, int i)
{
	return arena_printf(&b->arena, "%s%d", stem, i);
}

/* Adds a node of one input and one output, with more inputs in `operands`. */
static const char *add(struct builder *b, const char *op, const char *input, const char *operands, int i)
{
	const char *name = name_of(b, op, i);
	build_node(&b->arena, b->graph, op, name, arena_printf(&b->arena, "%s%s", input, operands), name);
	return name;
}

static void add_constant(struct builder *b, const char *name, int rank, const int64_t *dims, float value)
{
	size_t count = 1;
	for (int d = 0; d < rank; d++)
		count *= (size_t)dims[d];
	float *data = arena_array(&b->arena, count, sizeof *data);
	for (size_t i = 0; i < count; i++)
		data[i] = value * (float)(i % 7);
	build_initializer(&b->arena, b->graph,
	                  build_tensor(&b->arena, name, ERC_F32, rank, dims, data, count * sizeof *data));
}

/* Element-wise nodes, one after the other. */
static const char *chain(struct builder *b, const char *x, int count)
{
	static const char *const ops[] = {"Neg", "Relu", "Abs", "Sigmoid"};
	for (int i = 0; i < count; i++)
		x = add(b, ops[i % 4], x, "", i);
	return x;
}

/* Small layers of three nodes, each with weights of its own. */
static const char *layers(struct builder *b, const char *x, int count)
{
	const int64_t weights[] = {16, 16}, bias[] = {16};
	for (int i = 0; i < count; i++) {
		const char *w = name_of(b, "w", i), *c = name_of(b, "c", i);
		add_constant(b, w, 2, weights, 0.01f * (float)(i % 13));
		add_constant(b, c, 1, bias, 0.1f);
		x = add(b, "MatMul", x, arena_printf(&b->arena, ",%s", w), i);
		x = add(b, "Add", x, arena_printf(&b->arena, ",%s", c), i);
		x = add(b, "Relu", x, "", i);
	}
	return x;
}

/* Layers whose outputs are all joined at the end, so that many values are alive at once. */
static const char *fan(struct builder *b, const char *x, int count)
{
	struct text inputs = {.arena = &b->arena};
	for (int i = 0; i < count; i++)
		text_printf(&inputs, ",%s", add(b, "Softmax", add(b, "Neg", x, "", i), "", i));
	const char *y = name_of(b, "Concat", 0);
	build_int(&b->arena,
	          build_node(&b->arena, b->graph, "Concat", y, arena_printf(&b->arena, "%s%s", x, inputs.data), y), "axis",
	          1);
	return y;
}

/* One LSTM of `count` steps. */
static const char *lstm(struct builder *b, const char *x, int count)
{
	const int64_t w[] = {1, 32, 16}, r[] = {1, 32, 8}, shape[] = {3};
	int64_t *target = arena_array(&b->arena, 3, sizeof *target);
	target[0] = count, target[1] = 1, target[2] = 16;
	add_constant(b, "lw", 3, w, 0.01f);
	add_constant(b, "lr", 3, r, 0.02f);
	build_initializer(&b->arena, b->graph, build_tensor(&b->arena, "ls", ERC_I64, 1, shape, target, 24));
	x = add(b, "Expand", x, ",ls", 0);
	build_int(&b->arena, build_node(&b->arena, b->graph, "LSTM", "lstm", arena_printf(&b->arena, "%s,lw,lr", x), "ly"),
	          "hidden_size", 8);
	return "ly";
}

static const struct kind {
	const char *name;
	const char *(*make)(struct builder *b, const char *x, int count);
	int first, steps; /* the smallest count, and how often it is doubled */
} kinds[] = {{"chain", chain, 3125, 5}, {"layers", layers, 1000, 4}, {"fan", fan, 1000, 4}, {"lstm", lstm, 250, 4}};

static void write_model(const struct kind *kind, int count, const char *path)
{
	struct builder b = {.graph = NULL};
	const int64_t dims[] = {1, 16};
	onnx_model *model = build_model(&b.arena, 8, 17);
	b.graph = model->graph = build_graph(&b.arena, kind->name);
	build_input(&b.arena, b.graph, build_info(&b.arena, "x", ERC_F32, 2, dims, NULL));
	const char *y = kind->make(&b, "x", count);
	build_output(&b.arena, b.graph, build_info(&b.arena, y, ERC_F32, -1, NULL, NULL));
	size_t bytes;
	void *packed = build_pack(&b.arena, model, &bytes);
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(packed, 1, bytes, file) != bytes || fclose(file)) {
		perror(path);
		exit(1);
	}
	arena_release(&b.arena);
}

static void say(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total)
{
	(void)user, (void)done, (void)total;
	if (kind == ERCC_MESSAGE_ERROR)
		fprintf(stderr, "bench_compile: %s\n", message);
}

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Returns the seconds, and the process's maximum of memory in MiB. */
static double compile_apart(const char *model, const char *artifact, double *mib)
{
	static const char *const target = "cpu:x86-64-v3";
	const struct ercc_options options = {.size = sizeof options,
	                                     .targets = &target,
	                                     .target_count = 1,
	                                     .cache_dir = "",
	                                     .message = say};
	struct rusage used;
	int status;
	double began_s = now_s();
	pid_t child = fork();
	if (!child)
		_exit(ercc_compile(model, artifact, &options) != ERCC_OK);
	if (child < 0 || wait4(child, &status, 0, &used) != child || status) {
		fprintf(stderr, "bench_compile: the compiler failed\n");
		exit(1);
	}
	*mib = (double)used.ru_maxrss / 1024;
	return now_s() - began_s;
}

static void bench(const struct kind *kind, const char *folder)
{
	double before_s = 0;
	char model[128], artifact[128];
	snprintf(model, sizeof model, "%s/m.onnx", folder);
	snprintf(artifact, sizeof artifact, "%s/m.erca", folder);
	for (int i = 0; i < kind->steps; i++) {
		double mib;
		int count = kind->first << i;
		write_model(kind, count, model);
		double seconds = compile_apart(model, artifact, &mib);
		printf("%-8s %7d %9.2f %8.2f %8.0f\n", kind->name, count, seconds, before_s > 0 ? seconds / before_s : 0, mib);
		fflush(stdout);
		before_s = seconds;
		unlink(model);
		unlink(artifact);
	}
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/erc-bench-compile-XXXXXX";
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	printf("%-8s %7s %9s %8s %8s\n", "model", "count", "seconds", "ratio", "MiB");
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		bool is_wanted = argc < 2;
		for (int k = 1; k < argc; k++)
			is_wanted |= !strcmp(argv[k], kinds[i].name);
		if (is_wanted)
			bench(&kinds[i], folder);
	}
	rmdir(folder);
	return 0;
}
