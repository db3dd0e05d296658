/* The rules of requests that can run several entries: how dims choose one, what stays bound, and what depends on it. */
#include "tests/unit/entry_models.h"

static void open_second(struct bed *bed, const struct erc_session_options *options)
{
	const char *target = "cpu:x86-64-v3";
	write_text(models[1].text);
	compile_on(&target, 1, models[1].lists, 2, 1, together);
	ck_assert(open_bed(bed, together, NULL, options));
}

START_TEST(dims_choose_an_entry_or_are_listed)
{
	struct bed bed;
	open_second(&bed, NULL);
	ck_assert_uint_eq(erc_session_entry(bed.session), 0);
	ck_assert_uint_eq(erc_request_entry(bed.request), 0);
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 6, 16}), ERC_NOT_FOUND,
	      "input 0 'x': no entry point of the session takes 2x6x16; there are: 1x5x16 1x33x16 1x64x16 2x5x16 2x33x16 "
	      "2x64x16");
	FAILS(erc_request_set_dims(bed.request, 2, 2, (int64_t[]){6, 1}), ERC_NOT_FOUND,
	      "takes 6x1; there are: 5x1 33x1 64x1");
	FAILS(erc_request_set_dims(bed.request, 2, 0, NULL), ERC_NOT_FOUND, "takes scalar; there are: 5x1 33x1 64x1");
	FAILS(erc_request_set_dims(bed.request, 3, 0, NULL), ERC_NOT_FOUND, "no input 3; there are 3");
	FAILS(erc_request_set_dims(bed.request, 0, 3, NULL), ERC_INVALID, "dims is NULL");
	FAILS(erc_request_set_dims(bed.request, 0, 9, (int64_t[9]){1}), ERC_INVALID, "rank 9");
	FAILS(erc_request_set_dims(NULL, 0, 0, NULL), ERC_INVALID, "request");
	ck_assert_uint_eq(erc_request_entry(bed.request), 0);
	OK(erc_request_set_dims(bed.request, 2, 2, (int64_t[]){64, 1})); /* the batch stays */
	ck_assert_str_eq(erc_model_entry_name(bed.model, erc_request_entry(bed.request)), "n=1,s=64");
	OK(erc_request_set_dims(bed.request, 1, 3, (int64_t[]){2, 33, 1}));
	ck_assert_str_eq(erc_model_entry_name(bed.model, erc_request_entry(bed.request)), "n=2,s=33");
	close_bed(&bed);
	const struct erc_session_options options = {.size = sizeof options, .entry = "n=2,s=5"};
	open_second(&bed, &options);
	ck_assert_uint_eq(erc_session_entry(bed.session), 3);
	OK(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 5, 16}));
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){1, 5, 16}), ERC_NOT_FOUND, "there are: 2x5x16");
	close_bed(&bed);
}
END_TEST

/* What has the same dims in both entries stays bound, and nothing else. */
START_TEST(bindings_stay_where_dims_are_the_same)
{
	struct bed bed;
	struct arrays arrays, other;
	open_second(&bed, NULL);
	bind_new(bed.model, 0, bed.request, &arrays);
	OK(erc_request_run(bed.request));
	OK(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 5, 16})); /* `k` has no batch */
	FAILS(erc_request_submit(bed.request), ERC_INVALID, "input 0 'x' is not bound");
	struct erc_tensor_info info;
	OK(erc_model_input_info(bed.model, 0, 0, &info));
	FAILS(erc_request_bind_input(bed.request, 0, arrays.inputs[0], info.bytes), ERC_INVALID, "bytes given, it has");
	bind_new(bed.model, 3, bed.request, &other);
	OK(erc_request_bind_input(bed.request, 2, arrays.inputs[2], 5 * 4));
	OK(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){1, 5, 16}));
	OK(erc_request_bind_input(bed.request, 0, arrays.inputs[0], 5 * 16 * 4));
	OK(erc_request_bind_input(bed.request, 1, arrays.inputs[1], 5 * 4));
	float first = *(float *)arrays.output;
	memset(arrays.output, 0, arrays.output_bytes);
	FAILS(erc_request_submit(bed.request), ERC_INVALID, "output 0 'y' is not bound");
	OK(erc_request_bind_output(bed.request, 0, arrays.output, arrays.output_bytes));
	OK(erc_request_submit(bed.request)); /* `k` is still bound */
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 5, 16}), ERC_BUSY, "not waited for");
	OK(erc_request_wait(bed.request, UINT64_MAX));
	ck_assert_float_eq(*(float *)arrays.output, first);
	free_arrays(&arrays);
	free_arrays(&other);
	close_bed(&bed);
}
END_TEST

/* Copies of inputs have room for every entry. */
START_TEST(copies_fit_each_entry)
{
	struct bed bed;
	static float data[2 * 64 * 16];
	open_second(&bed, NULL);
	for (uint32_t entry = 0; entry < 6; entry++) {
		struct erc_tensor_info info;
		take_dims_of(bed.model, bed.request, entry, false);
		for (uint32_t i = 0; i < 3; i++) {
			OK(erc_model_input_info(bed.model, entry, i, &info));
			OK(erc_request_copy_pieces(bed.request, i, &(struct erc_piece){data, info.bytes}, 1));
		}
		OK(erc_model_output_info(bed.model, entry, 0, &info));
		void *output = malloc(info.bytes);
		OK(erc_request_bind_output(bed.request, 0, output, info.bytes));
		OK(erc_request_run(bed.request));
		free(output);
	}
	close_bed(&bed);
}
END_TEST

