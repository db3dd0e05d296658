"""How graphs.py generates a node of each operator. A maker gets the unfinished graph, selects or makes inputs that suit
the operator and calls g.emit, which drops nodes that ONNX Runtime refuses."""

import numpy as np

MAKERS = {}
F32, F64, F16 = np.float32, np.float64, np.float16
I64, I32, I16, I8 = np.int64, np.int32, np.int16, np.int8
U64, U32, U16, U8 = np.uint64, np.uint32, np.uint16, np.uint8
FLOATS = (F32, F32, F32, F32, F64)
NUMBERS = (F32, F32, F32, F32, F64, I64, I32, U8, I8)
ALL = NUMBERS + (np.bool_, F16)


def op(*names):
    def register(maker):
        for name in names:
            MAKERS[name] = maker
        return maker
    return register


# ---- element by element ----

# The range in which a function is defined, without the places where small errors grow.
DOMAINS = {"Log": (0.05, 50), "Sqrt": (0.01, 1e4), "Asin": (-.95, .95), "Acos": (-.95, .95), "Atanh": (-.95, .95),
           "Acosh": (1.05, 50), "Tan": (-1.4, 1.4), "Exp": (-8, 5), "Sinh": (-5, 5), "Cosh": (-5, 5), "Sin": (-20, 20),
           "Cos": (-20, 20), "Reciprocal": (0.1, 1e3)}
STEPS = {"Sign", "Floor", "Ceil", "Round", "ThresholdedRelu", "Shrink", "IsNaN", "IsInf"}
ATTRIBUTES = {
    "LeakyRelu": ("alpha",), "Elu": ("alpha",), "Celu": ("alpha",), "ThresholdedRelu": ("alpha",), "Swish": ("alpha",),
    "Selu": ("alpha", "gamma"), "HardSigmoid": ("alpha", "beta"), "Shrink": ("lambd", "bias"),
}


@op("Relu", "Sigmoid", "Tanh", "Sqrt", "Exp", "Log", "Erf", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh",
    "Asinh", "Acosh", "Atanh", "Neg", "Abs", "Sign", "Reciprocal", "Floor", "Ceil", "Round", "IsNaN", "IsInf", "HardSwish",
    "HardSigmoid", "LeakyRelu", "Elu", "Celu", "Selu", "ThresholdedRelu", "Shrink", "Softsign", "Softplus", "Swish", "Mish")
def unary(g, name):
    low, high = DOMAINS.get(name, (-6, 6))
    types = NUMBERS if name in ("Neg", "Abs", "Sign", "Relu") else FLOATS
    x = g.pick(types, low=low, high=high, exact=name in STEPS, inside=name in DOMAINS)
    attributes = {a: float(np.float32(g.rng.uniform(.1, 1.5))) for a in ATTRIBUTES.get(name, ()) if g.chance(.7)}
    g.emit(name, [x], attributes)


@op("Gelu")
def gelu(g, name):
    g.emit(name, [g.pick(FLOATS)], {"approximate": "tanh"} if g.chance(.5) else {})


@op("Not")
def logical_not(g, name):
    g.emit(name, [g.pick((np.bool_,))], {})


@op("BitwiseNot")
def bitwise_not(g, name):
    g.emit(name, [g.pick((I64, I32, U8, I8))], {})


@op("Add", "Sub", "Mul", "Div")
def arithmetic(g, name):
    a = g.pick(NUMBERS)
    b = g.like(a, low=.5 if name == "Div" else -3, nonzero=name == "Div")
    g.emit(name, [a, b] if name == "Div" or g.chance(.5) else [b, a], {})


@op("Pow")
def power(g, name):
    a = g.pick((F32, F32, F64, I32, I64), low=.2, high=4, inside=True)
    powers = [0, 1, 2, 3] + ([.5, -1] if g.dtype(a).kind == "f" else [])
    t = g.rng.choice([F32, F64, I32, I64]) if "mixed" in g.traits and g.opset >= 12 else g.dtype(a)
    b = g.const(np.asarray(g.rng.choice(powers)).astype(t)) if t != g.dtype(a) or g.chance(.6) else g.like(a, low=0, high=3)
    if g.dtype(a).kind == "f" or g.values[b].min(initial=0) >= 0:  # integers to negative powers may be 1 / 0
        g.emit(name, [a, b], {})


