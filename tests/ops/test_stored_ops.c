/* Operators on types of 8, 4 and 2 bits. Every row that moves elements does with them what it does with u8; QuantizeLinear
 * and DequantizeLinear give what their formulas say. */
#include "schemas/artifact.h"
#include "tests/ops/examples.h"
#include "tests/ops/stored.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

/* ---- moving: an example's f32 replaced by a stored type, or by u8 with the same elements ---- */

static char *with_dtype(const char *text, const char *dtype)
{
	struct text out = {.arena = &test.ctx.arena};
	text_printf(&out, " ");
	for (const char *at = text, *next; *at; at = next) {
		bool found = !strncmp(at, "f32[", 4);
		next = at + (found ? 3 : 1);
		text_printf(&out, "%.*s", found ? (int)strlen(dtype) : 1, found ? dtype : at);
	}
	return (char *)(uintptr_t)out.data + 1;
}

static bool compiles(const char *text)
{
	struct graph *graph;
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = (const char *const[]){targets[0]},
	                               .target_count = 1};
	forget_messages();
	if (graph_parse(&test.ctx, text, &graph) != ERCC_OK)
		return false;
	write_model(model_path, text);
	return ercc_compile(model_path, artifact_path, &options) == ERCC_OK;
}

/* Runs what was compiled. Inputs of the moved dtype get the same elements in both forms. */
static int run_example(const char *text, enum erc_dtype moved, enum erc_dtype as, struct output *outputs)
{
	struct graph *graph;
	const struct tensor *inputs[8];
	assert_ok(graph_parse(&test.ctx, text, &graph));
	for (size_t i = 0; i < graph->input_count; i++) {
		const struct value *in = graph->inputs[i];
		uint8_t *data = arena_alloc(&test.ctx.arena, (size_t)shape_elements(&in->shape) * 8 + 1);
		for (int64_t k = 0; in->dtype == as && k < shape_elements(&in->shape); k++)
			data[k] = (uint8_t)(k * 37 + 11) % (uint8_t)(dtype_packing(moved) == 1 ? 255 : code_count(moved));
		inputs[i] = tensor_new(&test.ctx.arena, in->dtype, &in->shape, data);
	}
	ck_assert(run_on(inputs, (int)graph->input_count, outputs, (int)graph->output_count));
	return (int)graph->output_count;
}

static int moved_outputs, moved_rows;

/* Compares the example with its u8 form. Returns false if one of them does not compile. */
static bool check_example(const struct example *example, enum erc_dtype dtype)
{
	struct output as_bytes[8], outputs[8];
	char *bytes = with_dtype(example->text, "u8"), *text = with_dtype(example->text, dtype_name(dtype));
	if (!compiles(bytes))
		return false;
	int count = run_example(bytes, dtype, ERC_U8, as_bytes);
	bool known = compiles(text);
	if (known)
		run_example(text, dtype, dtype, outputs);
	for (int i = 0; i < count; i++) {
		bool same = !known || (outputs[i].used == as_bytes[i].used &&
		                       !memcmp(outputs[i].data, as_bytes[i].data, outputs[i].used));
		ck_assert_msg(same, "%s@%d of %s: output %d differs", example->op, example->opset, dtype_name(dtype), i);
		free(as_bytes[i].data);
		if (known)
			free(outputs[i].data);
		moved_outputs += known;
	}
	return known;
}

START_TEST(rows_that_move_elements)
{
	enum erc_dtype dtype = stored[_i];
	moved_rows = moved_outputs = 0;
	for (int i = 0; i < example_count; i++) {
		const struct op *row = example_row(&examples[i]);
		if (!(row->types >> dtype & 1) || !strcmp(row->name, "Cast") || !strcmp(row->name, "CastLike") ||
		    !strcmp(row->name, "DequantizeLinear") || !strcmp(row->name, "BitCast"))
			continue;
		moved_rows += check_example(&examples[i], dtype);
	}
	printf("stored types: %s moved by %d examples, %d outputs\n", dtype_name(dtype), moved_rows, moved_outputs);
	ck_assert_int_gt(moved_rows, 25);
}
END_TEST

/* ---- quantisation ---- */

static const enum erc_dtype quantised[] = {ERC_U8,         ERC_I8,     ERC_U16,       ERC_I16,    ERC_U4,
                                           ERC_I4,         ERC_U2,     ERC_I2,        ERC_F4E2M1, ERC_F8E4M3FN,
                                           ERC_F8E4M3FNUZ, ERC_F8E5M2, ERC_F8E5M2FNUZ};
#define ROWS 3
#define COLUMNS 5

static const double scales[] = {0.25, 1.5, 3, 0.7, 2, 0.3};

