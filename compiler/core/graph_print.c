/* Graph -> text, one line per statement. graph_parse reads it back:
 *   input x:f32[?x3] (batch, _)
 *   const w:f32[3x2] = {1, 2, 3, 4, 5, 6}
 *   y:f32[?x2] = Gemm(x, w, _) {alpha=1.0, transB=0} "fc"
 *   output y as "logits" */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "compiler/core/graph.h"

/* Constants with more stored elements are printed as a digest. */
#define MAX_PRINTED_ELEMENTS 64

struct printer {
	FILE *out;
	const struct graph *root;
	struct map constants; /* constants that are already printed */
	int indent;
};

static void print_graph(struct printer *printer, const struct graph *graph);

/* ---- names, strings, numbers ---- */

static void print_string(FILE *out, const char *text)
{
	putc('"', out);
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else if ((unsigned char)*c < ' ' || *c == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*c);
		else
			putc(*c, out);
	}
	putc('"', out);
}

/* Without quotes where the name cannot be read as anything else. */
static void print_name(FILE *out, const char *name)
{
	if (name[0] && strcmp(name, "_") != 0 && name[strspn(name, GRAPH_NAME_CHARACTERS)] == '\0')
		fputs(name, out);
	else
		print_string(out, name);
}

/* At the start of a line, a name that equals the first word of a statement is quoted. */
static void print_first_name(FILE *out, const char *name)
{
	static const char *const taken[] = {"graph", "input", "const", "output", "size"};
	for (size_t i = 0; i < COUNT_OF(taken); i++) {
		if (strcmp(name, taken[i]) == 0) {
			print_string(out, name);
			return;
		}
	}
	print_name(out, name);
}

/* The shortest decimal that reads back as the same number. `point`: the text must not look like an integer. */
static void print_float(FILE *out, double number, bool is_double, bool point)
{
	char text[40];
	if (isnan(number)) {
		fputs("nan", out);
		return;
	}
	for (int digits = is_double ? 15 : 6; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (is_double ? strtod(text, NULL) == number : strtof(text, NULL) == (float)number)
			break;
	}
	fputs(text, out);
	if (point && !strpbrk(text, ".enf"))
		fputs(".0", out);
}

static void print_element(FILE *out, const struct tensor *tensor, int64_t index)
{
	const char *data = tensor->data;
	float pair[2];
	double wide_pair[2];
	switch (tensor->dtype) {
	case ERC_STRING: print_string(out, ((char *const *)tensor->data)[index]); break;
	case ERC_F16:
	case ERC_BF16: {
		uint16_t bits;
		memcpy(&bits, data + 2 * index, sizeof bits);
		fprintf(out, "0x%04x", bits);
		break;
	}
	case ERC_C64:
		memcpy(pair, data + 8 * index, sizeof pair);
		print_float(out, pair[0], false, false);
		putc(':', out);
		print_float(out, pair[1], false, false);
		break;
	case ERC_C128:
		memcpy(wide_pair, data + 16 * index, sizeof wide_pair);
		print_float(out, wide_pair[0], true, false);
		putc(':', out);
		print_float(out, wide_pair[1], true, false);
		break;
	case ERC_F32:
	case ERC_F64: print_float(out, tensor_float(tensor, index), tensor->dtype == ERC_F64, false); break;
	case ERC_U64: fprintf(out, "%" PRIu64, (uint64_t)tensor_int(tensor, index)); break;
	default: fprintf(out, "%" PRId64, tensor_int(tensor, index));
	}
}

/* FNV-1a over 64-bit words. It shows whether two dumps hold the same data. */
static uint64_t digest(const void *data, size_t bytes)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < bytes; i += 8) {
		uint64_t word = 0;
		memcpy(&word, (const char *)data + i, bytes - i < 8 ? bytes - i : 8);
		hash = (hash ^ word) * 0x100000001b3;
	}
	return hash ^ hash >> 32;
}

static uint64_t tensor_digest(const struct tensor *tensor)
{
	if (tensor->dtype != ERC_STRING)
		return digest(tensor->data, tensor_bytes(tensor));
	uint64_t hash = 0;
	for (int64_t i = 0; i < shape_elements(&tensor->shape); i++) {
		const char *text = ((char *const *)tensor->data)[i];
		hash = (hash ^ digest(text, strlen(text))) * 0x100000001b3;
	}
	return hash;
}

/* ---- types and tensors ---- */

static void print_type(struct printer *printer, enum erc_dtype dtype, const struct shape *shape)
{
	if (shape_run_time_dim(shape) < 0) {
		fprintf(printer->out, "%s%s", dtype_name(dtype), shape_text(&printer->root->ctx->arena, shape));
		return;
	}
	fprintf(printer->out, "%s[", dtype_name(dtype));
	for (int i = 0; i < shape->rank; i++) {
		fputs(i ? "x" : "", printer->out);
		if (shape->dims[i] < 0)
			putc('?', printer->out);
		else
			fprintf(printer->out, "%" PRId64, shape->dims[i]);
		if (shape->sizes[i])
			fprintf(printer->out, "~%d", shape->sizes[i]);
	}
	putc(']', printer->out);
}

