/* Element types. The numbers are ONNX's TensorProto.DataType, so no table translates them. */
#ifndef ERC_DTYPE_H
#define ERC_DTYPE_H

/* X(enumerator, number, name, bits). From 17 on, types that numbers are stored in. Those of 4 and 2 bits are packed as
 * in ONNX files: two or four to a byte, the first in the low bits. */
#define ERC_DTYPES(X) \
	X(F32, 1, "f32", 32) \
	X(U8, 2, "u8", 8) \
	X(I8, 3, "i8", 8) \
	X(U16, 4, "u16", 16) \
	X(I16, 5, "i16", 16) \
	X(I32, 6, "i32", 32) \
	X(I64, 7, "i64", 64) \
	X(STRING, 8, "string", 0) \
	X(BOOL, 9, "bool", 8) \
	X(F16, 10, "f16", 16) \
	X(F64, 11, "f64", 64) \
	X(U32, 12, "u32", 32) \
	X(U64, 13, "u64", 64) \
	X(C64, 14, "c64", 64) \
	X(C128, 15, "c128", 128) \
	X(BF16, 16, "bf16", 16) \
	X(F8E4M3FN, 17, "f8e4m3fn", 8) \
	X(F8E4M3FNUZ, 18, "f8e4m3fnuz", 8) \
	X(F8E5M2, 19, "f8e5m2", 8) \
	X(F8E5M2FNUZ, 20, "f8e5m2fnuz", 8) \
	X(U4, 21, "u4", 4) \
	X(I4, 22, "i4", 4) \
	X(F4E2M1, 23, "f4e2m1", 4) \
	X(F8E8M0, 24, "f8e8m0", 8) \
	X(U2, 25, "u2", 2) \
	X(I2, 26, "i2", 2)

enum erc_dtype {
	ERC_DTYPE_NONE = 0,
#define X(id, number, name, bits) ERC_##id = number,
	ERC_DTYPES(X)
#undef X
		ERC_DTYPE_COUNT = 32 /* one more than the largest number that may be used */
};

#endif
