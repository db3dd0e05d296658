/* Further functions beside kernel_math.h: casts of half precision and smaller types, logarithm and exponential near
 * zero, trigonometric and hyperbolic functions, and bit operations; and the loop of row kernels. Over the whole range the error is at most a
 * few units in the last place. */
/* Short functions are on one line: */
/* clang-format off */

/* ---- indices that come from tensors ---- */

/* The position of an index in a dim; negative ones count from the end, unless FROM_END is 0. An index outside is clamped,
 * so that no input can cause reads of other memory. If the launch has a buffer FAULTS, two words of it report the index
 * and the size of the dim plus 1. */
#ifndef FROM_END
#define FROM_END 1
#endif
FN long long index_in(void *const *buffers, long long index, long long size)
{
	long long at = FROM_END && index < 0 ? index + size : index;
	(void)buffers;
#ifdef FAULTS
	if (at < 0 || at >= size) {
		volatile long long *fault = (volatile long long *)buffers[FAULTS];
		fault[0] = index;
		fault[1] = size < 0 ? 1 : size + 1;
	}
#endif
	return at < 0 || size < 1 ? 0 : at >= size ? size - 1 : at;
}

/* A dim as a parameter is its size, or -1 - slot if it has a run-time size, which is at most `bound`. That is a parameter
 * too, because what is in the slot follows from data. */
FN long long dim_at(long long size, long long bound) { return size < bound ? size : bound; }
#define DIM_IN(args, dim, bound) ((dim) < 0 ? dim_at((args)->dims[-1 - (dim)], bound) : (dim))

/* Whether index `i` is one of those in use. SIZED: one dim of the indices has a run-time size, COUNT_DIM, which is at most
 * COUNT_BOUND; COUNT_EACH indices (or tuples) have the same position in it. What is read after it is undefined. */
#ifdef SIZED
#define IS_INDEX(args, i) ((i) / P(COUNT_EACH) % P(COUNT_BOUND) < DIM_IN(args, P(COUNT_DIM), P(COUNT_BOUND)))
#else
#define IS_INDEX(args, i) 1
#endif

/* ---- random numbers: a function of a seed and a position. It is SplitMix64, whose state after n steps is known
 * without the steps; Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. ---- */

FN unsigned long long random_mix(unsigned long long z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}
FN unsigned long long random_bits(unsigned long long seed, unsigned long long at)
{
	return random_mix(random_mix(seed) + (at + 1) * 0x9e3779b97f4a7c15ULL);
}
/* Uniform in [0, 1): as many bits as the fraction of the dtype holds. */
FN float f32_random(unsigned long long seed, unsigned long long at) { return (float)(random_bits(seed, at) >> 40) * 0x1p-24f; }
FN double f64_random(unsigned long long seed, unsigned long long at) { return (double)(random_bits(seed, at) >> 11) * 0x1p-53; }

/* ---- f16 and bf16: stored as bits, converted to f32 for arithmetic ---- */

typedef unsigned short f16_value;
typedef unsigned short bf16_value;

