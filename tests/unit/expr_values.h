/* Values of expressions, and integers that hold all of them. */
#ifndef TEST_EXPR_VALUES_H
#define TEST_EXPR_VALUES_H

#include "compiler/core/expr.h"
#include "compiler/core/graph.h"

typedef union expr_value V;
typedef __int128 wide;

static const enum erc_dtype ints[] = {ERC_I8, ERC_U8, ERC_I16, ERC_U16, ERC_I32, ERC_U32, ERC_I64, ERC_U64};

static inline bool is_signed(enum erc_dtype dtype)
{
	return dtype == ERC_I8 || dtype == ERC_I16 || dtype == ERC_I32 || dtype == ERC_I64;
}

/* The value of the number's low bits in that type. */
static inline wide wrapped(enum erc_dtype dtype, wide number)
{
	int bits = 8 * (int)dtype_bytes(dtype);
	wide range = (wide)1 << bits, low = ((number % range) + range) % range;
	return is_signed(dtype) && low >= range / 2 ? low - range : low;
}

static inline wide number_of(enum erc_dtype dtype, V value)
{
	return dtype == ERC_U64 ? (wide)(uint64_t)value.i : value.i;
}

#endif
