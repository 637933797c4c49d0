"""Builds the compiled core: each folder of `_native/` becomes `inngest_fast._native.<folder>`."""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
FLAGS = ["-O2", "-Wall", "-Wno-unused-function", "-Wno-unreachable-code"]


def extensions():
    from Cython.Build import cythonize

    only = set(filter(None, os.environ.get("INNGEST_FAST_NATIVE_ONLY", "").split(",")))
    modules = [
        Extension(
            f"inngest_fast._native.{source.stem}",
            [str(source.relative_to(ROOT))],
            extra_compile_args=FLAGS if sys.platform != "win32" else [],
            depends=[str(p.relative_to(ROOT)) for p in source.parent.glob("*.px[di]")],
        )
        for source in sorted((ROOT / "_native").glob("*/*.pyx"))
        if source.stem == source.parent.name and (not only or source.stem in only)
    ]
    return cythonize(
        modules,
        build_dir="build/cython",
        annotate=bool(os.environ.get("INNGEST_FAST_ANNOTATE")),
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "embedsignature": False,
        },
    )


class BuildWithDocs(build_py):
    """Takes the pages of docs/ into the package, where `/mcp` finds them."""

    def run(self):
        super().run()
        if not self.editable_mode:
            place = Path(self.build_lib) / "inngest_fast" / "docs"
            place.mkdir(parents=True, exist_ok=True)
            for page in (ROOT / "docs").glob("*.md"):
                self.copy_file(str(page), str(place / page.name))


setup(ext_modules=extensions(), cmdclass={"build_py": BuildWithDocs})
