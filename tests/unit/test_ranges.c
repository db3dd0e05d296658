/* An artifact whose dims are ranges computes the same bits as one for each drawn size alone, and refuses other sizes. */
#include "tests/unit/entry_models.h"

#define DRAWN 8 /* sizes of a model, the bounds among them */

struct ranged {
	const char *text;
	struct {
		const char *name;
		int64_t least, most;
	} ranges[3];
	uint32_t range_count;
};

static const struct ranged ranged_models[] = {
	{"input x:f32[?x?x16] (n, s, _)\n"
     "input m:f32[?x?x1] (n, s, _)\n"
     "const w:f32[16x32] = splat{1}\n"
     "a = MatMul(x, w) \"a\"\n"
     "b = Mul(a, m) \"b\"\n"
     "y = Softmax(b) {axis=1} \"y\"\n"
     "output y\n",
     {{"n", 1, 4}, {"s", 1, 70}},
     2},
	{"input x:f32[1x3x?x?] (_, _, h, w)\n"
     "const k:f32[16x3x3x3] = splat{1}\n"
     "a = Conv(x, k) {strides=[2,2], pads=[1,1,1,1]} \"a\"\n"
     "b = Relu(a) \"b\"\n"
     "y = MaxPool(b) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]} \"y\"\n"
     "output y\n",
     {{"h", 4, 40}, {"w", 5, 61}},
     2},
	{"input x:f32[2x?x3] (_, a, _)\n"
     "input z:f32[2x?x3] (_, b, _)\n"
     "c = Concat(x, z) {axis=1} \"c\"\n"
     "y = Transpose(c) {perm=[2,0,1]} \"y\"\n"
     "output y\n",
     {{"a", 1, 9}, {"b", 1, 30}},
     2},
	{"input x:f32[?x?] (n, s)\n"
     "y = NonZero(x) \"y\"\n"
     "output y\n",
     {{"n", 1, 5}, {"s", 2, 20}},
     2},
};

static const char *dim_text(const char *name, int64_t least, int64_t most)
{
	return least < most ? arena_printf(&test.ctx.arena, "%s=%lld..%lld", name, (long long)least, (long long)most)
	                    : arena_printf(&test.ctx.arena, "%s=%lld", name, (long long)least);
}

/* The bounds, then other sizes. */
static int64_t drawn(const struct ranged *m, uint32_t r, uint32_t i)
{
	int64_t least = m->ranges[r].least, most = m->ranges[r].most;
	return i == 0 ? least : i == 1 ? most : least + (int64_t)((i * 2654435761u + r * 40503u) >> 7) % (most - least + 1);
}

/* Runs the request with inputs that depend on the dims alone. Returns the bytes of output 0 and their number. */
static uint8_t *run_with(erc_request *request, const erc_model *model, size_t *bytes, int64_t *dims)
{
	struct erc_tensor_info info;
	void *inputs[MAX_TENSORS] = {NULL};
	uint32_t count = erc_model_input_count(model, 0), rank;
	for (uint32_t i = 0; i < count; i++) {
		OK(erc_request_input_info(request, i, &info));
		float *numbers = inputs[i] = calloc(1, info.bytes + 1);
		for (size_t k = 0; k < info.bytes / 4; k++)
			numbers[k] = (k + i) % 5 ? (float)((k * 2654435761u >> 9) % 2048) / 1024.0f - 1 : 0;
		OK(erc_request_bind_input(request, i, numbers, info.bytes));
	}
	OK(erc_request_output_info(request, 0, &info));
	uint8_t *out = calloc(1, info.bytes + 1);
	OK(erc_request_bind_output(request, 0, out, info.bytes));
	OK(erc_request_run(request));
	OK(erc_request_output_dims(request, 0, &rank, dims));
	*bytes = erc_dtype_bytes(info.dtype);
	for (uint32_t d = 0; d < rank; d++)
		*bytes *= (size_t)dims[d];
	for (uint32_t i = 0; i < count; i++)
		free(inputs[i]);
	return out;
}

/* Sets the dims of all inputs of `request` to those that `fixed` has. */
static void take_dims(erc_request *request, const erc_model *fixed)
{
	struct erc_tensor_info info;
	for (uint32_t i = 0; i < erc_model_input_count(fixed, 0); i++) {
		OK(erc_model_input_info(fixed, 0, i, &info));
		OK(erc_request_set_dims(request, i, info.rank, info.dims));
	}
}

