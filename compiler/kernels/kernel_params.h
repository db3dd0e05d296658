/* Parameters that several kernel templates have. STEM.params.def lists those of a template in their order, one a line:
 * PARAM(NAME), or CPU_PARAM and GPU_PARAM where the two kernels differ. The compiler calls them STEM_NAME (params.h), a
 * kernel P(NAME). */

/* Row kernels: what rows.c fills in. */
#define ROW_PARAMS \
	PARAM(ROWS_PER_TILE) \
	PARAM(ROWS_TOTAL)

/* A window over three spatial dims, depth, height and width each: input, output, kernel, stride, dilation, padding. */
#define WINDOW_PARAMS \
	PARAM(ID) \
	PARAM(IH) \
	PARAM(IW) \
	PARAM(OD) \
	PARAM(OH) \
	PARAM(OW) \
	PARAM(KD) \
	PARAM(KH) \
	PARAM(KW) \
	PARAM(SD) \
	PARAM(SH) \
	PARAM(SW) \
	PARAM(DD) \
	PARAM(DH) \
	PARAM(DW) \
	PARAM(PD) \
	PARAM(PH) \
	PARAM(PW)

/* A line of COUNT elements, INNER apart. */
#define LINE_PARAMS \
	PARAM(COUNT) \
	PARAM(INNER)

/* Elements in rows of CHUNK: nonzero_count.row.c, nonzero.row.c. */
#define CHUNK_PARAMS \
	PARAM(ELEMENTS) \
	PARAM(CHUNK)

/* nms.row.c, nms_collect.row.c: classes of an image, its boxes, the slot of their true number or -1, and the picks of a row
 * that have room. */
#define NMS_PARAMS \
	PARAM(CLASSES) \
	PARAM(BOXES) \
	PARAM(BOXES_DIM) \
	PARAM(MOST)
