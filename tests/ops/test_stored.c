/* Types of 8, 4 and 2 bits: every number of them, casts between all pairs of types, and packed elements at the border. */
#include "tests/ops/stored.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

static const enum erc_dtype others[] = {ERC_F32, ERC_F64, ERC_F16, ERC_BF16, ERC_I8,  ERC_U8,  ERC_I16,
                                        ERC_U16, ERC_I32, ERC_U32, ERC_I64,  ERC_U64, ERC_BOOL};

/* ---- numbers, as constant folding computes them ---- */

static union expr_value cast(enum erc_dtype from, enum erc_dtype to, union expr_value value, bool saturate,
                             enum rounding rounding)
{
	static struct expr expr; /* of the last call: the next one has mostly the same types */
	static int made_for[4];
	int wanted[] = {from, to, saturate, rounding};
	if (memcmp(made_for, wanted, sizeof wanted)) {
		memset(&expr, 0, sizeof expr);
		expr_cast_f8(&expr, expr_operand(&expr, 0, from), to, saturate, rounding);
		ck_assert(expr_can_evaluate(&expr));
		memcpy(made_for, wanted, sizeof wanted);
	}
	return expr_evaluate(&expr, &value);
}

START_TEST(every_code_has_its_number_and_back)
{
	int codes = 0;
	for (size_t k = 0; k < COUNT_OF(stored); k++)
		for (int code = 0; code < code_count(stored[k]); code++, codes++) {
			double number = code_value(stored[k], code);
			union expr_value wide = cast(stored[k], ERC_F32, (union expr_value){.i = code}, false, ROUND_UP);
			ck_assert_msg(isnan(number) ? isnan(wide.f) : wide.f == number && signbit(wide.f) == signbit(number),
			              "%s %#x is %g, found %g", dtype_name(stored[k]), code, number, wide.f);
			for (int rounding = ROUND_UP; rounding <= ROUND_NEAREST; rounding++) {
				union expr_value back = cast(ERC_F32, stored[k], wide, false, (enum rounding)rounding);
				ck_assert_msg(back.i == code || isnan(number), "%s %#x becomes %#llx", dtype_name(stored[k]), code,
				              (long long)back.i);
			}
		}
	printf("stored types: %d codes\n", codes);
	ck_assert_int_eq(codes, 5 * 256 + 3 * 16 + 2 * 4);
}
END_TEST

static int64_t compared;

/* Compares all forms of the cast of one number with the search. */
static void check_number(enum erc_dtype dtype, enum erc_dtype from, double x)
{
	for (int form = 0; form < (dtype == ERC_F8E8M0 ? 6 : 2); form++) {
		bool saturate = form % 2;
		enum rounding rounding = (enum rounding)(form / 2);
		int wanted = dtype == ERC_F8E8M0 ? wanted_power(x, saturate, rounding) : wanted_code(dtype, x, saturate);
		union expr_value found = cast(from, dtype, (union expr_value){.f = x}, saturate, rounding);
		ck_assert_msg(found.i == wanted, "%a (%s) to %s, saturate %d, rounding %d: %#llx, wanted %#x", x,
		              dtype_name(from), dtype_name(dtype), saturate, (int)rounding, (long long)found.i,
		              (unsigned)wanted);
		compared++;
	}
}

/* The numbers beside x that f32 and f64 have. */
static void check_around(enum erc_dtype dtype, double x)
{
	for (int negative = 0; negative < 2; negative++) {
		float near = (float)(negative ? -x : x);
		check_number(dtype, ERC_F32, near);
		check_number(dtype, ERC_F32, nextafterf(near, INFINITY));
		check_number(dtype, ERC_F32, nextafterf(near, -INFINITY));
		check_number(dtype, ERC_F64, nextafter(near, INFINITY));
		check_number(dtype, ERC_F64, nextafter(near, -INFINITY));
		check_number(dtype, ERC_F64, near * (1 + 0x1p-30));
		check_number(dtype, ERC_F64, near * (1 - 0x1p-30));
	}
}

