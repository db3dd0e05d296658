/* Attention as exporters write it, compiled and compared with its definition in double: sizes that do not fill vectors
 * and blocks, all kinds of masks, keys in several parts; on both targets, and the same bits for every tile shape. */
#include "tests/ops/compute.h"

/* From CAUSAL on the mask is constant: query i sees the keys up to number i + AHEAD. */
enum mask { NONE, ADDED_TO_KEYS, ADDED_TO_SCORES, SEEN_KEYS, SEEN_SCORES, HIDDEN_SCORES, CAUSAL, CAUSAL_ADDED };
#define AHEAD 7

static const struct attention {
	int batch, heads, queries, keys, size, v_size;
	enum mask mask;
} cases[] = {
	{1, 2, 32, 96, 64, 64, NONE},
	{2, 3, 5, 7, 4, 6, ADDED_TO_KEYS},
	{1, 1, 1, 1, 1, 1, NONE},
	{1, 2, 33, 50, 20, 36, ADDED_TO_SCORES},
	{2, 2, 17, 49, 16, 16, SEEN_KEYS},
	{1, 4, 40, 13, 8, 24, SEEN_SCORES},
	{1, 2, 19, 97, 33, 17, HIDDEN_SCORES},
	{1, 1, 3, 1700, 64, 40, ADDED_TO_KEYS},
	{1, 2, 18, 300, 200, 210, SEEN_SCORES},
	{2, 1, 2, 4, 130, 3, NONE},
	{1, 2, 75, 82, 12, 20, CAUSAL},
	{2, 1, 50, 33, 16, 8, CAUSAL_ADDED},
	{1, 1, 21, 1700, 64, 64, CAUSAL},
};
static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4"};

/* Prints the graph: q, k, v are [batch, length, heads * size], and Reshape and Transpose split the heads. With hidden
 * scores v is [batch, heads, size, length]. */
static void write_text(const struct attention *c, char *text, size_t size)
{
	static const char *const masked[] = {
		/* every form has the scale 1/16 */
		"s = MatMul(qh, kh) \"scores\"\nt = Div(s, large) \"scale\"\n",
		"s = MatMul(qh, kh) \"scores\"\nr = Div(s, large) \"scale\"\nt = Add(r, m) \"mask\"\n",
		"s = MatMul(qh, kh) \"scores\"\nr = Mul(small, s) \"scale\"\nt = Add(m, r) \"mask\"\n",
		"b = Less(m, zero) \"less\"\ns = MatMul(qh, kh) \"scores\"\nr = Div(s, large) \"scale\"\nt = Where(b, r, "
		"low) \"mask\"\n",
		"b = Less(m, zero) \"less\"\nr = Mul(qh, small) \"scale\"\ns = MatMul(r, kh) \"scores\"\nt = Where(b, s, "
		"low) \"mask\"\n",
		"b = Less(m, zero) \"less\"\nr = Div(qh, large) \"scale\"\ns = MatMul(r, kh) \"scores\"\nt = Where(b, low, "
		"s) \"mask\"\n",
		"r = Div(qh, large) \"scale\"\ns = MatMul(r, kh) \"scores\"\nt = Where(seen, s, lowest) \"mask\"\n",
		"a = Where(seen, zero, lowest) \"mask\"\ns = MatMul(qh, kh) \"scores\"\nr = Div(s, large) \"scale\"\nt = "
		"Add(r, a) \"add\"\n",
	};
	char mask[256] = "";
	if (c->mask == ADDED_TO_KEYS || c->mask == SEEN_KEYS)
		snprintf(mask, sizeof mask, "input m:f32[%dx1x1x%d]\n", c->batch, c->keys);
	else if (c->mask >= CAUSAL)
		snprintf(mask, sizeof mask,
		         "const ones:bool[%dx%d] = splat{1}\nconst lowest:f32[] = {-3.4028235e38}\nconst ahead:i64[] = "
		         "{%d}\n"
		         "seen = Trilu(ones, ahead) {upper=0} \"seen\"\n",
		         c->queries, c->keys, AHEAD);
	else if (c->mask)
		snprintf(mask, sizeof mask, "input m:f32[%dx%d]\n", c->queries, c->keys);
	char values[128];
	if (c->mask == HIDDEN_SCORES)
		snprintf(values, sizeof values, "input v:f32[%dx%dx%dx%d]\nvh = Transpose(v) {perm=[0, 1, 3, 2]} \"vh\"\n",
		         c->batch, c->heads, c->v_size, c->keys);
	else
		snprintf(values, sizeof values,
		         "input v:f32[%dx%dx%d]\nv4 = Reshape(v, split) \"v4\"\nvh = Transpose(v4) {perm=[0, 2, 1, 3]} "
		         "\"vh\"\n",
		         c->batch, c->keys, c->heads * c->v_size);
	int n = snprintf(text, size,
	                 "const large:f32[] = {16}\nconst small:f32[] = {0.0625}\nconst zero:f32[] = {0}\nconst low:f32[] "
	                 "= {-1000}\n"
	                 "const split:i64[4] = {0, 0, %d, -1}\nconst join:i64[3] = {0, 0, -1}\n"
	                 "input q:f32[%dx%dx%d]\ninput k:f32[%dx%dx%d]\n%s%s"
	                 "q4 = Reshape(q, split) \"q4\"\nk4 = Reshape(k, split) \"k4\"\n"
	                 "qh = Transpose(q4) {perm=[0, 2, 1, 3]} \"qh\"\nkh = Transpose(k4) {perm=[0, 2, 3, 1]} \"kh\"\n%s"
	                 "w = Softmax(t) {axis=-1} \"softmax\"\no = MatMul(w, vh) \"values\"\n"
	                 "oh = Transpose(o) {perm=[0, 2, 1, 3]} \"oh\"\ny = Reshape(oh, join) \"y\"\noutput y\n",
	                 c->heads, c->batch, c->queries, c->heads * c->size, c->batch, c->keys, c->heads * c->size, values,
	                 mask, masked[c->mask]);
	ck_assert_int_lt(n, (int)size);
}

