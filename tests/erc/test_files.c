/* Tensor files and comparisons of the command: files written by NumPy and the onnx package are read back, and
 * truncated at every length; limits of the comparison. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/erc/command.h"
#include "tests/erc/files_data.h"
#include "tests/suite.h"

#define BYTES(name) name, sizeof name - 1

START_TEST(npy_fortran_order_becomes_row_major)
{
	struct array array;
	ck_assert_ptr_null(npy_parse(BYTES(npy_fortran), &array));
	ck_assert_int_eq(array.dtype, ERC_F32);
	ck_assert_uint_eq(array.rank, 2);
	ck_assert_int_eq(array.dims[0], 2);
	ck_assert_int_eq(array.dims[1], 3);
	for (size_t i = 0; i < 6; i++)
		ck_assert_double_eq(array_get(&array, i), (double)i - 2.5);
	array_free(&array);
}
END_TEST

START_TEST(npy_versions_ranks_and_types)
{
	struct array array;
	ck_assert_ptr_null(npy_parse(BYTES(npy_v2), &array));
	ck_assert_int_eq(array.dtype, ERC_F64);
	ck_assert_double_eq(array_get(&array, 2), -0.5);
	array_free(&array);
	ck_assert_ptr_null(npy_parse(BYTES(npy_scalar), &array));
	ck_assert_uint_eq(array.rank, 0);
	ck_assert_uint_eq(array.count, 1);
	ck_assert_double_eq(array_get(&array, 0), 7);
	array_free(&array);
	ck_assert_ptr_null(npy_parse(BYTES(npy_bool), &array));
	ck_assert_int_eq(array.dtype, ERC_BOOL);
	ck_assert_double_eq(array_get(&array, 0), 1);
	ck_assert_double_eq(array_get(&array, 1), 0);
	array_free(&array);
	ck_assert_ptr_nonnull(strstr(npy_parse(BYTES(npy_big_endian), &array), "big-endian"));
}
END_TEST

START_TEST(npy_written_is_read_back)
{
	char path[] = "/tmp/erc_test_XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	static const enum erc_dtype types[] = {ERC_F32, ERC_F64, ERC_F16, ERC_I8, ERC_I64, ERC_U8, ERC_BOOL, ERC_C64};
	static const int64_t dims[] = {3, 1, 4};
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		for (uint32_t rank = 0; rank <= 3; rank++) {
			struct array written, read;
			ck_assert(array_new(&written, types[i], rank, dims));
			array_fill_random(&written, i + 1);
			ck_assert_ptr_null(npy_write(path, &written));
			ck_assert_ptr_null(npy_read(path, &read));
			ck_assert_int_eq(read.dtype, written.dtype);
			ck_assert_uint_eq(read.rank, rank);
			ck_assert_mem_eq(read.dims, written.dims, sizeof read.dims);
			ck_assert_uint_eq(read.bytes, written.bytes);
			ck_assert_mem_eq(read.data, written.data, read.bytes);
			array_free(&written);
			array_free(&read);
		}
	}
	unlink(path);
}
END_TEST

START_TEST(pb_typed_and_raw_data)
{
	struct array array;
	ck_assert_ptr_null(pb_parse(BYTES(pb_i64), &array));
	ck_assert_int_eq(array.dtype, ERC_I64);
	ck_assert_double_eq(array_get(&array, 1), -2);
	ck_assert_double_eq(array_get(&array, 3), (double)((int64_t)1 << 40));
	array_free(&array);
	ck_assert_ptr_null(pb_parse(BYTES(pb_f16), &array));
	ck_assert_double_eq(array_get(&array, 0), 1.0);
	ck_assert_double_eq(array_get(&array, 1), -0.5);
	ck_assert_double_eq(array_get(&array, 2), 0x1p-24); /* the smallest denormal */
	array_free(&array);
	ck_assert_ptr_null(pb_parse(BYTES(pb_f32), &array));
	ck_assert_double_eq(array_get(&array, 1), -2.25);
	array_free(&array);
	ck_assert_ptr_null(pb_parse(BYTES(pb_bool_raw), &array));
	ck_assert_int_eq(array.dtype, ERC_BOOL);
	ck_assert_uint_eq(array.rank, 2);
	ck_assert_double_eq(array_get(&array, 2), 1);
	array_free(&array);
}
END_TEST

typedef const char *(*parse_fn)(const void *data, size_t bytes, struct array *out);

/* Every truncation is rejected. It is read from a block of exactly its size, so that a sanitizer notices a read
 * beyond it. */
static void refuse_truncations(parse_fn parse, const unsigned char *data, size_t bytes)
{
	for (size_t length = 0; length < bytes; length++) {
		unsigned char *copy = malloc(length ? length : 1);
		struct array array;
		memcpy(copy, data, length);
		ck_assert_msg(parse(copy, length, &array) != NULL, "length %zu of %zu was accepted", length, bytes);
		free(copy);
	}
}

