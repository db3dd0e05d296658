/* Graph texts of test_compile.c for operators of larger families, in the form of compile_cases.h. */
{"input x:f32[2x3x4]\n"
 "y = Trilu(x) \"n\"\n"
 "output y\n",
 NULL},
	{"input x:f32[4]\n"
     "y = Trilu(x) \"n\"\n"
     "output y\n",
     "node 'n' (Trilu, opset 17): needs rank 2"},
	{"input x:f32[2x3]\n"
     "const k:f32[] = {1}\n"
     "y = Trilu(x, k) \"n\"\n"
     "output y\n",
     "node 'n' (Trilu, opset 17): k must be one i64"},
	{"input x:f32[2x3]\n"
     "y = ArgMax(x) {axis=2} \"n\"\n"
     "output y\n",
     "node 'n' (ArgMax, opset 17): axis 2 is outside rank 2"},
	{"input x:f32[0x3]\n"
     "y = ArgMin(x) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (ArgMin, opset 17): dim 0 is empty"},
	{"input x:f32[2x3]\n"
     "const k:i64[1] = {4}\n"
     "y = TopK(x, k) \"n\"\n"
     "output y\n",
     "node 'n' (TopK, opset 17): k is 4, but dim 1 is 3"},
	{"input x:f32[2x3]\n"
     "const k:i64[1] = {-1}\n"
     "y = TopK(x, k) \"n\"\n"
     "output y\n",
     "node 'n' (TopK, opset 17): k is -1"},
	{"input x:f32[2x3]\n"
     "input k:i64[1]\n"
     "y = TopK(x, k) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[2x3]\n"
     "const a:i64[] = {5}\n"
     "y = CumSum(x, a) \"n\"\n"
     "output y\n",
     "node 'n' (CumSum, opset 17): axis 5 is outside rank 2"},
	{"input x:f32[2x3]\n"
     "const a:f32[] = {0}\n"
     "y = CumSum(x, a) \"n\"\n"
     "output y\n",
     "node 'n' (CumSum, opset 17): axis must be one integer"},
	{"input x:f32[3x4]\n"
     "const i:i64[2x5] = splat{0}\n"
     "y = GatherElements(x, i) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (GatherElements, opset 17): indices [2x5] do not fit"},
	{"input x:f32[3x4]\n"
     "const i:f32[2x4] = splat{0}\n"
     "y = GatherElements(x, i) {axis=0} \"n\"\n"
     "output y\n",
     "node 'n' (GatherElements, opset 17): indices of dtype f32"},
	{"input x:f32[3x4]\n"
     "const i:i64[2x3] = splat{0}\n"
     "y = GatherND(x, i) \"n\"\n"
     "output y\n",
     "node 'n' (GatherND, opset 17): tuples of 3 indices"},
	{"input x:f32[3x4]\n"
     "const i:i64[2x1] = splat{0}\n"
     "y = GatherND(x, i) {batch_dims=2} \"n\"\n"
     "output y\n",
     "node 'n' (GatherND, opset 17): data of rank 2"},
	{"input x:f32[3x4]\n"
     "const i:i64[1x1] = splat{0}\n"
     "const u:f32[1x3] = splat{1}\n"
     "y = ScatterND(x, i, u) \"n\"\n"
     "output y\n",
     "node 'n' (ScatterND, opset 17): updates must be [1x4]"},
	{"input x:f32[3x4]\n"
     "const i:i64[1x4] = splat{0}\n"
     "const u:f32[1x4] = splat{1}\n"
     "y = ScatterElements(x, i, u) {reduction=\"average\"} \"n\"\n"
     "output y\n",
     "node 'n' (ScatterElements, opset 17): reduction 'average'"},
	{"input x:f32[3x4]\n"
     "const i:i64[1x4] = splat{0}\n"
     "const u:i64[1x4] = splat{1}\n"
     "y = ScatterElements(x, i, u) \"n\"\n"
     "output y\n",
     "node 'n' (ScatterElements, opset 17): input 2 is i64"},
	{"input x:f32[2x3x4]\n"
     "const s:f32[5] = splat{1}\n"
     "y = LayerNormalization(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (LayerNormalization, opset 17): shapes [2x3x4] and [5] do not broadcast"},
	{"input x:f32[2x3]\n"
     "const s:f32[3] = splat{1}\n"
     "y = InstanceNormalization(x, s, s) \"n\"\n"
     "output y\n",
     "node 'n' (InstanceNormalization, opset 17): needs rank 3"},
	{"graph \"g\" ir=10 opset=21\n"
     "input x:f32[2x6x4]\n"
     "const s:f32[6] = splat{1}\n"
     "y = GroupNormalization(x, s, s) {num_groups=4} \"n\"\n"
     "output y\n",
     "node 'n' (GroupNormalization, opset 21): num_groups 4 does not divide 6 channels"},
	{"input x:f32[2x3]\n"
     "y = LpNormalization(x) {p=3} \"n\"\n"
     "output y\n",
     "node 'n' (LpNormalization, opset 17): p is 3"},
	{"input x:f32[1x3x4x4]\n"
     "const r:f32[0] = {}\n"
     "const s:f32[3] = splat{2}\n"
     "y = Resize(x, r, s) \"n\"\n"
     "output y\n",
     "node 'n' (Resize, opset 17): scales has 3 entries for 4 axes"},
	{"input x:f32[1x3x4x4]\n"
     "const r:f32[0] = {}\n"
     "const s:f32[4] = {1, 1, 0, 2}\n"
     "y = Resize(x, r, s) \"n\"\n"
     "output y\n",
     "node 'n' (Resize, opset 17): a scale of 0 for dim 2"},
	{"input x:f32[1x3x4x4]\n"
     "const r:f32[0] = {}\n"
     "const s:f32[4] = splat{1}\n"
     "y = Resize(x, r, s) {mode=\"sinc\"} \"n\"\n"
     "output y\n",
     "node 'n' (Resize, opset 17): mode 'sinc'"},
	{"input x:bool[1x3x4x4]\n"
     "const r:f32[0] = {}\n"
     "const s:f32[4] = splat{1}\n"
     "y = Resize(x, r, s) {mode=\"linear\"} \"n\"\n"
     "output y\n",
     "node 'n' (Resize, opset 17): mode 'linear' of bool"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[3x4x3x3] = splat{1}\n"
     "y = ConvTranspose(x, w) \"n\"\n"
     "output y\n",
     "node 'n' (ConvTranspose, opset 17): weights [3x4x3x3] and group 1 for 4 input channels"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = ConvTranspose(x, w) {strides=[2]} \"n\"\n"
     "output y\n",
     "node 'n' (ConvTranspose, opset 17): strides has 1 entries, not 2"},
	{"input x:f32[1x4x5x5]\n"
     "const w:f32[4x4x3x3] = splat{1}\n"
     "y = ConvTranspose(x, w) {pads=[9, 9, 9, 9]} \"n\"\n"
     "output y\n",
     "node 'n' (ConvTranspose, opset 17): dim 2"},
	{"input x:f32[2x3]\n"
     "const b:f32[3x4] = splat{1}\n"
     "y = Einsum(x, b) {equation=\"ij,jk->il\"} \"n\"\n"
     "output y\n",
     "node 'n' (Einsum, opset 17): equation 'ij,jk->il': its result names 'l'"},
	{"input x:f32[2x3]\n"
     "const b:f32[4x4] = splat{1}\n"
     "y = Einsum(x, b) {equation=\"ij,jk->ik\"} \"n\"\n"
     "output y\n",
     "node 'n' (Einsum, opset 17): equation: 'j' is 3 and 4"},
	{"input x:f32[2x3]\n"
     "const b:f32[4x4] = splat{1}\n"
     "y = Einsum(x, b) {equation=\"ij->ij\"} \"n\"\n"
     "output y\n",
     "node 'n' (Einsum, opset 17): equation 'ij->ij' does not fit 2 inputs"},
	{"input x:f32[2x3]\n"
     "y = Einsum(x) {equation=\"i$->i\"} \"n\"\n"
     "output y\n",
     "node 'n' (Einsum, opset 17): equation: '$'"},
	{"input x:f32[5x1x4]\n"
     "const w:f32[1x12x4] = splat{1}\n"
     "const r:f32[1x8x4] = splat{1}\n"
     "y = LSTM(x, w, r) {hidden_size=4} \"n\"\n"
     "output y\n",
     "node 'n' (LSTM, opset 17): W is [1x12x4], but must be [1x16x4]"},
	{"input x:f32[5x1x4]\n"
     "const w:f32[1x12x4] = splat{1}\n"
     "const r:f32[1x12x4] = splat{1}\n"
     "y = GRU(x, w, r) {hidden_size=4, direction=\"sideways\"} \"n\"\n"
     "output y\n",
     "node 'n' (GRU, opset 17): direction 'sideways'"},
	{"input x:f32[5x1x4]\n"
     "const w:f32[1x4x4] = splat{1}\n"
     "const r:f32[1x4x4] = splat{1}\n"
     "y = RNN(x, w, r) {hidden_size=5} \"n\"\n"
     "output y\n",
     "node 'n' (RNN, opset 17): hidden_size 5, but R is [1x4x4]"},
	{"graph \"g\" ir=10 opset=23\n"
     "input x:f32[1x2x4x8]\n"
     "const k:f32[1x3x4x8] = splat{1}\n"
     "y = Attention(x, k, k) \"n\"\n"
     "output y\n",
     "node 'n' (Attention, opset 23): 2 query heads of 8, 3 key heads of 8"},
	{"graph \"g\" ir=10 opset=23\n"
     "input x:f32[1x4x16]\n"
     "y = Attention(x, x, x) \"n\"\n"
     "output y\n",
     "node 'n' (Attention, opset 23): input 0, [1x4x16], does not divide into 0 heads"},
	{"graph \"g\" ir=10 opset=23\n"
     "input x:f32[1x2x4x8]\n"
     "const m:f32[4x5] = splat{0}\n"
     "y = Attention(x, x, x, m) \"n\"\n"
     "output y\n",
     "node 'n' (Attention, opset 23): shapes [4x5] and [1x2x4x4] do not broadcast"},
	{"input x:f32[1x6x4x4]\n"
     "y = DepthToSpace(x) {blocksize=2} \"n\"\n"
     "output y\n",
     "node 'n' (DepthToSpace, opset 17): input [1x6x4x4] and blocksize 2"},
	{"input x:f32[1x6x5x4]\n"
     "y = SpaceToDepth(x) {blocksize=2} \"n\"\n"
     "output y\n",
     "node 'n' (SpaceToDepth, opset 17): input [1x6x5x4] and blocksize 2"},
	{"input x:f32[2x3]\n"
     "const t:i64[3] = splat{0}\n"
     "y = NegativeLogLikelihoodLoss(x, t) \"n\"\n"
     "output y\n",
     "node 'n' (NegativeLogLikelihoodLoss, opset 17): scores [2x3] and classes i64[3]"},
	{"input x:f32[2x3]\n"
     "const t:i64[2] = splat{0}\n"
     "y = NegativeLogLikelihoodLoss(x, t) {reduction=\"max\"} \"n\"\n"
     "output y\n",
     "node 'n' (NegativeLogLikelihoodLoss, opset 17): reduction 'max'"},
	{"input x:f32[2x8x3]\n"
     "y = DFT(x) \"n\"\n"
     "output y\n",
     "node 'n' (DFT, opset 17): input [2x8x3] along axis 1"},
	{"graph \"g\" ir=10 opset=20\n"
     "input x:f32[1x3x4x4]\n"
     "const g:f32[1x2x2x3] = splat{0}\n"
     "y = GridSample(x, g) \"n\"\n"
     "output y\n",
     "node 'n' (GridSample, opset 20): input [1x3x4x4] and grid [1x2x2x3]"},
	{"graph \"g\" ir=10 opset=20\n"
     "input x:f32[1x3x4x4]\n"
     "const g:f32[1x2x2x2] = splat{0}\n"
     "y = GridSample(x, g) {mode=\"none\"} \"n\"\n"
     "output y\n",
     "node 'n' (GridSample, opset 20): mode 'none'"},
	{"input x:f32[2x3]\n"
     "y = Det(x) \"n\"\n"
     "output y\n",
     "node 'n' (Det, opset 17): needs square matrices, found [2x3]"},
	{"input x:f32[3]\n"
     "y = EyeLike(x) \"n\"\n"
     "output y\n",
     "node 'n' (EyeLike, opset 17): needs a matrix, found [3]"},
	{"graph \"g\" ir=10 opset=20\n"
     "input x:f32[3]\n"
     "y = Gelu(x) {approximate=\"poorly\"} \"n\"\n"
     "output y\n",
     "node 'n' (Gelu, opset 20): unknown approximate 'poorly'"},
	{"input x:u8[3]\n"
     "const s:u8[3] = splat{1}\n"
     "y = BitShift(x, s) \"n\"\n"
     "output y\n",
     "node 'n' (BitShift, opset 17): direction is missing"},
	{"graph \"g\" ir=10 opset=18\n"
     "input x:f32[3]\n"
     "y = BitwiseNot(x) \"n\"\n"
     "output y\n",
     "node 'n' (BitwiseNot, opset 18): input 'x' is f32"},
	{"graph \"g\" ir=10 opset=26\n"
     "input x:f32[3]\n"
     "y = BitCast(x) {to=7} \"n\"\n"
     "output y\n",
     "node 'n' (BitCast, opset 26): f32 and i64 differ in size"},
	{"input x:f32[4x2]\n"
     "const l:i64[3] = splat{1}\n"
     "y = ReverseSequence(x, l) \"n\"\n"
     "output y\n",
     "node 'n' (ReverseSequence, opset 17): sequence_lens i64[3] for data [4x2]"},
	{"input x:i64[3]\n"
     "const d:i64[] = {0}\n"
     "const v:f32[2] = {0, 1}\n"
     "y = OneHot(x, d, v) \"n\"\n"
     "output y\n",
     "node 'n' (OneHot, opset 17): a depth of 0"},
	{"input x:f16[3]\n"
     "const b:f32[3] = splat{1}\n"
     "y = Add(x, b) \"n\"\n"
     "output y\n",
     "node 'n' (Add, opset 17): input 1 is f32, but input 0 is f16"},
	{"input x:f16[3]\n"
     "const b:f16[3] = splat{1}\n"
     "y = Add(x, b) \"n\"\n"
     "output y\n",
     NULL},
	{"input x:f32[1x2x6]\n"
     "const i:i64[2] = {3, 3}\n"
     "const b:i64[2] = {2, 2}\n"
     "y = Col2Im(x, i, b) \"n\"\n"
     "output y\n",
     "node 'n' (Col2Im, opset 17): supported from a later opset on only"},
	{"graph \"g\" ir=10 opset=18\n"
     "input x:f32[1x3x6]\n"
     "const i:i64[2] = {3, 3}\n"
     "const b:i64[2] = {2, 2}\n"
     "y = Col2Im(x, i, b) \"n\"\n"
     "output y\n",
     "node 'n' (Col2Im, opset 18): input [1x3x6] does not fit 4 windows of 4"},
	{"input x:f32[1x1x4x4]\n"
     "y = LpPool(x) {kernel_shape=[2]} \"n\"\n"
     "output y\n",
     "node 'n' (LpPool, opset 17): input [1x1x4x4], 1 kernel dims"},
