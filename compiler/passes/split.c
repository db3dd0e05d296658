/* Cuts long sums into parts for GPUs. The templates that support it do the work. The number of parts depends on sizes, so
 * it is not done in entries with ranges. */
#include "compiler/passes/pass.h"

enum ercc_status pass_split(struct plan *plan)
{
	for (struct launch *launch = plan->ctx->has_ranges ? NULL : plan->first; launch; launch = launch->next) {
		plan->region = launch->region;
		if (launch->template->split)
			launch->template->split(plan, launch);
	}
	return ERCC_OK;
}
