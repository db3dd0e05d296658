/* The devices, and the cost of a tile on a device: a roofline of arithmetic, local memory, shared cache and memory. */
#include "compiler/variants/variants.h"

#define DEVICE(id, text, ...) const struct device device_##id = {.name = text, __VA_ARGS__};
#include "compiler/variants/devices.def"
#undef DEVICE

#define NEAR_SEEN 0.25 /* visible share of the shorter one of arithmetic and its loads; the longer one hides the rest */

struct device device_under(const struct device *device, const struct budget *budget)
{
	struct device left = *device;
	left.units = budget->units ? budget->units : device->units;
	left.local_bytes = budget->local_bytes > device->static_bytes ? budget->local_bytes - device->static_bytes : 0;
	return left;
}

double tile_ns(const struct device *device, const struct tile *tile)
{
	const struct work *work = &tile->work;
	double busy = (double)tile->count < device->units ? (double)tile->count : device->units;
	double dram_per_ns = device->dram_total_per_ns / busy;
	dram_per_ns = dram_per_ns < device->dram_per_ns ? dram_per_ns : device->dram_per_ns;
	double compute = work->flops / device->flops_per_ns, near = work->near / device->near_per_ns;
	double inner = compute > near ? compute + NEAR_SEEN * near : near + NEAR_SEEN * compute;
	double outer = work->shared / device->shared_per_ns + work->dram / dram_per_ns;
	return work->ns + inner + outer - device->hidden * (inner < outer ? inner : outer);
}

/* A launch may run in any room from one unit up to the whole budget. The total time of its tiles counts in every room.
 * Units that are idle in the last round matter only near the whole budget, so they count for a quarter. */
double launch_cost(const struct device *device, const struct tile *tile)
{
	double units = device->units, each = tile_ns(device, tile) + device->claim_ns;
	double rounds = (double)ceil_div(tile->count, device->units);
	return each * (0.25 * rounds * units + 0.75 * (double)tile->count);
}

/* Bytes that a launch touches of an operand with strides; all bytes of the buffer where strides do not show fewer. */
static int64_t operand_bytes(const struct launch *launch, const struct operand *operand)
{
	int64_t bytes = operand->buffer->bytes - operand->offset, elements = 1;
	bool strided = false;
	for (int d = 0; d < launch->space.rank; d++)
		if (operand->strides[d]) {
			strided = true;
			elements *= launch->space.dims[d];
		}
	int64_t touched = elements * (int64_t)dtype_bytes(operand->dtype);
	return strided && touched < bytes ? touched : bytes;
}

double tile_memory_bytes(const struct device *device, const struct launch *launch, const struct tile *tile)
{
	double weights = 0, others = 0, cache = (double)device->shared_bytes * device->units;
	double moved = tile->work.shared + tile->work.dram, count = (double)tile->count;
	for (int i = 0; i < launch->operand_count; i++) {
		int64_t offset;
		bool is_weights = buffer_root(launch->operands[i].buffer, &offset)->kind == BUFFER_WEIGHTS;
		*(is_weights ? &weights : &others) += (double)operand_bytes(launch, &launch->operands[i]);
	}
	/* a chooser that sets work.dram knows which weights a tile reads */
	double bytes = !weights ? 0 : tile->work.dram ? tile->work.dram : weights / count;
	bytes += others > cache ? others / count : 0;
	return bytes < moved ? bytes : moved;
}

uint64_t launch_traffic(const struct launch *launch)
{
	uint64_t bytes = 0;
	for (int i = 0; i < launch->operand_count; i++)
		bytes += (uint64_t)operand_bytes(launch, &launch->operands[i]);
	return bytes;
}

void plans_measure(const struct plans *plans)
{
	for (size_t i = 0; i < plans->count; i++)
		for (int s = 0; s < plans->items[i]->sample_count; s++)
			plans_measure(plans->items[i]->samples[s].plans);
	for (size_t n = 0; n < plans->launch_count; n++) {
		struct launch *launch = plans->launches[n];
		uint64_t operations = 0;
		for (int i = 0; i < launch->expr.count; i++)
			operations += launch->expr.nodes[i].primitive > PRIM_CAST;
		if (launch->template->epilogue) /* `bytes` is the sum over fused launches, so compute it again */
			launch->bytes = launch_traffic(launch);
		launch->flops += operations * (uint64_t)shape_elements(&launch->space);
	}
}
