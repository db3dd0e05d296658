/* The ONNX reader with files: opening, external data and which files it must not reach, damaged bytes, hostile
 * nesting, no memory. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/dev/onnx_builder.h"
#include "tests/unit/graph_fixture.h"
#include "onnx.pb-c.h"

static struct arena *arena;
static char folder[64];

static const char *path_to(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static void write_file(const char *name, const void *data, size_t bytes)
{
	FILE *file = fopen(path_to(name), "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
	fclose(file);
}

static void start(void)
{
	fixture_start();
	arena = &test.ctx.arena;
	strcpy(folder, "/tmp/test_onnx_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(mkdir(path_to("sub"), 0700), 0);
}

static void remove_entries(const char *path)
{
	DIR *dir = opendir(path);
	char entry[1024];
	for (struct dirent *item; dir && (item = readdir(dir));) {
		snprintf(entry, sizeof entry, "%s/%s", path, item->d_name);
		if (item->d_name[0] != '.')
			unlink(entry);
	}
	closedir(dir);
	rmdir(path);
}

static void stop(void)
{
	remove_entries(path_to("sub"));
	remove_entries(folder);
	fixture_stop();
}

/* ---- a model whose one tensor may lie outside ---- */

static onnx_model *model;
static onnx_tensor *weights;

static void make_model(void)
{
	model = build_model(arena, 8, 17);
	onnx_graph *top = model->graph;
	weights = build_tensor(arena, "w", ERC_F32, 1, (int64_t[]){2}, "\0\0\x80\x3f\0\0\0\x40", 8);
	build_input(arena, top, build_info(arena, "x", ERC_F32, 2, (int64_t[]){-1, 2}, "batch"));
	build_initializer(arena, top, weights);
	onnx_node *node = build_node(arena, top, "Add", "add", "x,w", "y");
	build_int(arena, node, "axis", 1);
	build_ints(arena, node, "pads", (int64_t[]){1, 2, 3}, 3);
	build_output(arena, top, build_info(arena, "y", ERC_F32, -1, NULL, NULL));
}

static void add_entry(const char *key, const char *value)
{
	Erc__Onnx__StringStringEntryProto *entry = build_message(arena, &erc__onnx__string_string_entry_proto__descriptor);
	entry->key = (char *)key;
	entry->value = (char *)value;
	BUILD_PUSH(arena, weights, external_data, entry);
}

static void make_external(const char *location, const char *offset, const char *length)
{
	make_model();
	weights->has_raw_data = 0;
	weights->raw_data.len = 0;
	weights->has_data_location = 1;
	weights->data_location = ERC__ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	if (location)
		add_entry("location", location);
	if (offset)
		add_entry("offset", offset);
	if (length)
		add_entry("length", length);
	add_entry("checksum", "ignored");
}

static enum ercc_status read_model(struct graph **out)
{
	size_t bytes;
	void *data = build_pack(arena, model, &bytes);
	write_file("model.onnx", data, bytes);
	return onnx_read_model(&test.ctx, path_to("model.onnx"), out);
}

static void assert_weights(const char *expected)
{
	struct graph *graph;
	assert_ok(read_model(&graph));
	char *text = text_of(graph);
	ck_assert_msg(strstr(text, expected), "expected '%s' in %s", expected, text);
	free(text);
}

#define assert_refused(status, words) \
	do { \
		struct graph *graph_; \
		assert_fails(read_model(&graph_), (status), (words)); \
	} while (0)

static const float numbers[] = {0, 0, 0, 0, 1.5f, 2.5f, 3.5f};

/* ---- files ---- */

START_TEST(files_that_cannot_be_read_are_named)
{
	struct graph *graph;
	assert_fails(onnx_read_model(&test.ctx, path_to("none.onnx"), &graph), ERCC_IO, "none.onnx': No such file");
	assert_fails(onnx_read_model(&test.ctx, folder, &graph), ERCC_IO, "not a regular file");
	write_file("empty.onnx", "", 0);
	assert_fails(onnx_read_model(&test.ctx, path_to("empty.onnx"), &graph), ERCC_MODEL, "empty.onnx': it is empty");
	write_file("text.onnx", "hello, this is no model\n", 24);
	assert_fails(onnx_read_model(&test.ctx, path_to("text.onnx"), &graph), ERCC_MODEL,
	             "text.onnx': a field of unknown type");
}
END_TEST

