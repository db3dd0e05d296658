/* SHA-256 (FIPS 180-4) in plain C: the digests of the artifact format and of the kernel cache. Compiler and runtime
 * share it, because the runtime links libc only. */
#ifndef ERC_SHA256_H
#define ERC_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define ERC_SHA256_BYTES 32

struct erc_sha256 {
	uint32_t state[8];
	uint64_t bytes;    /* hashed so far; the low 6 bits are the number of bytes in block */
	uint8_t block[64]; /* input that does not fill a block yet */
};

void erc_sha256_init(struct erc_sha256 *hash);
void erc_sha256_update(struct erc_sha256 *hash, const void *data, size_t bytes);
/* Writes the digest. Call init before the next use. */
void erc_sha256_final(struct erc_sha256 *hash, uint8_t digest[ERC_SHA256_BYTES]);
/* Init, update and final in one call. */
void erc_sha256_of(const void *data, size_t bytes, uint8_t digest[ERC_SHA256_BYTES]);
/* Lower-case hex digits and a NUL. */
void erc_sha256_hex(const uint8_t digest[ERC_SHA256_BYTES], char text[2 * ERC_SHA256_BYTES + 1]);

/* Private to sha256.c: the same with the SHA extensions of x86-64 (sha256_x86.c). */
int erc_sha256_has_extensions(void);
void erc_sha256_blocks_extensions(uint32_t state[8], const uint8_t *data, size_t count, const uint32_t constants[64]);
/* For tests: hash every block in plain C. */
extern int erc_sha256_plain_only;

#endif
