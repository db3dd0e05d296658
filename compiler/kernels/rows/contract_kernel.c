/* The contraction kernel template. */
#include "compiler/kernels/rows.h"

/* Constants: in the same order as the kernel. `user` is the expression a + b * c. */
static void contract_evaluate(const struct launch *launch, void *const *buffers)
{
	const int64_t *p = launch->params, kept = p[CONTRACT_KEPT], gone = p[CONTRACT_GONE];
	const int64_t *k = p + CONTRACT_DIMS, *g = k + 3 * kept;
	enum erc_dtype dtype = launch->operands[0].dtype;
	int64_t outputs = 1;
	for (int64_t d = 0; d < kept; d++)
		outputs *= k[3 * d];
	for (int64_t r = 0; r < outputs; r++) {
		union expr_value value[3] = {expr_number(dtype, 0)};
		int64_t start[2] = {0, 0};
		for (int64_t d = kept - 1, left = r; d >= 0; left /= k[3 * d], d--)
			for (int i = 0; i < 2; i++)
				start[i] += left % k[3 * d] * k[3 * d + 1 + i];
		for (int64_t n = 0; n < p[CONTRACT_COUNT]; n++) {
			int64_t at[2] = {start[0], start[1]};
			for (int64_t d = gone - 1, left = n; d >= 0; left /= g[3 * d], d--)
				for (int i = 0; i < 2; i++)
					at[i] += left % g[3 * d] * g[3 * d + 1 + i];
			value[1] = element_read(buffers[0], dtype, at[0]);
			value[2] = element_read(buffers[1], dtype, at[1]);
			value[0] = expr_evaluate(launch->user, value);
		}
		element_write(buffers[2], dtype, r, value[0]);
	}
}

const struct kernel_template contract_template = {.stem = "contract",
                                                  .cpu = rows_cpu,
                                                  .gpu = rows_gpu,
                                                  .evaluate = contract_evaluate};
