/* One artifact for several sizes: its entries, what they share, and what they compute: the same bits as an artifact for
 * these sizes alone, also if a request changes between them. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "tests/unit/entry_models.h"

/* ---- the artifact ---- */

static size_t file_bytes(const char *path)
{
	struct stat info;
	ck_assert_int_eq(stat(path, &info), 0);
	return (size_t)info.st_size;
}

static bool same_files(const char *a, const char *b)
{
	size_t bytes = file_bytes(a);
	bool same = bytes == file_bytes(b);
	FILE *x = fopen(a, "r"), *y = fopen(b, "r");
	for (size_t i = 0; same && i < bytes; i++)
		same = getc(x) == getc(y);
	fclose(x), fclose(y);
	return same;
}

static uint64_t weights_bytes(const erc_artifact *artifact)
{
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_SECTIONS); i++) {
		const struct erca_section *section = erc_artifact_record(artifact, ERC_TABLE_SECTIONS, i);
		if (section->type == ERCA_SECTION_WEIGHTS)
			return section->bytes;
	}
	return 0;
}

START_TEST(entries_are_all_combinations_on_each_target)
{
	const struct model *m = &models[_i];
	erc_artifact *all, *one;
	write_text(m->text);
	compile_on(targets_here, COUNT_OF(targets_here), m->lists, m->list_count, 1, together);
	compile_on(targets_here, COUNT_OF(targets_here), m->sets[0], m->list_count, 1, alone);
	OK(erc_artifact_open(together, &all));
	OK(erc_artifact_open(alone, &one));
	ck_assert_uint_eq(erc_artifact_count(all, ERC_TABLE_ENTRIES), COUNT_OF(targets_here) * m->set_count);
	for (uint32_t i = 0; i < erc_artifact_count(all, ERC_TABLE_ENTRIES); i++) {
		const struct erca_entry *entry = erc_artifact_record(all, ERC_TABLE_ENTRIES, i);
		ck_assert_uint_eq(entry->target, i / m->set_count);
		ck_assert_str_eq(erc_artifact_string(all, entry->name), m->names[i % m->set_count]);
	}
	const struct erca_entry *main = erc_artifact_record(one, ERC_TABLE_ENTRIES, 0);
	ck_assert_str_eq(erc_artifact_string(one, main->name), "main");
	ck_assert_uint_eq(weights_bytes(all), weights_bytes(one));
	erc_artifact_close(all);
	erc_artifact_close(one);
	compile_on(targets_here, COUNT_OF(targets_here), m->lists, m->list_count, 3, alone);
	ck_assert_msg(same_files(together, alone), "other bytes with other jobs");
}
END_TEST

/* A kernel that two entries use is in the code image once. Weights that one entry needs in two forms stay two. */
START_TEST(equal_kernels_are_one)
{
	static const char *const targets[] = {"cpu:x86-64-v3"}, *const lists[] = {"n=16,32"}, *const one[] = {"n=16"};
	erc_artifact *all, *first;
	write_model(model_path, models[3].text);
	const char *const dims[] = {lists[0], "s=1024"}, *const single[] = {one[0], "s=1024"};
	compile_on(targets, 1, dims, 2, 1, together);
	compile_on(targets, 1, single, 2, 1, alone);
	OK(erc_artifact_open(together, &all));
	OK(erc_artifact_open(alone, &first));
	ck_assert_uint_eq(erc_artifact_count(all, ERC_TABLE_KERNELS), erc_artifact_count(first, ERC_TABLE_KERNELS));
	erc_artifact_close(all);
	erc_artifact_close(first);
}
END_TEST

START_TEST(wrong_lists_are_refused)
{
	static const struct {
		const char *dims[2];
		const char *words;
	} cases[] = {
		{{"n=1,2,1", "s=3"}, "--dim n=1,2,1: 1 is given twice"},
		{{"n=1,01", "s=3"}, "--dim n=1,01: 1 is given twice"},
		{{"n=1,,2", "s=3"}, "--dim: '' is not a size"},
		{{"n=1,2,", "s=3"}, "--dim: '' is not a size"},
		{{"n=1,-2", "s=3"}, "--dim: '-2' is not a size"},
		{{"n=1,x", "s=3"}, "--dim: 'x' is not a size"},
		{{"=1,2", "s=3"}, "--dim '=1': wanted NAME=SIZE"},
		{{"m=1,2", "s=3"}, "--dim: no input has a dimension named 'm'"},
		{{"n=1,2", "n=3,4"}, "--dim n=3: dimension 'n' of input 'x' is 1 already"},
		{{"n=1,2,3,4,5,6,7,8,9", "s=1,2,3,4,5,6,7,8"}, "--dim s=1,2,3,4,5,6,7,8: one artifact has at most 64"},
		{{"n=1,99999999999999", "s=3"}, "is not a size"},
	};
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .dims = cases[_i].dims,
	                               .dim_count = 2};
	write_model(model_path, models[3].text);
	assert_fails(ercc_compile(model_path, together, &options), ERCC_USAGE, cases[_i].words);
}
END_TEST

