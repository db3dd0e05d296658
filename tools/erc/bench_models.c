/* `erc bench --workload`: models given as .onnx files are compiled for the device of the run. A separate process
 * compiles each of them in its own temporary folder, which is always removed. The artifact stays open without a
 * name. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/erc/bench_run.h"

/* ---- a process in a folder ---- */

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *place)
{
	(void)status, (void)flag, (void)place;
	return remove(path) && errno != ENOENT;
}

/* Runs `work` in a process with the folder as TMPDIR. Returns its exit code, or EXIT_RUN if it has none. */
static int run_apart(const char *folder, int (*work)(void *user), void *user)
{
	int status = 0;
	fflush(NULL);
	pid_t child = fork();
	if (!child) {
		setpgid(0, 0); /* a group of its own, with all processes that it starts */
		signals_catch(false);
		setenv("TMPDIR", folder, 1);
		_exit(work(user));
	}
	if (child < 0) {
		say_error("cannot start a process for the compiler: %s", strerror(errno));
		return EXIT_RUN;
	}
	setpgid(child, child);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		if (signals_caught)
			kill(-child, SIGKILL);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (!signals_caught)
		say_error("the compiler was stopped by signal %d", WTERMSIG(status));
	return EXIT_RUN;
}

/* ---- compiling ---- */

struct job {
	const char *name, *model, *out; /* the model's name as the user gave it; two paths */
	struct ercc_options options;
	bool quiet;
};

static void on_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total)
{
	struct job *job = user;
	char *text = kind == ERCC_MESSAGE_NOTE ? memory_printf("%s", message) : memory_printf("%s: %s", job->name, message);
	say_compiler_message(&job->quiet, kind, text, done, total);
	free(text);
}

static int compile_job(void *user)
{
	struct job *job = user;
	return ercc_status_exit_code(ercc_compile(job->model, job->out, &job->options));
}

static int compile(struct bench_run *run, struct compiled *model, const char *target)
{
	const char *given = getenv("TMPDIR"), *place = given && *given ? given : "/tmp";
	char *folder = memory_printf("%s/erc-XXXXXX", place);
	if (!mkdtemp(folder)) {
		say_error("%s: cannot make a temporary folder there: %s", place, strerror(errno));
		say_note("set TMPDIR to use another folder");
		free(folder);
		return EXIT_RUN;
	}
	char *out = memory_printf("%s/model.erca", folder);
	struct job job = {model->name,
	                  model->path,
	                  out,
	                  {
						  .size = sizeof job.options,
						  .targets = &target,
						  .target_count = 1,
						  .dims = model->dims.items,
						  .dim_count = model->dims.count,
						  .shapes = model->shapes.items,
						  .shape_count = model->shapes.count,
						  .const_texts = model->consts.items,
						  .const_text_count = model->consts.count,
						  .message = on_message,
						  .user = &job,
					  },
	                  run->options->quiet};
	signals_catch(true);
	bench_step(run, "compiling %s for %s", model->name, target);
	int code = run_apart(folder, compile_job, &job);
	if (code == EXIT_OK && (model->file = open(out, O_RDONLY | O_CLOEXEC)) < 0) {
		say_error("%s: cannot open the artifact that was compiled from it", model->name);
		code = EXIT_RUN;
	}
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(folder);
	free(out);
	signals_end();
	return code == EXIT_OK ? ARGS_OK : code;
}

static bool is_model(const char *file)
{
	size_t length = strlen(file);
	return length > 5 && !strcmp(file + length - 5, ".onnx");
}

/* The index of the model at a canonical path: an existing entry, or a new one. Takes over the path. */
static uint32_t listed(struct bench_run *run, const char *name, char *path)
{
	for (uint32_t i = 0; i < run->compiled_count; i++)
		if (!strcmp(run->compiled[i].path, path)) {
			free(path);
			return i;
		}
	run->compiled[run->compiled_count] = (struct compiled){.name = name, .path = path, .file = -1};
	return run->compiled_count++;
}

/* The target to compile for. The null device runs any target and gets this machine's. */
static const char *target_of(const struct bench_run *run)
{
	const char *name;
	for (uint32_t i = 0; (name = ercc_target_name(i)); i++)
		if (!strcmp(name, run->target))
			return name;
	return "native";
}

/* Finds which of run->compiled each client needs. An artifact that the user named is used as it is. */
static int list_models(struct bench_run *run, uint32_t *models)
{
	for (uint32_t i = 0; i < run->workload.count; i++) {
		if (!is_model(run->files[i])) {
			run->artifacts[i] = memory_printf("%s", run->files[i]);
			continue;
		}
		char *path = realpath(run->files[i], NULL);
		if (!path)
			return say_unreadable(run->files[i]);
		models[i] = listed(run, run->files[i], path);
	}
	return ARGS_OK;
}

