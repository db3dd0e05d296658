/* Finds formulas: first a single product with a factor, then a product plus a constant, then the sum of two, then the
 * product of two sums, then a size that is divided and rounded. */
#include "compiler/artifact/formula.h"

/* A size, or a quotient that no other formula gives. */
struct symbol {
	uint32_t term;
	int64_t at[MAX_POINTS_OF_FORMULA];
};

#define DEGREE 3

/* A product of symbols. */
struct monomial {
	uint32_t factors[DEGREE];
	int degree;
	int64_t at[MAX_POINTS_OF_FORMULA];
};

/* ---- terms ---- */

static uint32_t add_term(struct formulas *f, uint32_t op, uint32_t a, uint32_t b, int64_t number)
{
	for (size_t i = 0; i < f->term_count; i++) {
		const struct erca_term *term = &f->terms[i];
		if (term->op == op && term->a == a && term->b == b && term->number == number)
			return (uint32_t)i;
	}
	struct erca_term term = {.op = op, .a = a, .b = b, .number = number};
	arena_push(&f->ctx->arena, f->terms, f->term_count, f->term_capacity, term);
	return (uint32_t)(f->term_count - 1);
}

static uint32_t number(struct formulas *f, int64_t value)
{
	return add_term(f, ERCA_TERM_NUMBER, 0, 0, value);
}

uint32_t formula_product(struct formulas *f, uint32_t a, uint32_t b)
{
	return add_term(f, ERCA_TERM_PRODUCT, a, b, 0);
}

static uint32_t scaled(struct formulas *f, const struct monomial *monomial, int64_t factor)
{
	uint32_t term = f->symbols[monomial->factors[0]].term;
	for (int i = 1; i < monomial->degree; i++)
		term = formula_product(f, term, f->symbols[monomial->factors[i]].term);
	return factor == 1 ? term : formula_product(f, term, number(f, factor));
}

static uint32_t plus(struct formulas *f, uint32_t term, int64_t constant)
{
	return constant ? add_term(f, ERCA_TERM_SUM, term, number(f, constant), 0) : term;
}

/* ---- values at the points ---- */

static const char *key_of(const struct formulas *f, const int64_t *values)
{
	struct text text = {.arena = &f->ctx->arena};
	for (int i = 0; i < f->point_count; i++)
		text_printf(&text, "%llx ", (unsigned long long)values[i]);
	return text.data;
}

static bool is_constant(const struct formulas *f, const int64_t *values)
{
	for (int i = 1; i < f->point_count; i++)
		if (values[i] != values[0])
			return false;
	return true;
}

/* Adds the product of `m` (NULL: 1) and a symbol, and of that with symbols up to this one. */
static void add_monomials(struct formulas *f, const struct monomial *m, uint32_t symbol)
{
	struct monomial product = {.degree = m ? m->degree + 1 : 1};
	if (m)
		memcpy(product.factors, m->factors, sizeof product.factors);
	product.factors[product.degree - 1] = symbol;
	for (int i = 0; i < f->point_count; i++)
		if (!mul_fits(m ? m->at[i] : 1, f->symbols[symbol].at[i], &product.at[i]))
			return;
	arena_push(&f->ctx->arena, f->monomials, f->monomial_count, f->monomial_capacity, product);
	for (uint32_t k = 0; product.degree < DEGREE && k <= symbol; k++)
		add_monomials(f, &product, k);
}

static void add_symbol(struct formulas *f, uint32_t term, const int64_t *values)
{
	struct symbol symbol = {.term = term};
	memcpy(symbol.at, values, sizeof(int64_t) * (size_t)f->point_count);
	arena_push(&f->ctx->arena, f->symbols, f->symbol_count, f->symbol_capacity, symbol);
	add_monomials(f, NULL, (uint32_t)f->symbol_count - 1);
}

