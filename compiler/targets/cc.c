/* Kernel sources -> one shared object. The system's C compiler compiles several sources at a time. Objects and images
 * are cached by the digest of compiler, flags and source. */
#include "compiler/targets/cache.h"
#include "compiler/targets/target.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define MAX_ARGS 64

/* Flags for every kernel. Targets add their own. */
static const char *const common_flags[] = {
	"-std=gnu11",
	"-ffp-contract=fast",
	"-fno-math-errno",
	"-fno-trapping-math",
	"-ffreestanding",
	"-fPIC",
	"-fvisibility=hidden",
	"-fno-stack-protector",
	"-fno-asynchronous-unwind-tables",
	"-w",
};

struct builder {
	struct context *ctx;
	const char *cc;
	char version[256]; /* first line of cc --version */
	struct cache cache;
	char *folder;       /* temporary files; removed at the end */
	char **environment; /* of the compilers: TMPDIR is the folder */
	const char *flags[MAX_ARGS / 2];
	int flag_count;
};

struct job {
	pid_t pid;
	uint32_t kernel;
};

/* A path that begins in the present folder is made absolute, because compilers run in another one. Links are kept: some
 * compilers act by the name that they are called by. */
static const char *cc_name(struct context *ctx)
{
	const char *cc = ctx->options->cc ? ctx->options->cc : getenv("CC");
	char *folder = cc && strchr(cc, '/') && *cc != '/' ? getcwd(NULL, 0) : NULL;
	if (folder) {
		cc = arena_printf(&ctx->arena, "%s/%s", folder, cc);
		free(folder);
	}
	return cc && *cc ? cc : "cc";
}

/* Starts cc in the temporary folder, in a process group of its own, so that what it starts can be ended with it. Its
 * messages go to the file `log`. Returns -1 if cc could not be started. */
static pid_t start(const struct builder *b, const char *const *args, const char *log)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addchdir_np(&actions, b->folder);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	int error = posix_spawnp(&pid, args[0], &actions, &attributes, (char *const *)(uintptr_t)args, b->environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error ? -1 : pid;
}

#define CANCEL_MS 50 /* interval at which a wait checks whether the compilation was cancelled */

/* Waits until the process ends. If the compilation is cancelled, ends the process and all that it started. */
static bool wait_for(const struct builder *b, pid_t pid)
{
	int status, fd = b->ctx->options->cancel ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (fd >= 0) { /* on older kernels (no pidfd_open) a cancelled compilation waits for the process */
		struct pollfd ended = {.fd = fd, .events = POLLIN};
		while (!check_cancel(b->ctx) && poll(&ended, 1, CANCEL_MS) <= 0)
			;
		close(fd);
	}
	bool is_cancelled = check_cancel(b->ctx) != ERCC_OK;
	if (is_cancelled)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno == ECHILD)
			fail(b->ctx, ERCC_TOOLCHAIN, "this process ignores SIGCHLD, so the C compiler's exit code is lost");
		if (errno != EINTR)
			return false;
	}
	/* until all processes of the group have ended: they may still write to the folder */
	for (int ms = 0; is_cancelled && ms < 1000 && !kill(-pid, 0); ms++)
		poll(NULL, 0, 1);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const char *scratch_path(const struct builder *b, const char *name)
{
	return arena_printf(&b->ctx->arena, "%s/%s", b->folder, name);
}

