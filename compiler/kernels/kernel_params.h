/* Parameters that several kernel templates have. STEM.params.def lists the parameters of a template in order, one per
 * line: PARAM(NAME), or CPU_PARAM and GPU_PARAM where the two kernels differ. The compiler calls a parameter STEM_NAME
 * (params.h), a kernel P(NAME). */

/* Of row kernels; rows.c sets them. */
#define ROW_PARAMS \
	PARAM(ROWS_PER_TILE) \
	PARAM(ROWS_TOTAL)

/* A window over three spatial dims: depth, height and width each of input, output, kernel, stride, dilation,
 * padding. */
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

/* Elements in rows of CHUNK elements: nonzero_count.row.c, nonzero.row.c. */
#define CHUNK_PARAMS \
	PARAM(ELEMENTS) \
	PARAM(CHUNK)

/* nms.row.c, nms_collect.row.c: classes of an image, boxes of an image, the slot with the true number of boxes or -1,
 * and the maximum number of picks per row. */
#define NMS_PARAMS \
	PARAM(CLASSES) \
	PARAM(BOXES) \
	PARAM(BOXES_DIM) \
	PARAM(MOST)
