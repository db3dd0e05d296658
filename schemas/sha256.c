/* SHA-256 as in FIPS 180-4, section 6.2. */
#include "schemas/sha256.h"

#include <string.h>

static const uint32_t round_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t initial_state[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static inline uint32_t rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t x)
{
	p[0] = (uint8_t)(x >> 24);
	p[1] = (uint8_t)(x >> 16);
	p[2] = (uint8_t)(x >> 8);
	p[3] = (uint8_t)x;
}

static void hash_block(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64];
	for (int i = 0; i < 16; i++)
		w[i] = load_be32(block + 4 * i);
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	for (int i = 0; i < 64; i++) {
		uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
		uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
		uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
		uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
		h = g, g = f, f = e, e = d + t1;
		d = c, c = b, b = a, a = t1 + t2;
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
	state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

int erc_sha256_plain_only;

static void hash_blocks(uint32_t state[8], const uint8_t *data, size_t count)
{
	if (count > 1 && !erc_sha256_plain_only && erc_sha256_has_extensions()) {
		erc_sha256_blocks_extensions(state, data, count, round_constants);
		return;
	}
	for (; count > 0; count--, data += 64)
		hash_block(state, data);
}

void erc_sha256_init(struct erc_sha256 *hash)
{
	memcpy(hash->state, initial_state, sizeof initial_state);
	hash->bytes = 0;
}

void erc_sha256_update(struct erc_sha256 *hash, const void *data, size_t bytes)
{
	const uint8_t *p = data;
	size_t filled = hash->bytes % 64;
	hash->bytes += bytes;
	if (filled) {
		size_t take = bytes < 64 - filled ? bytes : 64 - filled;
		memcpy(hash->block + filled, p, take);
		p += take, bytes -= take;
		if (filled + take < 64)
			return;
		hash_block(hash->state, hash->block);
	}
	hash_blocks(hash->state, p, bytes / 64);
	p += bytes & ~(size_t)63, bytes %= 64;
	if (bytes)
		memcpy(hash->block, p, bytes);
}

void erc_sha256_final(struct erc_sha256 *hash, uint8_t digest[ERC_SHA256_BYTES])
{
	uint64_t bits = hash->bytes * 8;
	size_t filled = hash->bytes % 64;
	hash->block[filled++] = 0x80;
	if (filled > 56) {
		memset(hash->block + filled, 0, 64 - filled);
		hash_block(hash->state, hash->block);
		filled = 0;
	}
	memset(hash->block + filled, 0, 56 - filled);
	store_be32(hash->block + 56, (uint32_t)(bits >> 32));
	store_be32(hash->block + 60, (uint32_t)bits);
	hash_block(hash->state, hash->block);
	for (int i = 0; i < 8; i++)
		store_be32(digest + 4 * i, hash->state[i]);
}

void erc_sha256_of(const void *data, size_t bytes, uint8_t digest[ERC_SHA256_BYTES])
{
	struct erc_sha256 hash;
	erc_sha256_init(&hash);
	erc_sha256_update(&hash, data, bytes);
	erc_sha256_final(&hash, digest);
}

void erc_sha256_hex(const uint8_t digest[ERC_SHA256_BYTES], char text[2 * ERC_SHA256_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < ERC_SHA256_BYTES; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	text[2 * ERC_SHA256_BYTES] = '\0';
}
