/* The course of an entry: its records in one list, with the plans nested in them in place. What is in the list is a step of
 * a run; the steps of branches and loops say where the run goes on. */
#ifndef ERC_COURSE_H
#define ERC_COURSE_H

#include "runtime/artifact/loader.h"

enum erc__step_kind {
	ERC__STEP_LAUNCH, /* a launch or a copy */
	ERC__STEP_BRANCH, /* the condition is 0: goes to `goes_to`; that is behind the Else, or the End */
	ERC__STEP_ELSE,   /* the end of plan_a: goes to the End */
	ERC__STEP_END,    /* of a branch */
	ERC__STEP_LOOP,   /* begins; without an iteration it goes to `goes_to`, behind the Again */
	ERC__STEP_AGAIN,  /* the end of an iteration; if there is another one it goes to `goes_to`, behind the Loop */
};

struct erc__place {
	uint32_t kind; /* enum erc__step_kind */
	uint32_t record;
	uint32_t goes_to;
	uint32_t times; /* Loop, Again: number of iterations that predictions count with */
};

struct erc__course {
	struct erc__place *places;
	uint32_t count;
};

#define ERC__MAX_STEPS (UINT32_C(1) << 20) /* of an entry with nested plans */

/* The caller frees `places`, also after a failure. */
enum erc_status erc__course_list(const struct erc_artifact *artifact, uint32_t plan, struct erc__course *out);

#endif