static void print_data(struct printer *printer, const struct tensor *tensor)
{
	int64_t count = tensor->splat ? 1 : shape_elements(&tensor->shape);
	if (count > MAX_PRINTED_ELEMENTS) {
		fprintf(printer->out, "#%016" PRIx64, tensor_digest(tensor));
		return;
	}
	fputs(tensor->splat ? "splat{" : "{", printer->out);
	for (int64_t i = 0; i < count; i++) {
		fputs(i ? ", " : "", printer->out);
		print_element(printer->out, tensor, i);
	}
	putc('}', printer->out);
}

static void print_tensor(struct printer *printer, const struct tensor *tensor)
{
	if (!tensor) {
		putc('_', printer->out);
		return;
	}
	print_type(printer, tensor->dtype, &tensor->shape);
	print_data(printer, tensor);
}

/* Prints what follows a value's name in its definition: the type and other known facts. */
static void print_facts(struct printer *printer, const struct value *value)
{
	if (value->dtype != ERC_DTYPE_NONE || value->shape.rank >= 0) {
		putc(':', printer->out);
		print_type(printer, value->dtype, &value->shape);
	}
	if (value->layout == LAYOUT_NC16)
		fputs("@nc16", printer->out);
}

/* ---- lines ---- */

static void begin_line(struct printer *printer)
{
	fprintf(printer->out, "%*s", 2 * printer->indent, "");
}

static void print_input(struct printer *printer, const struct value *value)
{
	bool named = false;
	begin_line(printer);
	fputs("input ", printer->out);
	print_name(printer->out, value->name);
	print_facts(printer, value);
	for (int i = 0; i < value->shape.rank; i++)
		named = named || value->dim_names[i];
	if (named) {
		for (int i = 0; i < value->shape.rank; i++) {
			fputs(i ? ", " : " (", printer->out);
			if (value->dim_names[i])
				print_name(printer->out, value->dim_names[i]);
			else
				putc('_', printer->out);
		}
		putc(')', printer->out);
	}
	fputs(value->kind & VALUE_OPTIONAL ? " optional" : "", printer->out);
	fputs(value->kind & VALUE_SEQUENCE ? " sequence" : "", printer->out);
	putc('\n', printer->out);
}

/* Constants are not in the list of nodes. Each is printed before the first node that uses it. */
static void print_constant(struct printer *printer, const struct value *value)
{
	if (!value || !value->constant || value->producer || map_get(&printer->constants, value))
		return;
	map_set(&printer->constants, value, (void *)value);
	begin_line(printer);
	fputs("const ", printer->out);
	print_name(printer->out, value->name);
	print_facts(printer, value);
	fputs(" = ", printer->out);
	print_data(printer, value->constant);
	putc('\n', printer->out);
}

static void print_constants_of_graph(struct printer *printer, const struct graph *graph);

/* Includes the constants of nested graphs, so that those shared with the outer graph are defined there. */
static void print_constants(struct printer *printer, const struct node *node)
{
	for (int i = 0; i < node->input_count; i++)
		print_constant(printer, node->inputs[i]);
	for (int i = 0; i < node->attr_count; i++)
		if (node->attrs[i].kind == ATTR_GRAPH)
			print_constants_of_graph(printer, node->attrs[i].graph);
}

static void print_constants_of_graph(struct printer *printer, const struct graph *graph)
{
	for (const struct node *node = graph->first; node; node = node->next)
		print_constants(printer, node);
	for (size_t i = 0; i < graph->output_count; i++)
		print_constant(printer, graph->outputs[i]);
}

static void print_attr_item(FILE *out, const struct attr *attr, int64_t index)
{
	switch (attr->kind) {
	case ATTR_INTS: fprintf(out, "%" PRId64, attr->ints[index]); break;
	case ATTR_FLOATS: print_float(out, attr->floats[index], false, true); break;
	default: print_string(out, attr->strings[index]);
	}
}

static void print_list(FILE *out, const struct attr *attr)
{
	/* An empty list does not show the kind of its items, so its text begins with the kind. */
	if (attr->count == 0)
		fputs(attr->kind == ATTR_INTS ? "ints" : attr->kind == ATTR_FLOATS ? "floats" : "strings", out);
	putc('[', out);
	for (int64_t i = 0; i < attr->count; i++) {
		fputs(i ? ", " : "", out);
		print_attr_item(out, attr, i);
	}
	putc(']', out);
}