/* values = factor * a + constant, with integers. */
static bool is_line(const struct formulas *f, const int64_t *values, const int64_t *a, int64_t *factor,
                    int64_t *constant)
{
	int i = 1;
	while (i < f->point_count && a[i] == a[0])
		i++;
	if (i == f->point_count || (values[i] - values[0]) % (a[i] - a[0]))
		return false;
	*factor = (values[i] - values[0]) / (a[i] - a[0]);
	if (!*factor || !mul_fits(*factor, a[0], constant))
		return false;
	*constant = values[0] - *constant;
	for (i = 0; i < f->point_count; i++) {
		int64_t product;
		if (!mul_fits(*factor, a[i], &product) || values[i] - *constant != product)
			return false;
	}
	return true;
}

static bool find_line(struct formulas *f, const int64_t *values, uint32_t *term)
{
	int64_t factor, constant, best = INT64_MAX;
	for (size_t m = 0; m < f->monomial_count; m++) {
		if (!is_line(f, values, f->monomials[m].at, &factor, &constant))
			continue;
		int64_t size = constant < 0 ? -constant : constant;
		if (size >= best)
			continue;
		best = size;
		*term = plus(f, scaled(f, &f->monomials[m], factor), constant);
	}
	return best < INT64_MAX;
}

/* values = factor * a + rest, where the rest is a line: for all pairs of monomials. The factor follows from the values at
 * three points, for each line through them. */
static bool find_sum(struct formulas *f, const int64_t *values, uint32_t *term)
{
	int64_t left[MAX_POINTS_OF_FORMULA], factor, constant;
	for (size_t m = 0; m < f->monomial_count; m++)
		for (size_t n = 0; n < m; n++) {
			const int64_t *a = f->monomials[m].at, *b = f->monomials[n].at;
			int64_t a1 = a[1] - a[0], a2 = a[2] - a[0], b1 = b[1] - b[0], b2 = b[2] - b[0];
			__int128 det = (__int128)a1 * b2 - (__int128)a2 * b1;
			__int128 top = (__int128)(values[1] - values[0]) * b2 - (__int128)(values[2] - values[0]) * b1;
			if (!det || top % det)
				continue;
			__int128 exact = top / det;
			bool fits = exact && exact == (int64_t)exact;
			for (int i = 0; fits && i < f->point_count; i++) {
				fits = mul_fits((int64_t)exact, a[i], &left[i]);
				left[i] = values[i] - left[i];
			}
			if (!fits || !is_line(f, left, b, &factor, &constant))
				continue;
			uint32_t first = scaled(f, &f->monomials[m], (int64_t)exact);
			*term = add_term(f, ERCA_TERM_SUM, first, plus(f, scaled(f, &f->monomials[n], factor), constant), 0);
			return true;
		}
	return false;
}

/* ---- values = scale * (p * a * b + q * a + r * b + s), as in the area of an image without its border ---- */

#define BILINEAR_SIZE_MOST (1 << 20) /* so that products of the numbers below fit 128 bits */
#define BILINEAR_VALUE_MOST (INT64_C(1) << 60)

struct bilinear {
	const struct symbol *a, *b;
	int64_t p, q, r, s;
};

static __int128 determinant(__int128 rows[3][3])
{
	const __int128 *x = rows[0], *y = rows[1], *z = rows[2];
	return x[0] * (y[1] * z[2] - y[2] * z[1]) - x[1] * (y[0] * z[2] - y[2] * z[0]) + x[2] * (y[0] * z[1] - y[1] * z[0]);
}

/* One equation for p, q and r: the right side replaces column `solved` (-1: none). */
static void equation(const struct bilinear *of, const int64_t *values, int i, int solved, __int128 *row)
{
	row[0] = (__int128)of->a->at[i] * of->b->at[i] - (__int128)of->a->at[0] * of->b->at[0];
	row[1] = of->a->at[i] - of->a->at[0];
	row[2] = of->b->at[i] - of->b->at[0];
	if (solved >= 0)
		row[solved] = values[i] - values[0];
}

