/* An ordered set of nodes that are embedded in their owners: a treap. Adding, removing and asking for a sum take
 * O(log n) steps on average. The first node is found at once, and the next node in O(1) on average. Nothing is
 * allocated. */
#ifndef ERC_ORDER_H
#define ERC_ORDER_H

#include <stdint.h>

/* Keys are compared field by field. No two nodes of an order have equal keys. */
struct erc__key {
	uint64_t first, second, third;
};

struct erc__node {
	struct erc__node *parent, *left, *right;
	struct erc__key key; /* set by the owner before the node is added; must not change while it is in an order */
	uint64_t value;      /* set like the key; erc__order_sum_before adds these */
	uint64_t sum;        /* of the values in the subtree */
	uint64_t height;     /* random, and larger than the children's */
};

struct erc__order {
	struct erc__node *root;
	struct erc__node *first; /* NULL: empty */
	uint32_t count;
	uint64_t random;
};

static inline int erc__key_before(const struct erc__key *a, const struct erc__key *b)
{
	if (a->first != b->first)
		return a->first < b->first;
	return a->second != b->second ? a->second < b->second : a->third < b->third;
}

void erc__order_init(struct erc__order *order);
void erc__order_add(struct erc__order *order, struct erc__node *node);
void erc__order_remove(struct erc__order *order, struct erc__node *node);
/* In ascending order; NULL after the last. */
struct erc__node *erc__order_next(const struct erc__node *node);
/* The sum of the values of all nodes whose key is smaller. */
uint64_t erc__order_sum_before(const struct erc__order *order, const struct erc__key *key);

#endif