static void print_attr(struct printer *printer, const struct attr *attr)
{
	FILE *out = printer->out;
	print_name(out, attr->name);
	putc('=', out);
	switch (attr->kind) {
	case ATTR_INT: fprintf(out, "%" PRId64, attr->i); break;
	case ATTR_FLOAT: print_float(out, attr->f, false, true); break;
	case ATTR_STRING: print_string(out, attr->s); break;
	case ATTR_TENSOR: print_tensor(printer, attr->tensor); break;
	case ATTR_OTHER: fputs("other", out); break;
	case ATTR_GRAPH:
		fputs("graph ", out);
		print_string(out, attr->graph->name);
		fputs(" {\n", out);
		printer->indent++;
		print_graph(printer, attr->graph);
		printer->indent--;
		begin_line(printer);
		putc('}', out);
		break;
	default: print_list(out, attr);
	}
}

static void print_call(struct printer *printer, const struct node *node)
{
	FILE *out = printer->out;
	if (node->domain[0]) {
		print_name(out, node->domain);
		fputs("::", out);
	}
	print_name(out, node->op_type);
	if (node->opset != printer->root->opset)
		fprintf(out, "@%" PRId64, node->opset);
	putc('(', out);
	for (int i = 0; i < node->input_count; i++) {
		fputs(i ? ", " : "", out);
		if (node->inputs[i])
			print_name(out, node->inputs[i]->name);
		else
			putc('_', out);
	}
	putc(')', out);
}

static void print_result(struct printer *printer, const struct value *value, bool first)
{
	if (!value) {
		putc('_', printer->out);
		return;
	}
	if (first)
		print_first_name(printer->out, value->name);
	else
		print_name(printer->out, value->name);
	print_facts(printer, value);
	/* The value is known, but a node still produces it. */
	if (value->constant) {
		putc(' ', printer->out);
		print_data(printer, value->constant);
	}
}

static void print_node(struct printer *printer, const struct node *node)
{
	FILE *out = printer->out;
	print_constants(printer, node);
	begin_line(printer);
	if (node->output_count == 0)
		fputs("()", out);
	for (int i = 0; i < node->output_count; i++) {
		fputs(i ? ", " : "", out);
		print_result(printer, node->outputs[i], i == 0);
	}
	fputs(" = ", out);
	print_call(printer, node);
	for (int i = 0; i < node->attr_count; i++) {
		fputs(i ? ", " : " {", out);
		print_attr(printer, &node->attrs[i]);
	}
	fputs(node->attr_count ? "}" : "", out);
	if (node->name[0]) {
		putc(' ', out);
		print_string(out, node->name);
	}
	putc('\n', out);
}

static void print_output(struct printer *printer, const struct value *value, const char *name)
{
	print_constant(printer, value);
	begin_line(printer);
	fputs("output ", printer->out);
	print_name(printer->out, value->name);
	if (strcmp(value->name, name) != 0) {
		fputs(" as ", printer->out);
		print_string(printer->out, name);
	}
	putc('\n', printer->out);
}

/* A comment: the nodes that follow are in this region. */
static void print_region(struct printer *printer, const struct region *region)
{
	static const char *const kinds[] = {[REGION_THEN] = "then", [REGION_ELSE] = "else", [REGION_LOOP] = "loop"};
	begin_line(printer);
	fputs(region ? "# " : "# outside", printer->out);
	for (const struct region *at = region; at; at = at->around) {
		fprintf(printer->out, "%s%s of ", at == region ? "" : ", in ", kinds[at->kind]);
		print_string(printer->out, at->name);
	}
	putc('\n', printer->out);
}

static void print_graph(struct printer *printer, const struct graph *graph)
{
	for (size_t i = 0; i < graph->input_count; i++)
		print_input(printer, graph->inputs[i]);
	const struct region *region = NULL;
	for (const struct node *node = graph->first; node; node = node->next) {
		if (node->region != region)
			print_region(printer, node->region);
		region = node->region;
		print_node(printer, node);
	}
	if (region)
		print_region(printer, NULL);
	for (size_t i = 0; i < graph->size_count; i++) {
		begin_line(printer);
		fputs("size ", printer->out);
		print_name(printer->out, graph->sizes[i]->name);
		putc('\n', printer->out);
	}
	for (size_t i = 0; i < graph->output_count; i++)
		print_output(printer, graph->outputs[i], graph->output_names[i]);
}

void graph_print(const struct graph *graph, FILE *out)
{
	struct printer printer = {.out = out, .root = graph};
	printer.constants = (struct map){.arena = &graph->ctx->arena, .kind = MAP_POINTER};
	fputs("graph ", out);
	print_string(out, graph->name);
	fprintf(out, " ir=%" PRId64 " opset=%" PRId64 " producer=", graph->ir_version, graph->opset);
	print_string(out, graph->producer);
	putc('\n', out);
	print_graph(&printer, graph);
}