static enum ercc_status find_compiler(struct builder *b)
{
	const char *args[] = {b->cc, "--version", NULL};
	pid_t pid = start(b, args, "version");
	int64_t bytes = 0;
	if (pid < 0 || !wait_for(b, pid)) {
		TRY(check_cancel(b->ctx));
		fail(b->ctx, ERCC_TOOLCHAIN, "C compiler '%s' cannot be run; CPU targets need one", b->cc);
		note(b->ctx, "install gcc or clang, or name one with --cc or CC");
		return ERCC_TOOLCHAIN;
	}
	char *text = read_file(b->ctx, scratch_path(b, "version"), &bytes);
	snprintf(b->version, sizeof b->version, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
	return ERCC_OK;
}

static enum ercc_status report_failure(struct builder *b, const char *what, const char *log)
{
	int64_t bytes = 0;
	TRY(check_cancel(b->ctx));
	char *text = read_file(b->ctx, scratch_path(b, log), &bytes);
	fail(b->ctx, ERCC_TOOLCHAIN, "'%s' failed on %s", b->cc, what);
	note(b->ctx, "it said: %.600s", text && *text ? text : "nothing");
	return ERCC_TOOLCHAIN;
}

static pid_t start_kernel(struct builder *b, const struct kernel *kernel)
{
	const char *args[MAX_ARGS];
	int n = 0;
	char *source = arena_printf(&b->ctx->arena, "#define KERNEL k_%s\n%s", kernel->name, kernel->source);
	char *file = arena_printf(&b->ctx->arena, "%s.c", kernel->name);
	if (!write_file(scratch_path(b, file), source, strlen(source)))
		return -1;
	args[n++] = b->cc;
	for (int i = 0; i < b->flag_count; i++)
		args[n++] = b->flags[i];
	args[n++] = "-c";
	args[n++] = file;
	args[n++] = "-o";
	args[n++] = arena_printf(&b->ctx->arena, "%s.o", kernel->name);
	args[n] = NULL;
	return start(b, args, arena_printf(&b->ctx->arena, "%s.log", kernel->name));
}

static const char *kernel_key(const struct builder *b, const struct kernel *kernel)
{
	return cache_key(&b->cache, kernel->source, strlen(kernel->source), "o");
}

/* Waits for one running job and stores its object. */
static enum ercc_status finish_one(struct builder *b, struct kernel *kernels, struct job *jobs, uint32_t *running)
{
	struct job job = jobs[0];
	memmove(jobs, jobs + 1, sizeof *jobs * --*running);
	struct kernel *kernel = &kernels[job.kernel];
	if (!wait_for(b, job.pid))
		return report_failure(b, kernel->name, arena_printf(&b->ctx->arena, "%s.log", kernel->name));
	int64_t bytes;
	char *object = read_file(b->ctx, scratch_path(b, arena_printf(&b->ctx->arena, "%s.o", kernel->name)), &bytes);
	if (!object || !image_is(IMAGE_OBJECT, object, (size_t)bytes))
		return fail(b->ctx, ERCC_TOOLCHAIN, "'%s' wrote no ELF object for %s, but reported no error", b->cc,
		            kernel->name);
	cache_store(&b->cache, kernel_key(b, kernel), object, bytes);
	return ERCC_OK;
}

static enum ercc_status build_objects(struct builder *b, struct kernel *kernels, uint32_t count)
{
	uint32_t limit = build_jobs(b->ctx), running = 0;
	enum ercc_status status = ERCC_OK;
	struct job jobs[MAX_JOBS];
	for (uint32_t i = 0; i < count && status == ERCC_OK; i++) {
		int64_t bytes;
		const char *object = arena_printf(&b->ctx->arena, "%s.o", kernels[i].name);
		char *cached = cache_read(&b->cache, kernel_key(b, &kernels[i]), &bytes);
		progress(b->ctx, i + 1, count, "kernel %s", kernels[i].name);
		if ((status = check_cancel(b->ctx)))
			break;
		if (cached && image_is(IMAGE_OBJECT, cached, (size_t)bytes) &&
		    write_file(scratch_path(b, object), cached, (size_t)bytes))
			continue;
		if (running == limit)
			status = finish_one(b, kernels, jobs, &running);
		jobs[running] = (struct job){start_kernel(b, &kernels[i]), i};
		if (jobs[running].pid < 0)
			status = fail(b->ctx, ERCC_TOOLCHAIN, "cannot start '%s': %s", b->cc, strerror(errno));
		else
			running++;
	}
	while (running && status == ERCC_OK)
		status = finish_one(b, kernels, jobs, &running);
	while (running)
		wait_for(b, jobs[--running].pid);
	return status;
}

/* The source of the image's table of kernels, in the order of the list. */
static const char *table_source(struct builder *b, const struct kernel *kernels, uint32_t count)
{
	struct text text = {.arena = &b->ctx->arena};
	const char *tile, *support;
	if (template_text(b->ctx, "tile.h", &tile) || template_text(b->ctx, "cpu_support.h", &support))
		return NULL;
	text_printf(&text, "%s%s", tile, support);
	for (uint32_t i = 0; i < count; i++)
		text_printf(&text, "extern void k_%s(const struct erc_tile_args *, uint32_t, void *);\n", kernels[i].name);
	text_printf(&text, "static const erc_tile_fn kernels[] = {");
	for (uint32_t i = 0; i < count; i++)
		text_printf(&text, "k_%s, ", kernels[i].name);
	text_printf(&text,
	            "0};\nstatic const struct erc_cpu_image image = {ERC_CPU_IMAGE_ABI, %u, kernels};\n"
	            "__attribute__((visibility(\"default\"))) const struct erc_cpu_image *erc_cpu_image_query_v1(void)\n"
	            "{ return &image; }\n",
	            count);
	return text.data;
}

static enum ercc_status link_image(struct builder *b, const char *table, struct kernel *kernels, uint32_t count)
{
	const char **args = arena_array(&b->ctx->arena, count + MAX_ARGS, sizeof *args);
	int n = 0;
	if (!write_file(scratch_path(b, "table.c"), table, strlen(table)))
		return fail(b->ctx, ERCC_IO, "cannot write to '%s': %s", b->folder, strerror(errno));
	args[n++] = b->cc;
	for (int i = 0; i < b->flag_count; i++)
		args[n++] = b->flags[i];
	static const char *const link[] = {"-shared", "-nostdlib", "-s", "-Wl,--build-id=none,-z,defs,-z,noexecstack",
	                                   "table.c"};
	for (size_t i = 0; i < COUNT_OF(link); i++)
		args[n++] = link[i];
	for (uint32_t i = 0; i < count; i++)
		args[n++] = arena_printf(&b->ctx->arena, "%s.o", kernels[i].name);
	args[n++] = "-o";
	args[n++] = "image.so";
	args[n] = NULL;
	pid_t pid = start(b, args, "link.log");
	return pid >= 0 && wait_for(b, pid) ? ERCC_OK : report_failure(b, "linking the image", "link.log");
}

static enum ercc_status build(struct builder *b, struct kernel *kernels, uint32_t count, const void **image,
                              int64_t *bytes)
{
	TRY(find_compiler(b));
	cache_identify(&b->cache, b->version);
	for (int i = 0; i < b->flag_count; i++)
		cache_identify(&b->cache, b->flags[i]);
	const char *table = table_source(b, kernels, count);
	if (!table)
		return ERCC_INTERNAL;
	struct text identity = {.arena = &b->ctx->arena};
	text_printf(&identity, "%s", table);
	for (uint32_t i = 0; i < count; i++)
		text_append(&identity, (const char *)kernels[i].digest, sizeof kernels[i].digest);
	const char *key = cache_key(&b->cache, identity.data, identity.length, "so");
	*image = cache_read(&b->cache, key, bytes);
	if (*image && image_is(IMAGE_SHARED, *image, (size_t)*bytes))
		return ERCC_OK;
	TRY(build_objects(b, kernels, count));
	TRY(link_image(b, table, kernels, count));
	*image = read_file(b->ctx, scratch_path(b, "image.so"), bytes);
	if (!*image || !image_is(IMAGE_SHARED, *image, (size_t)*bytes))
		return fail(b->ctx, ERCC_TOOLCHAIN, "'%s' linked no shared object, but reported no error", b->cc);
	cache_store(&b->cache, key, *image, *bytes);
	return ERCC_OK;
}

static char **environment_with(struct arena *arena, const char *folder)
{
	size_t count = 0, n = 0;
	while (environ[count])
		count++;
	char **list = arena_array(arena, count + 2, sizeof *list);
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "TMPDIR=", 7))
			list[n++] = environ[i];
	list[n] = arena_printf(arena, "TMPDIR=%s", folder);
	return list;
}

static void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
}

enum ercc_status cc_build_image(struct context *ctx, const char *const *flags, int flag_count, struct kernel *kernels,
                                uint32_t count, const void **image, int64_t *bytes, const char **toolchain)
{
	struct builder b = {.ctx = ctx, .cc = cc_name(ctx), .cache = cache_open(ctx)};
	const char *tmp = getenv("TMPDIR");
	for (size_t i = 0; i < COUNT_OF(common_flags); i++)
		b.flags[b.flag_count++] = common_flags[i];
	for (int i = 0; i < flag_count; i++)
		b.flags[b.flag_count++] = flags[i];
	b.folder = arena_printf(&ctx->arena, "%s/erc-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(b.folder)) {
		fail(ctx, ERCC_IO, "cannot make a temporary folder in '%s': %s", tmp && *tmp ? tmp : "/tmp", strerror(errno));
		note(ctx, "set TMPDIR to use another folder");
		return ERCC_IO;
	}
	b.environment = environment_with(&ctx->arena, b.folder);
	enum ercc_status status = build(&b, kernels, count, image, bytes);
	remove_folder(b.folder);
	*toolchain = arena_copy_text(&ctx->arena, b.version);
	return status;
}