START_TEST(tensor_files_are_read)
{
	struct tensor *tensor;
	const char *name;
	size_t bytes;
	make_model();
	void *data = build_pack(arena, weights, &bytes);
	write_file("input_0.pb", data, bytes);
	assert_ok(onnx_read_tensor(&test.ctx, path_to("input_0.pb"), &tensor, &name));
	ck_assert_str_eq(name, "w");
	ck_assert_int_eq(tensor->dtype, ERC_F32);
	ck_assert_double_eq(tensor_float(tensor, 1), 2.0);
	weights->name = NULL;
	data = build_pack(arena, weights, &bytes);
	write_file("input_0.pb", data, bytes);
	assert_ok(onnx_read_tensor(&test.ctx, path_to("input_0.pb"), &tensor, &name));
	ck_assert_str_eq(name, "");
	/* An optional of a tensor, and a sequence of tensors, in wire format. */
	write_file("optional.pb", "\x0a\x01x\x10\x01\x1a\x02\x10\x01", 9);
	assert_fails(onnx_read_tensor(&test.ctx, path_to("optional.pb"), &tensor, &name), ERCC_UNSUPPORTED, "segments");
	ck_assert_ptr_nonnull(strstr(test.notes, "sequence or an optional"));
}
END_TEST

/* ---- external data ---- */

START_TEST(external_data_are_read_from_below_the_folder)
{
	write_file("w.bin", numbers, sizeof numbers);
	write_file("sub/w.bin", numbers, sizeof numbers);
	make_external("w.bin", "16", "8");
	assert_weights("const w:f32[2] = {1.5, 2.5}");
	make_external("w.bin", "20", NULL);
	assert_weights("const w:f32[2] = {2.5, 3.5}");
	make_external("w.bin", NULL, NULL);
	assert_weights("const w:f32[2] = {0, 0}");
	make_external("sub/w.bin", "16", "8");
	assert_weights("const w:f32[2] = {1.5, 2.5}");
	make_external("./sub//./w.bin", "16", "8");
	assert_weights("const w:f32[2] = {1.5, 2.5}");
	weights->dims[0] = 0;
	make_external("w.bin", "28", "0");
	weights->dims[0] = 0;
	assert_weights("const w:f32[0] = {}");
}
END_TEST

START_TEST(external_data_stay_inside_the_folder)
{
	struct graph *graph;
	size_t bytes;
	write_file("w.bin", numbers, sizeof numbers);
	static const char *const outside[] = {"/etc/passwd", "../w.bin", "sub/../w.bin", "sub/..", "..", "./../x"};
	for (size_t i = 0; i < COUNT_OF(outside); i++) {
		make_external(outside[i], NULL, NULL);
		assert_refused(ERCC_MODEL, "lies outside the model's folder");
	}
	make_external("..w.bin", NULL, NULL);
	assert_refused(ERCC_IO, "external data '..w.bin': No such file");
	make_external("w.bin", NULL, NULL);
	void *data = build_pack(arena, model, &bytes);
	assert_fails(onnx_read_model_bytes(&test.ctx, data, bytes, NULL, &graph), ERCC_UNSUPPORTED,
	             "initializer 'w': external data 'w.bin' needs a model that is read from a file");
	assert_ok(onnx_read_model_bytes(&test.ctx, data, bytes, folder, &graph));
}
END_TEST

START_TEST(external_data_follow_no_links)
{
	write_file("w.bin", numbers, sizeof numbers);
	ck_assert_int_eq(symlink("w.bin", path_to("soft.bin")), 0);
	ck_assert_int_eq(symlink(".", path_to("here")), 0);
	make_external("soft.bin", NULL, NULL);
	assert_refused(ERCC_MODEL, "symbolic link");
	make_external("here/w.bin", NULL, NULL);
	assert_refused(ERCC_MODEL, "symbolic link");
	make_external("w.bin/x", NULL, NULL);
	assert_refused(ERCC_MODEL, "a file");
	make_external("sub", NULL, NULL);
	assert_refused(ERCC_MODEL, "not a regular file");
	ck_assert_int_eq(mkfifo(path_to("fifo"), 0600), 0);
	make_external("fifo", NULL, NULL);
	assert_refused(ERCC_MODEL, "not a regular file");
	ck_assert_int_eq(link(path_to("w.bin"), path_to("hard.bin")), 0);
	make_external("hard.bin", NULL, NULL);
	assert_refused(ERCC_MODEL, "more than one hard link");
}
END_TEST

