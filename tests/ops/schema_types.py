#!/usr/bin/env python3
"""Writes tests/ops/schema_types.txt: what element types ONNX's schemas allow for the inputs of every operator, in every
opset that changed its schema. Needs the Python package onnx.

    tests/ops/schema_types.py > tests/ops/schema_types.txt
"""
import onnx
from onnx import defs

NAMES = {"float": "f32", "double": "f64", "float16": "f16", "bfloat16": "bf16", "bool": "bool",
         "int2": "i2", "int4": "i4", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
         "uint2": "u2", "uint4": "u4", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
         "float8e4m3fn": "f8e4m3fn", "float8e4m3fnuz": "f8e4m3fnuz", "float8e5m2": "f8e5m2",
         "float8e5m2fnuz": "f8e5m2fnuz", "float8e8m0": "f8e8m0", "float4e2m1": "f4e2m1"}
LEFT_OUT = {"string", "complex64", "complex128"}


def types(schema, variable):
    """The tensor types that a type variable may have; a type may stand in place of a variable."""
    allowed = [constraint.allowed_type_strs for constraint in schema.type_constraints
               if constraint.type_param_str == variable]
    found = [name[len("tensor("):-1] for name in (allowed[0] if allowed else [variable]) if name.startswith("tensor(")]
    unknown = set(found) - set(NAMES) - LEFT_OUT
    if unknown:
        print(f"# {schema.name}@{schema.since_version} {variable}: also {' '.join(sorted(unknown))}, which erc has not")
    return [name for key, name in NAMES.items() if key in found]


def main():
    schemas = [schema for schema in defs.get_all_schemas_with_history() if schema.domain == "" and not schema.deprecated]
    print(f"# Element types of operators' inputs in the schemas of ONNX {onnx.__version__}, up to opset "
          f"{defs.onnx_opset_version()}; written by\n# tests/ops/schema_types.py. A line: operator, opset, type variable, "
          "its inputs (+: and those that follow), types.")
    for schema in sorted(schemas, key=lambda schema: (schema.name, schema.since_version)):
        variables = {}
        for slot, formal in enumerate(schema.inputs):
            more = "+" if formal.option == defs.OpSchema.FormalParameterOption.Variadic else ""
            variables.setdefault(formal.type_str, []).append(f"{slot}{more}")
        for variable, slots in variables.items():
            found = types(schema, variable)
            if found:
                print(f"{schema.name}@{schema.since_version} {variable.replace('tensor(', '').replace(')', '')} "
                      f"{','.join(slots)}: {' '.join(found)}")
        if not schema.inputs:
            print(f"# {schema.name}@{schema.since_version} has no inputs")


main()
