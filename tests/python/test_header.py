"""The package's copies of what erc.h and ercc.h declare: structs, statuses, types, options."""

import ctypes
import inspect
import os
import re
import subprocess
import unittest

import erc
import numpy
import support
from erc import _compile, _library, _tensor

STRUCTS = {
    "erc_sim_options": _library.SimOptions,
    "erc_runtime_options": _library.RuntimeOptions,
    "erc_runtime_stats": _library.RuntimeStats,
    "erc_model_options": _library.ModelOptions,
    "erc_tensor_info": _library.TensorInfo,
    "erc_session_options": _library.SessionOptions,
    "erc_session_stats": _library.SessionStats,
    "erc_submit_options": _library.SubmitOptions,
    "erc_request_timing": _library.RequestTiming,
    "ercc_const": _compile.Const,
    "ercc_options": _compile.Options,
}
HEADERS = ("runtime/include/erc.h", "compiler/include/ercc.h")


def statuses(header, macro):
    with open(support.root(header)) as file:
        text = file.read().replace("\\\n", " ")
    rows = re.search(rf"#define {macro}\(X\)(.*)", text).group(1)
    return [name for name in re.findall(r"X\((\w+),", rows)]


class Header(unittest.TestCase):
    def test_structs(self):
        """Sizes and offsets are those that a C compiler finds."""
        lines = ['#include <stdio.h>', *(f'#include "{header}"' for header in HEADERS), "int main(void) {"]
        expected = []
        for name, struct in STRUCTS.items():
            lines.append(f'printf("%zu\\n", sizeof(struct {name}));')
            expected.append((name, "", ctypes.sizeof(struct)))
            for field, *_ in struct._fields_:
                member = f"(((struct {name} *)0)->{field})"
                lines.append(f'printf("%zu %zu\\n", __builtin_offsetof(struct {name}, {field}), sizeof {member});')
                expected.append((name, field, (getattr(struct, field).offset, getattr(struct, field).size)))
        source, program = (os.path.join(support.folder, name) for name in ("structs.c", "structs"))
        with open(source, "w") as file:
            file.write("\n".join([*lines, "}"]))
        subprocess.run([os.environ.get("CC", "cc"), "-I", support.root("."), "-o", program, source], check=True)
        printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
        for (name, field, wanted), line in zip(expected, printed):
            found = tuple(map(int, line.split()))
            self.assertEqual(wanted, found if field else found[0], f"{name} {field}")
        print(f"  {len(STRUCTS)} structs, {len(expected)} sizes and offsets")

    def test_every_option_has_an_argument(self):
        """A new option of the header must be given a way into the package."""
        for struct, function in (
            (_library.RuntimeOptions, erc.Runtime.__init__),
            (_library.SessionOptions, erc.Session.__init__),
            (_compile.Options, erc.compile),
        ):
            arguments = inspect.signature(function).parameters
            known = {"size": "", "class_": "real_time", "log_user": "", "targets": "target", "budgets": "budget"}
            known.update(const_texts="consts", cache_dir="cache", user="", cancel="")
            known.update(dump_after="", stop_after="", dump="", no_debug="")  # for work on the compiler itself
            for field, *_ in struct._fields_:
                argument = known.get(field, field)
                if argument and not field.endswith("_count"):
                    self.assertIn(argument, arguments, field)

    def test_statuses(self):
        self.assertEqual([s.name for s in erc.Status], statuses(HEADERS[0], "ERC_STATUSES"))
        self.assertEqual([s.name for s in erc.CompileStatus], statuses(HEADERS[1], "ERCC_STATUSES"))
        for status in erc.Status:
            if status:
                self.assertIs(_library._errors.CLASSES[status].status, status)
        for kind in _library._errors.CLASSES.values():
            self.assertIs(getattr(erc, kind.__name__), kind)

    def test_types(self):
        for number, (name, code) in _tensor._DTYPES.items():
            with self.subTest(name):
                self.assertNotEqual(_library.lib.erc_dtype_name(number), b"?")
                if number < _tensor._FIRST_STORED:
                    self.assertEqual(8 * numpy.dtype(name).itemsize, _library.lib.erc_dtype_bits(number))
        numbers = [n for n in range(1, 32) if _library.lib.erc_dtype_bits(n)]
        self.assertEqual(list(_tensor._DTYPES), numbers)

    def test_version(self):
        with open(support.root("Makefile")) as file:
            version = re.search(r"^VERSION := (\S+)", file.read(), re.MULTILINE).group(1)
        self.assertEqual(erc.__version__, version)
        self.assertIn(f"erc-{version}-py3-none-", support.wheel)
