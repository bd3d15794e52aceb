"""Files and folders that are there whole or not at all, whatever ends the process.

What is not whole yet is a draft beside its target, hidden and named `.NAME.MACHINE-PID.jmed-draft`;
one that a killed process left is recognised by that name and removed by the next one that writes
the same target.
"""

import ctypes
import errno
import hashlib
import os
import platform
import re
import shutil
import sys
import time
from pathlib import Path

DRAFT = re.compile(r"\.(.+)\.([0-9a-f]{6})-(\d+)\.jmed-draft")
OLD = ".jmed-old"
DAY = 86_400
"""Seconds after which a draft of another machine is nobody's; its processes cannot be asked."""
AT_FDCWD = -100
EXCHANGE = 2
"""RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS."""
NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)


def write_text(file: Path, text: str) -> None:
    """Write under another name, flush to disk, then rename.

    A link stays a link and its target is written; an existing file keeps its permissions.
    """
    try:
        target = file.resolve()
    except RuntimeError:  # of links in a circle; Python 3.13 raises the OSError itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(file)) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = new_draft(target)
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
        _flush(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def put_folder(made: Path, target: Path) -> None:
    """Rename the folder `made` to `target`; at no moment is there none if there was one.

    Where the file system cannot exchange two names at once, the old folder is set aside first;
    `recover` puts it back if the process ends between the two renames.
    """
    if not target.exists():
        made.rename(target)
    elif _exchange(made, target):
        shutil.rmtree(made)
    else:
        old = target.with_name(f".{target.name}{OLD}")
        target.rename(old)
        try:
            made.rename(target)
        except OSError:
            old.rename(target)
            raise
        shutil.rmtree(old)
    _flush(target.parent)


def recover(target: Path) -> None:
    """Put back or remove what a killed `put_folder` had set aside."""
    old = target.with_name(f".{target.name}{OLD}")
    if old.is_dir():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)


def new_draft(target: Path) -> Path:
    """The name of a draft of this process; those that others left behind are removed."""
    for path in list(target.parent.glob(".*.jmed-draft")):
        match = DRAFT.fullmatch(path.name)
        ours = match and match[1] == _short(target)
        if match and ours and _is_stale(path, match[2], int(match[3])):
            remove(path)
    return target.with_name(f".{_short(target)}.{_machine()}-{os.getpid()}.jmed-draft")


def is_draft(path: Path) -> bool:
    """Whether a file, or a folder above it, is a draft of ours."""
    return any(DRAFT.fullmatch(part) for part in path.parts)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _short(target: Path) -> str:
    """A name may be as long as the file system allows; a draft's has more to hold."""
    return target.name if len(target.name) <= 40 else f"{target.name[:30]}{_hash(target.name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:6]


def _machine() -> str:
    return _hash(platform.node())


def _is_stale(draft: Path, machine: str, process: int) -> bool:
    if machine == _machine():
        return process == os.getpid() or not _is_alive(process)
    try:
        return time.time() - draft.stat().st_mtime > DAY
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders at once; False where that cannot be done."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        done = library.renamex_np(*names, ctypes.c_uint(EXCHANGE))
    elif hasattr(library, "renameat2"):
        done = library.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], ctypes.c_uint(EXCHANGE))
    else:
        return False
    if done and (number := ctypes.get_errno()) not in NOT_HERE:
        raise OSError(number, os.strerror(number), str(other))
    return not done


def _flush(folder: Path) -> None:
    """Make a rename outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems have no such call for folders
        pass
    finally:
        os.close(handle)
