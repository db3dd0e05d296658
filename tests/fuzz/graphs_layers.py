"""How graphs.py generates nodes of the larger operators: products, convolutions, pools, reductions, norms, gathers and
scatters, recurrent layers, resampling, quantisation. See graphs_ops.py."""

import numpy as np

from graphs_ops import ALL, F32, F64, FLOATS, I32, I64, I8, NUMBERS, U8, op


# ---- products ----

@op("MatMul")
def matmul(g, name):
    a = g.pick((F32,), min_rank=1)
    shape = list(g.shape(a))
    batch = [d if g.chance(.7) else 1 for d in shape[:-2]]
    batch = batch[g.rng.integers(0, len(batch) + 1):]
    other = [shape[-1]] if g.chance(.1) else batch + [shape[-1], g.size(1, 39)]
    g.emit(name, [a, g.fresh(other, F32, scale=shape[-1])], {})


@op("Gemm")
def gemm(g, name):
    m, n, k = (g.size(1, 40) for _ in range(3))
    ta, tb = (int(v) for v in g.rng.integers(0, 2, 2))
    a, b = g.fresh([k, m] if ta else [m, k], F32), g.fresh([n, k] if tb else [k, n], F32, scale=k)
    c = [g.fresh([[m, n], [n], [1, n], [m, 1], [1], []][g.rng.integers(6)], F32)] if g.chance(.7) else []
    attributes = {"transA": ta, "transB": tb}
    if g.chance(.4):
        attributes.update(alpha=.5, beta=1.5)
    g.emit(name, [a, b] + c, attributes)


@op("Einsum")
def einsum(g, name):
    equations = ["ij,jk->ik", "bij,bjk->bik", "bhid,bhjd->bhij", "ij->ji", "ii->i", "i,j->ij", "ij->i", "bij,bij->b", "...ij,...jk->...ik", "ij,ij->", "bi,ij,bj->b"]
    equation = str(g.rng.choice(equations))
    sizes = {c: int(g.rng.integers(1, 6)) for c in "abcdefghijklmnopqrstuvwxyz"}
    shapes = [[sizes[c] for c in t.replace("...", "b")] for t in equation.split("->")[0].split(",")]
    g.emit(name, [g.fresh(s, F32) for s in shapes], {"equation": equation})


# ---- windows ----