@op("Mod")
def modulo(g, name):
    a = g.pick(NUMBERS, exact=True)
    is_float = g.dtype(a).kind == "f"
    g.emit(name, [a, g.like(a, low=1, nonzero=True)], {"fmod": 1} if is_float or g.chance(.4) else {})


@op("PRelu")
def prelu(g, name):
    a = g.pick((F32, F64, I32), min_rank=1)
    g.emit(name, [a, g.like(a, one_way=True)], {})


@op("BitwiseAnd", "BitwiseOr", "BitwiseXor")
def bitwise(g, name):
    a = g.pick((I64, I32, U8, I8))
    g.emit(name, [a, g.like(a)], {})


@op("BitShift")
def bit_shift(g, name):
    a = g.pick((U8, U32, U64))
    g.emit(name, [a, g.like(a, low=0, high=7, plain=True)], {"direction": str(g.rng.choice(["LEFT", "RIGHT"]))})


@op("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual")
def compare(g, name):
    a = g.pick(NUMBERS, exact=True)
    g.emit(name, [a, g.like(a, exact=True)], {})


@op("And", "Or", "Xor")
def logical(g, name):
    a = g.pick((np.bool_,))
    g.emit(name, [a, g.like(a)], {})


@op("Where")
def where(g, name):
    a = g.pick(ALL)
    shape = list(g.shape(a))
    c = g.fresh([1 if g.chance(.3) else d for d in shape][g.rng.integers(0, 2) if shape else 0:], np.bool_)
    g.emit(name, [c, a, g.like(a)], {})


@op("Sum", "Mean", "Max", "Min")
def variadic(g, name):
    a = g.pick(NUMBERS if name in ("Max", "Min") else FLOATS)
    g.emit(name, [a] + [g.like(a) for _ in range(g.rng.integers(0, 4))], {})


@op("Clip")
def clip(g, name):
    a = g.pick(NUMBERS)
    t = g.dtype(a)
    low = g.fresh([], t, 0 if t.kind == "u" else -2, 0, constant=g.opset < 11 or g.chance(.6)) if g.chance(.7) else ""
    high = g.fresh([], t, 1, 3, constant=g.opset < 11 or g.chance(.6)) if g.chance(.7) else ""
    g.emit(name, [a, low, high] if high else [a, low] if low else [a], {})


@op("Cast")
def cast(g, name):
    to = g.rng.choice([1, 11, 10, 7, 6, 5, 3, 13, 12, 4, 2, 9] if "mixed" in g.traits else [1, 1, 11, 7, 6, 9, 2, 3])
    unsigned = to in (2, 4, 12, 13)
    a = g.pick(ALL, exact=True, low=0 if unsigned else -6, inside=unsigned)
    g.emit(name, [a], {"to": int(to)})


@op("CastLike")
def cast_like(g, name):
    g.emit(name, [g.pick(ALL, exact=True, low=0, inside=True), g.pick(NUMBERS)], {})


@op("BatchNormalization")
def batch_norm(g, name):
    x = g.pick((F32, F32, F64), min_rank=2, max_rank=4)
    channels, t = g.shape(x)[1], g.dtype(x)
    parts = [g.const(g.random([channels], t, low, 2)) for low in (-1, -1, -1, .3)]
    g.emit(name, [x] + parts, {"epsilon": 1e-3} if g.chance(.5) else {})


# ---- moves ----

@op("NonZero")
def non_zero(g, name):
    g.emit(name, [g.pick((F32, I32, I64, U8, np.bool_), exact=True)], {})


@op("Compress")
def compress(g, name):
    x = g.pick(ALL, min_rank=1)
    axis = g.axis(x, True) if g.chance(.7) else None
    count = g.shape(x)[axis] if axis is not None else g.values[x].size
    which = g.value(g.rng.integers(0, 2, int(g.rng.integers(1, count + 1))).astype(np.bool_))
    g.emit(name, [x, which], {"axis": axis} if axis is not None else {}, move=True)


@op("Unique")
def unique(g, name):
    x = g.pick((F32, I64, I8), exact=True)
    a = {"axis": g.axis(x)} if g.shape(x) and g.chance(.4) else {}
    g.emit(name, [x], {**a, "sorted": int(g.rng.integers(0, 2))}, outputs=int(g.rng.integers(1, 5)), move=True)


