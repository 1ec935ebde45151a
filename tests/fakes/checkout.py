"""The repository as files: what tests about the house itself look at."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# What tools and runs leave behind; none of it is part of the repository.
_LEFT_BEHIND = frozenset({".git", ".s3plan", "__pycache__", "build", "dist"})
_LEFT_BEHIND_SUFFIXES = (".egg-info", "_cache", ".pyc")
_HIDDEN_BUT_OURS = frozenset({".ci", ".typing", ".gitignore"})


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of this name is no part of the repository."""
    if name in _LEFT_BEHIND or name.endswith(_LEFT_BEHIND_SUFFIXES):
        return True
    return name.startswith(".") and name not in _HIDDEN_BUT_OURS


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the repository's files below a folder, in order; symlinks are yielded, never followed."""
    for path in sorted(folder.iterdir()):
        if is_left_behind(path.name) or (path / "pyvenv.cfg").exists():
            continue
        if path.is_dir() and not path.is_symlink():
            yield from files_below(path)
        else:
            yield path


def project_file() -> Mapping[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def code_folders() -> Mapping[str, Path]:
    """Return the folder of each package by its import name, as the disk has them: `s3plan`, its rooms, theirs."""
    tops = sorted(path.parent for path in ROOT.glob("*/__init__.py"))
    found = {package_of(top): top for top in tops}
    for top in tops:
        found |= {package_of(file.parent): file.parent for file in sorted(top.glob("*/**/__init__.py"))}
    return found


def layers() -> set[str]:
    """Return the subpackages whose folders stand at the top: one for each layer."""
    return {package for package in code_folders() if package.count(".") == 1}


def code_files() -> Iterator[Path]:
    """Yield every file of the code, in order of its folders."""
    for folder in code_folders().values():
        yield from (path for path in files_below(folder) if path.parent == folder)


def package_of(folder: Path) -> str:
    """Return the import name of a folder of code."""
    top, *rooms = folder.relative_to(ROOT).parts
    return ".".join(["s3plan", *([] if top == "public" else [top]), *rooms])


def modules() -> Iterator[str]:
    """Yield the import names of all modules, as the disk has them, without those that run when imported."""
    for package, folder in code_folders().items():
        for path in sorted(folder.glob("*.py")):
            if path.stem != "__main__":
                yield package if path.stem == "__init__" else f"{package}.{path.stem}"