static bool is_float_code(enum erc_dtype dtype)
{
	return dtype_is_stored(dtype) && dtype != ERC_U4 && dtype != ERC_I4 && dtype != ERC_U2 && dtype != ERC_I2;
}

static double round_to(enum erc_dtype dtype, double x)
{
	struct expr expr = {0};
	expr_cast(&expr, expr_cast(&expr, expr_operand(&expr, 0, ERC_F32), dtype), ERC_F32);
	return dtype == ERC_F32 ? (float)x : expr_evaluate(&expr, &(union expr_value){.f = (float)x}).f;
}

static const struct tensor *tensor_of(enum erc_dtype dtype, const struct shape *shape, const double *numbers)
{
	int64_t count = shape_elements(shape);
	char *data = arena_array(&test.ctx.arena, (size_t)count, 8);
	for (int64_t i = 0; i < count; i++) {
		struct expr expr = {0};
		bool code = is_float_code(dtype);
		int number = code ? wanted_code(dtype, numbers[i], true) : (int)numbers[i];
		expr_cast(&expr, expr_operand(&expr, 0, ERC_F32), dtype);
		if (dtype_is_float(dtype))
			element_write(data, dtype, i, expr_evaluate(&expr, &(union expr_value){.f = (float)numbers[i]}));
		else
			element_write(data, dtype, i,
			              (union expr_value){.i = dtype_packing(dtype) > 1 && !code ? packed_element(dtype, number)
			                                                                        : number});
	}
	return tensor_new(&test.ctx.arena, dtype, shape, data);
}

/* The number of an element. */
static double number_at(const struct tensor *tensor, int64_t i)
{
	if (is_float_code(tensor->dtype))
		return code_value(tensor->dtype, (int)tensor_int(tensor, i));
	return dtype_is_float(tensor->dtype) ? tensor_float(tensor, i) : (double)tensor_int(tensor, i);
}

/* zero NULL: no zero point. One of 0 leaves -0 as it is in f8. */
static double quantise(enum erc_dtype dtype, enum erc_dtype precision, double x, double scale, const double *zero)
{
	static const int bits[ERC_DTYPE_COUNT] = {[ERC_U8] = 8, [ERC_I8] = 8, [ERC_U16] = 16, [ERC_I16] = 16,
	                                          [ERC_U4] = 4, [ERC_I4] = 4, [ERC_U2] = 2,   [ERC_I2] = 2};
	double q = round_to(precision, round_to(precision, x) / round_to(precision, scale));
	if (is_float_code(dtype))
		return !zero || (*zero == 0 && dtype != ERC_F4E2M1) ? q : (float)(q + *zero);
	bool is_signed = dtype == ERC_I8 || dtype == ERC_I16 || dtype == ERC_I4 || dtype == ERC_I2;
	double low = is_signed ? -pow(2, bits[dtype] - 1) : 0, high = low + pow(2, bits[dtype]) - 1;
	return fmin(fmax(nearbyint(q) + (zero ? *zero : 0), low), high);
}

/* How scales lie over x [3x5]: one, one for each column, for each two columns, for each three rows. */
static const struct form {
	struct shape shape;
	const char *attrs;
	int block;
} forms[] = {
	{{.rank = 0}, "axis=1", 0},
	{{.rank = 1, .dims = {COLUMNS}}, "axis=-1", 1},
	{{.rank = 2, .dims = {ROWS, 3}}, "axis=1, block_size=2", 2},
	{{.rank = 2, .dims = {1, COLUMNS}}, "axis=-2, block_size=3", ROWS},
};

static int scale_index(const struct form *form, int i)
{
	int column = i % COLUMNS;
	return form->block == 0 ? 0 : form->block == 2 ? i / COLUMNS * 3 + column / 2 : column;
}

