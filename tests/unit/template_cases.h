/* Small graphs with ragged shapes: at least one for each kernel template that is used on GPUs (test_emulated.c
 * checks that). */
#ifndef ERC_TEMPLATE_CASES_H
#define ERC_TEMPLATE_CASES_H

/* The template that the graph is about, and its graph. */
static const struct {
	const char *stem, *text;
} template_cases[] = {
	{"pointwise", "input x:f32[3x5x7]\ninput b:f32[5x1]\nm = Mul(x, b)\ny = Tanh(m)\noutput y\n"},
	{"pointwise", "input x:f32[2x3x50x8]\ninput b:f32[3x1x1]\nm = Add(x, b)\ny = Relu(m)\noutput y\n"},
	{"pointwise", "input x:f32[37x19]\nm = Transpose(x)\ny = Erf(m)\noutput y\n"},
	{"pointwise", "input x:f32[5003]\ny = Sigmoid(x)\noutput y\n"},
	/* no two dims can be merged: the maximum number of operands that are fused has more strides than a launch has
	 * params */
	{"pointwise", "input i0:f32[1x3x1x5x1]\n"
                  "input i1:f32[2x1x4x1x6]\n"
                  "input i2:f32[1x3x1x5x1]\n"
                  "input i3:f32[2x1x4x1x6]\n"
                  "input i4:f32[1x3x1x5x1]\n"
                  "input i5:f32[2x1x4x1x6]\n"
                  "input i6:f32[1x3x1x5x1]\n"
                  "input i7:f32[2x1x4x1x6]\n"
                  "input i8:f32[1x3x1x5x1]\n"
                  "input i9:f32[2x1x4x1x6]\n"
                  "input i10:f32[1x3x1x5x1]\n"
                  "input i11:f32[2x1x4x1x6]\n"
                  "input i12:f32[1x3x1x5x1]\n"
                  "v1 = Mul(i0, i1)\n"
                  "v2 = Mul(v1, i2)\n"
                  "v3 = Add(v2, i3)\n"
                  "v4 = Mul(v3, i4)\n"
                  "v5 = Add(v4, i5)\n"
                  "v6 = Mul(v5, i6)\n"
                  "v7 = Add(v6, i7)\n"
                  "v8 = Mul(v7, i8)\n"
                  "v9 = Add(v8, i9)\n"
                  "v10 = Mul(v9, i10)\n"
                  "v11 = Add(v10, i11)\n"
                  "v12 = Mul(v11, i12)\n"
                  "output v12\n"},
	{"pool", "input x:f32[2x19x13x11]\ny = MaxPool(x) {kernel_shape=[3,3],strides=[2,2],pads=[1,1,1,1]}\noutput y\n"},
	{"pool", "input x:f32[1x3x9x7]\ny = AveragePool(x) {kernel_shape=[4,2],pads=[1,0,2,1]}\noutput y\n"},
	{"max_index", "input x:f32[1x3x9x7]\ny, i = MaxPool(x) {kernel_shape=[2,3]}\noutput y\noutput i\n"},
	{"conv", "input x:f32[1x20x9x7]\ninput w:f32[21x20x3x3]\nc = Conv(x, w) {pads=[1,1,1,1]}\ny = Relu(c)\noutput y\n"},
	{"contract", "input x:f32[3x7]\ninput b:f32[7x37]\nd = Cast(x) {to=11}\ne = Cast(b) {to=11}\nm = MatMul(d, e)\n"
                 "y = Cast(m) {to=1}\noutput y\n"},
	{"random", "input x:f32[3x701]\nr = RandomUniformLike(x)\ny = Add(x, r)\noutput y\n"},
	{"depthwise",
     "input x:f32[1x20x9x7]\nconst w:f32[20x1x3x3] = splat{0.5}\ny = Conv(x, w) {group=20,pads=[1,1,1,1]}\noutput y\n"},
	{"attention",
     "input q:f32[37x20]\ninput k:f32[20x41]\ninput v:f32[41x24]\ns = MatMul(q, k)\nw = Softmax(s) {axis=-1}\n"
     "y = MatMul(w, v)\noutput y\n"},
	/* a quarter of the smallest GPU's local memory holds the smallest tile */
	{"attention",
     "input q:f32[9x64]\ninput k:f32[64x70]\ninput v:f32[70x64]\ns = MatMul(q, k)\nw = Softmax(s) {axis=-1}\n"
     "y = MatMul(w, v)\noutput y\n"},
	{"attention_sum", "input q:f32[5x32]\ninput k:f32[32x1700]\ninput v:f32[1700x32]\ns = MatMul(q, k)\n"
                      "w = Softmax(s) {axis=-1}\ny = MatMul(w, v)\noutput y\n"},
	{"lrn", "input x:f32[2x7x5x3]\ny = LRN(x) {size=3}\noutput y\n"},
	{"reduce", "input x:f32[5x33x7]\nconst a:i64[1] = {1}\ny = ReduceSum(x, a)\noutput y\n"},
	{"reduce", "input x:f32[3x1001]\ny = ReduceMean(x) {axes=[1]}\noutput y\n"},
	{"softmax", "input x:f32[41x73]\ny = Softmax(x) {axis=1}\noutput y\n"},
	{"softmax", "input x:f32[5x17x3]\ny = LogSoftmax(x) {axis=1}\noutput y\n"},
	{"norm", "input x:f32[43x97]\nconst s:f32[97] = splat{1.5}\nconst b:f32[97] = splat{0.25}\n"
             "y = LayerNormalization(x, s, b) {axis=1}\noutput y\n"},
	{"gather", "input x:f32[3x11x5]\nconst i:i64[4] = {0, 10, -2, 7}\ny = Gather(x, i) {axis=1}\noutput y\n"},
	{"gather_elements",
     "input x:f32[3x4]\nconst i:i64[3x2] = {0, 3, 1, -1, 2, 2}\ny = GatherElements(x, i) {axis=1}\noutput y\n"},
	{"gather_nd", "input x:f32[3x4x5]\nconst i:i64[2x2] = {0, 3, 2, -1}\ny = GatherND(x, i)\noutput y\n"},
	{"scatter", "input x:f32[3x70]\ninput u:f32[3x2]\nconst i:i64[3x2] = {0, 69, 1, -1, 2, 2}\n"
                "y = ScatterElements(x, i, u) {axis=1,reduction=\"add\"}\noutput y\n"},
	{"scatter_nd", "input x:f32[70x5]\ninput u:f32[4x5]\nconst i:i64[4x1] = {0, 69, 3, 3}\n"
                   "y = ScatterND(x, i, u) {reduction=\"add\"}\noutput y\n"},
	{"scatter_nd", "input x:f32[7]\ninput u:f32[3]\nconst i:i64[3x1] = {6, 1, 6}\ny = ScatterND(x, i, u)\noutput y\n"},
	{"arg", "input x:f32[37x19]\ny = ArgMax(x) {axis=0}\noutput y\n"},
	{"cumulate", "input x:f32[37x19]\nconst a:i64[] = {1}\ny = CumSum(x, a) {reverse=1}\noutput y\n"},
	{"topk", "input x:f32[37x19]\nconst k:i64[1] = {5}\nv, y = TopK(x, k)\noutput v\noutput y\n"},
	{"taps", "input x:f32[1x3x9x7]\nconst r:f32[0] = {}\nconst s:f32[4] = {1, 1, 1.7, 2.3}\n"
             "y = Resize(x, r, s) {mode=\"linear\"}\noutput y\n"},
	{"nms",
     "input b:f32[1x40x4]\ninput s:f32[1x2x40]\nconst m:i64[1] = {9}\nconst o:f32[1] = {0.5}\nconst t:f32[1] = {-0.5}\n"
     "y = NonMaxSuppression(b, s, m, o, t)\noutput y\n"},
	{"nms_collect", "input b:f32[2x20x4]\ninput s:f32[2x3x20]\nconst m:i64[1] = {9}\nconst o:f32[1] = {0.3}\n"
                    "y = NonMaxSuppression(b, s, m, o)\noutput y\n"},
	{"nonzero", "input x:f32[37x19]\nr = Relu(x)\ny = NonZero(r)\noutput y\n"},
	{"nonzero_count", "input x:f32[9001]\nr = Relu(x)\ny = NonZero(r)\noutput y\n"},
	{"place", "input x:f32[10x6]\nconst n:i64[] = {3}\nconst five:i64[] = {5}\n"
              "s = ReduceSum(x) {keepdims=0}\nm = Cast(s) {to=7}\nb = Max(m, n)\na = Min(b, five)\ny, all = Loop(a, _, "
              "x) {body=graph "
              "{\ninput i:i64[]\ninput go:bool[]\ninput v:f32[10x6]\ngo2 = Identity(go)\nw = Tanh(v)\noutput "
              "go2\noutput w\noutput w\n}}\noutput y\noutput all\n"},
	{"pack", "input x:f32[37x19]\nr = Relu(x)\ny = NonZero(r)\noutput y\n"},
	{"same_size", "input x:f32[37x19]\nr = Relu(x)\nn = NonZero(r)\nq = Exp(r)\nw = Mul(q, r)\nm = NonZero(w)\ny = "
                  "Add(n, m)\noutput y\n"},
	{"unique", "input x:f32[61]\nf = Floor(x)\ny = Unique(f)\noutput y\n"},
	{"det", "input x:f32[37x5x5]\ny = Det(x)\noutput y\n"},
	{"grid_sample", "input x:f32[1x3x9x7]\ninput g:f32[1x5x6x2]\ny = GridSample(x, g)\noutput y\n"},
	{"roi_align", "input x:f32[2x3x9x7]\nconst r:f32[2x4] = {0, 1, 5, 6, 2, 2, 6, 8}\nconst i:i64[2] = {0, 1}\n"
                  "y = RoiAlign(x, r, i) {output_height=3,output_width=2}\noutput y\n"},
};

#endif
