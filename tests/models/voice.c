/* A model with a state, step by step: `voice ARTIFACT FOLDER`. The state is an input, and the next state is an output;
 * the runtime binds them to each other. FOLDER has each step's frame and output, and the last state, as computed by
 * ONNX Runtime (voice/make.py). Relative L2 error of all outputs and of the last state: at most 1e-5. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

#define L2_LIMIT 1e-5

static struct array read_array(const char *folder, const char *name)
{
	struct array array;
	char *path = memory_printf("%s/%s.npy", folder, name);
	const char *wrong = npy_read(path, &array);
	if (wrong) {
		fprintf(stderr, "%s: %s\n", path, wrong);
		exit(1);
	}
	free(path);
	return array;
}

static void must(enum erc_status status)
{
	if (status == ERC_OK)
		return;
	fprintf(stderr, "%s: %s\n", erc_status_text(status), erc_error_detail());
	exit(1);
}

/* The error of `count` floats against the reference. */
static bool is_close(const char *what, const void *data, const struct array *reference)
{
	struct array actual = *reference;
	actual.data = (void *)(uintptr_t)data;
	double error = array_compare(&actual, reference, 0, 0).relative_l2;
	printf("%s: relative L2 error %.2e\n", what, error);
	return error <= L2_LIMIT;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	struct array frames = read_array(argv[2], "frames"), outputs = read_array(argv[2], "outputs"),
				 state = read_array(argv[2], "state");
	size_t steps = (size_t)frames.dims[0], samples = frames.count / steps;
	float *found = memory_new(outputs.bytes), *frame = memory_new(samples * sizeof *frame);
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	must(erc_runtime_create(NULL, &runtime));
	must(erc_model_load(runtime, argv[1], NULL, &model));
	must(erc_session_create(model, NULL, &session));
	must(erc_request_create(session, &request));
	must(erc_request_bind_input(request, 0, frame, samples * sizeof *frame));
	must(erc_request_bind_state(request, 1, 1));
	for (size_t i = 0; i < steps; i++) {
		memcpy(frame, (float *)frames.data + i * samples, samples * sizeof *frame);
		must(erc_request_bind_output(request, 0, &found[i], sizeof *found));
		must(erc_request_run(request));
	}
	bool is_good = is_close("outputs", found, &outputs) & is_close("state", erc_request_state(request, 1), &state);
	must(erc_request_destroy(request));
	must(erc_session_destroy(session));
	must(erc_model_unload(model));
	must(erc_runtime_destroy(runtime));
	free(found);
	free(frame);
	array_free(&frames);
	array_free(&outputs);
	array_free(&state);
	return !is_good;
}