FN float half_float(unsigned bits) { float x; __builtin_memcpy(&x, &bits, 4); return x; }
FN unsigned half_bits(float x) { unsigned bits; __builtin_memcpy(&bits, &x, 4); return bits; }
FN float cast_f16_f32(f16_value h)
{
	unsigned sign = (unsigned)(h & 0x8000) << 16, rest = (unsigned)(h & 0x7fff) << 13;
	if ((h & 0x7c00) == 0x7c00)
		return half_float(sign | 0x7f800000 | rest);
	return half_float(sign | half_bits(half_float(rest) * 0x1p112f)); /* the biases of the exponents differ by 112 */
}
FN f16_value cast_f32_f16(float x)
{
	unsigned bits = half_bits(x), sign = bits >> 16 & 0x8000, a = bits & 0x7fffffff;
	if (a > 0x7f800000)
		return (f16_value)(sign | 0x7e00);
	if (a >= 0x47800000) /* 2^16 */
		return (f16_value)(sign | 0x7c00);
	if (a < 0x38800000) /* below 2^-14, a denormal: adding 0.5 rounds to multiples of 2^-24, f16's smallest number */
		return (f16_value)(sign | (half_bits(half_float(a) + 0.5f) - 0x3f000000));
	return (f16_value)(sign | (a + 0xfff + (a >> 13 & 1) - 0x38000000) >> 13);
}
FN float cast_bf16_f32(bf16_value h) { return half_float((unsigned)h << 16); }
FN bf16_value cast_f32_bf16(float x)
{
	unsigned bits = half_bits(x);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (bf16_value)(bits >> 16 | 0x40);
	return (bf16_value)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* ---- types of 8, 4 and 2 bits that numbers are stored in. An element is the low bits of a byte, the others are 0 ---- */

typedef unsigned char u4_value;
typedef unsigned char i4_value;
typedef unsigned char u2_value;
typedef unsigned char i2_value;
FN u4_value u4_set(long long x) { return x & 15; }
FN i4_value i4_set(long long x) { return x & 15; }
FN u2_value u2_set(long long x) { return x & 3; }
FN i2_value i2_set(long long x) { return x & 3; }
FN u8_value cast_u4_u8(u4_value x) { return x; }
FN i8_value cast_i4_i8(i4_value x) { return (i8_value)((x ^ 8) - 8); }
FN u8_value cast_u2_u8(u2_value x) { return x; }
FN i8_value cast_i2_i8(i2_value x) { return (i8_value)((x ^ 2) - 2); }
FN u4_value cast_u8_u4(u8_value x) { return x & 15; }
FN i4_value cast_i8_i4(i8_value x) { return x & 15; }
FN u2_value cast_u8_u2(u8_value x) { return x & 3; }
FN i2_value cast_i8_i2(i8_value x) { return x & 3; }

/* A small float has a sign bit, an exponent with this bias and a fraction of so many bits. The largest number, the infinity
 * (or NaN) that stands for larger ones, and NaN are given without the sign. */
#define SMALL_FLOATS(X) /* X(dtype, sign, fraction, bias, largest, infinity, nan, has_minus_zero) */ \
	X(f8e4m3fn, 0x80, 3, 7, 0x7e, 0x7f, 0x7f, 1) X(f8e4m3fnuz, 0x80, 3, 8, 0x7f, 0x80, 0x80, 0) \
	X(f8e5m2, 0x80, 2, 15, 0x7b, 0x7c, 0x7e, 1) X(f8e5m2fnuz, 0x80, 2, 16, 0x7f, 0x80, 0x80, 0) \
	X(f4e2m1, 8, 1, 1, 7, 7, 8, 1)

/* Rounds the bits of an |f32| to the exponent and fraction of a small float: to nearest, ties to even. */
FN unsigned small_bits(unsigned a, const int fraction, const int bias)
{
	const unsigned unit = (unsigned)(151 - bias - fraction) << 23; /* its last bit is the smallest number */
	if (a < (unsigned)(128 - bias) << 23) /* a denormal: adding `unit` rounds it to multiples of the smallest number */
		return half_bits(half_float(a) + half_float(unit)) - unit;
	return (a + (1u << (22 - fraction)) - 1 + (a >> (23 - fraction) & 1) - ((unsigned)(127 - bias) << 23)) >> (23 - fraction);
}
/* An f64 as an f32 that is truncated, with its last bit set if it is not exact: so rounding it again to fewer bits gives
 * what rounding the f64 would. */
FN float odd_float(double x)
{
	float y = (float)x;
	unsigned bits = half_bits(y);
	return (double)y == x || x != x || __builtin_fabs(x) >= 0x1p128 ? y : half_float((bits - (__builtin_fabs((double)y) > __builtin_fabs(x))) | 1);
}
/* 2^(127 - bias) times a number with the bits of an f32 is a number with that bias. Of f4e2m1, 8 is -0, and NaN becomes it. */
#define SMALL_FLOAT(T, sign, fraction, bias, largest, infinity, nan, has_minus_zero) \
	typedef unsigned char T##_value; \
	FN T##_value T##_set(long long x) { return (T##_value)x; } \
	FN float cast_##T##_f32(T##_value x) \
	{ \
		unsigned size = x & (sign - 1), top = (unsigned)(x & sign) * (0x80000000u / sign); \
		if (size > largest || (!has_minus_zero && x == sign)) \
			return half_float(top | (nan > infinity && size == infinity ? 0x7f800000 : 0x7fc00000)); \
		float y = half_float(size << (23 - fraction)) * half_float((unsigned)(254 - bias) << 23); \
		return half_float(top | half_bits(y)); \
	} \
	FN T##_value cast_f32_##T(float x) \
	{ \
		unsigned bits = half_bits(x), a = bits & 0x7fffffff, size = small_bits(a, fraction, bias); \
		size = a > 0x7f800000 ? nan : size > largest ? infinity : size; \
		if (nan >= sign && a > 0x7f800000) \
			return sign; \
		return has_minus_zero || size ? (T##_value)(size | (bits >> 31) * sign) : 0; \
	} \
	FN T##_value cast_f64_##T(double x) { return cast_f32_##T(odd_float(x)); }
SMALL_FLOATS(SMALL_FLOAT)

/* A power of two, from 2^-127 on; 255 is NaN. The sign is lost. `up` is added to the fraction, so numbers from 1 - up / 2^23
 * between two powers on become the larger one. */
typedef unsigned char f8e8m0_value;
FN f8e8m0_value f8e8m0_set(long long x) { return (f8e8m0_value)x; }
FN float cast_f8e8m0_f32(f8e8m0_value x)
{
	return half_float(x == 255 ? 0x7fc00000 : x ? (unsigned)x << 23 : 0x400000); /* 2^-127 is a denormal */
}
FN f8e8m0_value power_of_two(float x, const unsigned up)
{
	unsigned a = half_bits(x) & 0x7fffffff, place = a < 0x800000 ? 2 * (a - 0x400000) : a;
	return a - 0x400000 < 0x7f400000 ? (f8e8m0_value)((place + up) >> 23) : 255;
}
FN f8e8m0_value cast_f32_f8e8m0(float x) { return power_of_two(x, 0x7fffff); }
FN f8e8m0_value cast_f32_f8e8m0_down(float x) { return power_of_two(x, 0); }
FN f8e8m0_value cast_f32_f8e8m0_nearest(float x) { return power_of_two(x, 0x400000); }
FN f8e8m0_value cast_f64_f8e8m0(double x) { return power_of_two(odd_float(x), 0x7fffff); }
FN f8e8m0_value cast_f64_f8e8m0_down(double x) { return power_of_two(odd_float(x), 0); }
FN f8e8m0_value cast_f64_f8e8m0_nearest(double x) { return power_of_two(odd_float(x), 0x400000); }

/* ---- exponential and logarithm near zero ---- */

/* e^a - 1. Near zero, where e^a - 1 would lose digits, by the Taylor series. */
FN f32_value f32_expm1(f32_value a)
{
	f32_value p = f32_set(1.0f / 40320);
	p = p * a + f32_set(1.0f / 5040);
	p = p * a + f32_set(1.0f / 720);
	p = p * a + f32_set(1.0f / 120);
	p = p * a + f32_set(1.0f / 24);
	p = p * a + f32_set(1.0f / 6);
	p = p * a + f32_set(0.5f);
	p = f32_signed(p * a * a + a, a);
	return f32_select(f32_abs(a) < f32_set(0.5f), p, f32_exp(a) - f32_set(1.0f));
}
/* ln(1 + a). The factor a / ((1 + a) - 1) corrects the rounding of 1 + a. */
FN f32_value f32_log1p(f32_value a)
{
	f32_value one = f32_set(1.0f), u = one + a, lost = u - one;
	f32_value y = f32_log(u), small = f32_select(lost == f32_set(0.0f), a, y * (a / lost));
	return f32_select(f32_abs(a) < f32_set(0x1p20f), small, y);
}

/* The following functions are too long to be inlined at every use. */
#ifndef SLOW
#define SLOW static __attribute__((noinline, unused))
#endif
#ifndef CONSTANT
#define CONSTANT static const __attribute__((unused))
#endif

SLOW double f64_expm1(double a)
{
	if (!(__builtin_fabs(a) < 0.5))
		return f64_exp(a) - 1;
	double p = 1;
	for (int k = 18; k > 1; k--)
		p = 1 + p * a / k;
	return p * a;
}
/* ln(1 + a) = 2 atanh(s), s = a / (2 + a) */
SLOW double f64_log1p(double a)
{
	if (!(__builtin_fabs(a) < 0.25))
		return f64_log(1 + a);
	double s = a / (2 + a), z = s * s, p = 0;
	for (int k = 21; k >= 1; k -= 2)
		p = p * z + 2.0 / k;
	return p * s;
}

/* ---- sine, cosine, tangent ---- */

/* The binary digits of 2/pi after the point. */
CONSTANT unsigned long long two_over_pi[20] = {
	0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
	0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
	0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
	0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
};

/* Reduces a large x = m 2^e: m times those 192 bits of 2/pi that matter, modulo 4 quarter turns (Payne and Hanek). */
SLOW int quarter_of_large(double x, double *rest)
{
	unsigned long long bits, word[3], product[4] = {0};
	__builtin_memcpy(&bits, &x, 8);
	int e = (int)(bits >> 52 & 2047) - 1075, first = e > 2 ? e - 2 : 0, shift = e < 2 ? 2 - e : 0;
	unsigned long long m = (bits & 0xfffffffffffffULL) | 0x10000000000000ULL;
	for (int i = 0; i < 3; i++) { /* most significant first */
		int at = first / 64 + i, by = first % 64;
		word[i] = two_over_pi[at] << by | (by ? two_over_pi[at + 1] >> (64 - by) : 0);
	}
	unsigned __int128 carry = 0;
	for (int i = 0; i < 3; i++) { /* product[0] is the least significant */
		carry += (unsigned __int128)word[2 - i] * m;
		product[i] = (unsigned long long)carry;
		carry >>= 64;
	}
	product[3] = (unsigned long long)carry;
	for (; shift >= 64; shift -= 64)
		product[0] = product[1], product[1] = product[2], product[2] = product[3], product[3] = 0;
	for (int i = 0; shift && i < 3; i++)
		product[i] = product[i] >> shift | product[i + 1] << (64 - shift);
	int quarter = (int)(product[2] >> 62);
	long long high = (long long)(product[2] << 2 | product[1] >> 62); /* the fraction of a quarter turn, as 0.64 bits */
	unsigned long long low = product[1] << 2 | product[0] >> 62;
	quarter += high < 0; /* a fraction above one half becomes negative, from the next quarter */
	*rest = ((double)high * 0x1p-64 + (double)low * 0x1p-128) * 0x1.921fb54442d18p0;
	return quarter & 3;
}
/* Reduces x: x = quarter pi/2 + rest, |rest| <= pi/4. */
SLOW int quarter_of(double x, double *rest)
{
	double a = __builtin_fabs(x);
	int quarter;
	if (a < 1e6) {
		double n = f64_round(a * 0x1.45f306dc9c883p-1);
		quarter = (int)n & 3;
		*rest = ((a - n * 0x1.921fb544p0) - n * 0x1.0b4611a6p-34) - n * 0x1.3198a2e037073p-69;
	} else if (a < __builtin_inf()) {
		quarter = quarter_of_large(a, rest);
	} else {
		quarter = 0;
		*rest = __builtin_nan("");
	}
	*rest = __builtin_signbit(x) ? -*rest : *rest; /* also of -0 */
	return x < 0 ? -quarter & 3 : quarter;
}
/* sin(r + turn pi/2) by the Taylor series. */
SLOW double sine_of(double r, int turn)
{
	double z = r * r, p = 0;
	int odd = turn & 1;
	for (int k = odd ? 18 : 19; k > 1; k -= 2)
		p = (1 - p) * z / (k * (k - 1));
	double y = odd ? 1 - p : r * (1 - p);
	return turn & 2 ? -y : y;
}
SLOW double f64_sin(double a)
{
	double r;
	int turn = quarter_of(a, &r);
	return sine_of(r, turn);
}
SLOW double f64_cos(double a)
{
	double r;
	int turn = quarter_of(a, &r);
	return sine_of(r, turn + 1);
}
SLOW double f64_tan(double a)
{
	double r;
	int turn = quarter_of(a, &r);
	return sine_of(r, turn) / sine_of(r, turn + 1);
}

/* ---- inverses of sine, cosine, tangent ---- */

/* atan(c) + atan((x - c) / (1 + x c)), where c is the nearest k/8. x > 1 is replaced by 1/x first. */
SLOW double f64_atan(double a)
{
	static const double table[] = {0,
	                               0x1.fd5ba9aac2f6ep-4,
	                               0x1.f5b75f92c80ddp-3,
	                               0x1.6f61941e4def1p-2,
	                               0x1.dac670561bb4fp-2,
	                               0x1.1e00babdefeb4p-1,
	                               0x1.4978fa3269ee1p-1,
	                               0x1.700a7c5784634p-1,
	                               0x1.921fb54442d18p-1};
	if (a != a)
		return a;
	double size = __builtin_fabs(a), x = size > 1 ? 1 / size : size, c = f64_round(x * 8), p = 0;
	double s = (x - c / 8) / (1 + x * c / 8), z = s * s;
	for (int k = 17; k > 0; k -= 2)
		p = 1.0 / k - p * z;
	double y = table[(int)c] + s * p;
	return __builtin_copysign(size > 1 ? 0x1.921fb54442d18p0 - y : y, a);
}
SLOW double f64_asin(double a) { return f64_atan(a / f64_sqrt((1 - a) * (1 + a))); }
SLOW double f64_acos(double a) { return 2 * f64_atan(f64_sqrt((1 - a) / (1 + a))); }

/* ---- hyperbolic functions ---- */

SLOW double f64_sinh(double a)
{
	double x = __builtin_fabs(a), e = f64_expm1(x < 700 ? x : x / 2), y = e / 2 * (1 + 1 / (1 + e));
	return __builtin_copysign(x < 700 ? y : e / 2 * e, a);
}
SLOW double f64_cosh(double a)
{
	double x = __builtin_fabs(a), e = f64_exp(x < 700 ? x : x / 2);
	return x < 700 ? (e + 1 / e) / 2 : e / 2 * e;
}
SLOW double f64_asinh(double a)
{
	double x = __builtin_fabs(a),
	       y = x < 0x1p28 ? f64_log1p(x + x * x / (1 + f64_sqrt(x * x + 1))) : f64_log(x) + 0x1.62e42fefa39efp-1;
	return __builtin_copysign(y, a);
}
SLOW double f64_acosh(double a)
{
	double t = a - 1;
	if (t < 0)
		return __builtin_nan("");
	return a < 0x1p28 ? f64_log1p(t + f64_sqrt(t * 2 + t * t)) : f64_log(a) + 0x1.62e42fefa39efp-1;
}
SLOW double f64_atanh(double a) { return f64_log1p(2 * a / (1 - a)) / 2; }

#if VECTOR
#define F32_THROUGH_F64(name) \
	FN f32_value f32_##name(f32_value a) \
	{ \
		f32_value y; \
		for (int i = 0; i < LANES; i++) \
			y[i] = (float)f64_##name(a[i]); \
		return y; \
	}
#else
#define F32_THROUGH_F64(name) FN f32_value f32_##name(f32_value a) { return (float)f64_##name(a); }
#endif
F32_THROUGH_F64(sin) F32_THROUGH_F64(cos) F32_THROUGH_F64(tan)
F32_THROUGH_F64(asin) F32_THROUGH_F64(acos) F32_THROUGH_F64(atan)
F32_THROUGH_F64(sinh) F32_THROUGH_F64(cosh)
F32_THROUGH_F64(asinh) F32_THROUGH_F64(acosh) F32_THROUGH_F64(atanh)

/* ---- bit operations; a shift by the width or more gives 0 ---- */

#define BITS(T, U) \
	FN T##_value T##_and(T##_value a, T##_value b) { return (T##_value)(a & b); } \
	FN T##_value T##_or(T##_value a, T##_value b) { return (T##_value)(a | b); } \
	FN T##_value T##_xor(T##_value a, T##_value b) { return (T##_value)(a ^ b); } \
	FN T##_value T##_not(T##_value a) { return (T##_value)~a; } \
	FN T##_value T##_shl(T##_value a, T##_value b) { return (U)b < 8 * sizeof(a) ? (T##_value)((U)a << (U)b) : 0; } \
	FN T##_value T##_shr(T##_value a, T##_value b) { return (U)b < 8 * sizeof(a) ? (T##_value)(a >> (U)b) : 0; }

BITS(i8, unsigned int) BITS(u8, unsigned int) BITS(i16, unsigned int) BITS(u16, unsigned int)
BITS(i32, unsigned int) BITS(u32, unsigned int) BITS(i64, unsigned long long) BITS(u64, unsigned long long)

FN bool_value bool_max(bool_value a, bool_value b) { return a | b; }
FN bool_value bool_min(bool_value a, bool_value b) { return a & b; }

/* ---- long sums of f32 are f64; a CPU adds element i to part i % PARTS, and then the parts as a tree ---- */

#define PARTS 16
FN double sum_of_parts(double *parts)
{
	UNROLL for (int n = PARTS / 2; n > 0; n /= 2)
		for (int i = 0; i < n; i++) parts[i] += parts[i + n];
	return parts[0];
}

/* ---- parameters: an enum before the template lists them ---- */

#define PARAM(name) PARAM_##name,
#define P(name) p[PARAM_##name]

/* ---- templates for any dtype; the compiler defines it as T ---- */

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VALUE_TYPE JOIN(T, _value)
#define ACCUMULATOR_TYPE JOIN(ACCUMULATOR, _value)

/* ---- row kernels: a template that defines row(args, p, r) ends with this ---- */

/* Each thread takes every THREADS-th row of the tile. */
#define KERNEL_OF_ROWS \
	TILE_BODY \
	{ \
		const long long *p = (const long long *)args->params; \
		long end = (tile + 1) * P(ROWS_PER_TILE) < P(ROWS_TOTAL) ? (tile + 1) * P(ROWS_PER_TILE) : P(ROWS_TOTAL); \
		(void)local; \
		for (long r = tile * P(ROWS_PER_TILE) + THREAD; r < end; r += THREADS) \
			row(args, p, r); \
	}
