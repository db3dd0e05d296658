/* The table of all operator families. */
#include "compiler/lower/op.h"

#define FAMILY(name) extern const struct op ops_##name[];
#include "compiler/ops/families.def"
#undef FAMILY

const struct family families[] = {
#define FAMILY(name) {#name, ops_##name},
#include "compiler/ops/families.def"
#undef FAMILY
	{NULL, NULL},
};
