/* The element operations that kernels are written in, as DTYPE_NAME(arguments). VECTOR 1: f32 is a vector of LANES
 * floats; 0: f32 is one float. All other dtypes are scalars. No header and no libm is used, because the compiler
 * includes this file too: it folds constants with the same definitions. */
/* Short functions are on one line: */
/* clang-format off */
#ifndef VECTOR
#define VECTOR 0
#endif
#ifndef LANES
#define LANES 8
#endif

typedef signed char i8_value;
typedef unsigned char u8_value;
typedef short i16_value;
typedef unsigned short u16_value;
typedef int i32_value;
typedef unsigned int u32_value;
typedef long long i64_value;
typedef unsigned long long u64_value;
typedef unsigned char bool_value;
typedef double f64_value;

#ifndef FN
#define FN static inline __attribute__((always_inline, unused))
#endif
#ifndef UNROLL
#define UNROLL _Pragma("GCC unroll 64")
#endif
/* Put before a short loop over lanes, so that compilers vectorise it; they do not vectorise an unrolled loop. */
#define OVER_LANES _Pragma("GCC unroll 1")

#if VECTOR
typedef float f32_value __attribute__((vector_size(4 * LANES)));
typedef int f32_mask_value __attribute__((vector_size(4 * LANES)));
typedef float f32_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
FN f32_value f32_set(float x) { return x - (f32_value){0}; }
FN f32_value f32_load(const float *p) { return *(const f32_unaligned *)p; }
FN void f32_store(float *p, f32_value x) { *(f32_unaligned *)p = x; }
FN f32_mask_value f32_bits(f32_value x) { return (f32_mask_value)x; }
FN f32_value f32_from_bits(f32_mask_value x) { return (f32_value)x; }
FN f32_mask_value f32_to_int(f32_value x) { return __builtin_convertvector(x, f32_mask_value); }
FN f32_value f32_from_int(f32_mask_value x) { return __builtin_convertvector(x, f32_value); }
FN f32_mask_value f32_all_bits(f32_mask_value m) { return m; }
FN f32_value f32_select(f32_mask_value m, f32_value a, f32_value b)
{
	return (f32_value)((m & (f32_mask_value)a) | (~m & (f32_mask_value)b));
}
FN f32_value f32_sqrt(f32_value a)
{
	for (int i = 0; i < LANES; i++)
		a[i] = __builtin_sqrtf(a[i]);
	return a;
}
#else
typedef float f32_value;
typedef int f32_mask_value;
FN f32_value f32_set(float x) { return x; }
FN int f32_bits(float x) { int i; __builtin_memcpy(&i, &x, 4); return i; }
FN float f32_from_bits(int i) { float x; __builtin_memcpy(&x, &i, 4); return x; }
FN int f32_to_int(float x) { return (int)x; }
FN float f32_from_int(int i) { return (float)i; }
FN int f32_all_bits(int m) { return -m; }
FN float f32_select(int m, float a, float b) { return m ? a : b; }
FN float f32_sqrt(float a) { return __builtin_sqrtf(a); }
#endif

