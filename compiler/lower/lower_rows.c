/* Launches of row kernels, and the window arithmetic of convolution and pooling. */
#include "compiler/lower/lower_rows.h"

static enum ercc_status window_list(const struct node *node, const char *name, int rank, int per_dim, int64_t otherwise,
                                    int64_t *values)
{
	int count;
	TRY(int_list(node, name, -1, values, 6, &count));
	if (count >= 0 && count != rank * per_dim)
		return node_fail(node, ERCC_MODEL, "%s has %d entries for %d spatial dims", name, count, rank);
	for (int i = count < 0 ? 0 : 6; i < rank * per_dim; i++)
		values[i] = otherwise;
	return ERCC_OK;
}

enum ercc_status check_kernel_shape(const struct node *node, const struct shape *weights)
{
	int64_t kernel[MAX_RANK];
	int count;
	TRY(int_list(node, "kernel_shape", -1, kernel, MAX_RANK, &count));
	bool same = count < 0 || count == weights->rank - 2;
	for (int i = 0; same && i < count; i++)
		same = kernel[i] == weights->dims[2 + i];
	return same ? ERCC_OK
	            : node_fail(node, ERCC_MODEL, "kernel_shape is not that of the weights %s", shape_words(node, weights));
}

#define WINDOW_MOST (1 << 20)        /* kernel, stride, dilation and padding each */
#define WINDOW_EXTENT_MOST (1 << 30) /* kernels of GPUs count pixels in 32 bits */

/* Checks dim i of a window. */
static enum ercc_status check_extent(const struct node *node, const struct window *w, int i)
{
	const int64_t sizes[] = {w->kernel[i], w->stride[i], w->dilation[i], w->pad[i], w->pad_end[i]};
	for (size_t k = 0; k < COUNT_OF(sizes); k++) {
		if (sizes[k] < (k < 3))
			return node_fail(node, ERCC_MODEL, "kernel, strides, dilations must be positive and pads not negative");
		if (sizes[k] > WINDOW_MOST)
			return node_fail(node, ERCC_UNSUPPORTED,
			                 "%lld is too much for a kernel, strides, dilations and pads; %d is supported",
			                 (long long)sizes[k], WINDOW_MOST);
	}
	if ((w->kernel[i] - 1) * w->dilation[i] >= WINDOW_EXTENT_MOST)
		return node_fail(node, ERCC_UNSUPPORTED, "a window of %lld with dilation %lld; up to %d elements are supported",
		                 (long long)w->kernel[i], (long long)w->dilation[i], WINDOW_EXTENT_MOST);
	return ERCC_OK;
}

enum ercc_status read_window(const struct node *node, const int64_t *kernel, struct window *w)
{
	const struct shape *in = &node->inputs[0]->shape;
	int rank = in->rank - 2, skip = 3 - rank;
	int64_t strides[6], dilations[6], pads[6];
	const char *auto_pad = node_attr_text(node, "auto_pad", "NOTSET");
	bool ceil_mode = node_attr_int(node, "ceil_mode", 0) != 0;
	if (rank < 1 || rank > 3)
		return node_fail(node, ERCC_UNSUPPORTED, "input of rank %d; 3 to 5 are supported", in->rank);
	TRY(window_list(node, "strides", rank, 1, 1, strides));
	TRY(window_list(node, "dilations", rank, 1, 1, dilations));
	TRY(window_list(node, "pads", rank, 2, 0, pads));
	for (int i = 0; i < 3; i++) {
		int s = i - skip;
		w->in[i] = s < 0 ? 1 : in->dims[2 + s];
		w->kernel[i] = s < 0 ? 1 : kernel[s];
		w->stride[i] = s < 0 ? 1 : strides[s];
		w->dilation[i] = s < 0 ? 1 : dilations[s];
		w->pad[i] = s < 0 ? 0 : pads[s];
		w->pad_end[i] = s < 0 ? 0 : pads[rank + s];
		TRY(check_extent(node, w, i));
		int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
		if (!strncmp(auto_pad, "SAME", 4) && s >= 0) {
			int64_t total = (ceil_div(w->in[i], w->stride[i]) - 1) * w->stride[i] + extent - w->in[i];
			total = total > 0 ? total : 0;
			w->pad[i] = strcmp(auto_pad, "SAME_LOWER") ? total / 2 : total - total / 2;
			w->pad_end[i] = total - w->pad[i];
		} else if (!strcmp(auto_pad, "VALID")) {
			w->pad[i] = w->pad_end[i] = 0;
		}
		int64_t span = w->in[i] + w->pad[i] + w->pad_end[i] - extent;
		/* rounded up: a window that is too large by less than one stride still gives one output */
		int64_t whole = ceil_mode ? span + w->stride[i] - 1 : span;
		w->out[i] = whole < 0 ? 0 : graph_quotient(node->graph, whole + 1, w->stride[i]);
		/* a window that starts in the end padding is dropped */
		if (ceil_mode && (w->out[i] - 1) * w->stride[i] >= w->in[i] + w->pad[i])
			w->out[i]--;
		if (w->out[i] < 1)
			return node_fail(node, ERCC_MODEL, "a window of %lld does not fit %lld with pads %lld and %lld",
			                 (long long)extent, (long long)w->in[i], (long long)w->pad[i], (long long)w->pad_end[i]);
	}
	return ERCC_OK;
}