def window(g, spatial, kernel, size):
    """Strides, dilations and padding, as attributes; some are left out."""
    a = {"kernel_shape": kernel}
    dilation = [int(g.rng.integers(1, 3)) if g.chance(.25) and (k - 1) * 2 + 1 <= s else 1 for k, s in zip(kernel, size)]
    if g.chance(.5):
        a["strides"] = [int(g.rng.integers(1, 4)) for _ in range(spatial)]
    if any(d > 1 for d in dilation):
        a["dilations"] = dilation
    draw = g.rng.random()
    if draw < .4:
        a["pads"] = [int(g.rng.integers(0, k)) for k in kernel] + [int(g.rng.integers(0, k)) for k in kernel]
    elif draw < .6:
        a["auto_pad"] = str(g.rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    return a


def spatial_input(g, channels=None):
    spatial = int(g.rng.choice([1, 2, 2, 2, 2, 3]))
    x = g.pick((F32,), rank=spatial + 2, min_dim=3, only_old=True) if channels is None and g.chance(.5) else None
    if not x:
        top = {1: 20, 2: 14, 3: 7}[spatial]
        c = channels or int(g.rng.choice([1, 2, 3, 4, 8, 16, 17, 24]))
        x = g.fresh([g.size(1, 2), c] + g.dims(spatial, 3, top), F32)
    size = g.shape(x)[2:]
    return x, len(size), [int(g.rng.integers(1, min(s, 5) + 1)) for s in size]


@op("Conv")
def conv(g, name):
    x, spatial, kernel = spatial_input(g)
    channels = g.shape(x)[1]
    group = int(g.rng.choice([d for d in range(1, channels + 1) if channels % d == 0])) if g.chance(.4) else 1
    outputs = group * int(g.rng.choice([1, 1, 2, 3, 8, 16]))
    w = g.fresh([outputs, channels // group] + kernel, F32, constant=g.chance(.8), scale=channels // group * np.prod(kernel))
    b = [g.fresh([outputs], F32, constant=g.chance(.8))] if g.chance(.6) else []
    a = window(g, spatial, kernel, g.shape(x)[2:])
    a["group"] = group
    y = g.emit(name, [x, w] + b, a)
    if g.chance(.3):
        g.emit(str(g.rng.choice(["Relu", "Sigmoid", "HardSwish", "Tanh"])), [y], {})


@op("ConvTranspose")
def conv_transpose(g, name):
    x, spatial, kernel = spatial_input(g)
    channels = g.shape(x)[1]
    group = channels if g.chance(.2) else 1
    per = int(g.rng.choice([1, 2, 3, 8]))
    w = g.fresh([channels, per] + kernel, F32, constant=True, scale=channels // group * np.prod(kernel))
    b = [g.fresh([per * group], F32, constant=True)] if g.chance(.5) else []
    a = {"group": group}
    strides = [int(g.rng.integers(1, 4)) for _ in range(spatial)]
    if g.chance(.7):
        a["strides"] = strides
        if g.chance(.4):
            a["output_padding"] = [int(g.rng.integers(0, s)) for s in strides]
    if g.chance(.4):
        a["pads"] = [int(g.rng.integers(0, (k + 1) // 2)) for k in kernel] * 2
    elif g.chance(.2) and all(k >= s for k, s in zip(kernel, a.get("strides", kernel))):
        # With less, ONNX Runtime's output is smaller than input times stride, which ONNX requires.
        a["auto_pad"] = str(g.rng.choice(["SAME_UPPER", "SAME_LOWER"]))
        a.pop("output_padding", None)
    if g.chance(.15) and "auto_pad" not in a:
        a["dilations"] = [2] * spatial
    g.emit(name, [x, w] + b, a)


@op("MaxPool", "AveragePool", "LpPool")
def pool(g, name):
    x, spatial, kernel = spatial_input(g)
    a = window(g, spatial, kernel, g.shape(x)[2:])
    # ONNX Runtime ignores dilations when it computes the SAME padding of a pool, and the padding becomes negative if
    # strides are larger than the window.
    if name == "LpPool" and g.opset < 18 or name == "AveragePool" and g.opset < 19 or "SAME" in a.get("auto_pad", ""):
        a.pop("dilations", None)
    if "SAME" in a.get("auto_pad", "") and "strides" in a:
        a["strides"] = [min(s, k) for s, k in zip(a["strides"], kernel)]
    if name == "AveragePool" and g.chance(.4):
        a["count_include_pad"] = 1
    if name == "LpPool":
        a["p"] = int(g.rng.integers(1, 4))
    if name != "LpPool" and g.chance(.3) and a.get("auto_pad", "VALID") == "VALID":
        a["ceil_mode"] = 1
    g.emit(name, [x], a, outputs=2 if name == "MaxPool" and g.chance(.15) else 1)


@op("MaxUnpool")
def max_unpool(g, name):
    x = g.fresh([1, 2] + [2 * d for d in g.dims(2, 1, 5)], F32)
    y = g.emit("MaxPool", [x], {"kernel_shape": [2, 2], "strides": [2, 2]}, outputs=2)
    g.emit(name, [y, g.last[1]], {"kernel_shape": [2, 2], "strides": [2, 2]})


@op("LRN")
def lrn(g, name):
    x = g.pick((F32,), rank=4)
    g.emit(name, [x], {"size": int(g.rng.choice([1, 3, 5])), "alpha": .01, "beta": .75, "bias": 1.5})


@op("Col2Im")
def col2im(g, name):
    h, w = g.dims(2, 3, 8)
    kh, kw = g.dims(2, 1, 3)
    blocks = (h - kh + 1) * (w - kw + 1)
    c = int(g.rng.integers(1, 4))
    g.emit(name, [g.fresh([1, c * kh * kw, blocks], F32), g.const(np.array([h, w], I64)), g.const(np.array([kh, kw], I64))], {})


@op("Det")
def det(g, name):
    n = int(g.rng.integers(1, 5))
    g.emit(name, [g.fresh(g.dims(g.rng.integers(0, 2)) + [n, n], F32)], {})


@op("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(g, name):
    g.emit(name, [g.pick((F32,), min_rank=3)], {"p": 1} if name == "GlobalLpPool" and g.chance(.5) else {})


# ---- along axes ----

@op("ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceProd", "ReduceL1", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp")
def reduce(g, name):
    positive = name == "ReduceLogSum"
    types = FLOATS if name.startswith("ReduceLog") else (F32, F32, F32, F64, I32, I64) if name not in ("ReduceMax", "ReduceMin") else NUMBERS
    x = g.pick(types, low=.2 if positive else -3, high=3, inside=positive or name == "ReduceProd")
    rank = len(g.shape(x))
    a = {"keepdims": int(g.rng.integers(0, 2))} if g.chance(.8) else {}
    axes = sorted(g.rng.choice(rank, g.rng.integers(1, rank + 1), replace=False).tolist()) if rank and g.chance(.85) else None
    if axes and g.chance(.3):
        axes = [v - rank for v in axes]
    as_input = g.opset >= 18 or name == "ReduceSum"
    if axes is None and g.chance(.3) and as_input:
        a["noop_with_empty_axes"] = 1
    if axes and not as_input:
        a["axes"] = axes
    g.emit(name, [x, g.const(np.array(axes, I64))] if axes and as_input else [x], a)


@op("Softmax", "LogSoftmax", "Hardmax")
def softmax(g, name):
    x = g.pick((F32,), min_rank=1, low=-5, high=5, exact=name == "Hardmax")
    g.emit(name, [x], {"axis": g.axis(x, True)} if g.chance(.8) else {})


@op("LayerNormalization", "RMSNormalization")
def layer_norm(g, name):
    x = g.pick((F32,), min_rank=1, min_dim=2)
    axis = g.axis(x)
    shape = list(g.shape(x))[axis:]
    extra = [g.fresh(shape, F32, constant=g.chance(.7))] if name == "LayerNormalization" and g.chance(.7) else []
    g.emit(name, [x, g.fresh(shape, F32, constant=g.chance(.7))] + extra, {"axis": axis, "epsilon": 1e-2} if g.chance(.7) else {"axis": axis, "epsilon": 1e-3})


@op("InstanceNormalization")
def instance_norm(g, name):
    x = g.pick((F32,), min_rank=3, min_dim=2)
    c = g.shape(x)[1]
    g.emit(name, [x, g.fresh([c], F32), g.fresh([c], F32)], {"epsilon": 1e-2})


@op("GroupNormalization")
def group_norm(g, name):
    groups, per = g.dims(2, 1, 4)
    x = g.fresh([int(g.rng.integers(1, 3)), groups * per] + g.dims(2, 2, 6), F32)
    n = groups * per if g.opset >= 21 else groups
    g.emit(name, [x, g.fresh([n], F32), g.fresh([n], F32)], {"num_groups": groups, "epsilon": 1e-2})


@op("MeanVarianceNormalization")
def mean_variance(g, name):
    g.emit(name, [g.pick((F32,), rank=4, min_dim=2)], {"axes": [0, 2, 3]} if g.chance(.5) else {"axes": [2, 3]})


@op("LpNormalization")
def lp_norm(g, name):
    x = g.pick((F32,), min_rank=1)
    g.emit(name, [x], {"axis": g.axis(x, True), "p": int(g.rng.integers(1, 3))})


@op("ArgMax", "ArgMin")
def arg(g, name):
    x = g.pick((F32, F32, I32, F64, U8), min_rank=1, exact=True)
    g.emit(name, [x], {"axis": g.axis(x, True), "keepdims": int(g.rng.integers(0, 2)), "select_last_index": int(g.rng.integers(0, 2))})


@op("CumSum")
def cumsum(g, name):
    x = g.pick((F32, F32, I64, I32, F64), min_rank=1)
    g.emit(name, [x, g.const(np.asarray(g.axis(x, True), I32 if g.chance(.5) else I64))], {"exclusive": int(g.rng.integers(0, 2)), "reverse": int(g.rng.integers(0, 2))})


@op("TopK")
def topk(g, name):
    x = g.pick((F32, F32, I64, I32, F64), min_rank=1, exact=True)
    axis = g.axis(x, True)
    k = g.size(1, g.shape(x)[axis])
    g.emit(name, [x, g.const(np.array([k], I64))], {"axis": axis, "largest": int(g.rng.integers(0, 2))}, outputs=2, move=True)


# ---- gathers and scatters ----

def indices(g, shape, limit, unique=False):
    """Indices below `limit`; sometimes a run-time input."""
    v = g.rng.permutation(limit)[:int(np.prod(shape))].reshape(shape) if unique else g.rng.integers(-limit if g.chance(.3) else 0, limit, shape)
    return g.value(np.asarray(v, I64 if g.chance(.7) else I32), constant=g.chance(.6))


@op("Gather")
def gather(g, name):
    x = g.pick(ALL, min_rank=1)
    axis = g.axis(x, True)
    shape = [g.size(1, 4) for _ in range(g.rng.integers(0, 3))]
    g.emit(name, [x, indices(g, shape, g.shape(x)[axis])], {"axis": axis}, move=True)


@op("GatherElements")
def gather_elements(g, name):
    x = g.pick(ALL, min_rank=1)
    axis = g.axis(x)
    shape = [g.size(1, d) for d in g.shape(x)]
    g.emit(name, [x, indices(g, shape, g.shape(x)[axis])], {"axis": axis}, move=True)


def nd_indices(g, x, unique):
    shape = g.shape(x)
    depth = int(g.rng.integers(1, len(shape) + 1))
    count = int(np.prod(shape[:depth]))
    rows = g.rng.permutation(count)[:min(count, int(g.rng.integers(1, 5)))] if unique else g.rng.integers(0, count, g.rng.integers(1, 5))
    return np.stack(np.unravel_index(rows, shape[:depth]), -1).astype(I64), depth


@op("GatherND")
def gather_nd(g, name):
    x = g.pick(ALL, min_rank=1)
    g.emit(name, [x, g.value(nd_indices(g, x, False)[0], constant=g.chance(.6))], {}, move=True)


@op("ScatterND")
def scatter_nd(g, name):
    x = g.pick((F32, F32, I64, I32), min_rank=1)
    reduction = str(g.rng.choice(["none", "add", "mul"] + (["max", "min"] if g.opset >= 18 else []))) if g.opset >= 16 else "none"
    at, depth = nd_indices(g, x, reduction == "none")
    updates = g.fresh([len(at)] + list(g.shape(x))[depth:], g.dtype(x))
    g.emit(name, [x, g.value(at, constant=g.chance(.6)), updates], {"reduction": reduction} if reduction != "none" else {})


@op("ScatterElements", "Scatter")
def scatter_elements(g, name):
    x = g.pick((F32, F32, I64, I32), min_rank=1)
    axis = g.axis(x)
    shape = list(g.shape(x))
    reduction = str(g.rng.choice(["none", "add", "mul"] + (["max", "min"] if g.opset >= 18 else []))) if g.opset >= 16 else "none"
    at = [int(g.rng.integers(1, d + 1)) for d in shape]
    lines = np.argsort(g.rng.random(at[:axis] + [shape[axis]] + at[axis + 1:]), axis=axis)
    where = np.take(lines, range(at[axis]), axis=axis).astype(I64)
    g.emit(name, [x, g.value(where, constant=g.chance(.6)), g.fresh(at, g.dtype(x))], {"axis": axis, **({"reduction": reduction} if reduction != "none" else {})})


@op("OneHot")
def one_hot(g, name):
    depth = int(g.rng.integers(1, 6))
    x = g.value(g.rng.integers(-depth, depth, g.dims(g.rng.integers(0, 3))).astype(I64))
    values = g.const(np.array([0, 1], F32 if g.chance(.6) else I64))
    g.emit(name, [x, g.const(np.asarray(depth, I64)), values], {"axis": int(g.rng.choice([-1, 0]))})


# ---- recurrent, attention, signals ----

@op("LSTM", "GRU", "RNN")
def recurrent(g, name):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[name]
    steps, batch, size, hidden = g.size(1, 6), g.size(1, 6), *g.dims(2, 1, 6)
    direction = str(g.rng.choice(["forward", "reverse", "bidirectional"]))
    d = 2 if direction == "bidirectional" else 1
    constant = g.chance(.8)
    inputs = [g.fresh([steps, batch, size], F32), g.fresh([d, gates * hidden, size], F32, constant=constant), g.fresh([d, gates * hidden, hidden], F32, constant=constant)]
    inputs.append(g.fresh([d, 2 * gates * hidden], F32, constant=constant) if g.chance(.6) else "")
    inputs.append(g.const(g.rng.integers(1, steps + 1, batch).astype(I32)) if g.chance(.3) else "")
    inputs.append(g.fresh([d, batch, hidden], F32) if g.chance(.4) else "")
    if name == "LSTM":
        inputs.append(g.fresh([d, batch, hidden], F32) if g.chance(.4) else "")
        inputs.append(g.fresh([d, 3 * hidden], F32, constant=True) if g.chance(.2) else "")
    a = {"direction": direction, "hidden_size": hidden}
    if name == "GRU" and g.chance(.5):
        a["linear_before_reset"] = 1
    if g.chance(.15):
        a["clip"] = .5
    while inputs[-1] == "":
        inputs.pop()
    g.emit(name, inputs, a, outputs=int(g.rng.integers(1, 4 if name == "LSTM" else 3)))


@op("Attention")
def attention(g, name):
    batch, heads, q, k, size = g.dims(5, 1, 5)
    kv = heads
    inputs = [g.fresh([batch, heads, q, size], F32), g.fresh([batch, kv, k, size], F32), g.fresh([batch, kv, k, size], F32)]
    if g.chance(.4):
        inputs.append(g.fresh([q, k], F32))
    g.emit(name, inputs, {"is_causal": 1} if len(inputs) == 3 and g.chance(.4) else {})


@op("RotaryEmbedding")
def rotary(g, name):
    batch, heads, steps, half = g.dims(4, 1, 4)
    g.emit(name, [g.fresh([batch, heads, steps, 2 * half], F32), g.fresh([batch, steps, half], F32), g.fresh([batch, steps, half], F32)], {"interleaved": int(g.rng.integers(0, 2))})


@op("DFT")
def dft(g, name):
    n = int(g.rng.integers(2, 12))
    real = g.chance(.5)
    # Small values: beside large ones ONNX Runtime's zeros have an error of 1e-5.
    x = g.fresh([int(g.rng.integers(1, 3)), n, 1 if real else 2], F32, -.3, .3)
    a = {"onesided": 1} if real and g.chance(.5) else {"inverse": int(not real and g.chance(.5))}
    if g.opset < 20:
        a["axis"] = 1
    g.emit(name, [x] if g.opset < 20 else [x, "", g.const(np.asarray(1, I64))], a)


@op("HannWindow", "HammingWindow", "BlackmanWindow")
def signal_window(g, name):
    g.emit(name, [g.const(np.asarray(g.rng.integers(2, 12), I64))], {"periodic": int(g.rng.integers(0, 2))})


# ---- losses ----

@op("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def loss(g, name):
    n, c = g.dims(2, 1, 6)
    more = [g.size(1, 4) for _ in range(g.rng.integers(0, 3))]
    labels = g.value(g.rng.integers(0, c, [n] + more).astype(I64))
    weights = [g.value(g.random([c], F32, .2, 2))] if g.chance(.4) else []
    g.emit(name, [g.fresh([n, c] + more, F32), labels] + weights, {"reduction": str(g.rng.choice(["mean", "sum", "none"]))})


# ---- sampling ----

@op("Resize")
def resize(g, name):
    mode = str(g.rng.choice(["nearest", "linear", "cubic"]))
    x = g.fresh(g.dims(2, 1, 3) + g.dims(2, 2, 7), F32)
    transforms = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
    a = {"mode": mode, "coordinate_transformation_mode": str(g.rng.choice(transforms))}
    if mode == "nearest":
        a["nearest_mode"] = str(g.rng.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
    if mode == "cubic" and g.chance(.5):
        a.update(cubic_coeff_a=-.5, exclude_outside=int(g.rng.integers(0, 2)))
    n, c, h, w = g.shape(x)
    if g.opset == 10:
        g.emit(name, [x, g.const(np.array([1, 1, *g.rng.choice([1, 2, 3], 2)], F32))], {"mode": a["mode"]})
    elif g.chance(.5):
        # pytorch_half_pixel to a size of 1: ONNX's reference and erc read at -0.5, ONNX Runtime at 0.
        low = 2 if "pytorch" in a["coordinate_transformation_mode"] else 1
        g.emit(name, [x, "", "", g.const(np.array([n, c] + g.dims(2, low, 12), I64))], a)
    else:
        # If a scaled size is not a whole number, ONNX aligns corners with that number, ONNX Runtime with the rounded
        # one.
        whole = a["coordinate_transformation_mode"] in ("align_corners", "pytorch_half_pixel")
        scales = [1, 2, 3] if whole else [.5, 1, 2, 3, 1.5]
        g.emit(name, [x, "", g.const(np.array([1, 1, *g.rng.choice(scales, 2)], F32))], a)


@op("Upsample")
def upsample(g, name):
    x = g.fresh(g.dims(2, 1, 3) + g.dims(2, 2, 7), F32)
    scales = g.const(np.array([1, 1, *g.rng.choice([1, 2, 3], 2)], F32))
    g.emit(name, [x, scales], {"mode": str(g.rng.choice(["nearest", "linear"]))})


@op("GridSample")
def grid_sample(g, name):
    n, c, h, w = g.dims(4, 1, 5)
    grid = g.fresh([n] + g.dims(2, 1, 5) + [2], F32)
    modes = ["bilinear", "nearest", "bicubic"] if g.opset < 20 else ["linear", "nearest", "cubic"]
    g.emit(name, [g.fresh([n, c, h + 1, w + 1], F32), grid], {"mode": str(g.rng.choice(modes)), "align_corners": int(g.rng.integers(0, 2)),
           "padding_mode": str(g.rng.choice(["zeros", "border", "reflection"]))})


@op("AffineGrid")
def affine_grid(g, name):
    # ONNX does not define the position of the corners of a dim of 1: it is 1 in ONNX Runtime, 0 in PyTorch and erc.
    n, c, h, w = g.dims(4, 2, 5)
    g.emit(name, [g.fresh([n, 2, 3], F32), g.const(np.array([n, c, h, w], I64))], {"align_corners": int(g.rng.integers(0, 2))})


@op("RoiAlign")
def roi_align(g, name):
    x = g.fresh([2, 3, 8, 8], F32)
    rois = np.array([[0, 0, 4, 5], [1, 2, 7, 7], [.5, .5, 3.2, 6.1]], F32)
    a = {"output_height": int(g.rng.integers(1, 4)), "output_width": 2, "sampling_ratio": int(g.rng.integers(0, 3)), "mode": str(g.rng.choice(["avg", "max"]))}
    if g.opset >= 16:
        a["coordinate_transformation_mode"] = str(g.rng.choice(["half_pixel", "output_half_pixel"]))
    g.emit(name, [x, g.value(rois), g.const(np.array([0, 1, 0], I64))], a)


# ---- quantisation ----

@op("QuantizeLinear")
def quantize(g, name):
    x = g.pick((F32,), exact=True, min_rank=1)
    t = U8 if g.chance(.5) else I8
    axis = g.axis(x)
    many = [g.shape(x)[axis]] if g.chance(.4) else []
    inputs = [x, g.const(g.random(many, F32, .05, .2)), g.const(g.rng.integers(0, 9, many).astype(t))]
    g.emit(name, inputs, {"axis": axis} if many else {})


@op("DequantizeLinear")
def dequantize(g, name):
    x = g.pick((U8, I8, I32), min_rank=1)
    axis = g.axis(x)
    many = [g.shape(x)[axis]] if g.chance(.4) else []
    zero = [] if g.dtype(x) == I32 else [g.const(g.rng.integers(0, 9, many).astype(g.dtype(x)))]
    g.emit(name, [x, g.const(g.random(many, F32, .05, .2))] + zero, {"axis": axis} if many else {})


@op("DynamicQuantizeLinear")
def dynamic_quantize(g, name):
    g.emit(name, [g.pick((F32,), exact=True)], {}, outputs=3)