FN f32_value f32_add(f32_value a, f32_value b) { return a + b; }
FN f32_value f32_sub(f32_value a, f32_value b) { return a - b; }
FN f32_value f32_mul(f32_value a, f32_value b) { return a * b; }
FN f32_value f32_div(f32_value a, f32_value b) { return a / b; }
FN f32_value f32_neg(f32_value a) { return -a; }
FN f32_value f32_abs(f32_value a) { return f32_from_bits(f32_bits(a) & 0x7fffffff); }
FN f32_mask_value f32_eq(f32_value a, f32_value b) { return a == b; }
FN f32_mask_value f32_lt(f32_value a, f32_value b) { return a < b; }
FN f32_mask_value f32_le(f32_value a, f32_value b) { return a <= b; }
/* The lesser and the greater number; `a` if one is NaN. One or two instructions. */
FN f32_value f32_least(f32_value a, f32_value b) { return f32_select(b < a, b, a); }
FN f32_value f32_most(f32_value a, f32_value b) { return f32_select(a < b, b, a); }
/* The same, but NaN if one is NaN (all bits set are a NaN). Cheaper if b is a constant that is not NaN. */
FN f32_value f32_or_nan(f32_value x, f32_value b) { return f32_from_bits(f32_bits(x) | f32_all_bits(b != b)); }
FN f32_value f32_min(f32_value a, f32_value b) { return f32_or_nan(f32_least(a, b), b); }
FN f32_value f32_max(f32_value a, f32_value b) { return f32_or_nan(f32_most(a, b), b); }
/* |x| with a's sign; x has that sign already, or is 0 or NaN. */
FN f32_value f32_signed(f32_value x, f32_value a) { return f32_from_bits(f32_bits(x) | (f32_bits(a) & (int)0x80000000)); }
FN f32_value f32_sign(f32_value a)
{
	f32_value zero = f32_set(0.0f);
	return f32_select(zero < a, f32_set(1.0f), f32_select(a < zero, f32_set(-1.0f), a + zero)); /* -0 + 0 = 0 */
}

/* The nearest integer, halves to even. Adding 2^23 and subtracting it again rounds off the fraction. */
FN f32_value f32_round(f32_value a)
{
	f32_value big = f32_signed(f32_set(0x1p23f), a);
	return f32_select(f32_abs(a) < f32_set(0x1p23f), f32_signed((a + big) - big, a), a);
}
FN f32_value f32_floor(f32_value a)
{
	f32_value r = f32_round(a);
	return f32_select(a < r, r - f32_set(1.0f), r);
}
FN f32_value f32_ceil(f32_value a)
{
	f32_value r = f32_round(a);
	return f32_select(r < a, f32_signed(r + f32_set(1.0f), a), r);
}

/* The same as f32_round, but only for numbers below 2^22. */
FN f32_value f32_near(f32_value a) { return (a + f32_set(0x1.8p23f)) - f32_set(0x1.8p23f); }

/* e^a = 2^n e^r with |r| <= ln2/2. e^r by the Taylor series up to r^7. 2^n is applied as two factors, so that denormal
 * results are right. */
FN f32_value f32_exp(f32_value a)
{
	f32_value x = f32_least(f32_most(f32_set(-110.0f), a), f32_set(90.0f)); /* NaN becomes -110 */
	f32_value n = f32_near(x * f32_set(0x1.715476p0f));
	f32_value r = x - n * f32_set(0x1.62e4p-1f) - n * f32_set(0x1.7f7d1cp-20f);
	f32_value p = f32_set(1.0f / 5040);
	p = p * r + f32_set(1.0f / 720);
	p = p * r + f32_set(1.0f / 120);
	p = p * r + f32_set(1.0f / 24);
	p = p * r + f32_set(1.0f / 6);
	p = p * r + f32_set(0.5f);
	p = p * r + f32_set(1.0f);
	p = p * r + f32_set(1.0f);
	f32_mask_value i = f32_to_int(n), half = i >> 1;
	p = p * f32_from_bits((half + 127) << 23) * f32_from_bits((i - half + 127) << 23);
	return f32_select(a == a, p, a);
}