/* Cramer's rule for the points 0, i, j and k. */
static bool solve(struct bilinear *of, const int64_t *values, int i, int j, int k)
{
	int64_t *const unknowns[] = {&of->p, &of->q, &of->r};
	__int128 rows[3][3], whole = 0;
	for (int solved = -1; solved < 3; solved++) {
		equation(of, values, i, solved, rows[0]);
		equation(of, values, j, solved, rows[1]);
		equation(of, values, k, solved, rows[2]);
		__int128 det = determinant(rows);
		whole = solved < 0 ? det : whole;
		if (!whole || det % whole || det / whole != (int64_t)(det / whole))
			return false;
		if (solved >= 0)
			*unknowns[solved] = (int64_t)(det / whole);
	}
	return true;
}

/* Finds s, and whether all points agree. */
static bool agrees(const struct formulas *f, struct bilinear *of, const int64_t *values)
{
	for (int i = 0; i < f->point_count; i++) {
		__int128 a = of->a->at[i], b = of->b->at[i], rest = values[i] - of->p * a * b - of->q * a - of->r * b;
		if (rest != (int64_t)rest || (i && rest != of->s))
			return false;
		of->s = (int64_t)rest;
	}
	return true;
}

static bool find_factors(const struct formulas *f, const int64_t *values, struct bilinear *of)
{
	for (int i = 1; i < f->point_count; i++)
		for (int j = 1; j < i; j++)
			for (int k = 1; k < j; k++)
				if (solve(of, values, i, j, k))
					return agrees(f, of, values);
	return false;
}

static uint32_t bilinear_term(struct formulas *f, const struct bilinear *of)
{
	uint32_t a = (uint32_t)(of->a - f->symbols), b = (uint32_t)(of->b - f->symbols), term = number(f, of->s);
	const struct monomial parts[] = {{{a, b}, 2, {0}}, {{a}, 1, {0}}, {{b}, 1, {0}}};
	const int64_t factors[] = {of->p, of->q, of->r};
	for (int i = 0; i < 3; i++)
		if (factors[i])
			term = add_term(f, ERCA_TERM_SUM, scaled(f, &parts[i], factors[i]), term, 0);
	return term;
}

static bool is_small(const struct formulas *f, const int64_t *values, int64_t most)
{
	for (int i = 0; i < f->point_count; i++)
		if (values[i] < -most || values[i] > most)
			return false;
	return true;
}

/* values = scale * left, with integers; scale: NULL is 1. */
static bool divide(const struct formulas *f, const int64_t *values, const struct symbol *scale, int64_t *left)
{
	for (int i = 0; i < f->point_count; i++) {
		int64_t by = scale ? scale->at[i] : 1;
		if (!by || values[i] % by)
			return false;
		left[i] = values[i] / by;
	}
	return true;
}

static bool find_pair(const struct formulas *f, const int64_t *values, struct bilinear *of)
{
	if (!is_small(f, values, BILINEAR_VALUE_MOST))
		return false;
	for (size_t a = 0; a < f->symbol_count; a++)
		for (size_t b = 0; b < a; b++) {
			*of = (struct bilinear){.a = &f->symbols[a], .b = &f->symbols[b]};
			if (is_small(f, of->a->at, BILINEAR_SIZE_MOST) && is_small(f, of->b->at, BILINEAR_SIZE_MOST) &&
			    find_factors(f, values, of))
				return true;
		}
	return false;
}

static bool find_bilinear(struct formulas *f, const int64_t *values, uint32_t *term)
{
	int64_t left[MAX_POINTS_OF_FORMULA];
	struct bilinear of;
	for (size_t i = 0; i <= f->symbol_count; i++) {
		const struct symbol *scale = i ? &f->symbols[i - 1] : NULL;
		if (!divide(f, values, scale, left) || !find_pair(f, left, &of))
			continue;
		*term = bilinear_term(f, &of);
		*term = scale ? formula_product(f, *term, scale->term) : *term;
		return true;
	}
	return false;
}

/* ---- a size that is divided and rounded ---- */

/* A size that is divided: ceil((size + shift) / divisor). */
struct division {
	size_t size; /* symbol */
	int64_t shift, divisor;
};

