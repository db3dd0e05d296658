/* Reads protobuf's wire format, field by field. */
#ifndef CONFORMANCE_WIRE_H
#define CONFORMANCE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

struct span {
	const uint8_t *at, *end;
};

static inline bool next_varint(struct span *in, uint64_t *out)
{
	*out = 0;
	for (int shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		uint8_t byte = *in->at++;
		*out |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return true;
	}
	return false;
}

/* The next field; *body is set for length-delimited fields, and others are skipped. */
static inline bool next_field(struct span *in, uint64_t *field, struct span *body)
{
	uint64_t key, length;
	*body = (struct span){0};
	if (!next_varint(in, &key))
		return false;
	*field = key >> 3;
	int wire = (int)(key & 7);
	if (wire == 0)
		return next_varint(in, &length);
	if (wire == 1 || wire == 5)
		length = wire == 1 ? 8 : 4;
	else if (wire != 2 || !next_varint(in, &length))
		return false;
	if (length > (uint64_t)(in->end - in->at))
		return false;
	if (wire == 2)
		*body = (struct span){in->at, in->at + length};
	in->at += length;
	return true;
}

#endif
