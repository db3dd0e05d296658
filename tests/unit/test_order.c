/* The ordered set, compared with a plain sorted array. */
#include <stdlib.h>
#include <string.h>

#include "runtime/sched/order.h"
#include "tests/suite.h"

#define MAX 300

static struct erc__node nodes[MAX];
static struct erc__node *sorted[MAX];
static uint32_t count;
static uint64_t state = 1;

static uint32_t next_random(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static int compare(const void *a, const void *b)
{
	const struct erc__key *x = &(*(struct erc__node *const *)a)->key, *y = &(*(struct erc__node *const *)b)->key;
	return memcmp(x, y, sizeof *x) ? erc__key_before(x, y) ? -1 : 1 : 0;
}

static void check_all(const struct erc__order *order)
{
	uint64_t sum = 0;
	uint32_t i = 0;
	qsort(sorted, count, sizeof *sorted, compare);
	ck_assert_uint_eq(order->count, count);
	for (struct erc__node *node = order->first; node; node = erc__order_next(node)) {
		ck_assert_uint_lt(i, count);
		ck_assert_ptr_eq(node, sorted[i]);
		ck_assert_uint_eq(erc__order_sum_before(order, &node->key), sum);
		sum += node->value;
		i++;
	}
	ck_assert_uint_eq(i, count);
	const struct erc__key last = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
	ck_assert_uint_eq(erc__order_sum_before(order, &last), sum);
}

static uint32_t depth_of(const struct erc__node *node)
{
	if (!node)
		return 0;
	uint32_t left = depth_of(node->left), right = depth_of(node->right);
	return 1 + (left > right ? left : right);
}

START_TEST(same_as_a_sorted_array)
{
	struct erc__order order;
	erc__order_init(&order);
	state = (uint64_t)_i + 1;
	count = 0;
	memset(nodes, 0, sizeof nodes);
	ck_assert_ptr_null(order.first);
	for (int turn = 0; turn < 1500; turn++) {
		struct erc__node *node = &nodes[next_random(MAX)];
		uint32_t at = 0;
		while (at < count && sorted[at] != node)
			at++;
		if (at < count) {
			erc__order_remove(&order, node);
			sorted[at] = sorted[--count];
		} else {
			node->key = (struct erc__key){next_random(4), next_random(20), (uint64_t)(node - nodes)};
			node->value = next_random(1000);
			erc__order_add(&order, node);
			sorted[count++] = node;
		}
		if (turn % 10 == 0 || count < 3)
			check_all(&order);
	}
}
END_TEST

/* Ascending keys are the worst case of an unbalanced tree. Here 4,096 nodes are about 30 deep, not 4,096. */
START_TEST(stays_flat)
{
	static struct erc__node many[4096];
	struct erc__order order;
	erc__order_init(&order);
	for (uint32_t i = 0; i < 4096; i++) {
		many[i].key.first = i;
		erc__order_add(&order, &many[i]);
	}
	ck_assert_uint_le(depth_of(order.root), 60);
	for (uint32_t i = 0; i < 4096; i++) {
		ck_assert_ptr_eq(order.first, &many[i]);
		erc__order_remove(&order, &many[i]);
	}
	ck_assert_ptr_null(order.root);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("order");
	TCase *tcase = tcase_create("order");
	tcase_add_loop_test(tcase, same_as_a_sorted_array, 0, 20);
	tcase_add_test(tcase, stays_flat);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
