/* Graph texts of test_compile.c for operators that change shapes or types, and products, in the form of compile_cases.h. */
{"input x:f32[2x3x4x5]\n"
 "const s:i64[2] = {-1, -1}\n"
 "y = Reshape(x, s) \"n\"\n"
 "output y\n",
 "node 'n' (Reshape, opset 17): bad dimension -1"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {-2}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): bad dimension -2"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {7}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): [2x3x4x5] cannot become [7]"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[2] = {7, -1}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): [2x3x4x5] cannot become [7x17]"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[2] = {9223372036854775807, 9223372036854775807}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): bad dimension"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[5] = {0, 0, 0, 0, 0}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): [2x3x4x5] cannot become"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): shape must be up to"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[2] = {0, -1}\n"
     "y = Reshape(x, s) {allowzero=1} \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): [2x3x4x5] cannot become"},
	{"input x:f32[0x3]\n"
     "const s:i64[2] = {0, -1}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "const s:f32[1] = {120}\n"
     "y = Reshape(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): shape must be up to"},
	{"input x:f32[2x3x4x5]\n"
     "y = Reshape(x) \"n\"\n"
     "output y\n",
     "node 'n' (Reshape, opset 17): 1 inputs given, at least 2 needed"},
	{"input x:f32[2x3]\n"
     "const b:f32[3x4] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3]\n"
     "const b:f32[4x3] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): inner dims differ"},
	{"input x:f32[2x3x1]\n"
     "const b:f32[3x4] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): A and B must be matrices"},
	{"input x:f32[2x3]\n"
     "const b:f32[3] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): A and B must be matrices"},
	{"input x:f32[2x3]\n"
     "const b:f64[3x4] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): input 1 is f64"},
	{"input x:f32[2x3]\n"
     "input b:i64[3x4]\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): input 1 is i64"},
	{"input x:f32[2x3]\n"
     "const b:f32[3x4] = splat{1}\n"
     "const c:f32[3] = {1, 2, 3}\n"
     "y = Gemm(x, b, c) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): shapes ["},
	{"input x:f32[2x3]\n"
     "const b:f32[3x4] = splat{1}\n"
     "const c:f32[5x2x4] = splat{1}\n"
     "y = Gemm(x, b, c) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): C [5x2x4] does not broadcast"},
	{"input x:f32[2x3]\n"
     "const b:f32[3x4] = splat{1}\n"
     "const c:i32[4] = splat{1}\n"
     "y = Gemm(x, b, c) \"n\"\n"
     "output y\n",
     "node 'n' (Gemm, opset 17): input 2 is i32"},
	{"input x:f32[0x3]\n"
     "const b:f32[3x4] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x0]\n"
     "const b:f32[0x4] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3]\n"
     "const b:f32[3x0] = splat{1}\n"
     "y = Gemm(x, b) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[]\n"
     "y = MatMul(x, x) \"n\"\n"
     "output y\n",
     "node 'n' (MatMul, opset 17): a scalar"},
	{"input x:f32[2x3]\n"
     "y = MatMul(x, x) \"n\"\n"
     "output y\n",
     "node 'n' (MatMul, opset 17): inner dims differ"},
	{"input x:f32[2x3]\n"
     "const b:i32[3x4] = splat{1}\n"
     "y = MatMul(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (MatMul, opset 17): input 1 is i32"},
	{"input x:f32[2x2x3]\n"
     "const b:f32[3x3x4] = splat{1}\n"
     "y = MatMul(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (MatMul, opset 17): shapes ["},
	{"input x:f32[2x3x4x5]\n"
     "const i:i64[] = {0}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "const i:i64[] = {2}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): index 2"},
	{"input x:f32[2x3x4x5]\n"
     "const i:i64[] = {-3}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): index -3"},
	{"input x:f32[2x3x4x5]\n"
     "const i:i64[] = {9223372036854775807}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): index 9223372036854775807"},
	{"input x:f32[2x3x4x5]\n"
     "const i:f32[] = {0}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): indices of dtype f32"},
	{"input x:f32[2x3x4x5]\n"
     "const i:i64[] = {0}\n"
     "y = Gather(x, i) {axis=4} \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): axis 4"},
	{"input x:f32[]\n"
     "const i:i64[] = {0}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): axis 0 is outside rank 0"},
	{"input x:f32[0x2]\n"
     "const i:i64[] = {0}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): index 0 is outside dim 0 of 0"},
	{"input x:f32[2x3x4x5]\n"
     "const i:i64[1x1x1x1x1x1] = {0}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (Gather, opset 17): a result of rank 9"},
	{"input x:f32[2x3x4x5]\n"
     "const i:i64[0] = {}\n"
     "y = Gather(x, i) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3x4x5]\n"
     "y = Transpose(x) {perm=[0, 1]} \"n\"\n"
     "output y\n",
     "node 'n' (Transpose, opset 17): perm has 2"},
	{"input x:f32[2x3x4x5]\n"
     "y = Transpose(x) {perm=[0, 0, 1, 2]} \"n\"\n"
     "output y\n",
     "node 'n' (Transpose, opset 17): perm names dim 0 twice"},
	{"input x:f32[2x3x4x5]\n"
     "y = Transpose(x) {perm=[0, 1, 2, 9]} \"n\"\n"
     "output y\n",
     "node 'n' (Transpose, opset 17): axis 9"},
	{"input x:f32[2x3x4x5]\n"
     "y = Transpose(x) {perm=3} \"n\"\n"
     "output y\n",
     "node 'n' (Transpose, opset 17): attribute 'perm' is"},
	{"input x:f32[2x3x4x5]\n"
     "y = Transpose(x) {perm=[0.0, 1.0, 2.0, 3.0]} \"n\"\n"
     "output y\n",
     "node 'n' (Transpose, opset 17): attribute 'perm' is"},
	{"input x:f32[2x3x4x5]\n"
     "y = Transpose(x) {perm=\"abcd\"} \"n\"\n"
     "output y\n",
     "node 'n' (Transpose, opset 17): attribute 'perm' is"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {1}\n"
     "y = Squeeze(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Squeeze, opset 17): dim 1 is 3"},
	{"input x:f32[1x1x4x5]\nconst s:i64[2] = {0, -4}\ny = Squeeze(x, s) \"n\"\noutput y\n",
     "node 'n' (Squeeze, opset 17): axis 0 is given twice"},
	{"input x:f32[2x3x4x5]\nconst b:i64[2] = {0, 0}\nconst e:i64[2] = {1, 1}\nconst s:i64[2] = {3, -1}\ny = Slice(x, "
     "b, e, s) \"n\"\noutput y\n",
     "node 'n' (Slice, opset 17): axis 3 is given twice"},
	{"input x:f32[2x3x4x5]\ninput b:i64[2]\nconst e:i64[2] = {1, 1}\nconst s:i64[2] = {3, -1}\ny = Slice(x, b, e, s) "
     "\"n\"\noutput y\n",
     "node 'n' (Slice, opset 17): axis 3 is given twice"},
	{"graph \"g\" opset=18\ninput x:f32[2x3x4x5]\nconst p:i64[4] = {1, 1, 1, 1}\nconst s:i64[2] = {3, -1}\ny = Pad(x, "
     "p, _, s) \"n\"\noutput y\n",
     "node 'n' (Pad, opset 18): axis 3 is given twice"},
	{"input x:f32[2x3x4x5]\nconst s:i64[2] = {1, -3}\ny = ReduceSum(x, s) \"n\"\noutput y\n",
     "node 'n' (ReduceSum, opset 17): axis 1 is given twice"},
	{"graph \"g\" opset=18\ninput x:f32[2x3x4x5]\nconst r:f32[0] = {}\nconst s:f32[2] = {2, 3}\ny = Resize(x, r, s) "
     "{axes=[3, 3]} \"n\"\noutput y\n",
     "node 'n' (Resize, opset 18): axis 3 is given twice"},
	{"input x:f32[2x3x4x5]\ny = MeanVarianceNormalization(x) {axes=[0, -4, 1]} \"n\"\noutput y\n",
     "node 'n' (MeanVarianceNormalization, opset 17): axis 0 is given twice"},
	{"graph \"g\" opset=18\ninput x:f32[2x3x4x5]\nconst s:i64[2] = {2, 2}\ny = CenterCropPad(x, s) {axes=[1, -3]} "
     "\"n\"\noutput y\n",
     "node 'n' (CenterCropPad, opset 18): axis 1 is given twice"},
	{"input x:f32[2]\ny = Max(x, _) \"n\"\noutput y\n", "node 'n' (Max, opset 17): input 1 is left out, but needed"},
	{"input x:f32[2]\nconst k:i64[] = {0}\ny = SequenceConstruct(x, _) \"n\"\nz = SequenceAt(y, k)\noutput z\n",
     "node 'n' (SequenceConstruct, opset 17): input 1 is left out, but needed"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[2] = {0, 0}\n"
     "y = Unsqueeze(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Unsqueeze, opset 17): axis 0 is given twice"},
	{"input x:f32[2x3x4x5]\n"
     "y = Unsqueeze(x) \"n\"\n"
     "output y\n",
     "node 'n' (Unsqueeze, opset 17): 1 inputs given, at least 2 needed"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[5] = {0, 1, 2, 3, 4}\n"
     "y = Unsqueeze(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Unsqueeze, opset 17): needs axes"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {7}\n"
     "y = Expand(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Expand, opset 17): shapes ["},
	{"input x:f32[1]\n"
     "const s:i64[1] = {-7}\n"
     "y = Expand(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Expand, opset 17): bad dimension -7"},
	{"input x:f32[1]\n"
     "const s:i64[1] = {9223372036854775807}\n"
     "y = Expand(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Expand, opset 17): output 0 would have shape"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {1}\n"
     "y = Tile(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Tile, opset 17): repeats has 1"},
	{"input x:f32[2]\n"
     "const s:i64[1] = {-1}\n"
     "y = Tile(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Tile, opset 17): bad repeat -1"},
	{"input x:f32[2]\n"
     "const s:i64[1] = {9223372036854775807}\n"
     "y = Tile(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Tile, opset 17): bad repeat 9223372036854775807"},
	{"input x:f32[2]\n"
     "const s:i64[1] = {1099511627776}\n"
     "y = Tile(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (Tile, opset 17): output 0 would have shape"},
	{"input x:f32[2x3x4x5]\n"
     "y = Flatten(x) {axis=5} \"n\"\n"
     "output y\n",
     "node 'n' (Flatten, opset 17): axis 5"},
	{"input x:f32[2x3x4x5]\n"
     "y = Softmax(x) {axis=4} \"n\"\n"
     "output y\n",
     "node 'n' (Softmax, opset 17): axis 4"},
	{"input x:f32[2x3x4x5]\n"
     "const s:i64[1] = {4}\n"
     "y = ReduceSum(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (ReduceSum, opset 17): axis 4"},
	{"input x:f32[2x3x4x5]\n"
     "y = ReduceMean(x) {axes=1} \"n\"\n"
     "output y\n",
     "node 'n' (ReduceMean, opset 17): attribute 'axes' is int"},
	{"input x:f32[2x3x4x5]\n"
     "y = Cast(x) {to=99} \"n\"\n"
     "output y\n",
     "node 'n' (Cast, opset 17): cast to dtype"},
	{"input x:f32[2x3x4x5]\n"
     "y = Cast(x) {to=-1} \"n\"\n"
     "output y\n",
     "node 'n' (Cast, opset 17): cast to dtype"},
	{"input x:f32[2x3x4x5]\n"
     "y = Cast(x) \"n\"\n"
     "output y\n",
     "node 'n' (Cast, opset 17): cast to dtype"},
	{"input x:f32[2x3x4x5]\n"
     "const b:f32[2] = {0, 1}\n"
     "y = Clip(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Clip, opset 17): bound 1"},
	{"input x:f32[2x3x4x5]\n"
     "const b:i64[] = {0}\n"
     "y = Clip(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Clip, opset 17): input 1 is i64"},
	{"input x:f32[2x3x4x5]\n"
     "input b:i64[]\n"
     "y = Clip(x, _, b) \"n\"\n"
     "output y\n",
     "node 'n' (Clip, opset 17): input 2 is i64"},
	{"input x:f32[2x3x4x5]\n"
     "input z:i32[5]\n"
     "y = Add(x, z) \"n\"\n"
     "output y\n",
     "node 'n' (Add, opset 17): input 1 is i32"},
	{"input x:f32[2x3x4x5]\n"
     "y = Max(x, _, x) \"n\"\n"
     "output y\n",
     "node 'n' (Max, opset 17): input 1 is left out"},
	{"input x:f32[2x3x4x5]\n"
     "const s:f32[3] = splat{1}\n"
     "const m:i64[3] = splat{1}\n"
     "y = BatchNormalization(x, s, s, m, s) \"n\"\n"
     "output y\n",
     "node 'n' (BatchNormalization, opset 17): input 3 is i64"},
	{"input x:f32[2x3x4x5]\n"
     "const s:f32[3] = splat{1}\n"
     "const m:f32[4] = splat{1}\n"
     "y = BatchNormalization(x, m, s, s, s) \"n\"\n"
     "output y\n",
     "node 'n' (BatchNormalization, opset 17): input 1 must have shape [3]"},
	{"input x:f32[3]\n"
     "const s:f32[3] = splat{1}\n"
     "y = BatchNormalization(x, s, s, s, s) \"n\"\n"
     "output y\n",
     "node 'n' (BatchNormalization, opset 17): input must have rank 2"},
	{"input x:f32[2x3x4x5]\n"
     "const s:f32[3] = splat{1}\n"
     "y = BatchNormalization(x, s, s, s, s) {training_mode=1} \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[1099511627776]\n"
     "y = Relu(x) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[1099511627776x2]\n"
     "y = Relu(x) \"n\"\n"
     "output y\n",
     "input 'x': shape [1099511627776x2] has too many elements"},
	{"input x:f32[1099511627776x1]\n"
     "input z:f32[1x1099511627776]\n"
     "y = MatMul(x, z) \"n\"\n"
     "output y\n",
     "node 'n' (MatMul, opset 17): output 0 would have shape [1099511627776x1099511627776]"},
	{"input x:f32[1048576x1x2]\n"
     "input z:f32[1048576x1]\n"
     "y = Add(x, z) \"n\"\n"
     "output y\n",
     "node 'n' (Add, opset 17): output 0 would have shape [1048576x1048576x2]"},
	{"input x:f32[0]\n"
     "y = Relu(x) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:bool[3]\n"
     "y = Relu(x) \"n\"\n"
     "output y\n",
     "node 'n' (Relu, opset 17): input 'x' is bool"},
	{"input x:bool[3]\n"
     "y = Sigmoid(x) \"n\"\n"
     "output y\n",
     "node 'n' (Sigmoid, opset 17): input 'x' is bool"},
	{"input x:f32[1]\n"
     "const a:f32[] = {0}\n"
     "const b:f32[] = {1}\n"
     "const d:f32[] = {0}\n"
     "r = Range(a, b, d) \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (Range, opset 17): delta 0"},
	{"input x:f32[1]\n"
     "const a:f32[] = {0}\n"
     "const b:f32[] = {1}\n"
     "const d:f32[] = {1e-30}\n"
     "r = Range(a, b, d) \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (Range, opset 17): delta 1e-30"},
	{"input x:f32[1]\n"
     "const a:f32[] = {0}\n"
     "const b:f32[] = {inf}\n"
     "const d:f32[] = {1}\n"
     "r = Range(a, b, d) \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (Range, opset 17): delta 1 from 0 to inf"},
	{"input x:f32[1]\n"
     "const a:f32[] = {0}\n"
     "const b:f32[] = {1}\n"
     "const d:f32[] = {nan}\n"
     "r = Range(a, b, d) \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (Range, opset 17): delta nan"},
	{"input x:f32[1]\n"
     "const a:f32[2] = {1, 2}\n"
     "const b:f32[] = {3}\n"
     "const d:f32[] = {1}\n"
     "r = Range(a, b, d) \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (Range, opset 17): start must be one"},
	{"input x:f32[1]\n"
     "const a:i64[] = {0}\n"
     "const b:i64[] = {4}\n"
     "const d:i64[] = {1}\n"
     "r = Range(a, b, d) \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     NULL},
	{"input x:f32[1]\n"
     "const a:i64[] = {0}\n"
     "const b:f32[] = {3}\n"
     "const d:i64[] = {1}\n"
     "r = Range(a, b, d) \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (Range, opset 17): input 1 is f32"},
	{"const s:i64[1] = {-1}\n"
     "input x:f32[1]\n"
     "r = ConstantOfShape(s)  \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (ConstantOfShape, opset 17): dim 0 is -1"},
	{"const s:i64[2] = {1099511627776, 2}\n"
     "input x:f32[1]\n"
     "r = ConstantOfShape(s)  \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (ConstantOfShape, opset 17): output 0 would have shape"},
	{"const s:i64[1] = {1}\n"
     "input x:f32[1]\n"
     "r = ConstantOfShape(s) {value=i32[2]{1, 2}} \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (ConstantOfShape, opset 17): value must be a tensor"},
	{"const s:i64[1] = {1}\n"
     "input x:f32[1]\n"
     "r = ConstantOfShape(s) {value=3} \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     "node 'n' (ConstantOfShape, opset 17): attribute 'value' is int"},
	{"const s:i64[1] = {0}\n"
     "input x:f32[1]\n"
     "r = ConstantOfShape(s)  \"n\"\n"
     "y = Cast(r) {to=1} \"c\"\n"
     "z = Add(x, y) \"add\"\n"
     "output z\n",
     NULL},
