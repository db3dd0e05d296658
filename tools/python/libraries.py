"""Puts liberc.so and libercc.so, with what they need besides libc, into the wheel. Builds them by make first.

ERC_BUILD names another build than release."""

import os
import re
import shutil
import subprocess
import tempfile
from typing import Any, Dict, List

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARIES = ["liberc.so", "libercc.so"]
# Licences of the libraries that are taken in, where Debian keeps them.
NOTICES = ["/usr/share/doc/libcjson1/copyright", "/usr/share/doc/libprotobuf-c1/copyright"]
# Every Linux system has these.
SYSTEM = re.compile(r"(linux-vdso|ld-linux.*|lib(c|m|dl|pthread|rt))\.so(\.\d+)?$")


def needed(library: str) -> List[str]:
    """Paths of the libraries that it needs, besides those of the system."""
    listed = subprocess.run(["ldd", library], check=True, capture_output=True, text=True).stdout
    paths = re.findall(r"^\s*(\S+) => (/\S+)", listed, re.MULTILINE)
    return [path for name, path in paths if not SYSTEM.match(name)]


def newest_libc(libraries: List[str]) -> int:
    """N of the highest symbol version GLIBC_2.N that they need."""
    versions = [0]
    for library in libraries:
        with open(library, "rb") as file:
            versions += [int(number) for number in re.findall(rb"\0GLIBC_2\.(\d+)", file.read())]
    return max(versions)


class LibrariesHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        checkout = os.path.dirname(os.path.dirname(self.root))
        built = os.path.join("build", os.environ.get("ERC_BUILD", "release"))
        environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
        goals = [os.path.join(built, name) for name in LIBRARIES]
        jobs = f"-j{os.cpu_count()}"
        build = f"BUILD={os.path.basename(built)}"
        subprocess.run(["make", "-s", jobs, build, *goals], cwd=checkout, env=environment, check=True)
        self.folder = tempfile.mkdtemp()
        found = [os.path.join(checkout, goal) for goal in goals]
        found += sorted({path for library in found for path in needed(library)})
        libraries = []
        for path in found:
            copy = os.path.join(self.folder, os.path.basename(path))
            shutil.copy(path, copy)
            subprocess.run(["strip", "--strip-unneeded", copy], check=True)
            build_data["force_include"][copy] = f"erc/lib/{os.path.basename(path)}"
            libraries.append(copy)
        build_data["force_include"][os.path.join(checkout, "LICENSE")] = "erc/lib/LICENSE"
        for notice in filter(os.path.exists, NOTICES):
            build_data["force_include"][notice] = f"erc/lib/LICENSE.{notice.split('/')[-2]}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_{newest_libc(libraries)}_{os.uname().machine}"

    def finalize(self, version: str, build_data: Dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(self.folder)