/* ln a = e ln2 + 2 atanh(s), s = (m-1)/(m+1), m in [sqrt(1/2), sqrt 2). */
FN f32_value f32_log(f32_value a)
{
	f32_mask_value tiny = a < f32_set(0x1p-126f);
	f32_value x = f32_abs(f32_select(tiny, a * f32_set(0x1p23f), a));
	f32_mask_value bits = f32_bits(x), over = bits - 0x3f3504f3, e = over >> 23;
	f32_value m = f32_from_bits(bits - (over & (int)0xff800000));
	f32_value n = f32_from_int(e) - f32_select(tiny, f32_set(23.0f), f32_set(0.0f));
	f32_value s = (m - f32_set(1.0f)) / (m + f32_set(1.0f)), z = s * s;
	f32_value p = f32_set(2.0f / 9);
	p = p * z + f32_set(2.0f / 7);
	p = p * z + f32_set(2.0f / 5);
	p = p * z + f32_set(2.0f / 3);
	f32_value y = n * f32_set(0x1.62e4p-1f) + (n * f32_set(0x1.7f7d1cp-20f) + (s * z * p + s * f32_set(2.0f)));
	y = f32_select(a == f32_set(0.0f), f32_set(-__builtin_inff()), y);
	y = f32_select(a == f32_set(__builtin_inff()), a, y);
	return f32_select(f32_set(0.0f) <= a, y, f32_set(__builtin_nanf("")));
}

FN f32_value f32_sigmoid(f32_value a) { return f32_set(1.0f) / (f32_set(1.0f) + f32_exp(-a)); }

/* m / (m + 2) with m = e^2x - 1 = 2^n (e^r - 1) + (2^n - 1). e^r - 1 by the Taylor series. From x = 10 on, the result
 * is 1. */
FN f32_value f32_tanh(f32_value a)
{
	f32_value x = f32_least(f32_set(10.0f), f32_abs(a)), y = x + x; /* NaN becomes 10 */
	f32_value n = f32_near(y * f32_set(0x1.715476p0f)), scale = f32_from_bits((f32_to_int(n) + 127) << 23);
	f32_value r = y - n * f32_set(0x1.62e4p-1f) - n * f32_set(0x1.7f7d1cp-20f), p = f32_set(1.0f / 5040);
	p = p * r + f32_set(1.0f / 720);
	p = p * r + f32_set(1.0f / 120);
	p = p * r + f32_set(1.0f / 24);
	p = p * r + f32_set(1.0f / 6);
	p = p * r + f32_set(0.5f);
	p = p * (r * r) + r;
	p = scale * p + (scale - f32_set(1.0f));
	p = p / (p + f32_set(2.0f));
	return f32_select(a == a, f32_signed(p, a), a);
}

/* x P(x^2) / Q(x^2), a minimax fit for |x| <= 3.92. Larger |x| are replaced by 3.92, where erf rounds to 1. The
 * relative error of the fit is 2e-8, and 4e-7 with rounding. */
FN f32_value f32_erf(f32_value a)
{
	f32_value end = f32_set(3.92f), one = f32_set(1.0f), x = f32_most(f32_least(a, end), -end), z = x * x;
	f32_value p = f32_set(0x1.13286ep-19f), q = f32_set(0x1.3f895ap-15f);
	p = p * z + f32_set(0x1.2ab8b8p-12f);
	p = p * z + f32_set(0x1.ed9182p-9f);
	p = p * z + f32_set(0x1.b01e2ap-5f);
	p = p * z + f32_set(0x1.85f3f4p-3f);
	p = p * z + f32_set(0x1.20dd74p+0f);
	q = q * z + f32_set(0x1.30c0a2p-10f);
	q = q * z + f32_set(0x1.ea8312p-7f);
	q = q * z + f32_set(0x1.d3642ep-4f);
	q = q * z + f32_set(0x1.011024p-1f);
	q = q * z + one;
	return f32_most(f32_least(x * p / q, one), -one);
}

/* ---- f64: the basic operations, and those that f32_pow needs ---- */

