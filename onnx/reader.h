/* What the reader's files share; private to onnx/. read.c opens and unpacks, import.c builds
 * graphs, and the others do one part each. */
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

/* What is being read, as messages begin. */
static inline const char *source_of(const struct context *ctx)
{
	return ctx->source ? ctx->source : "file";
}

/* Graphs and function calls inside each other. */
#define MAX_DEPTH 64
/* Nodes after functions are inlined: calls that call can multiply without bound. */
#define MAX_NODES (1 << 18)
/* Bytes of one name: names are copied, once for each call of a function that holds them. */
#define MAX_NAME_BYTES 2048
/* Attributes of a node or function, and imported domains: these are searched one by one. */
#define MAX_LIST 1024
/* Elements of all sparse tensors together: they state shapes far larger than their file. */
#define MAX_SPARSE_ELEMENTS ((int64_t)1 << 26)

/* A file of external data, mapped for the length of the compilation. */
struct external_file {
	struct external_file *next;
	const char *location;
	const char *data;
	size_t bytes;
	size_t referenced_bytes; /* by all tensors; a tensor may share bytes with another */
};

/* Where tensors get their bytes from. */
struct tensor_source {
	struct context *ctx;
	const char *folder; /* of the model; NULL: external data is refused */
	struct external_file *files;
	struct map imported; /* proto -> what was made of it: function bodies are imported once per call */
	int64_t sparse_elements;
};

/* One import, from the unpacked file to the root graph. */
struct import {
	struct context *ctx;
	const model_proto *model;
	struct tensor_source source;
	struct map functions; /* key -> const function_proto * */
	int64_t node_cost;    /* nodes imported so far, wide ones counting more */
};

/* One call of a local function. */
struct call {
	const struct call *caller; /* NULL: called from outside any function */
	const function_proto *function;
	const char *prefix;       /* of the names in its body: the calling node's name */
	const struct attr *attrs; /* the calling node's, resolved */
	int attr_count;
};

/* The names that nodes see: one scope per graph and per function call. */
struct scope {
	struct scope *outer;     /* enclosing graph; NULL for the main graph and for function bodies */
	struct graph *graph;     /* that nodes are added to */
	const struct call *call; /* NULL outside functions */
	opset_proto *const *opsets;
	size_t opset_count;
	struct map names; /* name in the file -> struct value * */
	int depth;
};

/* NULL is "". */
static inline const char *text_or_empty(const char *text)
{
	return text ? text : "";
}
/* "ai.onnx" and NULL are "". */
static inline const char *domain_text(const char *domain)
{
	return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

/* ---- scan.c ---- */

enum ercc_status scan_message(struct context *ctx, const ProtobufCMessageDescriptor *descriptor, const void *data,
                              size_t bytes);

/* ---- import.c ---- */

enum ercc_status import_model(struct import *import, struct graph **out);
enum ercc_status import_nodes(struct import *import, struct scope *scope, node_proto *const *nodes, size_t count);
/* Gives a name in the file its value; it is an error when the scope has one already. */
enum ercc_status scope_define(struct scope *scope, const char *name, struct value *value);
/* What a value of that name is called in the graph: the same where it is free, unique in any case. */
const char *scope_value_name(const struct scope *scope, const char *name);
/* The graph of an attribute. */
enum ercc_status import_nested_graph(struct import *import, struct scope *outer, const graph_proto *proto,
                                     struct graph **out);
/* The value of that name, or NULL; values of enclosing graphs included. */
struct value *scope_find(const struct scope *scope, const char *name);
void scope_init(struct scope *scope, struct graph *graph, struct scope *outer);
/* Stands in scopes for a function input that the call omits. */
extern struct value omitted_value;
/* Version of the node's domain; 0 when it is not imported. */
int64_t scope_opset(const struct scope *scope, const char *domain);

/* ---- types.c ---- */

/* Kinds that are no dense tensors are an error that starts with `owner`; no type at all is not. */
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
/* Puts the function's body in the node's place; the node's outputs are defined in `scope`. */
enum ercc_status inline_function(struct import *import, struct scope *scope, const function_proto *function,
                                 const node_proto *node, const char *node_name, struct value *const *inputs);

/* ---- tensor.c ---- */

/* `owner` says in messages what the tensor is: "initializer 'w'". Data are borrowed where they can be. */
enum ercc_status import_tensor(struct tensor_source *source, const tensor_proto *proto, const char *owner,
                               struct tensor **out);
enum ercc_status import_sparse_tensor(struct tensor_source *source, const sparse_proto *proto, const char *owner,
                                      struct tensor **out);
/* "float8e4m3fn" for an element type that the project does not have. */
const char *element_type_text(int32_t type);
bool element_type_known(int32_t type);

/* ---- external.c ---- */

/* Data of a tensor that lie in a file of their own; `bytes` is what its shape asks for. */
enum ercc_status external_data(struct tensor_source *source, const tensor_proto *proto, const char *owner, size_t bytes,
                               const void **out);

#endif
