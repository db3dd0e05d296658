/* The two kernels of a GPU image around one tile body: see schemas/cuda.h. */
ENTRY(erc_plain)
{
	DECLARE_LOCAL;
	const struct erc_tile_args args = {launch.buffers, launch.dims, launch.params};
	tile_body(&args, BLOCK, local);
}

/* Whether the block may claim another tile: the room first, then the claim. */
FN uint32_t next_tile(const struct erc_cuda_launch *launch, uint32_t rank)
{
	uint64_t word = read_room(launch->room);
	uint32_t limit = (uint32_t)word, stop_epoch = (uint32_t)(word >> 32);
	if ((int32_t)(launch->epoch - stop_epoch) <= 0 || rank / launch->blocks_per_unit >= limit) {
		keep_largest(&launch->progress->left_ns, global_ns());
		return launch->tile_count;
	}
	if (launch->before && read_done(launch->before) != launch->before_tiles)
		return launch->tile_count;
	return claim_tile(launch->progress);
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
			claimed = next_tile(&launch, launch.first_rank + BLOCK);
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
