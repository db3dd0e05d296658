/* Tensor files of ONNX's test suite (.pb): one TensorProto in protobuf's wire format, read directly. Field numbers
 * are ONNX's. Every byte is checked. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

struct bytes {
	const uint8_t *at, *end;
};

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum field {
	FIELD_DIMS = 1,
	FIELD_DATA_TYPE = 2,
	FIELD_FLOAT_DATA = 4,
	FIELD_INT32_DATA = 5,
	FIELD_INT64_DATA = 7,
	FIELD_RAW_DATA = 9,
	FIELD_DOUBLE_DATA = 10,
	FIELD_UINT64_DATA = 11,
	FIELD_LOCATION = 14,
};

/* Elements from the typed fields, before the type and the dims are known. */
struct parsed {
	uint64_t type;
	uint32_t rank;
	int64_t dims[ERC_MAX_RANK];
	struct bytes raw;
	bool has_raw;
	uint64_t *values; /* varints, or the bits of floats and doubles */
	size_t value_count, value_capacity;
	const char *wrong;
};

static bool take_varint(struct bytes *in, uint64_t *out)
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

static bool take_fixed(struct bytes *in, size_t size, uint64_t *out)
{
	*out = 0;
	if ((size_t)(in->end - in->at) < size)
		return false;
	memcpy(out, in->at, size); /* little-endian */
	in->at += size;
	return true;
}

static bool take_bytes(struct bytes *in, struct bytes *out)
{
	uint64_t length;
	if (!take_varint(in, &length) || length > (uint64_t)(in->end - in->at))
		return false;
	*out = (struct bytes){in->at, in->at + length};
	in->at += length;
	return true;
}

static bool take_value(struct bytes *in, int wire, uint64_t *out)
{
	if (wire == WIRE_VARINT)
		return take_varint(in, out);
	return (wire == WIRE_64 || wire == WIRE_32) && take_fixed(in, wire == WIRE_64 ? 8 : 4, out);
}

static void add_value(struct parsed *parsed, int field, uint64_t value)
{
	if (field == FIELD_DIMS) {
		if (parsed->rank == ERC_MAX_RANK)
			parsed->wrong = "pb: more than 8 dimensions";
		else
			parsed->dims[parsed->rank++] = (int64_t)value;
		return;
	}
	if (parsed->value_count == parsed->value_capacity) {
		parsed->value_capacity = parsed->value_capacity ? parsed->value_capacity * 2 : 64;
		parsed->values = memory_grow(parsed->values, parsed->value_capacity * sizeof *parsed->values);
	}
	parsed->values[parsed->value_count++] = value;
}

/* A repeated number: one value, or several packed ones. */
static bool take_repeated(struct bytes *in, struct parsed *parsed, int field, int wire)
{
	uint64_t value;
	if (wire != WIRE_BYTES) {
		if (!take_value(in, wire, &value))
			return false;
		add_value(parsed, field, value);
		return true;
	}
	struct bytes run;
	if (!take_bytes(in, &run))
		return false;
	int inner = field == FIELD_FLOAT_DATA ? WIRE_32 : field == FIELD_DOUBLE_DATA ? WIRE_64 : WIRE_VARINT;
	while (run.at < run.end) {
		if (!take_value(&run, inner, &value))
			return false;
		add_value(parsed, field, value);
	}
	return true;
}

static bool take_field(struct bytes *in, struct parsed *parsed)
{
	uint64_t key, value;
	struct bytes skipped;
	if (!take_varint(in, &key))
		return false;
	int field = (int)(key >> 3 & 0x1fffffff), wire = (int)(key & 7);
	if (field == FIELD_DIMS || field == FIELD_FLOAT_DATA || field == FIELD_INT32_DATA || field == FIELD_INT64_DATA ||
	    field == FIELD_DOUBLE_DATA || field == FIELD_UINT64_DATA)
		return take_repeated(in, parsed, field, wire);
	if (field == FIELD_RAW_DATA && wire == WIRE_BYTES) {
		parsed->has_raw = true;
		return take_bytes(in, &parsed->raw);
	}
	if (wire == WIRE_BYTES)
		return take_bytes(in, &skipped);
	if (!take_value(in, wire, &value))
		return false;
	if (field == FIELD_DATA_TYPE)
		parsed->type = value;
	if (field == FIELD_LOCATION && value)
		parsed->wrong = "pb: data in an external file is not supported here";
	return true;
}

static const char *fill(const struct parsed *parsed, struct array *out)
{
	size_t step = (erc_dtype_bits((enum erc_dtype)parsed->type) + 7) / 8, count, need; /* a packed byte is one number */
	if (!array_size((enum erc_dtype)parsed->type, parsed->rank, parsed->dims, &count, &need))
		return "pb: dims are negative or too large";
	bool pairs = parsed->type == ERC_C64 || parsed->type == ERC_C128;
	size_t stored =
		parsed->has_raw ? (size_t)(parsed->raw.end - parsed->raw.at) : parsed->value_count * (pairs ? step / 2 : step);
	if (stored != need)
		return "pb: the data's size does not fit the dims";
	if (!array_new(out, (enum erc_dtype)parsed->type, parsed->rank, parsed->dims))
		return "pb: element type is not supported";
	if (parsed->has_raw) {
		if (need)
			memcpy(out->data, parsed->raw.at, need);
		return NULL;
	}
	size_t part = pairs ? step / 2 : step;
	for (size_t i = 0; i < parsed->value_count; i++)
		memcpy((char *)out->data + i * part, &parsed->values[i], part);
	return NULL;
}

const char *pb_parse(const void *data, size_t bytes, struct array *out)
{
	struct bytes in = {data, (const uint8_t *)data + bytes};
	struct parsed parsed = {0};
	*out = (struct array){0};
	while (!parsed.wrong && in.at < in.end)
		if (!take_field(&in, &parsed))
			parsed.wrong = "is not a TensorProto: truncated or damaged";
	if (!parsed.wrong && (parsed.type >= ERC_DTYPE_COUNT || !erc_dtype_bits((enum erc_dtype)parsed.type)))
		parsed.wrong = "pb: element type is not supported";
	const char *wrong = parsed.wrong ? parsed.wrong : fill(&parsed, out);
	free(parsed.values);
	return wrong;
}

const char *pb_read(const char *path, struct array *out)
{
	void *data;
	size_t bytes;
	const char *wrong = file_read(path, &data, &bytes);
	if (!wrong)
		wrong = pb_parse(data, bytes, out);
	free(data);
	return wrong;
}