START_TEST(external_ranges_are_checked)
{
	write_file("w.bin", numbers, sizeof numbers);
	write_file("empty.bin", "", 0);
	make_external("w.bin", "24", "8");
	assert_refused(ERCC_MODEL, "initializer 'w': needs 8 bytes at offset 24, 'w.bin' has 28");
	make_external("w.bin", "18446744073709551615", "8");
	assert_refused(ERCC_MODEL, "'w.bin' has 28");
	make_external("w.bin", "18446744073709551616", "8");
	assert_refused(ERCC_MODEL, "offset '18446744073709551616' of its external data is not a number");
	make_external("w.bin", "-4", "8");
	assert_refused(ERCC_MODEL, "is not a number");
	make_external("w.bin", "4x", "8");
	assert_refused(ERCC_MODEL, "is not a number");
	make_external("w.bin", "0", "8");
	add_entry("compression", "gzip");
	assert_refused(ERCC_UNSUPPORTED, "initializer 'w': 'compression' of its external data is not known");
	make_external("w.bin", "0", "7");
	assert_refused(ERCC_MODEL, "needs 8 bytes, its external data have 7");
	make_external("empty.bin", "0", "8");
	assert_refused(ERCC_MODEL, "'empty.bin' has 0");
	make_external(NULL, "0", "8");
	assert_refused(ERCC_MODEL, "without a location");
	make_external("", "0", "8");
	assert_refused(ERCC_MODEL, "without a location");
}
END_TEST

START_TEST(small_files_do_not_stand_for_many_tensors)
{
	write_file("w.bin", numbers, sizeof numbers);
	make_external("w.bin", "0", "8");
	for (int i = 0; i < 40; i++) {
		onnx_tensor *again = build_message(arena, &erc__onnx__tensor_proto__descriptor);
		ProtobufCMessage base = again->base;
		*again = *weights;
		again->base = base;
		again->name = arena_printf(arena, "w%d", i);
		build_initializer(arena, model->graph, again);
	}
	assert_refused(ERCC_MODEL, "tensors share the bytes of 'w.bin' more than 8 times");
}
END_TEST

/* ---- damage ---- */

static const void *pack_small(size_t *bytes)
{
	make_model();
	onnx_graph *branch = build_graph(arena, "b");
	build_node(arena, branch, "Neg", "", "x", "r");
	build_output(arena, branch, build_info(arena, "r", ERC_F32, -1, NULL, NULL));
	build_graph_attr(arena, model->graph->node[0], "body", branch);
	build_string(arena, model->graph->node[0], "mode", "same");
	return build_pack(arena, model, bytes);
}

/* In memory of its exact size, so that a read beyond it is noticed. */
static enum ercc_status read_exactly(const uint8_t *data, size_t bytes, struct graph **out)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	memcpy(copy, data, bytes);
	enum ercc_status status = onnx_read_model_bytes(&test.ctx, copy, bytes, NULL, out);
	free(copy);
	if (status != ERCC_OK)
		ck_assert_uint_gt(test.ctx.error_count, 0);
	return status;
}

START_TEST(truncated_models_are_refused)
{
	struct graph *graph;
	size_t bytes;
	const uint8_t *data = pack_small(&bytes);
	assert_ok(read_exactly(data, bytes, &graph));
	/* A prefix that ends between two fields of the model is a valid model only without its opset. */
	for (size_t i = 0; i < bytes; i++) {
		forget_messages();
		ck_assert_msg(read_exactly(data, i, &graph) != ERCC_OK, "%zu of %zu bytes", i, bytes);
	}
}
END_TEST