/* A state that does not depend on the changed dim is kept; one that does has ended. */
START_TEST(states_stay_where_dims_are_the_same)
{
	static const char text[] = "input x:f32[?] (n)\n"
							   "input h:f32[2] (_)\n"
							   "const one:f32[2] = splat{1}\n"
							   "y = Exp(x) \"y\"\n"
							   "z = Add(h, one) \"z\"\n"
							   "output y\n"
							   "output z\n";
	static const char *const lists[] = {"n=3,300"}, *const targets[] = {"cpu:x86-64-v3"};
	struct bed bed;
	float x[300] = {0}, y[300];
	write_model(model_path, text);
	compile_on(targets, 1, lists, 1, 1, together);
	ck_assert(open_bed(&bed, together, NULL, NULL));
	OK(erc_request_bind_state(bed.request, 1, 1));
	for (uint32_t run = 0; run < 6; run++) {
		size_t count = run & 1 ? 300 : 3;
		OK(erc_request_set_dims(bed.request, 0, 1, (int64_t[]){(int64_t)count}));
		OK(erc_request_bind_input(bed.request, 0, x, count * 4));
		OK(erc_request_bind_output(bed.request, 0, y, count * 4));
		OK(erc_request_run(bed.request));
		ck_assert_float_eq(*(float *)erc_request_state(bed.request, 1), (float)run + 1);
	}
	OK(erc_request_bind_state(bed.request, 0, 0));
	OK(erc_request_set_dims(bed.request, 0, 1, (int64_t[]){3}));
	ck_assert_ptr_null(erc_request_state(bed.request, 0));
	ck_assert_ptr_nonnull(erc_request_state(bed.request, 1));
	FAILS(erc_request_submit(bed.request), ERC_INVALID, "input 0 'x' is not bound");
	close_bed(&bed);
}
END_TEST

/* Whether a request is refused depends on the entry that it would run. */
START_TEST(admission_is_by_the_entry)
{
	static const char *const targets[] = {"sim:h100"}, *const lists[] = {"n=7", "s=1000,4000000"};
	const struct erc_runtime_options device = {.size = sizeof device, .device = "sim:h100"};
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME, .shed = 1};
	struct erc_room_profile profiles[2] = {{.size = sizeof *profiles}, {.size = sizeof *profiles}};
	static const uint32_t order[] = {0, 1, 0, 1, 1, 0};
	static float data[7 * 4000000];
	struct erc_room_point points[2][64];
	struct bed bed;
	write_model(model_path, models[3].text);
	compile_on(targets, 1, lists, 2, 1, together);
	OK(erc_runtime_create(&device, &bed.runtime));
	OK(erc_model_load(bed.runtime, together, NULL, &bed.model));
	for (uint32_t i = 0; i < 2; i++) {
		profiles[i].points = points[i];
		profiles[i].point_capacity = 64;
		OK(erc_model_room_profile(bed.model, i, NULL, &profiles[i]));
	}
	uint64_t fast_ns = points[0][profiles[0].point_count - 1].latency_ns;
	uint64_t slow_ns = points[1][profiles[1].point_count - 1].latency_ns;
	ck_assert_uint_gt(slow_ns, 4 * fast_ns + 4000);
	options.deadline_us = (fast_ns + slow_ns) / 2000;
	OK(erc_session_create(bed.model, &options, &bed.session));
	OK(erc_request_create(bed.session, &bed.request));
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		size_t bytes = 4 * 7 * (size_t)(order[i] ? 4000000 : 1000);
		OK(erc_request_set_dims(bed.request, 0, 2, (int64_t[]){7, order[i] ? 4000000 : 1000}));
		OK(erc_request_bind_input(bed.request, 0, data, bytes));
		OK(erc_request_bind_output(bed.request, 0, data, bytes));
		if (order[i])
			FAILS(erc_request_run(bed.request), ERC_SHED, "the deadline cannot be met");
		else
			OK(erc_request_run(bed.request));
	}
	close_bed(&bed);
}
END_TEST

/* The message names the node of the entry that ran. */
START_TEST(faults_name_a_node_of_the_entry)
{
	static const char text[] = "input x:f32[?x4] (n, _)\n"
							   "input i:i64[2] (_)\n"
							   "y = Gather(x, i) \"pick\"\n"
							   "output y\n";
	static const char *const lists[] = {"n=3,5"}, *const targets[] = {"cpu:x86-64-v3"};
	struct bed bed;
	float x[20] = {0}, y[8];
	int64_t at[] = {0, 3};
	write_model(model_path, text);
	compile_on(targets, 1, lists, 1, 1, together);
	ck_assert(open_bed(&bed, together, NULL, NULL));
	for (int64_t n = 3; n <= 5; n += 2) {
		OK(erc_request_set_dims(bed.request, 0, 2, (int64_t[]){n, 4}));
		OK(erc_request_bind_input(bed.request, 0, x, (size_t)n * 16));
		OK(erc_request_bind_input(bed.request, 1, at, sizeof at));
		OK(erc_request_bind_output(bed.request, 0, y, sizeof y));
		if (n == 5)
			OK(erc_request_run(bed.request));
		else
			FAILS(erc_request_run(bed.request), ERC_INDEX, "node 'pick': index 3 is outside a dimension of 3");
	}
	close_bed(&bed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("entry rules");
	TCase *rules = tcase_create("rules");
	tcase_add_checked_fixture(rules, set_up, tear_down);
	tcase_set_timeout(rules, 120);
	tcase_add_test(rules, dims_choose_an_entry_or_are_listed);
	tcase_add_test(rules, bindings_stay_where_dims_are_the_same);
	tcase_add_test(rules, copies_fit_each_entry);
	tcase_add_test(rules, states_stay_where_dims_are_the_same);
	tcase_add_test(rules, admission_is_by_the_entry);
	tcase_add_test(rules, faults_name_a_node_of_the_entry);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