START_TEST(numbers_are_rounded_as_the_standard_says)
{
	for (size_t k = 0; k < 6; k++) { /* the floats */
		enum erc_dtype dtype = stored[k];
		for (int code = 0; code + 1 < code_count(dtype); code++) {
			double low = code_value(dtype, code), high = code_value(dtype, code + 1);
			if (isfinite(low))
				check_around(dtype, fabs(low));
			if (isfinite(low) && isfinite(high))
				check_around(dtype, (fabs(low) + fabs(high)) / 2);
		}
		for (int bits = 0; bits < 1 << 16; bits++) { /* all numbers of f16 and bf16 */
			check_number(dtype, ERC_F32, f16_to_float((uint16_t)bits));
			check_number(dtype, ERC_F32, bf16_to_float((uint16_t)bits));
		}
		static const double ends[] = {464,      465,    248,      61440,          61441,
		                              5,        5.01,   7,        0x1.7fffffp127, 0x1.8p127,
		                              0x1p128,  1e300,  0x1p-127, 0x1p-128,       0x1.8p-127,
		                              0x1p-149, 1e-300, INFINITY};
		for (size_t i = 0; i < COUNT_OF(ends); i++)
			for (int negative = 0; negative < 2; negative++) {
				check_number(dtype, ERC_F64, negative ? -ends[i] : ends[i]);
				check_number(dtype, ERC_F32, (float)(negative ? -ends[i] : ends[i]));
			}
	}
	printf("stored types: %lld casts of numbers\n", (long long)compared);
	ck_assert_int_gt(compared, 1000000);
}
END_TEST

/* Integers that f32 would round to a power of two. Only those of f8e8m0 are so large. */
START_TEST(integers_are_rounded_once)
{
	ck_assert_int_eq(cast(ERC_I32, ERC_F8E8M0, (union expr_value){.i = (1 << 30) + 1}, true, ROUND_UP).i, 127 + 31);
	ck_assert_int_eq(cast(ERC_U32, ERC_F8E8M0, (union expr_value){.i = (1 << 30) + 1}, true, ROUND_DOWN).i, 127 + 30);
	for (int number = -300; number < 300; number++)
		for (size_t k = 0; k < 4; k++)
			ck_assert_int_eq(cast(ERC_I16, stored[k], (union expr_value){.i = number}, true, ROUND_UP).i,
			                 wanted_code(stored[k], number, true));
}
END_TEST

/* ---- kernels: all pairs of types ---- */

/* All codes, or numbers of all kinds; an odd count. */
static const struct tensor *numbers_of(enum erc_dtype dtype)
{
	static const double some[] = {0,    -0.0,    1,       -1,   0.5,  1.5,   2.5,      -2.5,      3,     6,
	                              7,    9,       15,      16,   17,   -8,    -9,       100,       127,   200,
	                              240,  448,     463,     465,  1000, -1000, 57344,    61000,     62000, 1e-3,
	                              1e-5, 0x1p-17, 0x1p-16, 1e-9, 3e9,  -3e9,  INFINITY, -INFINITY, NAN};
	int count = dtype_is_stored(dtype) ? code_count(dtype) + 1 : (int)COUNT_OF(some);
	char *data = arena_array(&test.ctx.arena, (size_t)count, sizeof(double));
	for (int i = 0; i < count; i++)
		if (dtype_is_stored(dtype))
			data[i] = (char)(i % code_count(dtype));
		else
			element_write(data, dtype, i, cast(ERC_F64, dtype, (union expr_value){.f = some[i]}, true, ROUND_UP));
	return tensor_new(&test.ctx.arena, dtype, &(struct shape){.rank = 1, .dims = {count}}, data);
}

static const struct tensor *cast_all(const struct tensor *x, enum erc_dtype to, bool saturate, enum rounding rounding)
{
	int64_t count = shape_elements(&x->shape);
	char *data = arena_array(&test.ctx.arena, (size_t)count, sizeof(double));
	for (int64_t i = 0; i < count; i++)
		element_write(data, to, i, cast(x->dtype, to, element_read(x->data, x->dtype, i), saturate, rounding));
	return tensor_new(&test.ctx.arena, to, &x->shape, data);
}

#define PARTS 4 /* tests that share the casts on a target, for the time limit of one */

/* Adds the cast if it belongs to the part that `turn` is in. */
static void add_cast(struct pairs *p, int *turn, const char *name, const struct tensor *x, enum erc_dtype to,
                     bool saturate, enum rounding rounding)
{
	static const char *const words[] = {"up", "down", "nearest"};
	if ((*turn)++ % PARTS)
		return;
	text_printf(&p->text, "y%d = Cast(%s) {to=%d, saturate=%d, round_mode=\"%s\"}\n", p->output_count, name, (int)to,
	            saturate, words[rounding]);
	add_output(p,
	           arena_printf(&test.ctx.arena, "%s to %s, saturate %d, %s", dtype_name(x->dtype), dtype_name(to),
	                        saturate, words[rounding]),
	           cast_all(x, to, saturate, rounding));
}