START_TEST(flipped_bytes_never_crash)
{
	struct graph *graph;
	size_t bytes;
	uint8_t *data = (uint8_t *)pack_small(&bytes);
	int refused = 0, read = 0;
	for (size_t i = 0; i < bytes; i++) {
		uint8_t kept = data[i];
		for (int change = 1; change < 256; change++) {
			struct arena ours = {0}, outer = test.ctx.arena;
			test.ctx.arena = ours;
			data[i] = kept ^ (uint8_t)change;
			forget_messages();
			if (read_exactly(data, bytes, &graph) == ERCC_OK) {
				ck_assert_msg(graph_verify(graph, "import") == ERCC_OK, "byte %zu: %s", i, test.errors);
				free(text_of(graph));
				read++;
			} else {
				refused++;
			}
			arena_release(&test.ctx.arena);
			test.ctx.arena = outer;
		}
		data[i] = kept;
	}
	ck_assert_int_gt(refused, (int)bytes * 100);
	ck_assert_int_gt(read, 1000);
}
END_TEST

/* ---- hostile bytes ---- */

/* Puts a field header before what is at data + *start. */
static void wrap(uint8_t *data, size_t *start, size_t end, int field)
{
	uint8_t header[12];
	size_t length = end - *start, count = 0;
	header[count++] = (uint8_t)(field << 3 | 2);
	for (; length >= 128; length >>= 7)
		header[count++] = (uint8_t)(length | 128);
	header[count++] = (uint8_t)length;
	*start -= count;
	memcpy(data + *start, header, count);
}

/* Model > graph > (node > attribute > graph), `depth` times. */
static uint8_t *nest(int depth, size_t *bytes)
{
	size_t room = (size_t)depth * 18 + 64, begin = room;
	uint8_t *data = arena_alloc(arena, room);
	for (int i = 0; i < depth; i++) {
		wrap(data, &begin, room, 6); /* graph of an attribute */
		wrap(data, &begin, room, 5); /* attribute of a node */
		wrap(data, &begin, room, 1); /* node of a graph */
	}
	wrap(data, &begin, room, 7);
	*bytes = room - begin;
	return data + begin;
}

START_TEST(deep_nesting_is_refused)
{
	struct graph *graph;
	size_t bytes;
	uint8_t *data = nest(20000, &bytes);
	assert_fails(onnx_scan(&test.ctx, data, bytes), ERCC_MODEL, "nested deeper than 64");
	assert_fails(onnx_read_model_bytes(&test.ctx, data, bytes, NULL, &graph), ERCC_MODEL, "nested deeper than 64");
	data = nest(20, &bytes); /* 62 messages */
	assert_ok(onnx_scan(&test.ctx, data, bytes));
	data = nest(21, &bytes); /* 65 */
	assert_fails(onnx_scan(&test.ctx, data, bytes), ERCC_MODEL, "nested deeper than 64");
}
END_TEST

/* Two bytes per node, and a hundred times that in memory. */
START_TEST(files_that_blow_up_are_refused)
{
	size_t count = 4 << 20, begin = 16, bytes = 16 + 2 * count;
	uint8_t *data = arena_alloc(arena, bytes);
	for (size_t i = 0; i < count; i++)
		data[begin + 2 * i] = 1 << 3 | 2;
	wrap(data, &begin, bytes, 7);
	assert_fails(onnx_scan(&test.ctx, data + begin, bytes - begin), ERCC_MODEL, "unpacking it would take more than");
	begin = 16, bytes = 16 + 1024;
	wrap(data, &begin, bytes, 7);
	assert_ok(onnx_scan(&test.ctx, data + begin, bytes - begin));
}
END_TEST