struct launch *lower_rows(struct lowering *lowering, struct node *node, const struct kernel_template *template,
                          int64_t rows)
{
	struct launch *launch = plan_add_launch(lowering->plan, NULL, template, node->name);
	launch_operand(launch, lower_buffer(lowering, node->inputs[0]), node->inputs[0]->dtype, false);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), node->outputs[0]->dtype, true);
	launch->input_count = 1;
	launch_set(launch, ROWS_TOTAL, rows);
	launch->space = node->outputs[0]->shape;
	launch->bytes = (uint64_t)(value_bytes(node->inputs[0]) + value_bytes(node->outputs[0]));
	return launch;
}

int64_t lower_dim(const struct lowering *lowering, const struct shape *shape, int dim)
{
	return shape->sizes[dim] ? -1 - graph_size_slot(lowering->graph, shape->sizes[dim]) : shape->dims[dim];
}

struct indices node_indices(const struct node *node)
{
	return (struct indices){.slot = 1, .from_end = !node_attr_int(node, "positions", 0)};
}

enum ercc_status check_constant_indices(const struct node *node, struct indices indices, int first, int64_t count)
{
	const struct tensor *constant = node->inputs[indices.slot]->constant;
	int64_t all = constant ? shape_elements(&constant->shape) : 0;
	for (int64_t i = 0; i < all; i++) {
		int64_t at = tensor_int(constant, constant->splat ? 0 : i), dim = first + i % count,
				size = node->inputs[0]->shape.dims[dim];
		if (at < (indices.from_end ? -size : 0) || at >= size)
			return node_fail(node, ERCC_MODEL, "index %lld is outside dim %lld of %lld", (long long)at, (long long)dim,
			                 (long long)size);
	}
	return ERCC_OK;
}

/* The only dim of the indices with a run-time size; -1 if there is none, -2 if there are several. */
static int sized_dim(const struct shape *indices)
{
	int found = -1;
	for (int i = 0; i < indices->rank; i++)
		if (indices->sizes[i])
			found = found == -1 ? i : -2;
	return found;
}

void lower_index_faults(const struct lowering *lowering, const struct node *node, struct indices indices,
                        struct launch *launch)
{
	const struct value *value = node->inputs[indices.slot];
	bool is_known = value->constant && shape_run_time_dim(&node->inputs[0]->shape) < 0;
	bool is_operand = !node->is_emitted || !indices.from_end;
	if (!indices.from_end)
		launch_define(launch, "FROM_END", "0");
	if (!lowering->folding && is_operand && !is_known && sized_dim(&value->shape) >= -1 &&
	    shape_elements(&value->shape) > 0)
		launch_add_faults(lowering->plan, launch);
}

void lower_index_count(const struct lowering *lowering, const struct shape *indices, int64_t tuple,
                       struct launch *launch, int first)
{
	int dim = launch->faults ? sized_dim(indices) : -1;
	int64_t each = 1;
	for (int i = dim + 1; i < indices->rank; i++)
		each *= indices->dims[i];
	if (dim >= 0)
		launch_define(launch, "SIZED", "1");
	launch_set(launch, first, dim < 0 ? 1 : each / tuple);
	launch_set(launch, first + 1, dim < 0 ? 1 : indices->dims[dim]);
	launch_set(launch, first + 2, dim < 0 ? 1 : lower_dim(lowering, indices, dim));
}