/* Whether values = factor * quotient * a + constant, where a is a size or 1. */
static bool fits_division(const struct formulas *f, const int64_t *values, const struct division *division,
                          int64_t *quotients)
{
	int64_t products[MAX_POINTS_OF_FORMULA], factor, constant;
	for (int i = 0; i < f->point_count; i++)
		quotients[i] = ceil_div(f->symbols[division->size].at[i] + division->shift, division->divisor);
	bool found = is_line(f, values, quotients, &factor, &constant);
	for (size_t a = 0; !found && a < f->symbol_count; a++) {
		bool fits = f->terms[f->symbols[a].term].op == ERCA_TERM_SIZE;
		for (int i = 0; fits && i < f->point_count; i++)
			fits = mul_fits(quotients[i], f->symbols[a].at[i], &products[i]);
		found = fits && is_line(f, values, products, &factor, &constant);
	}
	return found;
}

/* Where exactly one division agrees with the values, its quotient becomes a symbol. */
static bool find_rounded(struct formulas *f, const int64_t *values, uint32_t *term)
{
	static const int64_t divisors[] = {2, 3, 4, 8, 16, 32, 64};
	int64_t quotients[MAX_POINTS_OF_FORMULA];
	struct division found = {0}, at;
	int count = 0;
	for (at.size = 0; at.size < f->symbol_count; at.size++)
		for (size_t d = 0; d < COUNT_OF(divisors) && f->terms[f->symbols[at.size].term].op == ERCA_TERM_SIZE; d++) {
			at.divisor = divisors[d];
			for (at.shift = 0; at.shift < at.divisor; at.shift++) {
				bool fits = fits_division(f, values, &at, quotients);
				found = fits ? at : found;
				count += fits;
			}
		}
	if (count != 1)
		return false;
	fits_division(f, values, &found, quotients);
	uint32_t size = f->symbols[found.size].term;
	add_symbol(f, add_term(f, ERCA_TERM_QUOTIENT, plus(f, size, found.shift), 0, found.divisor), quotients);
	return find_line(f, values, term);
}

bool formula_find(struct formulas *f, const int64_t *values, uint32_t *term)
{
	if (is_constant(f, values)) {
		*term = number(f, values[0]);
		return true;
	}
	const char *key = key_of(f, values);
	uintptr_t known = (uintptr_t)map_get(&f->by_values, key);
	if (known) {
		*term = (uint32_t)(known - 1);
		return true;
	}
	if (!find_line(f, values, term) && !find_sum(f, values, term) && !find_bilinear(f, values, term) &&
	    !find_rounded(f, values, term))
		return false;
	map_set(&f->by_values, key, (void *)(uintptr_t)(*term + 1));
	return true;
}

bool formula_quotient(struct formulas *f, const int64_t *numerators, const int64_t *divisors, uint32_t *term)
{
	int64_t values[MAX_POINTS_OF_FORMULA];
	uint32_t numerator, same;
	if (!is_constant(f, divisors) || divisors[0] < 1 || !formula_find(f, numerators, &numerator))
		return false;
	*term = divisors[0] == 1 ? numerator : add_term(f, ERCA_TERM_QUOTIENT, numerator, 0, divisors[0]);
	for (int i = 0; i < f->point_count; i++)
		values[i] = ceil_div(numerators[i], divisors[0]);
	if (is_constant(f, values) || map_get(&f->by_values, key_of(f, values)))
		return true;
	if (!find_line(f, values, &same))
		add_symbol(f, *term, values);
	map_set(&f->by_values, key_of(f, values), (void *)(uintptr_t)(*term + 1)); /* this one is known, not found */
	return true;
}

void formulas_begin(struct formulas *f, struct context *ctx, const int64_t (*points)[MAX_RANGES], int point_count,
                    int range_count)
{
	*f = (struct formulas){.ctx = ctx, .point_count = point_count};
	f->by_values = (struct map){.arena = &ctx->arena, .kind = MAP_TEXT};
	for (int r = 0; r < range_count; r++) {
		int64_t values[MAX_POINTS_OF_FORMULA];
		for (int i = 0; i < point_count; i++)
			values[i] = points[i][r];
		add_symbol(f, add_term(f, ERCA_TERM_SIZE, (uint32_t)r, 0, 0), values);
	}
}
