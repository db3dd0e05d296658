/* Makes the block that ercc_model_info returns. */
#ifndef ERCC_MODEL_INFO_H
#define ERCC_MODEL_INFO_H

#include "compiler/core/graph.h"

enum ercc_status model_info(const struct graph *graph, struct ercc_model_info **out);

#endif