static const struct {
	const char *bytes;
	size_t count;
	const char *words;
} malformed[] = {
	{"\x08", 1, "a malformed number in ModelProto at byte 1"},
	{"\x08\x80", 2, "a malformed number"},
	{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, "a malformed number"},
	{"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12, "a malformed number"},
	{"\x80", 1, "a malformed field key"},
	{"\x00\x00", 2, "a malformed field key"},
	{"\xf8\xff\xff\xff\x7f\x00", 6, "a malformed field key"},
	{"\x3a\x05\x00", 3, "a length beyond the end"},
	{"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "a length beyond the end"},
	{"\x3a\x80", 2, "a malformed length"},
	{"\x38\x01", 2, "a field of the wrong type in ModelProto"},
	{"\x0a\x01\x08", 3, "a field of the wrong type"},
	{"\x0b", 1, "a field of the wrong type"},
	{"\x9b\x06", 2, "a field of unknown type"},
	{"\x9c\x06", 2, "a field of unknown type"},
	{"\x9e\x06", 2, "a field of unknown type"},
	{"\x9d\x06\x01\x02\x03", 5, "a number cut short"},
	{"\x99\x06\x01\x02\x03\x04\x05\x06\x07", 9, "a number cut short"},
	{"\x3a\x00\x3a\x00", 4, "a second message in a singular field in ModelProto"},
	{"\x3a\x07\x2a\x05\x22\x03\x01\x02\x03", 9, "a packed field of odd length in TensorProto"},
	{"\x3a\x05\x2a\x03\x3a\x01\x80", 7, "a malformed number in TensorProto"},
	{"\x3a\x02\x12\x03", 4, "a length beyond the end in GraphProto"},
};

START_TEST(malformed_bytes_are_refused)
{
	assert_fails(onnx_scan(&test.ctx, malformed[_i].bytes, malformed[_i].count), ERCC_MODEL, malformed[_i].words);
}
END_TEST

START_TEST(well_formed_bytes_pass)
{
	static const char good[] = "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* ir_version -1 */
							   "\x98\x06\x01"                                 /* unknown number */
							   "\x9d\x06\x01\x02\x03\x04"                     /* unknown 32 bits */
							   "\x99\x06\x01\x02\x03\x04\x05\x06\x07\x08"     /* unknown 64 bits */
							   "\x9a\x06\x02\xff\xff"                         /* unknown bytes */
							   "\x3a\x0d\x2a\x04\x3a\x02\x96\x01"             /* graph, tensor with packed int64_data */
							   "\x2a\x05\x08\x01\x0a\x01\x02";                /* dims, single and packed */
	assert_ok(onnx_scan(&test.ctx, good, sizeof good - 1));
	assert_ok(onnx_scan(&test.ctx, "", 0));
}
END_TEST

/* ---- out of memory ---- */

/* The n-th allocation fails, for every n until none does: each failure unwinds, and nothing leaks. */
START_TEST(every_allocation_may_fail)
{
	write_file("w.bin", numbers, sizeof numbers);
	make_external("w.bin", "20", "8");
	struct graph *graph;
	assert_ok(read_model(&graph));
	const char *path = path_to("model.onnx");
	volatile int64_t n = 0;
	for (bool done = false; !done; n++) {
		jmp_buf place;
		struct context ctx = {.options = &test.options, .arena.out_of_memory = &place};
		arena_fail_after = n;
		if (setjmp(place) == 0) {
			assert_ok(onnx_read_model(&ctx, path, &graph));
			done = true;
		} else {
			ck_assert_int_eq(arena_fail_after, -1);
		}
		arena_fail_after = -1;
		arena_release(&ctx.arena);
	}
	ck_assert_int_gt(n, 30);
	int fd = open("/dev/null", O_RDONLY);
	ck_assert_int_lt(fd, 20); /* no file was left open */
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("onnx files");
	TCase *files = tcase_create("files"), *bytes = tcase_create("bytes");
	tcase_add_checked_fixture(files, start, stop);
	tcase_add_checked_fixture(bytes, start, stop);
	tcase_set_timeout(bytes, 300);
	tcase_add_test(files, files_that_cannot_be_read_are_named);
	tcase_add_test(files, tensor_files_are_read);
	tcase_add_test(files, external_data_are_read_from_below_the_folder);
	tcase_add_test(files, external_data_stay_inside_the_folder);
	tcase_add_test(files, external_data_follow_no_links);
	tcase_add_test(files, external_ranges_are_checked);
	tcase_add_test(files, small_files_do_not_stand_for_many_tensors);
	tcase_add_test(bytes, truncated_models_are_refused);
	tcase_add_test(bytes, flipped_bytes_never_crash);
	tcase_add_test(bytes, deep_nesting_is_refused);
	tcase_add_test(bytes, files_that_blow_up_are_refused);
	tcase_add_loop_test(bytes, malformed_bytes_are_refused, 0, (int)COUNT_OF(malformed));
	tcase_add_test(bytes, well_formed_bytes_pass);
	tcase_add_test(bytes, every_allocation_may_fail);
	suite_add_tcase(suite, files);
	suite_add_tcase(suite, bytes);
	return run_suite(suite);
}
