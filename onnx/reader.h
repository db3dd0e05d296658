/* Shared by the reader's files; private to onnx/. read.c opens and unpacks, import.c builds graphs, and each other file
 * imports one kind of message. */
#ifndef ERCC_ONNX_READER_H
#define ERCC_ONNX_READER_H

#include "compiler/core/graph.h"
#include "onnx/onnx.h"
#include "onnx.pb-c.h"

typedef Erc__Onnx__ModelProto model_proto;
typedef Erc__Onnx__GraphProto graph_proto;
typedef Erc__Onnx__NodeProto node_proto;
typedef Erc__Onnx__AttributeProto attribute_proto;
typedef Erc__Onnx__TensorProto tensor_proto;
typedef Erc__Onnx__SparseTensorProto sparse_proto;
typedef Erc__Onnx__ValueInfoProto value_info_proto;
typedef Erc__Onnx__FunctionProto function_proto;
typedef Erc__Onnx__OperatorSetIdProto opset_proto;

/* The beginning of messages: what is being read. */
static inline const char *source_of(const struct context *ctx)
{
	return ctx->source ? ctx->source : "file";
}

/* Maximum depth of nested graphs and function calls. */
#define MAX_DEPTH 64
/* Maximum number of nodes after functions are inlined, because nested calls can multiply without bound. */
#define MAX_NODES (1 << 18)
/* Maximum bytes of one name. A name in a function is copied for each call of the function. */
#define MAX_NAME_BYTES 2048
/* Maximum number of attributes of a node or function, and of imported domains. They are searched one by one. */
#define MAX_LIST 1024
/* Maximum number of elements of all sparse tensors together. Their shapes can be far larger than their file. */
#define MAX_SPARSE_ELEMENTS ((int64_t)1 << 26)

/* A file of external data. It stays mapped until the end of the compilation. */
struct external_file {
	struct external_file *next;
	const char *location;
	const char *data;
	size_t bytes;
	size_t referenced_bytes; /* sum over all tensors; tensors may share bytes */
};

/* The sources of tensor data. */
struct tensor_source {
	struct context *ctx;
	const char *folder; /* the model's; NULL: external data is refused */
	struct external_file *files;
	struct map imported; /* proto -> its tensor, made once although each call imports the body anew */
	int64_t sparse_elements;
};

/* One import, from the unpacked file to the root graph. */
struct import {
	struct context *ctx;
	const model_proto *model;
	struct graph *root;
	const char *unknown_field; /* the first one that no known IR version has; NULL: none */
	struct tensor_source source;
	struct map functions; /* key -> const function_proto * */
	struct map ordered;   /* nodes of a graph or function -> the same in order, found once for all calls */
	int64_t node_cost;    /* nodes imported so far; nodes with many parts count more */
};

/* One call of a local function. */
struct call {
	const struct call *caller; /* NULL: the call is not in a function */
	const function_proto *function;
	const char *prefix;       /* of the names in the body: the calling node's name */
	const struct attr *attrs; /* of the calling node, with references resolved */
	int attr_count;
};

/* The names that nodes can use: one scope per graph and per function call. */
struct scope {
	struct scope *outer;     /* enclosing graph; NULL for the main graph and for function bodies */
	struct graph *graph;     /* the graph that nodes are added to */
	const struct call *call; /* NULL outside functions */
	opset_proto *const *opsets;
	size_t opset_count;
	struct map names; /* name in the file -> struct value * */
	int depth;
};

/* Converts NULL to "". */
static inline const char *text_or_empty(const char *text)
{
	return text ? text : "";
}
/* Converts "ai.onnx" and NULL to "". */
static inline const char *domain_text(const char *domain)
{
	return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

/* ---- scan.c ---- */

/* *unknown names the first field that is newer than the newest known IR version; NULL if there is none. */
enum ercc_status scan_message(struct context *ctx, const ProtobufCMessageDescriptor *descriptor, const void *data,
                              size_t bytes, const char **unknown);

/* ---- import.c ---- */

enum ercc_status import_model(struct import *import, struct graph **out);
enum ercc_status import_nodes(struct import *import, struct scope *scope, node_proto *const *nodes, size_t count);
/* Gives a name its value. It is an error if the scope already has the name. */
enum ercc_status scope_define(struct scope *scope, const char *name, struct value *value);
/* The name that a value gets in the graph: the same if it is free, else a similar one. It is unique in either case. */
const char *scope_value_name(const struct scope *scope, const char *name);
/* Builds the graph of an attribute. */
enum ercc_status import_nested_graph(struct import *import, struct scope *outer, const graph_proto *proto,
                                     struct graph **out);
/* The value with that name, also from enclosing graphs; NULL if there is none. */
struct value *scope_find(const struct scope *scope, const char *name);
void scope_init(struct scope *scope, struct graph *graph, struct scope *outer);
/* The value that scopes hold for a function input that the call omits. */
extern struct value omitted_value;
/* The imported version of the node's domain; 0 if the domain is not imported. */
int64_t scope_opset(const struct scope *scope, const char *domain);

/* ---- order.c ---- */

/* Replaces *nodes by the same nodes in an order in which values are produced before they are used, which is the given
 * one where possible. A cycle is an error that names its nodes. */
enum ercc_status order_nodes(struct import *import, const struct scope *scope, node_proto *const **nodes, size_t count);

/* What a model's files and nodes may take in memory while it is compiled: a multiple of the files, because weights are
 * packed and several launches may hold a form of them; and for each node its launches, for each target and budget. */
#define FILE_FACTOR 8
#define NODE_BYTES ((size_t)64 << 10)

/* ---- types.c ---- */

/* `owner` begins the error messages. A type that is made of anything but dense tensors is an error; a
 * missing type is not. */
enum ercc_status import_type(struct context *ctx, const Erc__Onnx__TypeProto *proto, const char *owner,
                             struct stated_type *out);

/* ---- attributes.c ---- */

/* `owner` names the node in messages. */
enum ercc_status import_attributes(struct import *import, struct scope *scope, const char *owner,
                                   attribute_proto *const *protos, size_t count, struct attr **out, int *out_count);

/* ---- functions.c ---- */

enum ercc_status index_functions(struct import *import);
/* The local function that the node calls, or NULL. */
const function_proto *find_function(const struct import *import, const node_proto *node);
/* Adds the function's body in place of the node. The node's outputs are defined in `scope`. */
enum ercc_status inline_function(struct import *import, struct scope *scope, const function_proto *function,
                                 const node_proto *node, const char *node_name, struct value *const *inputs);

/* ---- tensor.c ---- */

/* `owner` says in messages what the tensor is: "initializer 'w'". Data is borrowed where possible. */
enum ercc_status import_tensor(struct tensor_source *source, const tensor_proto *proto, const char *owner,
                               struct tensor **out);
enum ercc_status import_sparse_tensor(struct tensor_source *source, const sparse_proto *proto, const char *owner,
                                      struct tensor **out);
/* The name of an element type, such as "float8e4m3fn", also if this project does not have it. */
const char *element_type_text(int32_t type);
bool element_type_known(int32_t type);

/* ---- external.c ---- */

/* The data of a tensor that is in another file. `bytes` is the size that its shape requires. */
enum ercc_status external_data(struct tensor_source *source, const tensor_proto *proto, const char *owner, size_t bytes,
                               const void **out);

#endif
