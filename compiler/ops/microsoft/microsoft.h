/* What the families of the domain com.microsoft share. Their semantics are those of ONNX Runtime's CPU kernels. */
#ifndef ERCC_OPS_MICROSOFT_H
#define ERCC_OPS_MICROSOFT_H

#include "compiler/lower/op.h"

#define MICROSOFT "com.microsoft"

#endif