FN f64_value f64_set(double x) { return x; }
FN double f64_add(double a, double b) { return a + b; }
FN double f64_sub(double a, double b) { return a - b; }
FN double f64_mul(double a, double b) { return a * b; }
FN double f64_div(double a, double b) { return a / b; }
FN double f64_min(double a, double b) { return b == b ? b < a ? b : a : b; }
FN double f64_max(double a, double b) { return b == b ? a < b ? b : a : b; }
FN double f64_neg(double a) { return -a; }
FN double f64_abs(double a) { return __builtin_fabs(a); }
FN double f64_sign(double a) { return a > 0 ? 1 : a < 0 ? -1 : a + 0; }
FN double f64_sqrt(double a) { return __builtin_sqrt(a); }
FN double f64_round(double a)
{
	double big = __builtin_copysign(0x1p52, a);
	return __builtin_fabs(a) < 0x1p52 ? __builtin_copysign((a + big) - big, a) : a;
}
FN double f64_floor(double a) { double r = f64_round(a); return a < r ? r - 1 : r; }
FN double f64_ceil(double a) { double r = f64_round(a); return r < a ? __builtin_copysign(r + 1, a) : r; }
FN bool_value f64_eq(double a, double b) { return a == b; }
FN bool_value f64_lt(double a, double b) { return a < b; }
FN bool_value f64_le(double a, double b) { return a <= b; }
FN double f64_select(int m, double a, double b) { return m ? a : b; }
FN double f64_scale(double a, int n)
{
	long long h = n >> 1, l = n - h;
	double x, y;
	h = (h + 1023) << 52;
	l = (l + 1023) << 52;
	__builtin_memcpy(&x, &h, 8);
	__builtin_memcpy(&y, &l, 8);
	return a * x * y;
}
FN double f64_exp(double a)
{
	if (a != a)
		return a;
	double x = a < -750 ? -750 : a > 710 ? 710 : a, n = f64_round(x * 0x1.71547652b82fep0);
	double r = x - n * 0x1.62e42fefa38p-1 - n * 0x1.ef35793c7673p-45, p = 1;
	for (int k = 14; k > 0; k--)
		p = 1 + p * r / k;
	return f64_scale(p, (int)n);
}
FN double f64_log(double a)
{
	if (!(a >= 0))
		return __builtin_nan("");
	if (a == 0)
		return -__builtin_inf();
	if (a == __builtin_inf())
		return a;
	double x = a < 0x1p-1022 ? a * 0x1p54 : a;
	long long bits, e;
	__builtin_memcpy(&bits, &x, 8);
	bits -= 0x3fe6a09e667f3bcdLL;
	e = bits >> 52;
	bits = (bits & 0xfffffffffffffLL) + 0x3fe6a09e667f3bcdLL;
	double m, n = (double)e - (a < 0x1p-1022 ? 54 : 0), p = 0;
	__builtin_memcpy(&m, &bits, 8);
	double s = (m - 1) / (m + 1), z = s * s;
	for (int k = 21; k >= 1; k -= 2)
		p = p * z + 2.0 / k;
	return n * 0x1.62e42fefa39efp-1 + p * s;
}
FN double f64_tanh(double a)
{
	double x = __builtin_fabs(a), y;
	if (x < 0.2) {
		double z = x * x, c = 17;
		for (int k = 15; k > 0; k -= 2)
			c = k + z / c;
		y = x / c;
	} else {
		y = 1 - 2 / (f64_exp(2 * x) + 1);
	}
	return __builtin_copysign(y, a);
}
FN double f64_sigmoid(double a) { return 1 / (1 + f64_exp(-a)); }
FN double f64_erf(double a)
{
	double x = __builtin_fabs(a), term = x, sum = x;
	if (x > 6)
		return __builtin_copysign(1, a);
	for (int k = 1; k < 120; k++) { /* all terms positive: erf = 2/sqrt(pi) e^-x^2 sum 2^k x^(2k+1) / (2k+1)!! */
		term *= 2 * x * x / (2 * k + 1);
		sum += term;
	}
	return __builtin_copysign(sum * f64_exp(-x * x) * 0x1.20dd750429b6dp0, a);
}
/* a^b of a > 0 by e^(b ln a), where ln a and the exponent are pairs of f64 (high, low): so powers that are f64 numbers,
 * such as 9^0.5, are exact. */
