/* A model of many nodes with an output each, for tests that go through pairs of dtypes. */
#ifndef ERC_PAIRS_H
#define ERC_PAIRS_H

#include "tests/ops/compute.h"

#define MAX_PAIRS 600

struct pairs {
	struct text text;
	const struct tensor *inputs[MAX_PAIRS], *wanted[MAX_PAIRS];
	const char *names[MAX_PAIRS];
	int input_count, output_count;
};

static inline struct pairs *begin(int opset)
{
	struct pairs *p = arena_new(&test.ctx.arena, struct pairs);
	p->text.arena = &test.ctx.arena;
	text_printf(&p->text, "graph \"pairs\" opset=%d\n", opset);
	return p;
}

/* Adds an input with the tensor's data and these dims (NULL: its own), and returns its name. Equal inputs are not shared. */
static inline const char *add_input(struct pairs *p, const struct tensor *tensor, const char *dims)
{
	const char *name = arena_printf(&test.ctx.arena, "x%d", p->input_count);
	text_printf(&p->text, "input %s:%s%s\n", name, dtype_name(tensor->dtype),
	            dims ? dims : shape_text(&test.ctx.arena, &tensor->shape));
	p->inputs[p->input_count++] = tensor;
	return name;
}

static inline void add_output(struct pairs *p, const char *title, const struct tensor *wanted)
{
	text_printf(&p->text, "output y%d\n", p->output_count);
	p->names[p->output_count] = title;
	p->wanted[p->output_count++] = wanted;
}

/* Compiles the model for the target and runs it. Returns the number of wrong elements of all outputs, as `wrong_in` counts
 * them for one; 0 where this machine does not run the target. */
static inline int check_on(const struct pairs *p, const char *what, const char *target,
                           int (*wrong_in)(const char *name, const struct tensor *found, const struct tensor *wanted))
{
	struct output outputs[MAX_PAIRS];
	int wrong = 0;
	int64_t elements = 0;
	compile_text(p->text.data, target, NULL, 0);
	if (!run_on(p->inputs, p->input_count, outputs, p->output_count)) {
		printf("skipped: %s: this machine does not run %s\n", what, target);
		return 0;
	}
	for (int k = 0; k < p->output_count; k++) {
		const struct tensor *wanted = p->wanted[k];
		struct tensor found = {.dtype = wanted->dtype, .shape = wanted->shape, .data = outputs[k].data};
		ck_assert_msg(outputs[k].bytes == tensor_bytes(wanted), "%s: %s: %zu bytes", target, p->names[k],
		              outputs[k].bytes);
		wrong += wrong_in(arena_printf(&test.ctx.arena, "%s: %s", target, p->names[k]), &found, wanted);
		elements += shape_elements(&wanted->shape);
		free(outputs[k].data);
	}
	printf("%s: %d pairs of dtypes with %lld elements on %s, %d wrong\n", what, p->output_count, (long long)elements,
	       target, wrong);
	return wrong;
}

#endif