@op("Identity")
def identity(g, name):
    g.emit(name, [g.pick(ALL)], {}, move=True)


@op("Dropout")
def dropout(g, name):
    g.emit(name, [g.pick(FLOATS)], {}, outputs=g.rng.integers(1, 3), move=True)


def factors(g, count):
    shape = []
    while count > 1 and len(shape) < 4:
        divisors = [d for d in range(1, count + 1) if count % d == 0]
        shape.append(int(g.rng.choice(divisors)))
        count //= shape[-1]
    return shape + [count] if count > 1 else shape


@op("Reshape")
def reshape(g, name):
    x = g.pick(ALL)
    to = factors(g, int(np.prod(g.shape(x), dtype=int)))
    if to and g.chance(.4):
        to[g.rng.integers(len(to))] = -1
    g.emit(name, [x, g.const(np.array(to, I64))], {}, move=True)


@op("Flatten")
def flatten(g, name):
    x = g.pick(ALL, min_rank=1)
    g.emit(name, [x], {"axis": g.axis(x)}, move=True)


@op("Squeeze")
def squeeze(g, name):
    x = g.pick(ALL, min_rank=1)
    shape = list(g.shape(x))
    at = int(g.rng.integers(len(shape)))
    if shape[at] != 1:
        x = g.emit("Unsqueeze", [x, g.const(np.array([at], I64))], {}, move=True)
    g.emit(name, [x, g.const(np.array([at], I64))] if g.chance(.8) else [x], {}, move=True)


@op("Unsqueeze")
def unsqueeze(g, name):
    x = g.pick(ALL, max_rank=3)
    rank = len(g.shape(x)) + 1
    g.emit(name, [x, g.const(np.array([g.rng.integers(-rank, rank)], I64))], {}, move=True)


@op("Transpose")
def transpose(g, name):
    x = g.pick(ALL, min_rank=1)
    order = [int(i) for i in g.rng.permutation(len(g.shape(x)))]
    g.emit(name, [x], {"perm": order} if g.chance(.85) else {}, move=True)


@op("Expand")
def expand(g, name):
    x = g.pick(ALL)
    to = [g.size(1, 4) if d == 1 else (1 if g.chance(.3) else d) for d in g.shape(x)]
    to = [int(g.rng.integers(1, 4)) for _ in range(g.rng.integers(0, 2))] + to
    g.emit(name, [x, g.const(np.array(to, I64))], {}, move=True)


@op("Tile")
def tile(g, name):
    x = g.pick(ALL, min_rank=1)
    g.emit(name, [x, g.const(np.array([g.size(1, 3) for _ in g.shape(x)], I64))], {}, move=True)


@op("Slice")
def cut(g, name):
    x = g.pick(ALL, min_rank=1)
    shape = g.shape(x)
    axes = sorted(g.rng.choice(len(shape), g.rng.integers(1, len(shape) + 1), replace=False).tolist())
    starts, ends, steps = [], [], []
    for a in axes:
        step = int(g.rng.choice([1, 1, 1, 2, 3, -1, -2]))
        low, high = sorted(g.rng.integers(0, shape[a] + 1, 2).tolist())
        if "empty" not in g.traits or g.chance(.7):
            high = max(high, low + 1)
        starts.append(low if step > 0 else high - 1)
        ends.append(int(g.rng.choice([high, 2**31 - 1])) if step > 0 else (low - 1 if low else -2**31))
        steps.append(step)
    lists = [starts, ends, [a - len(shape) if g.chance(.3) else a for a in axes], steps]
    lists = lists[:3] if all(s == 1 for s in steps) and g.chance(.5) else lists
    g.emit(name, [x] + [g.const(np.array(v, I64)) for v in lists], {}, move=True)


@op("Split")
def split(g, name):
    x = g.pick(ALL, min_rank=1)
    axis = g.axis(x)
    size = g.shape(x)[axis]
    parts = int(g.rng.integers(1, min(size, 3) + 1)) if size else 1
    cuts = sorted(g.rng.integers(0, size + 1, parts - 1).tolist())
    sizes = np.diff([0] + cuts + [size]).astype(I64)
    if g.chance(.3) and g.opset >= 18:
        g.emit(name, [x], {"axis": axis, "num_outputs": parts}, outputs=parts, move=True)
    else:
        g.emit(name, [x, g.const(sizes)], {"axis": axis}, outputs=parts, move=True)


