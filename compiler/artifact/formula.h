/* Formulas: how the numbers of a plan depend on the sizes of its ranges. The same number is known at several points, which
 * are combinations of sizes. A number is a sum of products of sizes and of quotients that are rounded up, with integer
 * factors. Quotients are known (graph_quotient, variant_set_quotient), or the
 * only one of a size, plus a number, by one of a few divisors that agrees. There are more points than such a sum has unknowns, and it
 * must agree with all of them. */
#ifndef ERCC_FORMULA_H
#define ERCC_FORMULA_H

#include "compiler/core/plan.h"
#include "schemas/artifact.h"

#define MAX_POINTS_OF_FORMULA 17 /* the bounds and the samples */

struct formulas {
	struct context *ctx;
	int point_count;
	struct erca_term *terms; /* as they are stored */
	size_t term_count, term_capacity;
	struct map by_values; /* values at all points -> term + 1 */
	struct symbol *symbols;
	size_t symbol_count, symbol_capacity;
	struct monomial *monomials;
	size_t monomial_count, monomial_capacity;
};

/* points: for each the sizes of all ranges. */
void formulas_begin(struct formulas *formulas, struct context *ctx, const int64_t (*points)[MAX_RANGES],
                    int point_count, int range_count);
/* The term that has these values at the points. Returns false if there is none. */
bool formula_find(struct formulas *formulas, const int64_t *values, uint32_t *term);
/* The term ceil(numerator / divisor). The divisor must be the same at all points. The quotient may be a part of later
 * formulas. */
bool formula_quotient(struct formulas *formulas, const int64_t *numerators, const int64_t *divisors, uint32_t *term);
uint32_t formula_product(struct formulas *formulas, uint32_t a, uint32_t b);

#endif
