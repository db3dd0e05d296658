/* Open-addressed hash map with keys of text or pointers. Entries are never removed. */
#include "compiler/core/core.h"

struct map_slot {
	const void *key; /* NULL: free */
	void *value;
};

static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash ^ hash >> 32;
}

static uint64_t hash_pointer(const void *pointer)
{
	uint64_t hash = (uint64_t)(uintptr_t)pointer * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

/* The slot that holds the key, or the free slot where it is to be added. */
static struct map_slot *find_slot(const struct map *map, const void *key)
{
	bool by_text = map->kind == MAP_TEXT;
	size_t mask = map->capacity - 1;
	for (size_t i = by_text ? hash_text(key) : hash_pointer(key);; i++) {
		struct map_slot *slot = &map->slots[i & mask];
		if (!slot->key || slot->key == key || (by_text && strcmp(slot->key, key) == 0))
			return slot;
	}
}

void *map_get(const struct map *map, const void *key)
{
	return map->count ? find_slot(map, key)->value : NULL;
}

void map_set(struct map *map, const void *key, void *value)
{
	if (2 * map->count >= map->capacity) {
		struct map old = *map;
		map->capacity = old.capacity ? 2 * old.capacity : 16;
		map->slots = arena_array(map->arena, map->capacity, sizeof *map->slots);
		for (size_t i = 0; i < old.capacity; i++)
			if (old.slots[i].key)
				*find_slot(map, old.slots[i].key) = old.slots[i];
	}
	struct map_slot *slot = find_slot(map, key);
	if (!slot->key) {
		slot->key = key;
		map->count++;
	}
	slot->value = value;
}

static uint64_t hash_word(uint64_t hash, const char *data, size_t bytes)
{
	uint64_t word = 0;
	memcpy(&word, data, bytes);
	hash = (hash ^ word) * 0x9fb21c651e98df25;
	return hash ^ hash >> 29;
}

uint64_t hash_bytes(const char *data, int64_t bytes)
{
	uint64_t hash = (uint64_t)bytes * 0x9e3779b97f4a7c15,
			 lanes[4] = {1, 2, 3, 4}; /* a word of each waits for no other */
	int64_t i = 0;
	for (; i + 32 <= bytes; i += 32)
		for (int lane = 0; lane < 4; lane++)
			lanes[lane] = hash_word(lanes[lane], data + i + 8 * lane, 8);
	for (int lane = 0; lane < 4; lane++)
		hash = hash_word(hash, (const char *)&lanes[lane], 8);
	for (; i + 8 <= bytes; i += 8)
		hash = hash_word(hash, data + i, 8);
	return i < bytes ? hash_word(hash, data + i, (size_t)(bytes - i)) : hash;
}