/* ---- which of --dim, --shape and --const concern a model ---- */

static bool has_input(const struct ercc_model_info *info, const char *name, size_t length)
{
	bool found = false;
	for (uint32_t i = 0; i < info->input_count; i++)
		found |= strlen(info->inputs[i].name) == length && !strncmp(info->inputs[i].name, name, length);
	return found;
}

static bool has_dim(const struct ercc_model_info *info, const char *name, size_t length)
{
	bool found = false;
	for (uint32_t i = 0; i < info->input_count; i++)
		for (int32_t d = 0; d < info->inputs[i].rank; d++) {
			const char *dim = info->inputs[i].dim_names[d];
			found |= dim && strlen(dim) == length && !strncmp(dim, name, length);
		}
	return found;
}

/* These options, which name a part of a model before the last `end` of their text. */
struct pin_option {
	const char *name;
	char end;
	bool (*concerns)(const struct ercc_model_info *info, const char *name, size_t length);
	const struct text_list *texts;
	size_t list; /* offset in struct compiled */
};

/* Gives one option to the models that have what it names. A text without a name is for all; the compiler says what is
 * wrong with it. */
static int give_option(struct bench_run *run, struct ercc_model_info *const *infos, const struct pin_option *option)
{
	for (uint32_t k = 0; k < option->texts->count; k++) {
		const char *text = option->texts->items[k], *end = strrchr(text, option->end);
		uint32_t uses = 0;
		for (uint32_t i = 0; i < run->compiled_count; i++) {
			if (infos[i] && end && !option->concerns(infos[i], text, (size_t)(end - text)))
				continue;
			text_list_add((struct text_list *)((char *)&run->compiled[i] + option->list), text);
			uses++;
		}
		if (uses)
			continue;
		say_error("--%s %s: %s", option->name, text,
		          run->compiled_count ? "none of the models that are compiled has that"
		                              : "no model is compiled; all are artifacts");
		return EXIT_USAGE;
	}
	return ARGS_OK;
}

static int give_options(struct bench_run *run)
{
	const struct pin_option options[] = {
		{"dim", '=', has_dim, &run->options->dims, offsetof(struct compiled, dims)},
		{"shape", ':', has_input, &run->options->shapes, offsetof(struct compiled, shapes)},
		{"const", '=', has_input, &run->options->consts, offsetof(struct compiled, consts)},
	};
	struct ercc_model_info **infos = memory_new(run->compiled_count * sizeof *infos);
	struct ercc_options quiet = {.size = sizeof quiet};
	/* with a single model all options are for it; the compiler says what is wrong with them */
	for (uint32_t i = 0; run->compiled_count > 1 && i < run->compiled_count; i++)
		if (ercc_model_info(run->compiled[i].path, &quiet, &infos[i]) != ERCC_OK)
			infos[i] = NULL;
	int code = ARGS_OK;
	for (size_t k = 0; k < COUNT_OF(options) && code == ARGS_OK; k++)
		code = give_option(run, infos, &options[k]);
	for (uint32_t i = 0; i < run->compiled_count; i++)
		free(infos[i]);
	free(infos);
	return code;
}

int bench_compile(struct bench_run *run)
{
	uint32_t *models = memory_new(run->workload.count * sizeof *models);
	run->artifacts = memory_new(run->workload.count * sizeof *run->artifacts);
	run->compiled = memory_new(run->workload.count * sizeof *run->compiled);
	int code = list_models(run, models);
	run->steps += run->compiled_count;
	if (code == ARGS_OK)
		code = give_options(run);
	for (uint32_t i = 0; i < run->compiled_count && code == ARGS_OK; i++)
		code = compile(run, &run->compiled[i], target_of(run));
	for (uint32_t i = 0; i < run->workload.count && code == ARGS_OK; i++)
		if (!run->artifacts[i])
			run->artifacts[i] = memory_printf("/proc/self/fd/%d", run->compiled[models[i]].file);
	free(models);
	return code;
}

void bench_free_models(struct bench_run *run)
{
	for (uint32_t i = 0; i < run->workload.count; i++) {
		free(run->files ? run->files[i] : NULL);
		free(run->artifacts ? run->artifacts[i] : NULL);
	}
	for (uint32_t i = 0; i < run->compiled_count; i++) {
		if (run->compiled[i].file >= 0)
			close(run->compiled[i].file);
		free(run->compiled[i].path);
		text_list_free(&run->compiled[i].dims);
		text_list_free(&run->compiled[i].shapes);
		text_list_free(&run->compiled[i].consts);
	}
	free(run->files);
	free(run->artifacts);
	free(run->compiled);
}
