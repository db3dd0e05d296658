/* Graph texts of test_compile.c with dims that are known only at run time: where they are rejected, and with which
 * words. `s` is what a mask m keeps of the rows of x. */
#define KEPT \
	"input x:f32[8x5]\n" \
	"input m:bool[8]\n" \
	"const zero:i64[1] = {0}\n" \
	"nz = NonZero(m) \"nz\"\n" \
	"at = Squeeze(nz, zero) \"at\"\n" \
	"s = Gather(x, at) \"kept\"\n"

{KEPT "output s\n", NULL},
	/* The first output is not used. */
	{KEPT "_, c = Unique(m) \"n\"\n"
          "output c\n",
     NULL},
	/* Rejected here: the operator's row does not accept run-time dims. */
	{KEPT "y = GatherElements(s, s) \"n\"\n"
          "output y\n",
     "node 'n' (GatherElements, opset 17): input 's' is f32[<=8x5]: dim 0 is known at run time only, which is not "
     "supported here"},
	{KEPT "const p:i64[4] = {1, 0, 1, 0}\n"
          "y = Pad(s, p) \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "const p:i64[4] = {0, 1, 0, 2}\n"
          "y = Pad(s, p) \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "y = Trilu(s) \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "y, z = Split(s) {axis=0} \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "a, b, c, d, y = Split(s) {axis=1} \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "const r:i64[2] = {2, 1}\n"
          "y = Tile(s, r) \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "y = Squeeze(s, zero) \"n\"\n"
          "output y\n",
     "node 'n' (Squeeze, opset 17): dim 0 is 8, only 1 can be squeezed"},
	/* Sizes of two masks may differ, and a size may differ from a number: that is found at run time, unless the number is
	 * beyond the bound. */
	{KEPT "const c:f32[9x5] = splat{1}\n"
          "y = Add(s, c) \"n\"\n"
          "output y\n",
     "node 'n' (Add, opset 17): dims of inputs that must be equal: 9, and at most 8"},
	{KEPT "const p:i64[2] = {4, 5}\n"
          "y, z = Split(s, p) {axis=0} \"n\"\n"
          "output y\n",
     "node 'n' (Split, opset 17): the sizes add up to 9, the dim is at most 8"},
	{KEPT "input o:bool[8]\n"
          "nz2 = NonZero(o) \"nz2\"\n"
          "at2 = Squeeze(nz2, zero) \"at2\"\n"
          "t = Gather(x, at2) \"other\"\n"
          "y = Add(s, t) \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "y = Add(s, x) \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "y = Concat(s, x) {axis=1} \"n\"\n"
          "output y\n",
     NULL},
	/* Equal nodes make equal sizes. */
	{KEPT "nz2 = NonZero(m) \"nz2\"\n"
          "at2 = Squeeze(nz2, zero) \"at2\"\n"
          "t = Gather(x, at2) \"other\"\n"
          "y = Add(s, t) \"n\"\n"
          "output y\n",
     NULL},
	{KEPT "const d:i64[2] = {4, -1}\n"
          "y = Reshape(s, d) \"n\"\n"
          "output y\n",
     "node 'n' (Reshape, opset 17): whether [<=8x5] can become [4x?] is known at run time only"},
	{KEPT "const d:i64[2] = {8, 5}\n"
          "y = Reshape(s, d) \"n\"\n"
          "output y\n",
     "node 'n' (Reshape, opset 17): whether [<=8x5] can become [8x5] is known at run time only"},
	{KEPT "t = Transpose(s) {perm=[1, 0]} \"turn\"\n"
          "const d:i64[1] = {-1}\n"
          "y = Reshape(t, d) \"n\"\n"
          "output y\n",
     "node 'n' (Reshape, opset 17): [5x<=8] becomes [<=40]: dims known at run time only may be merged or split as the "
     "first ones"},
	{KEPT "u = Unsqueeze(s, zero) \"u\"\n"
          "t = Unsqueeze(u, zero) \"t\"\n"
          "y = GlobalAveragePool(t) \"n\"\n"
          "output y\n",
     "node 'n' (GlobalAveragePool, opset 17): pools over dim 2"},
	{KEPT "const w:f32[5x3x1x1] = splat{1}\n"
          "u = Unsqueeze(s, zero) \"u\"\n"
          "t = Unsqueeze(u, zero) \"t\"\n"
          "y = Conv(t, w) \"n\"\n"
          "output y\n",
     "node 'n' (Conv, opset 17): input 't' is f32[1x1x<=8x5]: dim 2 is known at run time only"},
	{KEPT "y = ArgMax(s) {select_last_index=1} \"n\"\n"
          "output y\n",
     "node 'n' (ArgMax, opset 17): the last index along dim 0"},
	{KEPT "const a:i64[] = {0}\n"
          "y = CumSum(s, a) {reverse=1} \"n\"\n"
          "output y\n",
     "node 'n' (CumSum, opset 17): backwards along dim 0"},
	/* Without a bound there is no buffer. */
	{"input n:i64[]\n"
     "const zero:i64[] = {0}\n"
     "const one:i64[] = {1}\n"
     "y = Range(zero, n, one) \"n\"\n"
     "output y\n",
     "node 'n' (Range, opset 17): limit ('n') is known at run time only"},
	{"input n:i64[2]\n"
     "y = ConstantOfShape(n) \"n\"\n"
     "output y\n",
     "node 'n' (ConstantOfShape, opset 17): shape ('n') is known at run time only"},
	{"input x:f32[8]\n"
     "input k:i64[2]\n"
     "v, i = TopK(x, k) \"n\"\n"
     "output v\n",
     "node 'n' (TopK, opset 17): k must be one i64, found i64[2]"},
	{"input x:f32[8x5]\n"
     "input s:i64[3]\n"
     "input e:i64[3]\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): starts, ends, axes and steps differ in length"},
	{"input x:f32[8x5]\n"
     "input s:i64[1]\n"
     "input e:i64[1]\n"
     "const a:i64[1] = {0}\n"
     "const d:i64[1] = {0}\n"
     "y = Slice(x, s, e, a, d) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): step 0"},
	{"input x:f32[8x5]\n"
     "input s:i64[1]\n"
     "input e:i64[1]\n"
     "const a:i64[1] = {0}\n"
     "const d:i64[1] = {-9223372036854775808}\n"
     "y = Slice(x, s, e, a, d) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): step -9223372036854775808"},
	{"input x:f32[3x4]\n"
     "input c:bool[5]\n"
     "y = Compress(x, c) {axis=1} \"n\"\n"
     "output y\n",
     "node 'n' (Compress, opset 17): a condition of 5 for 4"},
	{"input b:f32[1x6x4]\n"
     "input s:f32[1x2x7]\n"
     "y = NonMaxSuppression(b, s) \"n\"\n"
     "output y\n",
     "node 'n' (NonMaxSuppression, opset 17): boxes [1x6x4] and scores [1x2x7]"},
#undef KEPT