/* No flipped bit may cause a crash, or an array whose size differs from its dims. */
static void survive_flips(parse_fn parse, const unsigned char *data, size_t bytes)
{
	unsigned char *copy = malloc(bytes);
	for (size_t bit = 0; bit < bytes * 8; bit++) {
		struct array array;
		memcpy(copy, data, bytes);
		copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
		if (parse(copy, bytes, &array))
			continue;
		size_t count = 1;
		for (uint32_t i = 0; i < array.rank; i++)
			count *= (size_t)array.dims[i];
		ck_assert_uint_eq(array.bytes, (count * erc_dtype_bits(array.dtype) + 7) / 8);
		array_free(&array);
	}
	free(copy);
}

/* i4 [3] raw, u2 [5] and f8e5m2 [3] as int32_data: the field, two or three numbers of it, dims and type. BYTES leaves out the last 0. */
static const unsigned char pb_i4_raw[] = {8, 3, 0x10, 22, 0x4a, 2, 0x8f, 0x07, 0};
static const unsigned char pb_u2[] = {8, 5, 0x10, 25, 0x2a, 3, 0xe4, 1, 3, 0};
static const unsigned char pb_e5m2[] = {8, 3, 0x10, 19, 0x2a, 4, 0x3c, 0xbc, 1, 0x7c, 0};
static const unsigned char pb_u2_long[] = {8, 5, 0x10, 25, 0x2a, 5, 0, 1, 2, 3, 3, 0};

