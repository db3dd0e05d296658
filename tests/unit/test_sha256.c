/* SHA-256 against the published NIST examples (FIPS 180-4 and the SHA test vectors). */
#include <stdlib.h>
#include <string.h>

#include "schemas/sha256.h"
#include "tests/suite.h"

static const struct vector {
	const char *text;
	const char *digest;
} vectors[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

START_TEST(nist_vectors)
{
	uint8_t digest[ERC_SHA256_BYTES];
	char hex[2 * ERC_SHA256_BYTES + 1];
	erc_sha256_of(vectors[_i].text, strlen(vectors[_i].text), digest);
	erc_sha256_hex(digest, hex);
	ck_assert_str_eq(hex, vectors[_i].digest);
}
END_TEST

START_TEST(million_a)
{
	erc_sha256_plain_only = _i; /* with the processor's extensions, if it has them, and without */
	struct erc_sha256 hash;
	uint8_t digest[ERC_SHA256_BYTES];
	char hex[2 * ERC_SHA256_BYTES + 1], block[1000];
	memset(block, 'a', sizeof block);
	erc_sha256_init(&hash);
	for (int i = 0; i < 1000; i++)
		erc_sha256_update(&hash, block, sizeof block);
	erc_sha256_final(&hash, digest);
	erc_sha256_hex(digest, hex);
	ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	erc_sha256_plain_only = 0;
}
END_TEST

/* However the input is split, the digest is the same. Lengths around the block size and the padding. */
START_TEST(pieces)
{
	uint8_t data[200], whole[ERC_SHA256_BYTES], parts[ERC_SHA256_BYTES];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
		erc_sha256_of(data, bytes, whole);
		for (size_t step = 1; step <= 65; step += 8) {
			struct erc_sha256 hash;
			erc_sha256_init(&hash);
			for (size_t at = 0; at < bytes; at += step)
				erc_sha256_update(&hash, data + at, step < bytes - at ? step : bytes - at);
			erc_sha256_final(&hash, parts);
			ck_assert_mem_eq(whole, parts, sizeof whole);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sha256");
	TCase *tcase = tcase_create("sha256");
	tcase_add_loop_test(tcase, nist_vectors, 0, (int)(sizeof vectors / sizeof vectors[0]));
	tcase_add_loop_test(tcase, million_a, 0, 2);
	tcase_add_test(tcase, pieces);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