static double score(const struct attention *c, float *const *in, int b, int h, int i, int j)
{
	double sum = 0;
	for (int d = 0; d < c->size; d++)
		sum += (double)in[0][((b * c->queries + i) * c->heads + h) * c->size + d] *
		       (double)in[1][((b * c->keys + j) * c->heads + h) * c->size + d];
	sum /= 16;
	if (c->mask == NONE || (c->mask >= CAUSAL && j <= i + AHEAD))
		return sum;
	if (c->mask >= CAUSAL)
		return -INFINITY;
	bool by_key = c->mask == ADDED_TO_KEYS || c->mask == SEEN_KEYS;
	double m = (double)in[3][by_key ? b * c->keys + j : i * c->keys + j];
	if (c->mask == ADDED_TO_KEYS || c->mask == ADDED_TO_SCORES)
		return sum + m;
	return (m < 0) == (c->mask != HIDDEN_SCORES) ? sum : -1000;
}

static double *attend(const struct attention *c, float *const *in)
{
	double *out = calloc((size_t)(c->batch * c->queries * c->heads * c->v_size), sizeof *out);
	double *e = calloc((size_t)c->keys, sizeof *e);
	for (int n = 0; n < c->batch * c->heads * c->queries; n++) {
		int i = n % c->queries, h = n / c->queries % c->heads, b = n / c->queries / c->heads;
		double top = -INFINITY, sum = 0, *row = out + ((b * c->queries + i) * c->heads + h) * c->v_size;
		for (int j = 0; j < c->keys; j++)
			top = fmax(top, e[j] = score(c, in, b, h, i, j));
		for (int j = 0; j < c->keys; j++)
			sum += e[j] = exp(e[j] - top);
		for (int j = 0; j < c->keys; j++)
			for (int d = 0; d < c->v_size; d++) {
				int flat = ((b * c->keys + j) * c->heads + h) * c->v_size + d;
				int transposed = ((b * c->heads + h) * c->v_size + d) * c->keys + j;
				row[d] += e[j] / sum * (double)in[2][c->mask == HIDDEN_SCORES ? transposed : flat];
			}
	}
	free(e);
	return out;
}

static void free_all(float **in, float *out)
{
	for (int i = 0; i < INPUTS_MAX; i++)
		free(in[i]);
	free(out);
}

START_TEST(attention_of_all_sizes_and_masks)
{
	const struct attention *c = &cases[_i / 2];
	const char *target = targets[_i % 2];
	int lanes = _i % 2 ? 16 : 8, least = 4 * lanes * (c->size + c->v_size + 48);
	char text[2048], small[64];
	float *in[INPUTS_MAX] = {0}, *again[INPUTS_MAX] = {0};
	size_t count, same;
	if (_i % 2 && !__builtin_cpu_supports("avx512vl")) {
		printf("skipped: attention, case %d on %s: this machine does not run it\n", _i / 2, target);
		return;
	}
	/* the smallest tile is one vector of queries */
	snprintf(small, sizeof small, "name=small,units=1,local=%d", least);
	const char *const budgets[] = {"full", small};
	write_text(c, text, sizeof text);
	compile_text(text, target, budgets, 2);
	float *out = run_compiled("full", in, &count), *other = run_compiled("small", again, &same);
	double *want = attend(c, in);
	ck_assert_uint_eq(count, (size_t)(c->batch * c->queries * c->heads * c->v_size));
	assert_all_close(target, out, want, count);
	ck_assert_msg(count == same && !memcmp(out, other, count * sizeof *out), "%s: another tile shape, other bits",
	              target);
	free_all(in, out);
	free_all(again, other);
	free(want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attention");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, attention_of_all_sizes_and_masks, 0, 2 * (int)COUNT_OF(cases));
	return run_in_folder(suite, all);
}