/* An entry that takes a part of another one is refused: the code has no seal of it. One that takes all of it is that entry
 * under another name. */
START_TEST(crossed_entries_are_refused)
{
	static const size_t fields[] = {offsetof(struct erca_entry, plan), offsetof(struct erca_entry, input_first),
	                                offsetof(struct erca_entry, output_first)};
	static const char *const targets[] = {"cpu:x86-64-v3"};
	write_text(models[0].text);
	compile_on(targets, 1, models[0].lists, 1, 1, together);
	for (unsigned changed = 1; changed < 8; changed++) {
		size_t bytes = 0;
		uint8_t *read = stub_artifact_read(together, &bytes), *file = aligned_alloc(4096, (bytes / 4096 + 1) * 4096);
		memcpy(file, read, bytes);
		const struct erca_section *sections = (void *)(file + ((struct erca_header *)(void *)file)->toc_offset);
		const struct erca_plan_header *plan = (void *)(file + sections[1].offset);
		struct erca_entry *entries = (void *)((uint8_t *)(uintptr_t)plan + plan->entries.offset);
		for (int i = 0; i < 3; i++)
			if (changed >> i & 1)
				memcpy((char *)&entries[0] + fields[i], (char *)&entries[2] + fields[i], sizeof(uint32_t));
		if (changed == 7) {
			entries[0].arena_bytes = entries[2].arena_bytes;
			entries[0].local_bytes = entries[2].local_bytes;
		}
		build_rehash(file, bytes);
		erc_artifact *artifact = NULL;
		enum erc_status status = erc_artifact_open_memory(file, bytes, &artifact);
		ck_assert_int_eq((int)status, changed == 7 ? ERC_OK : ERC_CORRUPT);
		ck_assert_msg(!status || strstr(erc_error_detail(), "entries[0]") || strstr(erc_error_detail(), "operands["),
		              "%s", erc_error_detail());
		erc_artifact_close(artifact);
		free(read);
		free(file);
	}
}
END_TEST

/* ---- runs ---- */

static void run_alone(const struct model *m, const char *target, uint32_t set, struct arrays *arrays)
{
	struct bed bed;
	compile_on(&target, 1, m->sets[set], m->list_count, 1, alone);
	ck_assert(open_bed(&bed, alone, NULL, NULL));
	bind_new(bed.model, 0, bed.request, arrays);
	OK(erc_request_run(bed.request));
	clear_rest(bed.request, arrays);
	close_bed(&bed);
}

static void is_same(const erc_request *request, const struct arrays *actual, const struct arrays *expected)
{
	clear_rest(request, actual);
	ck_assert_uint_eq(actual->output_bytes, expected->output_bytes);
	ck_assert(!memcmp(actual->output, expected->output, expected->output_bytes));
}

/* One request goes through all entries, forwards and backwards. */
START_TEST(each_entry_computes_the_same_bits_as_alone)
{
	const struct model *m = &models[_i % (int)COUNT_OF(models)];
	int number = _i / (int)COUNT_OF(models);
	const char *target = targets_here[number == STUB ? 2 : number];
	struct arrays expected[MAX_SETS];
	struct bed bed;
	write_text(m->text);
	compile_on(&target, 1, m->lists, m->list_count, 1, together);
	if (number == STUB) {
		stub_use();
		ck_assert_ptr_null(stub_artifact(together, together));
	}
	if (!open_bed(&bed, together, number == STUB ? "cuda" : NULL, NULL)) {
		printf("skipped: entries: %s (this machine does not run it)\n", target);
		return;
	}
	ck_assert_uint_eq(erc_model_entry_count(bed.model), m->set_count);
	for (uint32_t i = 0; i < m->set_count; i++)
		run_alone(m, target, i, &expected[i]);
	for (uint32_t n = 0; n < 4 * m->set_count; n++) {
		uint32_t entry = n * 5 % (2 * m->set_count) % m->set_count;
		struct arrays arrays;
		take_dims_of(bed.model, bed.request, entry, n & 1);
		bind_new(bed.model, entry, bed.request, &arrays);
		OK(erc_request_run(bed.request));
		is_same(bed.request, &arrays, &expected[entry]);
		free_arrays(&arrays);
	}
	struct erc_session_stats stats = {.size = sizeof stats};
	OK(erc_session_stats(bed.session, &stats));
	ck_assert_uint_eq(stats.completed, 4 * m->set_count);
	for (uint32_t i = 0; i < m->set_count; i++)
		free_arrays(&expected[i]);
	close_bed(&bed);
}
END_TEST