START_TEST(each_size_has_the_bits_of_its_own_artifact)
{
	const struct ranged *m = &ranged_models[_i / (int)COUNT_OF(targets_here)];
	const char *const *target = &targets_here[_i % (int)COUNT_OF(targets_here)];
	const char *dims[3];
	struct bed bed, fixed;
	write_text(m->text);
	for (uint32_t r = 0; r < m->range_count; r++)
		dims[r] = dim_text(m->ranges[r].name, m->ranges[r].least, m->ranges[r].most);
	compile_on(target, 1, dims, m->range_count, 1, together);
	if (!open_bed(&bed, together, "cpu", NULL))
		return;
	for (uint32_t i = 0; i < DRAWN; i++) {
		int64_t x[ERC_MAX_RANK] = {0}, y[ERC_MAX_RANK] = {0};
		size_t bytes, expected_bytes;
		for (uint32_t r = 0; r < m->range_count; r++)
			dims[r] = dim_text(m->ranges[r].name, drawn(m, r, i), drawn(m, r, i));
		compile_on(target, 1, dims, m->range_count, 1, alone);
		ck_assert(open_bed(&fixed, alone, "cpu", NULL));
		take_dims(bed.request, fixed.model);
		uint8_t *have = run_with(bed.request, bed.model, &bytes, x);
		uint8_t *want = run_with(fixed.request, fixed.model, &expected_bytes, y);
		ck_assert_msg(bytes == expected_bytes && !memcmp(x, y, sizeof x), "other dims for %s", dims[0]);
		ck_assert_msg(!memcmp(have, want, bytes), "other bits for %s, %s", dims[0], dims[1]);
		free(have), free(want);
		close_bed(&fixed);
	}
	printf("model %d on %s: %d sizes\n", _i / (int)COUNT_OF(targets_here), *target, DRAWN);
	close_bed(&bed);
}
END_TEST

START_TEST(other_sizes_are_refused)
{
	static const char *const dims[] = {"n=2..4", "s=1..70"};
	struct erc_tensor_info info;
	struct bed bed;
	write_text(ranged_models[0].text);
	compile_on(targets_here, 1, dims, 2, 1, together);
	if (!open_bed(&bed, together, "cpu", NULL))
		return;
	OK(erc_model_input_info(bed.model, 0, 0, &info));
	ck_assert_int_eq(info.least_dims[0], 2);
	ck_assert_int_eq(info.dims[0], 4);
	ck_assert_int_eq(info.least_dims[2], 16);
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){1, 3, 16}), ERC_NOT_FOUND, "there are: 2..4x1..70x16");
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 71, 16}), ERC_NOT_FOUND, "takes 2x71x16");
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 3, 15}), ERC_NOT_FOUND, "takes 2x3x15");
	OK(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){3, 9, 16}));
	OK(erc_request_input_info(bed.request, 1, &info)); /* dims of one name are equal */
	ck_assert_int_eq(info.dims[0], 3);
	ck_assert_int_eq(info.dims[1], 9);
	close_bed(&bed);
}
END_TEST

static struct erc_room_profile profile_at(const struct bed *bed, int64_t n, int64_t s)
{
	struct erc_room_profile profile = {.size = sizeof profile};
	OK(erc_request_set_dims(bed->request, 0, 3, (int64_t[]){n, s, 16}));
	OK(erc_request_room_profile(bed->request, NULL, &profile));
	return profile;
}

START_TEST(predictions_follow_the_sizes)
{
	static const char *const dims[] = {"n=2..4", "s=1..70"};
	struct erc_room_profile of_model = {.size = sizeof of_model};
	struct bed bed;
	write_text(ranged_models[0].text);
	compile_on(targets_here, 1, dims, 2, 1, together);
	if (!open_bed(&bed, together, "cpu", NULL))
		return;
	OK(erc_model_room_profile(bed.model, 0, NULL, &of_model));
	uint64_t whole = profile_at(&bed, 4, 70).tile_ns, half = profile_at(&bed, 2, 70).tile_ns,
			 part = profile_at(&bed, 2, 7).tile_ns;
	ck_assert_uint_eq(whole, of_model.tile_ns);
	ck_assert_uint_lt(half, whole);
	ck_assert_uint_gt(half, whole / 4);
	ck_assert_uint_lt(part, half / 2);
	ck_assert_uint_eq(profile_at(&bed, 4, 70).tile_ns, whole);
	FAILS(erc_request_room_profile(bed.request, "none", &of_model), ERC_NOT_FOUND, "no budget 'none'");
	FAILS(erc_request_room_profile(NULL, NULL, &of_model), ERC_INVALID, "NULL");
	close_bed(&bed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ranges");
	TCase *tcase = tcase_create("ranges");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, predictions_follow_the_sizes);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, each_size_has_the_bits_of_its_own_artifact, 0,
	                    (int)(COUNT_OF(ranged_models) * COUNT_OF(targets_here)));
	tcase_add_test(tcase, other_sizes_are_refused);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
