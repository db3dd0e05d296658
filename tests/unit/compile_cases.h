/* Graph texts of test_compile.c, and the words with which each is rejected; NULL if it compiles. */
{"input x:f32[1x4x5x5]\n"
 "const w:f32[4x4x3x3] = splat{1}\n"
 "y = Conv(x, w) \"n\"\n"
 "output y\n",
 NULL},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): weights of rank 3"},
	{"input x:f32[4x4]\n"
     "const w:f32[4x4] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): input of rank 2"},
	{"input x:f32[1x1x1x1x1x1]\n"
     "const w:f32[1x1x1x1x1x1] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): input of rank 6"},
	{"input x:f32[1x4x5x5]\n"
     "const w:i64[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): input 1 is i64, but input 0 is f32"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f16[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): input 1 is f16, but input 0 is f32"},
	{"input x:i32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): input 'x' is i32"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {strides=[0, 1]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): kernel, strides"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {strides=[1]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): strides has 1 entries"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {strides=[1,1,1,1,1,1,1]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): strides has 7"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {dilations=[-1, 1]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): kernel, strides"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {pads=[-1, 0, 0, 0]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): kernel, strides"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {pads=[9223372036854775807, 0, 0, 0]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): 9223372036854775807 is too much"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {strides=[9223372036854775807, 1]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): 9223372036854775807 is too much"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {pads=[1, 1]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): pads has 2"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {strides=2} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): attribute 'strides' is"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {strides=[1.0, 1.0]} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): attribute 'strides' is"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {group=0} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): group 0"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {group=-1} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): group -1"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {group=3} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): group 3"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) {group=4} \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): weights [4x4x3x3] need 16"},
	{"input x:f32[1x3x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): weights [4x4x3x3] need 4 input channels"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x7x7] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): a window of 7"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x0x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): kernel, strides"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "const b:f32[3] = splat{1}\n"
     "y = Conv(x, w, b) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): bias [3]"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "const b:f32[4x1] = splat{1}\n"
     "y = Conv(x, w, b) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): bias [4x1]"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "const b:i32[4] = splat{1}\n"
     "y = Conv(x, w, b) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): input 2 is i32"},
	{"input x:f32[0x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[0x4x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[1x0x5x5]\n"
     "const w:f32[4x0x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[1x4x0x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (Conv, opset 17): a window of 3"},
	{"input x:f32[1x4x5x5]\n"
     "input w:f32[4x4x3x3]\n"
     "y = Conv(x, w) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "y = MaxPool(x) \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): kernel_shape has -1"},
	{"input x:f32[2x3x4x5]\n"
     "y = MaxPool(x) {kernel_shape=[2]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): kernel_shape has 1"},
	{"input x:f32[2x3x4x5]\n"
     "y = MaxPool(x) {kernel_shape=[0, 2]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): kernel, strides"},
	{"input x:f32[2x3x4x5]\n"
     "y = MaxPool(x) {kernel_shape=[-2, 2]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): kernel, strides"},
	{"input x:f32[2x3x4x5]\n"
     "y = MaxPool(x) {kernel_shape=[9, 2]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): a window of 9"},
	{"input x:f32[4]\n"
     "y = MaxPool(x) \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): input of rank 1"},
	{"input x:f32[1x1x1x1x1x1x1x1]\n"
     "y = MaxPool(x) {kernel_shape=[1,1,1,1,1,1]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): input of rank 8"},
	{"input x:f32[]\n"
     "y = MaxPool(x) {kernel_shape=[1]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): kernel_shape has 1 entries for -2"},
	{"input x:i64[1x1x4x4]\n"
     "y = MaxPool(x) {kernel_shape=[2, 2]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): input 'x' is i64"},
	{"input x:f32[2x3x4x5]\n"
     "y = AveragePool(x) {kernel_shape=[2, 2], strides=[-1, 1]} \"n\"\n"
     "output y\n",
     "node 'n' (AveragePool, opset 17): kernel, strides"},
	{"input x:f32[2x3x4x5]\n"
     "y = MaxPool(x) {kernel_shape=[4611686018427387904, 2]} \"n\"\n"
     "output y\n",
     "node 'n' (MaxPool, opset 17): 4611686018427387904 is too much"},
	{"input x:f32[4]\n"
     "y = GlobalAveragePool(x) \"n\"\n"
     "output y\n",
     "node 'n' (GlobalAveragePool, opset 17): needs rank 3"},
	{"input x:f32[2x3x4x5]\n"
     "y = LRN(x) {size=0} \"n\"\n"
     "output y\n",
     "node 'n' (LRN, opset 17): needs an input"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "const a:i64[1] = {4}\n"
     "y = Slice(x, s, e, a) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): axis 4"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "const a:i64[1] = {-5}\n"
     "y = Slice(x, s, e, a) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): axis -5"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "const a:i64[1] = {0}\n"
     "const t:i64[1] = {0}\n"
     "y = Slice(x, s, e, a, t) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): step 0"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "const a:i64[1] = {0}\n"
     "const t:i64[1] = {9223372036854775807}\n"
     "y = Slice(x, s, e, a, t) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {-1}\n"
     "const e:i64[1] = {-9223372036854775807}\n"
     "const a:i64[1] = {0}\n"
     "const t:i64[1] = {-9223372036854775807}\n"
     "y = Slice(x, s, e, a, t) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "const a:i64[1] = {0}\n"
     "const t:i64[1] = {-9223372036854775808}\n"
     "y = Slice(x, s, e, a, t) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): step -9223372036854775808"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {-9223372036854775808}\n"
     "const e:i64[1] = {9223372036854775807}\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[5] = {0, 0, 0, 0, 0}\n"
     "const e:i64[5] = {1, 1, 1, 1, 1}\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): starts, ends"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0}\n"
     "const e:i64[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): starts must be up to"},
	{"input x:f32[2x3x4x5]\n"
     "const s:f32[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): starts must be up to"},
	{"input x:f32[]\n"
     "const s:i64[1] = {0}\n"
     "const e:i64[1] = {1}\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): starts, ends"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {5}\n"
     "const e:i64[1] = {9}\n"
     "y = Slice(x, s, e) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[0x3]\n"
     "const s:i64[1] = {-1}\n"
     "const e:i64[1] = {-9}\n"
     "const a:i64[1] = {0}\n"
     "const t:i64[1] = {-1}\n"
     "y = Slice(x, s, e, a, t) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "input s:i64[1]\n"
     "y = Slice(x, s, s, s) \"n\"\n"
     "output y\n",
     "node 'n' (Slice, opset 17): axes ('s') is known at run time"},
	{"input x:f32[2x3x4x5]\n"
     "input z:i32[2x3x4x5]\n"
     "y = Concat(x, z) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (Concat, opset 17): input 1 is i32"},
	{"input x:f32[2x3x4x5]\n"
     "input z:f32[2x3x4]\n"
     "y = Concat(x, z) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (Concat, opset 17): input 1 is f32[2x3x4]"},
	{"input x:f32[2x3x4x5]\n"
     "input z:f32[2x3x4x6]\n"
     "y = Concat(x, z) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (Concat, opset 17): input 1 is f32[2x3x4x6]"},
	{"input x:f32[2x3x4x5]\n"
     "y = Concat(x, x) {axis=4} \"n\"\n"
     "output y\n",
     "node 'n' (Concat, opset 17): axis 4"},
	{"input x:f32[2x3x4x5]\n"
     "y = Concat(x, x) {axis=-5} \"n\"\n"
     "output y\n",
     "node 'n' (Concat, opset 17): axis -5"},
	{"input x:f32[]\n"
     "y = Concat(x, x) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (Concat, opset 17): axis 0 is outside rank 0"},
	{"input x:f32[2x3x4x5]\n"
     "y = Concat(x, _, x) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (Concat, opset 17): input 1 is left out"},
	{"input x:f32[0x3]\n"
     "y = Concat(x, x) {axis=1} \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "y, z = Split(x) {axis=7} \"n\"\n"
     "output y\n",
     "node 'n' (Split, opset 17): axis 7"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[2] = {1, 2}\n"
     "y, z = Split(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Split, opset 17): the sizes add up to 3"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[2] = {-1, 3}\n"
     "y, z = Split(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Split, opset 17): split has 2 sizes"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[3] = {1, 1, 0}\n"
     "y, z = Split(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Split, opset 17): split has 3 sizes"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[2] = {9223372036854775807, 9223372036854775807}\n"
     "y, z = Split(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Split, opset 17): size 9223372036854775807"},
	{"input x:f32[]\n"
     "y, z = Split(x) \"n\"\n"
     "output y\n",
     "node 'n' (Split, opset 17): axis 0 is outside"},
	{"input x:f32[0x2]\n"
     "y, z = Split(x) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[3] = {1, 2, 3}\n"
     "y = Pad(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): pads has 3"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {9223372036854775807, 9223372036854775807}\n"
     "y = Pad(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): pad 9223372036854775807"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {-3, -2}\n"
     "y = Pad(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): pads leave dim 0 with -1"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {1099511627776, 0}\n"
     "y = Pad(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): output 0 would have shape"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {1, 1}\n"
     "y = Pad(x, s) {mode=\"mirror\"} \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): mode 'mirror'"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {1, 1}\n"
     "const v:i64[] = {1}\n"
     "y = Pad(x, s, v) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): input 2 is i64"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {1, 1}\n"
     "const v:f32[0] = {}\n"
     "y = Pad(x, s, v) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): the padding value must be one element"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {1, 1}\n"
     "input v:f32[]\n"
     "y = Pad(x, s, v) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): the padding value must be known"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {1, 1}\n"
     "const a:i64[1] = {1}\n"
     "y = Pad(x, s, _, a) \"n\"\n"
     "output y\n",
     "node 'n' (Pad, opset 17): axis 1"},
	{"input x:f32[4]\n"
     "const s:i64[2] = {-4, 0}\n"
     "y = Pad(x, s) \"n\"\n"
     "output y\n",
     NULL},
