/* Normalisation: declarations that its files share. */
#ifndef ERCC_NORM_H
#define ERCC_NORM_H

#include "compiler/lower/match.h"

/* Defined in norm_recover.c. */
extern const struct recovery norm_recoveries[];

#endif
