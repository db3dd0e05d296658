/* Predictions for the sizes that a form has now: how long its tiles take, and what its runs need. */
#include "runtime/request.h"

/* Bytes of constants that the launch reads. */
static uint64_t constant_bytes(const struct erc_artifact *artifact, const struct erca_record *record)
{
	uint64_t bytes = 0;
	for (uint32_t o = 0; o < record->operand_count; o++) {
		const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o);
		bytes += operand->buffer == ERCA_BUFFER_WEIGHTS ? operand->bytes : 0;
	}
	return bytes;
}

/* The time of a tile follows the launch's work, which is fewer rows in as many tiles or less. It is never less than the time in
 * which the device reads the launch's constants. */
static uint32_t resized_tile_ns(const struct erc_request *request, const struct erc__form *form, uint32_t i,
                                const struct erca_record *record, const struct erca_variant *variant, uint32_t tiles)
{
	const struct erc_model *model = request->session->model;
	uint32_t units = model->runtime->device->units;
	double ns = variant->tile_ns, bandwidth = (double)model->target->memory_bytes_per_s, floor_ns = 0;
	if (!tiles || !erc__record_work(record))
		return variant->tile_ns;
	ns *= (double)form->resized.work[i] / (double)erc__record_work(record) * variant->tile_count / tiles;
	if (bandwidth > 0)
		floor_ns =
			(double)constant_bytes(model->artifact, record) / tiles * 1e9 / bandwidth * (tiles < units ? tiles : units);
	ns = ns < floor_ns ? floor_ns : ns;
	return ns < variant->tile_ns ? ns < 1 ? 1 : (uint32_t)ns : variant->tile_ns;
}

void erc__form_predict(struct erc_request *request, struct erc__form *form)
{
	const struct erc_session *session = request->session;
	const struct erc_artifact *artifact = session->model->artifact;
	const struct erc__forecast *bounds = &form->of->forecast;
	struct erc__forecast *forecast = &form->resized.forecast;
	uint32_t chosen = atomic_load_explicit(&session->budgets.chosen, memory_order_relaxed);
	for (uint32_t i = 0; i < form->step_count; i++) {
		const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, form->steps[i].record);
		struct erc__forecast_launch *launch = &forecast->launches[i];
		/* not `held`, which a unit of the last run may read meanwhile */
		launch->place = bounds->launches[i].place;
		launch->tiles = bounds->launches[i].tiles;
		launch->tile_ns = bounds->launches[i].tile_ns;
		launch->traffic = bounds->launches[i].traffic;
		if (launch->place.kind != ERC__STEP_LAUNCH && form->resized.work[i])
			launch->place.times = (uint32_t)form->resized.work[i];
		if (launch->place.kind != ERC__STEP_LAUNCH || record->kind != ERCA_RECORD_LAUNCH)
			continue;
		for (uint32_t k = 0; k < session->budgets.count; k++) {
			struct erc__step *step = &form->steps[(size_t)k * form->step_count + i];
			const struct erca_variant *variant = erc__record(artifact, ERC_TABLE_VARIANTS, record->variant_first + k);
			step->tile_ns = resized_tile_ns(request, form, i, record, variant, step->tile_count);
		}
		const struct erc__step *step =
			&form->steps[(size_t)(chosen == ERC__BUDGET_BY_ROOM ? 0 : chosen) * form->step_count + i];
		launch->tiles = step->tile_count;
		launch->tile_ns = step->tile_ns;
	}
	erc__session_forecast(session, forecast);
	form->resized.ratio = (struct erc__size_ratio){
		.run = bounds->run_ns ? (float)forecast->run_ns / (float)bounds->run_ns : 0,
		.unit = bounds->unit_ns ? (float)forecast->unit_ns / (float)bounds->unit_ns : 0,
		.tile = bounds->tile_ns ? (float)forecast->tile_ns / (float)bounds->tile_ns : 0,
	};
}
