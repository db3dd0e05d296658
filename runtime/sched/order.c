/* A treap: a search tree by key that is also a heap by random heights, which keeps it balanced on average. */
#include "runtime/sched/order.h"

#include <stddef.h>

void erc__order_init(struct erc__order *order)
{
	*order = (struct erc__order){.random = UINT64_C(0x9e3779b97f4a7c15)};
}

static uint64_t sum_of(const struct erc__node *node)
{
	return node ? node->sum : 0;
}

static void update_sum(struct erc__node *node)
{
	node->sum = node->value + sum_of(node->left) + sum_of(node->right);
}

/* The pointer to the node: in its parent, or in the order. */
static struct erc__node **place_of(struct erc__order *order, struct erc__node *node)
{
	if (!node->parent)
		return &order->root;
	return node->parent->left == node ? &node->parent->left : &node->parent->right;
}

/* The node and its parent change places; the order of the keys is kept. */
static void rotate_up(struct erc__order *order, struct erc__node *node)
{
	struct erc__node *parent = node->parent, *moved;
	*place_of(order, parent) = node;
	node->parent = parent->parent;
	parent->parent = node;
	if (parent->left == node) {
		moved = parent->left = node->right;
		node->right = parent;
	} else {
		moved = parent->right = node->left;
		node->left = parent;
	}
	if (moved)
		moved->parent = parent;
	update_sum(parent);
	update_sum(node);
}

void erc__order_add(struct erc__order *order, struct erc__node *node)
{
	struct erc__node **at = &order->root, *parent = NULL;
	order->random ^= order->random << 13;
	order->random ^= order->random >> 7;
	order->random ^= order->random << 17;
	while (*at) {
		parent = *at;
		parent->sum += node->value;
		at = erc__key_before(&node->key, &parent->key) ? &parent->left : &parent->right;
	}
	node->left = node->right = NULL;
	node->parent = parent;
	node->sum = node->value;
	node->height = order->random;
	*at = node;
	while (node->parent && node->parent->height < node->height)
		rotate_up(order, node);
	if (!order->first || erc__key_before(&node->key, &order->first->key))
		order->first = node;
	order->count++;
}

void erc__order_remove(struct erc__order *order, struct erc__node *node)
{
	if (order->first == node)
		order->first = erc__order_next(node);
	while (node->left || node->right) {
		struct erc__node *left = node->left, *right = node->right;
		rotate_up(order, !right || (left && left->height > right->height) ? left : right);
	}
	*place_of(order, node) = NULL;
	for (struct erc__node *above = node->parent; above; above = above->parent)
		above->sum -= node->value;
	node->parent = NULL;
	order->count--;
}

struct erc__node *erc__order_next(const struct erc__node *node)
{
	if (node->right) {
		node = node->right;
		while (node->left)
			node = node->left;
		return (struct erc__node *)node;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

uint64_t erc__order_sum_before(const struct erc__order *order, const struct erc__key *key)
{
	uint64_t sum = 0;
	for (const struct erc__node *node = order->root; node;) {
		if (erc__key_before(&node->key, key)) {
			sum += node->value + sum_of(node->left);
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return sum;
}
