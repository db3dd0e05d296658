/* The two kernels of a GPU image, made of one tile body: see schemas/cuda.h. */

/* Called when the run's first tile of this launch begins. Tells the board how many units the run needs from now on. */
FN void tell(const struct erc_cuda_launch *launch)
{
	uint32_t ticket = launch->tells ? read_word(launch->ticket) : 0;
	if (ticket)
		write_word(&launch->board->slots[(ticket & 0xffff) - 1].told, (ticket & 0xffff0000u) | launch->tells);
}

/* The part of `limit` that real-time runs leave. All best-effort runs are reduced in the same proportion. No load
 * depends on another, so the loads overlap. */
FN uint32_t limit_beside(const struct erc_cuda_launch *launch, uint32_t limit)
{
	uint32_t units = read_word(&launch->board->units), together = units & 0xffff, needed = units >> 16;
	for (uint32_t i = 0; i < ERC_CUDA_SLOTS; i++) {
		uint64_t slot = read_slot(&launch->board->slots[i]);
		uint32_t first = (uint32_t)slot, told = (uint32_t)(slot >> 32);
		needed += ((first ^ told) >> 16 ? first : told) & 0xffff;
	}
	uint32_t left = needed < launch->all_units ? launch->all_units - needed : 0;
	return together <= left ? limit : limit * left / together;
}

ENTRY(erc_plain)
{
	DECLARE_LOCAL;
	const struct erc_tile_args args = {launch.buffers, launch.dims, launch.params};
	if (BLOCK == 0 && THREAD == 0)
		tell(&launch);
	tile_body(&args, BLOCK, local);
}

/* Checks the room, then claims a tile for a block on that unit. Returns tile_count if the block must leave. */
FN uint32_t next_tile(const struct erc_cuda_launch *launch, uint32_t unit)
{
	for (;;) {
		uint64_t word = read_room(launch->room);
		uint32_t limit = (uint32_t)word, stop_epoch = (uint32_t)(word >> 32);
		if (launch->keeps)
			limit = limit_beside(launch, limit);
		if ((int32_t)(launch->epoch - stop_epoch) <= 0 || unit >= limit)
			return launch->tile_count;
		if (!launch->before || read_done(launch->before) == launch->before_tiles) {
			uint32_t tile = claim_tile(launch->progress);
			if (!tile)
				tell(launch);
			return tile;
		}
		if (read_next(launch->before) < launch->before_tiles)
			return launch->tile_count; /* it was left with unclaimed tiles; the host continues it */
		pause();                       /* blocks of another grid compute its last tiles */
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
		barrier(); /* all threads have written, and have read `claimed` */
		if (THREAD == 0)
			count_done(launch.progress);
	}
}