FN double high_half(double a)
{
	long long bits;
	__builtin_memcpy(&bits, &a, 8);
	bits &= ~0x7ffffffLL;
	__builtin_memcpy(&a, &bits, 8);
	return a;
}
FN double product_error(double a, double b, double product)
{
	double ah = high_half(a), bh = high_half(b), al = a - ah, bl = b - bh;
	return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}
FN double f64_precise_pow(double a, double b)
{
	double x = a < 0x1p-1022 ? a * 0x1p54 : a, m;
	long long bits, e;
	__builtin_memcpy(&bits, &x, 8);
	bits -= 0x3fe6a09e667f3bcdLL;
	e = bits >> 52;
	bits = (bits & 0xfffffffffffffLL) + 0x3fe6a09e667f3bcdLL;
	__builtin_memcpy(&m, &bits, 8);
	double n = (double)e - (a < 0x1p-1022 ? 54 : 0), up = m - 1, down = m + 1, down_low = m - (down - 1);
	double s = up / down, back = s * down, s_low = ((up - back) - product_error(s, down, back) - s * down_low) / down;
	double z = s * s, p = 0; /* ln m = 2 atanh(s); s_low is the low part of s */
	for (int k = 21; k >= 3; k -= 2)
		p = p * z + 2.0 / k;
	double high = n * 0x1.62e42fefa38p-1, tail = 2 * s_low + (s * z * p + n * 0x1.ef35793c7673p-45);
	double ln = high + 2 * s, ln_low = __builtin_fabs(high) > __builtin_fabs(s) ? (high - ln) + 2 * s : (2 * s - ln) + high;
	ln_low += tail;
	double top = ln + ln_low, rest = (ln - top) + ln_low, y = b * top;
	if (!(__builtin_fabs(y) < 745)) /* too large or too small */
		return f64_exp(y);
	double y_low = product_error(b, top, y) + b * rest, q = f64_round(y * 0x1.71547652b82fep0), t = 0;
	double start = y - q * 0x1.62e42fefa38p-1, step = q * 0x1.ef35793c7673p-45, r = start - step;
	double r_low = ((start - r) - step) + y_low;
	for (int k = 14; k > 1; k--)
		t = (1 + t) * r / k;
	double one = 1 + r; /* e^r = 1 + r + r t, times 1 + r_low */
	return f64_scale(one + (((1 - one) + r) + (r * t + r_low * (one + r * t))), (int)q);
}
FN double pow_of(double a, double b, const int precise)
{
	if (b == 0 || a == 1 || (a == -1 && (b == __builtin_inf() || b == -__builtin_inf())))
		return 1;
	if (a != a || b != b)
		return a + b;
	bool_value whole = f64_floor(b) == b, odd = whole && __builtin_fabs(b) < 0x1p53 && f64_floor(b / 2) * 2 != b;
	if (a == 0 || a == __builtin_inf() || a == -__builtin_inf()) {
		double y = (a == 0) == (b > 0) ? 0.0 : __builtin_inf();
		return odd && __builtin_signbit(a) ? -y : y;
	}
	if (a < 0 && !whole)
		return __builtin_nan("");
	if (whole && __builtin_fabs(b) <= 64) { /* small whole powers: repeated multiplication */
		double y = 1;
		for (int k = (int)__builtin_fabs(b); k > 0; k--)
			y *= a;
		return b < 0 ? 1 / y : y;
	}
	double size = __builtin_fabs(a), y = precise ? f64_precise_pow(size, b) : f64_exp(b * f64_log(size));
	return odd && a < 0 ? -y : y;
}
FN double f64_pow(double a, double b) { return pow_of(a, b, 1); }
FN double f64_pow_for_f32(double a, double b) { return pow_of(a, b, 0); }
FN double f64_fmod(double a, double b)
{
	double x = __builtin_fabs(a), y = __builtin_fabs(b);
	if (a != a || !(y > 0) || x == __builtin_inf())
		return __builtin_nan("");
	while (x >= y) { /* without rounding: subtracts the largest y 2^k <= x */
		double step = y;
		while (step <= x / 2)
			step *= 2;
		x -= step;
	}
	return __builtin_copysign(x, a);
}
/* The result has the sign of the divisor, also if it is 0. */
FN double f64_mod(double a, double b)
{
	double r = f64_fmod(a, b);
	return r == 0 ? __builtin_copysign(r, b) : (r < 0) != (b < 0) ? r + b : r;
}

