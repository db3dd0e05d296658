/* The two kernels of a GPU image around one tile body: see schemas/cuda.h. */
ENTRY(erc_plain)
{
	DECLARE_LOCAL;
	const struct erc_tile_args args = {launch.buffers, launch.dims, launch.params};
	tile_body(&args, BLOCK, local);
}

/* The next tile for a block of that unit; tile_count: it leaves. The room first, then the claim. */
FN uint32_t next_tile(const struct erc_cuda_launch *launch, uint32_t unit)
{
	for (;;) {
		uint64_t word = read_room(launch->room);
		uint32_t limit = (uint32_t)word, stop_epoch = (uint32_t)(word >> 32);
		if ((int32_t)(launch->epoch - stop_epoch) <= 0 || unit >= limit)
			return launch->tile_count;
		if (!launch->before || read_done(launch->before) == launch->before_tiles)
			return claim_tile(launch->progress);
		if (read_next(launch->before) < launch->before_tiles)
			return launch->tile_count; /* it was left */
		pause(); /* its last tiles are being computed, by blocks of another grid */
	}
}

ENTRY(erc_elastic)
{
	DECLARE_LOCAL;
	DECLARE_SHARED(uint32_t, claimed);
	const struct erc_tile_args args = {launch.buffers, launch.dims, launch.params};
	if (THREAD == 0)
		keep_largest(&launch.progress->started_ns, ~global_ns());
	for (;;) {
		if (THREAD == 0)
			claimed = next_tile(&launch, launch.first_unit + BLOCK % launch.units);
		barrier();
		uint32_t tile = claimed;
		if (tile >= launch.tile_count)
			return;
		tile_body(&args, tile, local);
		barrier(); /* all have written, and have read `claimed` */
		if (THREAD == 0)
			count_done(launch.progress);
	}
}