struct urgent {
	erc_session *session;
	const erc_model *model;
	const struct arrays *expected;
	uint32_t set_count;
	_Atomic bool is_over;
	uint32_t runs;
};

static void *run_urgent(void *user)
{
	struct urgent *urgent = user;
	erc_request *request;
	OK(erc_request_create(urgent->session, &request));
	for (; !atomic_load(&urgent->is_over); urgent->runs++) {
		uint32_t entry = urgent->runs * 3 % urgent->set_count;
		struct arrays arrays;
		take_dims_of(urgent->model, request, entry, false);
		bind_new(urgent->model, entry, request, &arrays);
		OK(erc_request_run(request));
		is_same(request, &arrays, &urgent->expected[entry]);
		free_arrays(&arrays);
		usleep(100);
	}
	OK(erc_request_destroy(request));
	return NULL;
}

/* A best-effort request changes its entry between runs while its room changes and a real-time session of the same model,
 * whose request changes its entry too, takes the units. */
START_TEST(entries_change_under_preemption)
{
	const struct model *m = &models[1];
	const char *target = "cpu:x86-64-v3";
	const struct erc_session_options real_time = {.size = sizeof real_time,
	                                              .class_ = ERC_REAL_TIME,
	                                              .deadline_us = 5000};
	struct arrays expected[MAX_SETS];
	struct bed bed;
	pthread_t thread;
	write_text(m->text);
	compile_on(&target, 1, m->lists, m->list_count, 1, together);
	for (uint32_t i = 0; i < m->set_count; i++)
		run_alone(m, target, i, &expected[i]);
	ck_assert(open_bed(&bed, together, NULL, NULL));
	struct urgent urgent = {.model = bed.model, .expected = expected, .set_count = m->set_count};
	OK(erc_session_create(bed.model, &real_time, &urgent.session));
	ck_assert_int_eq(pthread_create(&thread, NULL, run_urgent, &urgent), 0);
	for (uint32_t n = 0; n < 500; n++) {
		uint32_t entry = n * 7 % m->set_count;
		struct arrays arrays;
		take_dims_of(bed.model, bed.request, entry, n & 1);
		bind_new(bed.model, entry, bed.request, &arrays);
		OK(erc_request_submit(bed.request));
		do
			OK(erc_session_set_units(bed.session, n % 3));
		while (n % 3 && erc_request_wait(bed.request, 0) == ERC_TIMEOUT);
		OK(erc_session_set_units(bed.session, 2));
		if (n % 3 == 0)
			OK(erc_request_wait(bed.request, UINT64_MAX));
		is_same(bed.request, &arrays, &expected[entry]);
		free_arrays(&arrays);
	}
	atomic_store(&urgent.is_over, true);
	pthread_join(thread, NULL);
	ck_assert_uint_gt(urgent.runs, 0);
	OK(erc_session_destroy(urgent.session));
	close_bed(&bed);
	for (uint32_t i = 0; i < m->set_count; i++)
		free_arrays(&expected[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("entries");
	TCase *compiled = tcase_create("artifacts"), *runs = tcase_create("runs");
	tcase_add_checked_fixture(compiled, set_up, tear_down);
	tcase_add_loop_test(compiled, entries_are_all_combinations_on_each_target, 0, COUNT_OF(models));
	tcase_add_test(compiled, equal_kernels_are_one);
	tcase_add_test(compiled, crossed_entries_are_refused);
	tcase_add_loop_test(compiled, wrong_lists_are_refused, 0, 11);
	tcase_set_timeout(compiled, 120);
	tcase_add_checked_fixture(runs, set_up, tear_down);
	tcase_set_timeout(runs, 120);
	tcase_add_loop_test(runs, each_entry_computes_the_same_bits_as_alone, 0, (int)COUNT_OF(models) * (STUB + 1));
	tcase_add_test(runs, entries_change_under_preemption);
	suite_add_tcase(suite, compiled);
	suite_add_tcase(suite, runs);
	return run_suite(suite);
}
