/* The two halves of `erc inspect`. */
#ifndef ERC_INSPECT_H
#define ERC_INSPECT_H

#include "tools/erc/command.h"

#define INSPECT_SCHEMA "erc.inspect/1" /* schemas/inspect.schema.json */

struct inspect {
	bool graph, plan, memory, kernels, variants, budgets, meta;
	enum format format;
};

/* A record of an artifact's table: RECORD(artifact, ENTRIES, struct erca_entry, 0). */
#define RECORD(artifact, table, type, index) ((const type *)erc_artifact_record((artifact), ERC_TABLE_##table, (index)))

/* Both return the exit code. */
int inspect_model(const char *path, const struct inspect *inspect);
int inspect_artifact(const char *path, const struct inspect *inspect);

/* Prints the META section; returns the exit code. */
struct erc_artifact;
int inspect_print_meta(const struct erc_artifact *artifact, const char *path);
/* Says where META records that the model's versions are newer than the compiler knew. */
void inspect_taken(const struct erc_artifact *artifact, struct report *report);
/* Adds the ranges of an artifact's entries to a report, if there are any. */
void inspect_ranges(const struct erc_artifact *artifact, struct report *report);
/* Adds the room profiles of an artifact to a report, if there are any. */
void inspect_profiles(const struct erc_artifact *artifact, struct report *report);

#endif