static void read_numbers(const unsigned char *data, size_t bytes, const double *wanted, size_t count)
{
	struct array array;
	const char *wrong = pb_parse(data, bytes, &array);
	ck_assert_msg(!wrong, "%s", wrong);
	ck_assert_uint_eq(array.count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_double_eq(array_get(&array, i), wanted[i]);
	array_free(&array);
}

START_TEST(packed_and_small_types_are_read)
{
	struct array array;
	read_numbers(BYTES(pb_i4_raw), (const double[]){-1, -8, 7}, 3);
	read_numbers(BYTES(pb_u2), (const double[]){0, 1, 2, 3, 3}, 5);
	read_numbers(BYTES(pb_e5m2), (const double[]){1, -1, (double)INFINITY}, 3);
	ck_assert_ptr_nonnull(pb_parse(BYTES(pb_u2_long), &array));
	refuse_truncations(pb_parse, BYTES(pb_i4_raw));
	survive_flips(pb_parse, BYTES(pb_i4_raw));
	survive_flips(pb_parse, BYTES(pb_u2));
}
END_TEST

/* Random elements are finite, the bits behind them are 0, and comparison looks at single elements. */
START_TEST(arrays_of_packed_and_small_types)
{
	const int64_t dims[] = {3, 7};
	for (int dtype = ERC_F8E4M3FN; dtype <= ERC_I2; dtype++) {
		struct array a, b;
		ck_assert(array_new(&a, (enum erc_dtype)dtype, 2, dims) && array_new(&b, (enum erc_dtype)dtype, 2, dims));
		ck_assert_uint_eq(a.bytes, (21 * erc_dtype_bits(a.dtype) + 7) / 8);
		array_fill_random(&a, 1);
		array_fill_random(&b, 1);
		for (size_t i = 0; i < a.count; i++)
			ck_assert(isfinite(array_get(&a, i)));
		ck_assert(array_compare(&a, &b, 0, 0).equal);
		((uint8_t *)b.data)[b.bytes - 1] ^= 1;
		struct comparison result = array_compare(&a, &b, 10, 10);
		ck_assert(!result.equal && result.outside == 1);
		ck_assert_uint_ge(result.worst, 20 / (8 / erc_dtype_bits(a.dtype)) * (8 / erc_dtype_bits(a.dtype)));
		ck_assert_ptr_nonnull(npy_write("/dev/null", &a));
		array_free(&a);
		array_free(&b);
	}
}
END_TEST

START_TEST(damaged_files_are_refused)
{
	refuse_truncations(npy_parse, BYTES(npy_fortran));
	refuse_truncations(npy_parse, BYTES(npy_v2));
	refuse_truncations(pb_parse, BYTES(pb_i64) - 3); /* the name is the last field and may be missing */
	refuse_truncations(pb_parse, BYTES(pb_f32) - 3);
	survive_flips(npy_parse, BYTES(npy_fortran));
	survive_flips(npy_parse, BYTES(npy_v2));
	survive_flips(pb_parse, BYTES(pb_i64));
	survive_flips(pb_parse, BYTES(pb_f16));
	survive_flips(pb_parse, BYTES(pb_bool_raw));
}
END_TEST

static struct comparison compare(const float *actual, const float *expected, int64_t count, double rtol, double atol)
{
	struct array a, e;
	ck_assert(array_new(&a, ERC_F32, 1, &count));
	ck_assert(array_new(&e, ERC_F32, 1, &count));
	memcpy(a.data, actual, a.bytes);
	memcpy(e.data, expected, e.bytes);
	struct comparison result = array_compare(&a, &e, rtol, atol);
	array_free(&a);
	array_free(&e);
	return result;
}

START_TEST(comparison_limits)
{
	const float one[] = {1, 2, 100}, near[] = {1, 2, 100.05f}, far[] = {1, 2, 101};
	ck_assert(compare(near, one, 3, 1e-3, 0).equal);
	struct comparison result = compare(far, one, 3, 1e-3, 1e-5);
	ck_assert(!result.equal);
	ck_assert_uint_eq(result.outside, 1);
	ck_assert_uint_eq(result.worst, 2);
	ck_assert_double_eq(result.worst_actual, 101);
	ck_assert_double_eq_tol(result.relative_l2, 1 / sqrt(10005), 1e-9);
	ck_assert(compare(one, one, 3, 0, 0).equal);
}
END_TEST

START_TEST(comparison_of_odd_numbers)
{
	const float odd[] = {NAN, INFINITY, -INFINITY, 0}, zero[] = {NAN, INFINITY, -INFINITY, -0.0f};
	const float other[] = {1, INFINITY, -INFINITY, 0}, sign[] = {NAN, INFINITY, INFINITY, 0};
	ck_assert(compare(odd, zero, 4, 0, 0).equal);
	ck_assert(!compare(odd, other, 4, 1e9, 1e9).equal);
	ck_assert(!compare(other, odd, 4, 1e9, 1e9).equal);
	ck_assert(!compare(sign, odd, 4, 1e9, 1e9).equal);
	ck_assert(isinf(compare(other, odd, 4, 0, 0).relative_l2)); /* no L2 limit accepts a NaN at the wrong place */
}
END_TEST

START_TEST(comparison_of_integers_and_shapes)
{
	const int64_t dims[] = {1, 2}, turned[] = {2, 1};
	struct array a, e, t;
	ck_assert(array_new(&a, ERC_I64, 2, dims));
	ck_assert(array_new(&e, ERC_I64, 2, dims));
	ck_assert(array_new(&t, ERC_I64, 2, turned));
	((int64_t *)a.data)[1] = INT64_MAX;
	((int64_t *)e.data)[1] = INT64_MAX - 1; /* converts to the same double */
	ck_assert(!array_compare(&a, &e, 1, 1).equal);
	((int64_t *)e.data)[1] = INT64_MAX;
	ck_assert(array_compare(&a, &e, 0, 0).equal);
	ck_assert(!array_compare(&a, &t, 0, 0).same_type);
	array_free(&a);
	array_free(&e);
	array_free(&t);
}
END_TEST

START_TEST(random_numbers_are_about_normal_and_repeatable)
{
	const int64_t dims[] = {10000};
	struct array a, b;
	double sum = 0, squares = 0;
	ck_assert(array_new(&a, ERC_F32, 1, dims));
	ck_assert(array_new(&b, ERC_F32, 1, dims));
	array_fill_random(&a, 1);
	array_fill_random(&b, 1);
	ck_assert_mem_eq(a.data, b.data, a.bytes);
	array_fill_random(&b, 2);
	ck_assert(memcmp(a.data, b.data, a.bytes));
	for (size_t i = 0; i < a.count; i++) {
		sum += array_get(&a, i);
		squares += array_get(&a, i) * array_get(&a, i);
	}
	ck_assert_double_eq_tol(sum / 10000, 0, 0.05);
	ck_assert_double_eq_tol(squares / 10000, 1, 0.05);
	array_free(&a);
	array_free(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("files");
	TCase *tests = tcase_create("files");
	tcase_add_test(tests, npy_fortran_order_becomes_row_major);
	tcase_add_test(tests, npy_versions_ranks_and_types);
	tcase_add_test(tests, packed_and_small_types_are_read);
	tcase_add_test(tests, arrays_of_packed_and_small_types);
	tcase_add_test(tests, npy_written_is_read_back);
	tcase_add_test(tests, pb_typed_and_raw_data);
	tcase_add_test(tests, damaged_files_are_refused);
	tcase_add_test(tests, comparison_limits);
	tcase_add_test(tests, comparison_of_odd_numbers);
	tcase_add_test(tests, comparison_of_integers_and_shapes);
	tcase_add_test(tests, random_numbers_are_about_normal_and_repeatable);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
