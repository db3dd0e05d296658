/* Scans the wire format once before protobuf-c unpacks it. Unpacking is recursive, so nesting must be limited first.
 * The memory that a small file can need is limited too. The scan has its own stack instead of recursion. */
#include "onnx/reader.h"

#define MAX_NESTING 64
/* Maximum memory for unpacking: a fixed part plus a multiple of the file's size. */
#define UNPACK_BASE_BYTES ((size_t)64 << 20)
#define UNPACK_FACTOR 32
/* Bytes per field that protobuf-c keeps while it unpacks a message. */
#define FIELD_COST 48

enum wire_type { WIRE_VARINT, WIRE_FIXED64, WIRE_LENGTH, WIRE_GROUP_START, WIRE_GROUP_END, WIRE_FIXED32 };

/* A message that is being scanned. */
struct frame {
	const ProtobufCMessageDescriptor *descriptor;
	const uint8_t *end;
	uint64_t seen; /* a bit per field number: singular message fields that occurred */
};

struct scan {
	struct context *ctx;
	const uint8_t *start, *at;
	size_t unpacked_bytes, limit;
	const char *unknown; /* the first field that no known IR version has */
	struct frame frames[MAX_NESTING];
	int depth;
};

/* The highest field number of each message in IR version 14. Unknown fields up to it are documentation and the like,
 * which change no result. */
static const struct {
	const ProtobufCMessageDescriptor *message;
	uint32_t last;
} last_fields[] = {
	{&erc__onnx__model_proto__descriptor, 26},
	{&erc__onnx__graph_proto__descriptor, 16},
	{&erc__onnx__function_proto__descriptor, 14},
	{&erc__onnx__node_proto__descriptor, 10},
	{&erc__onnx__attribute_proto__descriptor, 23},
	{&erc__onnx__tensor_proto__descriptor, 16},
	{&erc__onnx__sparse_tensor_proto__descriptor, 3},
	{&erc__onnx__value_info_proto__descriptor, 4},
	{&erc__onnx__tensor_shape_proto__descriptor, 1},
	{&erc__onnx__tensor_shape_proto__dimension__descriptor, 3},
	{&erc__onnx__type_proto__descriptor, 9},
	{&erc__onnx__type_proto__tensor__descriptor, 2},
	{&erc__onnx__type_proto__of__descriptor, 1},
	{&erc__onnx__operator_set_id_proto__descriptor, 2},
	{&erc__onnx__string_string_entry_proto__descriptor, 2},
};

static void note_unknown(struct scan *scan, uint32_t number)
{
	const ProtobufCMessageDescriptor *message = scan->frames[scan->depth].descriptor;
	for (size_t i = 0; !scan->unknown && i < COUNT_OF(last_fields); i++)
		if (last_fields[i].message == message && number > last_fields[i].last)
			scan->unknown = arena_printf(&scan->ctx->arena, "field %u of %s", number, message->short_name);
}

static enum ercc_status broken(const struct scan *scan, const char *what)
{
	return fail(scan->ctx, ERCC_MODEL, "%s: %s in %s at byte %zu", source_of(scan->ctx), what,
	            scan->frames[scan->depth].descriptor->short_name, (size_t)(scan->at - scan->start));
}

static bool read_varint(struct scan *scan, const uint8_t *end, uint64_t *out)
{
	uint64_t number = 0;
	for (int shift = 0; shift < 70 && scan->at < end; shift += 7) {
		uint8_t byte = *scan->at++;
		if (shift == 63 && byte > 1)
			return false;
		number |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*out = number;
			return true;
		}
	}
	return false;
}

/* The wire type of a single value of the field. */
static enum wire_type wire_type_of(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_FLOAT: return WIRE_FIXED32;
	case PROTOBUF_C_TYPE_DOUBLE: return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE: return WIRE_LENGTH;
	default: return WIRE_VARINT;
	}
}

/* Checks that the values of a packed field fill it exactly. */
static enum ercc_status scan_packed(struct scan *scan, const ProtobufCFieldDescriptor *field, const uint8_t *end)
{
	enum wire_type type = wire_type_of(field);
	size_t bytes = (size_t)(end - scan->at);
	if (type != WIRE_VARINT) {
		if (bytes % (type == WIRE_FIXED32 ? 4 : 8))
			return broken(scan, "a packed field of odd length");
		scan->at = end;
		return ERCC_OK;
	}
	while (scan->at < end) {
		uint64_t number;
		if (!read_varint(scan, end, &number))
			return broken(scan, "a malformed number");
	}
	return ERCC_OK;
}