START_TEST(casts_of_all_pairs)
{
	struct pairs *p = begin(25);
	int turn = _i % PARTS;
	enum erc_dtype all[COUNT_OF(stored) + COUNT_OF(others)];
	memcpy(all, stored, sizeof stored);
	memcpy(all + COUNT_OF(stored), others, sizeof others);
	for (size_t k = 0; k < COUNT_OF(all); k++) {
		const struct tensor *x = numbers_of(all[k]);
		const char *name = add_input(p, x, NULL);
		bool is_stored = k < COUNT_OF(stored);
		for (size_t t = 0; t < (is_stored ? COUNT_OF(all) : COUNT_OF(stored)); t++)
			add_cast(p, &turn, name, x, all[t], true, ROUND_UP);
		for (size_t t = 0; t < 5 && (all[k] == ERC_F32 || all[k] == ERC_F64); t++)
			add_cast(p, &turn, name, x, stored[t], false, ROUND_NEAREST);
		if (all[k] == ERC_F32)
			add_cast(p, &turn, name, x, ERC_F8E8M0, true, ROUND_DOWN);
	}
	ck_assert_int_eq(check_on(p, "casts", targets[_i / PARTS], wrong_bits), 0);
}
END_TEST

/* ---- packed elements at the border ---- */

START_TEST(packed_elements_of_all_counts)
{
	struct pairs *p = begin(25);
	for (size_t k = 5; k < COUNT_OF(stored); k++)
		for (int count = 0; count < 14; count++) {
			uint8_t *data = arena_alloc(&test.ctx.arena, 16);
			for (int i = 0; i < count; i++)
				data[i] = packed_element(stored[k], i * 7 + count);
			struct shape shape = {.rank = count != 1, .dims = {count}}; /* one element is a scalar */
			const struct tensor *x = tensor_new(&test.ctx.arena, stored[k], &shape, data);
			const char *name = add_input(p, x, NULL);
			text_printf(&p->text, "const c%d:%s%s = {", p->output_count, dtype_name(stored[k]),
			            shape_text(&test.ctx.arena, &shape));
			for (int i = 0; i < count; i++)
				text_printf(&p->text, "%s%d", i ? ", " : "", (int)tensor_int(x, i));
			text_printf(&p->text, "}\n");
			const char *constant = arena_printf(&test.ctx.arena, "c%d", p->output_count);
			for (int form = 0; form < 3; form++) {
				text_printf(&p->text, "y%d = Identity(%s)\n", p->output_count, form == 1 ? constant : name);
				add_output(p, arena_printf(&test.ctx.arena, "%d of %s", count, dtype_name(stored[k])), x);
			}
		}
	ck_assert_int_eq(check_on(p, "packed elements", targets[_i], wrong_bits), 0);
}
END_TEST

/* The default of an input that was kept has the form in which callers bind it. */
START_TEST(defaults_of_packed_inputs)
{
	static const uint8_t raw[] = {0x21, 0xf3, 0x0a};
	struct arena *arena = &test.ctx.arena;
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = targets,
	                               .target_count = 1,
	                               .keep_inputs = (const char *const[]){"w"},
	                               .keep_input_count = 1};
	struct erc_tensor_info info;
	erc_runtime *runtime;
	erc_model *loaded;
	onnx_model *model = build_model(arena, 13, 25);
	build_input(arena, model->graph, build_info(arena, "w", ERC_I4, 1, (int64_t[]){5}, NULL));
	build_initializer(arena, model->graph, build_tensor(arena, "w", ERC_I4, 1, (int64_t[]){5}, raw, sizeof raw));
	build_node(arena, model->graph, "Cast", "n", "w", "y");
	build_int(arena, model->graph->node[0], "to", ERC_I8);
	build_output(arena, model->graph, build_info(arena, "y", ERC_I8, 1, (int64_t[]){5}, NULL));
	write_model_file(model_path, model);
	ck_assert_msg(ercc_compile(model_path, artifact_path, &options) == ERCC_OK, "%s", test.errors);
	ck_assert_int_eq(erc_runtime_create(NULL, &runtime), ERC_OK);
	ck_assert_int_eq(erc_model_load(runtime, artifact_path, NULL, &loaded), ERC_OK);
	ck_assert_int_eq(erc_model_input_info(loaded, 0, 0, &info), ERC_OK);
	ck_assert_uint_eq(info.bytes, sizeof raw);
	ck_assert_mem_eq(info.default_value, raw, sizeof raw);
	ck_assert_int_eq(erc_model_unload(loaded), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
}
END_TEST

int main(void)
{
	TCase *all = tcase_create("stored");
	tcase_add_test(all, every_code_has_its_number_and_back);
	tcase_add_test(all, numbers_are_rounded_as_the_standard_says);
	tcase_add_test(all, integers_are_rounded_once);
	tcase_add_test(all, defaults_of_packed_inputs);
	tcase_add_loop_test(all, casts_of_all_pairs, 0, PARTS * COUNT_OF(targets));
	tcase_add_loop_test(all, packed_elements_of_all_counts, 0, COUNT_OF(targets));
	return run_in_folder(suite_create("stored"), all);
}