#if VECTOR
#define F32_BY_LANE(name, of) \
	FN f32_value f32_##name(f32_value a, f32_value b) \
	{ \
		f32_value y; \
		for (int i = 0; i < LANES; i++) \
			y[i] = (float)f64_##of(a[i], b[i]); \
		return y; \
	}
#else
#define F32_BY_LANE(name, of) FN f32_value f32_##name(f32_value a, f32_value b) { return (float)f64_##of(a, b); }
#endif
F32_BY_LANE(pow, pow_for_f32)
F32_BY_LANE(mod, mod)
F32_BY_LANE(fmod, fmod)

/* ---- integers: arithmetic wraps, and division does not trap ---- */

#define INTEGER(T, U, is_signed) \
	FN T##_value T##_set(long long x) { return (T##_value)x; } \
	FN T##_value T##_add(T##_value a, T##_value b) { return (T##_value)((U)a + (U)b); } \
	FN T##_value T##_sub(T##_value a, T##_value b) { return (T##_value)((U)a - (U)b); } \
	FN T##_value T##_mul(T##_value a, T##_value b) { return (T##_value)((U)a * (U)b); } \
	FN T##_value T##_neg(T##_value a) { return (T##_value)(0 - (U)a); } \
	FN T##_value T##_div(T##_value a, T##_value b) \
	{ \
		return b == 0 ? 0 : is_signed && b == (T##_value)-1 ? T##_neg(a) : (T##_value)(a / b); \
	} \
	FN T##_value T##_fmod(T##_value a, T##_value b) \
	{ \
		return b == 0 || (is_signed && b == (T##_value)-1) ? 0 : (T##_value)(a % b); \
	} \
	FN T##_value T##_mod(T##_value a, T##_value b) \
	{ \
		T##_value r = T##_fmod(a, b); \
		return is_signed && r != 0 && (T##_value)(r ^ b) < (T##_value)1 ? (T##_value)(r + b) : r; \
	} \
	FN T##_value T##_min(T##_value a, T##_value b) { return b < a ? b : a; } \
	FN T##_value T##_max(T##_value a, T##_value b) { return a < b ? b : a; } \
	FN T##_value T##_sign(T##_value a) { return (T##_value)((a > 0) - (is_signed && a < (T##_value)1 && a != 0)); } \
	FN T##_value T##_abs(T##_value a) { return is_signed && a < (T##_value)1 && a != 0 ? T##_neg(a) : a; } \
	FN T##_value T##_pow(T##_value a, T##_value b) \
	{ \
		U y = 1, x = (U)a; \
		if (is_signed && b < (T##_value)1 && b != 0) \
			return a == 1 ? 1 : a == (T##_value)-1 ? ((U)b & 1 ? (T##_value)-1 : 1) : 0; \
		for (U n = (U)b; n; n >>= 1, x *= x) \
			if (n & 1) \
				y *= x; \
		return (T##_value)y; \
	} \
	FN bool_value T##_eq(T##_value a, T##_value b) { return a == b; } \
	FN bool_value T##_lt(T##_value a, T##_value b) { return a < b; } \
	FN bool_value T##_le(T##_value a, T##_value b) { return a <= b; } \
	FN T##_value T##_select(int m, T##_value a, T##_value b) { return m ? a : b; }

INTEGER(i8, unsigned int, 1)
INTEGER(u8, unsigned int, 0)
INTEGER(i16, unsigned int, 1)
INTEGER(u16, unsigned int, 0)
INTEGER(i32, unsigned int, 1)
INTEGER(u32, unsigned int, 0)
INTEGER(i64, unsigned long long, 1)
INTEGER(u64, unsigned long long, 0)

/* Whether a is better than b in a search for the maximum, or the minimum; a NaN is better than all numbers. For any
 * dtype. */
#define GREATER(a, b) (!((a) <= (b)) && (b) == (b))
#define LESS(a, b) (!((a) >= (b)) && (b) == (b))

FN bool_value bool_set(long long x) { return x != 0; }
FN bool_value bool_and(bool_value a, bool_value b) { return a & b; }
FN bool_value bool_or(bool_value a, bool_value b) { return a | b; }
FN bool_value bool_xor(bool_value a, bool_value b) { return a ^ b; }
FN bool_value bool_not(bool_value a) { return !a; }
FN bool_value bool_eq(bool_value a, bool_value b) { return a == b; }
FN bool_value bool_select(int m, bool_value a, bool_value b) { return m ? a : b; }

/* ---- casts: float to integer truncates. Out of range, and for NaN, they give what x86-64's instructions give, as in
 * ONNX Runtime: the lowest i32 or i64, of which smaller types keep the low bits; i8 to u16 go through i32, u32 through
 * i64. From 2^64 on u64 is 0. ---- */

FN int truncate_i32(double x) { return x > -0x1.00000002p31 && x < 0x1p31 ? (int)x : (-0x7fffffff - 1); }
FN long long truncate_i64(double x)
{
	return x >= -0x1p63 && x < 0x1p63 ? (long long)x : (-0x7fffffffffffffffLL - 1);
}
FN unsigned long long truncate_u64(double x)
{
	return x >= 0x1p64 ? 0 : x >= 0x1p63 ? (unsigned long long)x : (unsigned long long)truncate_i64(x);
}
#define CAST_INT(S, D) FN D##_value cast_##S##_##D(S##_value x) { return (D##_value)x; }
#define CAST_FLOAT(S, D, through) FN D##_value cast_##S##_##D(S##_value x) { return (D##_value)truncate_##through((double)x); }
#define CASTS_OF_FLOAT(S) \
	CAST_FLOAT(S, i8, i32) CAST_FLOAT(S, u8, i32) CAST_FLOAT(S, i16, i32) CAST_FLOAT(S, u16, i32) \
	CAST_FLOAT(S, i32, i32) CAST_FLOAT(S, u32, i64) CAST_FLOAT(S, i64, i64) CAST_FLOAT(S, u64, u64) CAST_BOOL(S)
#define CAST_BOOL(S) FN bool_value cast_##S##_bool(S##_value x) { return x != 0; }
#define CASTS_TO_INT(S) \
	CAST_INT(S, i8) CAST_INT(S, u8) CAST_INT(S, i16) CAST_INT(S, u16) CAST_INT(S, i32) CAST_INT(S, u32) CAST_INT(S, i64) \
	CAST_INT(S, u64)
#define CASTS_OF_INT(S) CASTS_TO_INT(S) CAST_INT(S, f64) CAST_BOOL(S)
CASTS_OF_INT(i8) CASTS_OF_INT(u8) CASTS_OF_INT(i16) CASTS_OF_INT(u16)
CASTS_OF_INT(i32) CASTS_OF_INT(u32) CASTS_OF_INT(i64) CASTS_OF_INT(u64)
CASTS_TO_INT(bool) CAST_INT(bool, f64)
CASTS_OF_FLOAT(f64)
#if !VECTOR
CASTS_OF_FLOAT(f32) CAST_INT(f32, f64)
CAST_INT(i8, f32) CAST_INT(u8, f32) CAST_INT(i16, f32) CAST_INT(u16, f32) CAST_INT(i32, f32) CAST_INT(u32, f32)
CAST_INT(i64, f32) CAST_INT(u64, f32) CAST_INT(bool, f32) CAST_INT(f64, f32)
#endif