static enum ercc_status enter_message(struct scan *scan, const ProtobufCFieldDescriptor *field, const uint8_t *end)
{
	struct frame *frame = &scan->frames[scan->depth];
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL) {
		/* Legal, but unpacking would have to merge the two messages. No writer does this. */
		if (frame->seen >> field->id & 1)
			return broken(scan, "a second message in a singular field");
		frame->seen |= (uint64_t)1 << field->id;
	}
	if (scan->depth + 1 == MAX_NESTING)
		return broken(scan, "messages nested deeper than 64");
	scan->frames[++scan->depth] = (struct frame){.descriptor = field->descriptor, .end = end};
	scan->unpacked_bytes += frame->descriptor->sizeof_message;
	return ERCC_OK;
}

static enum ercc_status scan_length_field(struct scan *scan, const ProtobufCFieldDescriptor *field)
{
	const uint8_t *parent_end = scan->frames[scan->depth].end;
	uint64_t bytes;
	if (!read_varint(scan, parent_end, &bytes))
		return broken(scan, "a malformed length");
	if (bytes > (size_t)(parent_end - scan->at))
		return broken(scan, "a length beyond the end");
	const uint8_t *end = scan->at + bytes;
	/* All strings of the format are names, except those in lists of keys and values. */
	if (field && field->type == PROTOBUF_C_TYPE_STRING && bytes > MAX_NAME_BYTES &&
	    scan->frames[scan->depth].descriptor != &erc__onnx__string_string_entry_proto__descriptor)
		return broken(scan, "a name longer than 2048 bytes");
	if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
		return enter_message(scan, field, end);
	if (field && wire_type_of(field) != WIRE_LENGTH)
		return scan_packed(scan, field, end);
	scan->at = end;
	return ERCC_OK;
}

static enum ercc_status scan_field(struct scan *scan)
{
	const struct frame *frame = &scan->frames[scan->depth];
	uint64_t key, number;
	if (!read_varint(scan, frame->end, &key) || key > UINT32_MAX || key >> 3 == 0)
		return broken(scan, "a malformed field key");
	enum wire_type type = key & 7;
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(frame->descriptor, (unsigned)(key >> 3));
	if (!field)
		note_unknown(scan, (uint32_t)(key >> 3));
	bool packed = field && type == WIRE_LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED;
	if (field && type != wire_type_of(field) && !packed)
		return broken(scan, "a field of the wrong type");
	scan->unpacked_bytes += FIELD_COST;
	if (scan->unpacked_bytes > scan->limit)
		return fail(scan->ctx, ERCC_MODEL, "%s: unpacking it would take more than %zu MB of memory",
		            source_of(scan->ctx), scan->limit >> 20);
	switch (type) {
	case WIRE_VARINT: return read_varint(scan, frame->end, &number) ? ERCC_OK : broken(scan, "a malformed number");
	case WIRE_LENGTH: return scan_length_field(scan, field);
	case WIRE_FIXED32:
	case WIRE_FIXED64: {
		ptrdiff_t bytes = type == WIRE_FIXED32 ? 4 : 8;
		if (frame->end - scan->at < bytes)
			return broken(scan, "a number cut short");
		scan->at += bytes;
		return ERCC_OK;
	}
	default: return broken(scan, "a field of unknown type");
	}
}

enum ercc_status scan_message(struct context *ctx, const ProtobufCMessageDescriptor *descriptor, const void *data,
                              size_t bytes, const char **unknown)
{
	struct scan scan = {.ctx = ctx, .start = data, .at = data};
	if (__builtin_mul_overflow(bytes, (size_t)UNPACK_FACTOR, &scan.limit) ||
	    __builtin_add_overflow(scan.limit, UNPACK_BASE_BYTES, &scan.limit))
		return fail(ctx, ERCC_MODEL, "%s: %zu bytes are too many", source_of(ctx), bytes);
	scan.frames[0] = (struct frame){.descriptor = descriptor, .end = scan.start + bytes};
	while (scan.depth >= 0) {
		if (scan.at == scan.frames[scan.depth].end)
			scan.depth--;
		else
			TRY(scan_field(&scan));
	}
	*unknown = scan.unknown;
	return ERCC_OK;
}

enum ercc_status onnx_scan(struct context *ctx, const void *data, size_t bytes)
{
	const char *unknown;
	return scan_message(ctx, &erc__onnx__model_proto__descriptor, data, bytes, &unknown);
}