@op("Concat")
def concat(g, name):
    x = g.pick(ALL, min_rank=1)
    axis = g.axis(x)
    others = []
    for _ in range(g.rng.integers(0, 3)):
        shape = list(g.shape(x))
        shape[axis] = g.size(1, 3)
        others.append(g.fresh(shape, g.dtype(x)))
    inputs = [x] + others + ([x] if g.chance(.2) else [])
    g.rng.shuffle(inputs)
    g.emit(name, inputs, {"axis": axis}, move=True)


@op("Shape")
def shape_of(g, name):
    x = g.pick(ALL)
    g.emit(name, [x], {"start": int(g.rng.integers(-2, 2))} if g.opset >= 15 and g.chance(.4) else {})


@op("Size")
def size_of(g, name):
    g.emit(name, [g.pick(ALL)], {})


@op("ConstantOfShape")
def constant_of_shape(g, name):
    value = np.array([g.rng.integers(-3, 4)], g.rng.choice(NUMBERS)) if g.chance(.6) else None
    shape = np.array([g.size(1, 3) for _ in range(g.rng.integers(0, 4))], I64)
    g.emit(name, [g.const(shape)], {"value": value} if value is not None else {})


@op("EyeLike")
def eye_like(g, name):
    x = g.fresh(g.dims(2), F32)
    g.emit(name, [x], {"k": int(g.rng.integers(-2, 3)), "dtype": int(g.rng.choice([1, 6, 7, 11]))})


@op("Range")
def span(g, name):
    t = g.rng.choice([F32, I64, I32])
    start, step = g.rng.integers(-5, 5), g.rng.choice([1, 2, 3, -1])
    limit = start + step * g.size(1, 8)
    g.emit(name, [g.const(np.asarray(v, t)) for v in (start, limit, step)], {})


@op("Pad")
def pad(g, name):
    x = g.pick(ALL, min_rank=1)
    modes = ["constant", "constant", "reflect", "edge"] + (["wrap"] if g.opset >= 19 else [])
    mode = str(g.rng.choice(modes))
    shape = g.shape(x)
    limit = [3 if mode in ("constant", "edge") else max(d - 1, 0) for d in shape]
    pads = [int(g.rng.integers(-1 if mode == "constant" and d > 2 and g.chance(.2) else 0, min(m, 3) + 1)) for d, m in list(zip(shape, limit)) * 2]
    inputs = [x, g.const(np.array(pads, I64))]
    if mode == "constant" and g.chance(.5):
        inputs.append(g.const(np.asarray(1, g.dtype(x))))
    g.emit(name, inputs, {"mode": mode}, move=True)


@op("DepthToSpace")
def depth_to_space(g, name):
    b = int(g.rng.integers(1, 4))
    n, c, h, w = g.dims(4)
    g.emit(name, [g.fresh([n, c * b * b, h, w], F32)], {"blocksize": b, "mode": str(g.rng.choice(["DCR", "CRD"]))}, move=True)


@op("SpaceToDepth")
def space_to_depth(g, name):
    b = int(g.rng.integers(1, 4))
    n, c, h, w = g.dims(4)
    g.emit(name, [g.fresh([n, c, h * b, w * b], F32)], {"blocksize": b}, move=True)


@op("CenterCropPad")
def center_crop_pad(g, name):
    x = g.pick((F32, I64), min_rank=1)
    g.emit(name, [x, g.const(g.rng.integers(1, 7, len(g.shape(x))).astype(I64))], {}, move=True)


@op("Trilu")
def trilu(g, name):
    x = g.pick((F32, F64, I64, np.bool_), min_rank=2)
    k = [g.const(np.asarray(g.rng.integers(-3, 4), I64))] if g.chance(.7) else []
    g.emit(name, [x] + k, {"upper": int(g.rng.integers(0, 2))}, move=True)


@op("ReverseSequence")
def reverse_sequence(g, name):
    shape = g.dims(g.rng.integers(2, 5))
    batch = int(g.rng.integers(0, 2))
    lengths = g.rng.integers(1, shape[1 - batch] + 1, shape[batch]).astype(I64)
    g.emit(name, [g.fresh(shape, F32), g.const(lengths)], {"batch_axis": batch, "time_axis": 1 - batch}, move=True)