/* Adds both operators of one dtype, form and precision. */
static void add_quantised(struct pairs *p, enum erc_dtype dtype, const struct form *form, enum erc_dtype real,
                          bool has_zero)
{
	static const double xs[] = {0, -0.0, 1, -1, 0.5, 2.5, -2.6, 7.7, 9, -100, 300, 1e5, -1e5, 1e-3, 0.124};
	double all_scales[15], zeros[15], wanted[15], back[15];
	struct shape shape = {.rank = 2, .dims = {ROWS, COLUMNS}};
	for (int i = 0; i < 15; i++) {
		all_scales[i] = scales[i % 6] * (1 + i / 6);
		zeros[i] = dtype == ERC_I4 || dtype == ERC_I8 ? -(i % 3) : i % 2;
	}
	const struct tensor *x = tensor_of(real, &shape, xs), *scale = tensor_of(real, &form->shape, all_scales);
	const struct tensor *zero = tensor_of(dtype, &form->shape, zeros);
	const char *name = add_input(p, x, NULL), *scale_name = add_input(p, scale, NULL),
			   *zero_name = has_zero ? add_input(p, zero, NULL) : "";
	for (int i = 0; i < 15; i++) {
		int at = scale_index(form, i);
		double z = number_at(zero, at);
		wanted[i] = quantise(dtype, real, number_at(x, i), number_at(scale, at), has_zero ? &z : NULL);
	}
	const struct tensor *codes = tensor_of(dtype, &shape, wanted);
	text_printf(&p->text, "y%d = QuantizeLinear(%s, %s%s%s) {%s, output_dtype=%d}\n", p->output_count, name, scale_name,
	            has_zero ? ", " : "", zero_name, form->attrs, (int)dtype);
	add_output(p, arena_printf(&test.ctx.arena, "quantised %s %s", dtype_name(dtype), dtype_name(real)), codes);
	const char *coded = add_input(p, codes, NULL);
	for (int i = 0; i < 15; i++) {
		int at = scale_index(form, i);
		back[i] = (float)((number_at(codes, i) - (has_zero ? number_at(zero, at) : 0)) * number_at(scale, at));
	}
	text_printf(&p->text, "y%d = DequantizeLinear(%s, %s%s%s) {%s}\n", p->output_count, coded, scale_name,
	            has_zero ? ", " : "", zero_name, form->attrs);
	add_output(p, arena_printf(&test.ctx.arena, "dequantised %s %s", dtype_name(dtype), dtype_name(real)),
	           tensor_of(real, &shape, back));
}

START_TEST(quantisation_of_all_types)
{
	static const enum erc_dtype reals[] = {ERC_F32, ERC_F16, ERC_BF16};
	struct pairs *p = begin(25);
	for (size_t k = 0; k < COUNT_OF(quantised); k++)
		for (size_t f = 0; f < COUNT_OF(forms); f++)
			for (int zero = 0; zero < 2; zero++)
				add_quantised(p, quantised[k], &forms[f], reals[(k + f) % 3], zero);
	ck_assert_int_eq(check_on(p, "quantisation", targets[_i], wrong_bits), 0);
}
END_TEST

/* ---- 4-bit weights stay 4-bit in the artifact, and small ones are folded ---- */

/* Compiles and runs the product of 300 ones and weights of 3 / 2. Returns the bytes of the artifact's weights. */
static uint64_t weights_bytes(const char *dtype, int columns)
{
	double ones[300], wanted = 450;
	struct output output;
	erc_artifact *artifact;
	char text[300];
	for (size_t i = 0; i < COUNT_OF(ones); i++)
		ones[i] = 1;
	snprintf(text, sizeof text,
	         "graph \"g\" opset=25\ninput x:f32[1x300]\nconst w:%s[300x%d] = splat {3}\nconst s:f32[] = {0.5}\n"
	         "d = DequantizeLinear(w, s)\ny = MatMul(x, d)\noutput y\n",
	         dtype, columns);
	ck_assert_msg(compiles(text), "%s", test.errors);
	const struct tensor *x = tensor_of(ERC_F32, &(struct shape){.rank = 2, .dims = {1, 300}}, ones);
	ck_assert(run_on(&x, 1, &output, 1));
	for (size_t i = 0; i < output.bytes / sizeof(float); i++)
		ck_assert_double_eq((double)((float *)output.data)[i], wanted);
	free(output.data);
	uint64_t bytes = 0;
	ck_assert_int_eq(erc_artifact_open(artifact_path, &artifact), ERC_OK);
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_SECTIONS); i++) {
		const struct erca_section *section = erc_artifact_record(artifact, ERC_TABLE_SECTIONS, i);
		bytes += section->type == ERCA_SECTION_WEIGHTS ? section->bytes : 0;
	}
	erc_artifact_close(artifact);
	return bytes;
}

START_TEST(large_packed_weights_stay_packed)
{
	uint64_t four = weights_bytes("i4", 300), two = weights_bytes("u2", 300), small = weights_bytes("i4", 100);
	printf("stored types: 90,000 weights of 4 bits are %llu bytes, of 2 bits %llu; 30,000 folded ones %llu\n",
	       (unsigned long long)four, (unsigned long long)two, (unsigned long long)small);
	ck_assert_uint_lt(four, 90000 / 2 + 500);
	ck_assert_uint_lt(two, 90000 / 4 + 500);
	ck_assert_uint_gt(small, 30000 * 4);
}
END_TEST

int main(void)
{
	load_examples();
	TCase *all = tcase_create("stored operators");
	tcase_add_loop_test(all, rows_that_move_elements, 0, COUNT_OF(stored));
	tcase_add_test(all, large_packed_weights_stay_packed);
	tcase_add_loop_test(all, quantisation_of_all_types, 0, COUNT_OF(targets));
	return run_in_folder(suite_create("stored operators"), all);
}
