/* The two halves of `erc inspect`. */
#ifndef ERC_INSPECT_H
#define ERC_INSPECT_H

#include "tools/erc/command.h"

#define INSPECT_SCHEMA "erc.inspect/1" /* schemas/inspect.schema.json */

struct inspect {
	bool graph, plan, memory, kernels, variants, budgets, meta;
	enum format format;
};

/* Both return the exit code. */
int inspect_model(const char *path, const struct inspect *inspect);
int inspect_artifact(const char *path, const struct inspect *inspect);

/* Adds the room profiles of an artifact to a report, if there are any. */
struct erc_artifact;
void inspect_profiles(const struct erc_artifact *artifact, struct report *report);

#endif
