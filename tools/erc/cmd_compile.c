/* `erc compile`: options to ercc_compile. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

static const char text[] = "Compiles an ONNX model, ahead of time, to one artifact file: kernels for each\n"
						   "target and budget, weights, plan. Needs a C compiler for CPU targets,\n"
						   "NVRTC for CUDA targets; no device.\n"
						   "The same model, options and toolchain give the same bytes.\n\n"
						   "A budget limits the units that a launch uses and the local memory of each: full,\n"
						   "half, quarter (of the device that the target stands for), or your own: a name,\n"
						   "units=N or share=25%, and local=48KiB; or a JSON file of them. One artifact holds\n"
						   "variants for all of them; on a target they give the same results, bit for bit.";

static const char examples[] = "  erc compile resnet50.onnx -o resnet50.erca\n"
							   "  erc compile bert.onnx -o bert.erca --dim batch=1 --dim sequence=128\n"
							   "  erc compile yolo.onnx -o yolo.erca --shape x:1x3x640x640 --target native\n"
							   "  erc compile voice.onnx -o voice.erca --const sr=16000 --quiet\n"
							   "  erc compile resnet50.onnx -o edge.erca --budget full,name=edge,units=8\n"
							   "  erc compile resnet50.onnx -o h100.erca --target sim:h100 --budget budgets.json\n";

struct compile {
	const char *out, *cc, *kernel_dir, *dump_after, *stop_after;
	struct text_list targets, budgets, dims, shapes, consts, lengths, keeps;
	const char *class_, *all_dims;
	uint32_t jobs, max_iterations, expected_iterations, max_nodes, level, deadline_us;
	bool no_cache, quiet, strict;
};

static int parse(int argc, char **argv, struct compile *c, const char **model)
{
	const struct option options[] = {
		{"output", 'o', OPTION_TEXT, &c->out, "FILE", "the artifact to write"},
		{"target", 't', OPTION_LIST, &c->targets, "LIST", "cpu:x86-64-v3, native ... (see 'erc version')"},
		{"budget", 'b', OPTION_LIST, &c->budgets, "LIST", "full,half,quarter (default), own ones, a .json file"},
		{"dim", 0, OPTION_LIST, &c->dims, "NAME=N[,N]", "sizes of a symbolic dimension, or a range: 1..512"},
		{"dims", 0, OPTION_TEXT, &c->all_dims, "auto", "a range for each symbolic dimension without --dim"},
		{"shape", 0, OPTION_LIST, &c->shapes, "INPUT:AxBxC", "whole shape of an input"},
		{"const", 0, OPTION_LIST, &c->consts, "INPUT=V[,V]", "pins an input to a value; it is no input any more"},
		{"jobs", 'j', OPTION_COUNT, &c->jobs, "N", "kernel builds at a time (default: one per core)"},
		{"cc", 0, OPTION_TEXT, &c->cc, "PROGRAM", "C compiler (default: $CC, else cc)"},
		{"kernel-dir", 0, OPTION_TEXT, &c->kernel_dir, "DIR", "reads kernel templates from here"},
		{"dump-after", 0, OPTION_TEXT, &c->dump_after, "PASS", "prints the graph after a pass, or after 'all'"},
		{"stop-after", 0, OPTION_TEXT, &c->stop_after, "PASS", "stops there and writes no artifact"},
		{"no-cache", 0, OPTION_FLAG, &c->no_cache, NULL, "builds every kernel anew"},
		{"length", 0, OPTION_LIST, &c->lengths, "INPUT=N",
	     "tensors in an input that is a sequence; of an optional 1 or none"},
		{"keep-input", 0, OPTION_LIST, &c->keeps, "INPUT", "keeps an input that has a default in the model"},
		{"max-iterations", 0, OPTION_COUNT, &c->max_iterations, "N",
	     "iterations of all unrolled loops together, and of each other loop (default: 16384)"},
		{"expect-iterations", 0, OPTION_COUNT, &c->expected_iterations, "N",
	     "of a loop that states none, for predictions (default: --max-iterations)"},
		{"max-nodes", 0, OPTION_COUNT, &c->max_nodes, "N", "nodes copied for loops (default: 1048576)"},
		{"class", 0, OPTION_TEXT, &c->class_, "CLASS", "what sessions are by default: rt (real-time) or be"},
		{"level", 0, OPTION_COUNT, &c->level, "N", "with --class rt: strict priority; 0 is the highest"},
		{"deadline-us", 0, OPTION_COUNT, &c->deadline_us, "N", "with --class rt: microseconds after arrival"},
		{"strict", 0, OPTION_FLAG, &c->strict, NULL, "refuses versions newer than the newest known one"},
		{"quiet", 'q', OPTION_FLAG, &c->quiet, NULL, "no progress"},
	};
	const struct usage usage = {
		"compile", "MODEL.onnx -o OUT.erca [options]", text, examples, options, COUNT_OF(options), 1, 1, "a model",
	};
	return args_parse(&usage, argc, argv, model);
}

static int check_pass_name(const char *option, const char *name, bool all_is_good)
{
	const char *names[64];
	size_t count = 0;
	if (!name || (all_is_good && !strcmp(name, "all")))
		return ARGS_OK;
	for (; count < COUNT_OF(names) && ercc_pass_name((uint32_t)count); count++) {
		names[count] = ercc_pass_name((uint32_t)count);
		if (!strcmp(name, names[count]))
			return ARGS_OK;
	}
	say_error("--%s: there is no pass '%s'", option, name);
	const char *nearest = args_nearest(name, names, count);
	if (nearest)
		say_note("did you mean '%s'?", nearest);
	else
		say_note("'erc version' lists the passes");
	return EXIT_USAGE;
}

static int class_of(const struct compile *c, enum ercc_class *out)
{
	bool is_rt = c->class_ && !strcmp(c->class_, "rt"), is_be = c->class_ && !strcmp(c->class_, "be");
	*out = is_rt ? ERCC_REAL_TIME : is_be ? ERCC_BEST_EFFORT : ERCC_NO_CLASS;
	if (c->class_ && !is_rt && !is_be)
		say_error("--class: '%s' is neither rt nor be", c->class_);
	else if (*out != ERCC_REAL_TIME && (c->level || c->deadline_us))
		say_error("--%s needs --class rt", c->level ? "level" : "deadline-us");
	else
		return ARGS_OK;
	return EXIT_USAGE;
}

static int compile(struct compile *c, const char *model)
{
	enum ercc_class class_;
	if (class_of(c, &class_) != ARGS_OK)
		return EXIT_USAGE;
	if (!c->out && !c->stop_after) {
		say_error("erc compile needs an output file");
		say_note("for example: erc compile %s -o model.erca", model);
		return EXIT_USAGE;
	}
	text_list_split(&c->targets);
	struct ercc_options options = {
		.size = sizeof options,
		.targets = c->targets.items,
		.target_count = c->targets.count,
		.budgets = c->budgets.items,
		.budget_count = c->budgets.count,
		.dims = c->dims.items,
		.dim_count = c->dims.count,
		.shapes = c->shapes.items,
		.shape_count = c->shapes.count,
		.const_texts = c->consts.items,
		.const_text_count = c->consts.count,
		.jobs = c->jobs,
		.cc = c->cc,
		.kernel_dir = c->kernel_dir,
		.cache_dir = c->no_cache ? "" : NULL,
		.dump_after = c->dump_after,
		.stop_after = c->stop_after,
		.dump = stdout,
		.message = say_compiler_message,
		.user = &c->quiet,
		.cancel = &signals_caught,
		.lengths = c->lengths.items,
		.length_count = c->lengths.count,
		.keep_inputs = c->keeps.items,
		.keep_input_count = c->keeps.count,
		.strict = c->strict,
		.max_iterations = c->max_iterations,
		.max_nodes = c->max_nodes,
		.expected_iterations = c->expected_iterations,
		.class_ = class_,
		.level = c->level,
		.deadline_us = c->deadline_us,
	};
	signals_catch(true);
	int code = ercc_status_exit_code(ercc_compile(model, c->out, &options));
	signals_end();
	return code;
}

int cmd_compile(int argc, char **argv)
{
	struct compile c = {0};
	const char *model = NULL;
	int code = parse(argc, argv, &c, &model);
	if (code == ARGS_OK)
		code = check_pass_name("dump-after", c.dump_after, true);
	if (code == ARGS_OK)
		code = check_pass_name("stop-after", c.stop_after, false);
	if (code == ARGS_OK)
		code = take_all_dims(c.all_dims, &c.dims);
	if (code == ARGS_OK)
		code = compile(&c, model);
	struct text_list *lists[] = {&c.targets, &c.budgets, &c.dims, &c.shapes, &c.consts, &c.lengths, &c.keeps};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		text_list_free(lists[i]);
	return code;
}
