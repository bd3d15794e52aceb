"""Pinned published files -> local files: mirror, cache, download.

Looked for in this order, each laid out <owner>/<repo>/<commit>/<path>:
1. JMED_MIRROR, a folder that is only read (an air-gapped site copies one), or an http(s) address
   that stands in for raw.githubusercontent.com,
2. JMED_CACHE, by default the user's cache folder,
3. the publisher, unless HF_HUB_OFFLINE is set.
Whatever is found must have the pinned sha256, where one is known.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import platformdirs
import pooch
import requests
from filelock import FileLock
from tqdm import tqdm

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.download import Refused, download, shown
from lm_eval_tasks.exams.manifest import Pin, read_manifest
from lm_eval_tasks.files.text_file import open_regular

PUBLISHER = "https://raw.githubusercontent.com"
LOCAL = ("package", "here")
"""Sources whose files lie beside the card, and are never downloaded."""
FILES = "files"
"""What the files are called that every run needs."""
TEMPORARY = re.compile(r"tmp\w{8}")
"""What pooch calls a file that is not whole yet; one that a kill left behind is nobody's."""


def local_files(card: Card, sittings: Iterable[str] = ()) -> dict[str, Path]:
    """Map each published path of the exam to a local file with the pinned content.

    Files already here are used as they are; the rest is downloaded, each under a temporary name
    until it is whole and checked, so an interrupted download goes on with the next file.

    Args:
        sittings: only what these need; all if empty.

    Raises:
        JmedError: a file is not here and cannot be had, or is not the pinned one.
    """
    return pinned_files(card, read_manifest(card, sittings))


def pinned_files(card: Card, pins: Mapping[str, Pin], kind: str = FILES) -> dict[str, Path]:
    """As `local_files`, of the published paths in `pins`.

    Args:
        kind: what they are; all but FILES are fetched by a flag of that name.
    """
    found = {path: file for path in pins if (file := _here(card, path))}
    if len(found) < len(pins):
        missing = [path for path in pins if path not in found]
        if _offline() or card.source in LOCAL:
            raise JmedError(_absent(card, missing, kind))
        found |= _download(card, {path: pins[path] for path in missing}, kind)
    for path, pin in pins.items():
        _check(found[path], pin)
    return {path: found[path] for path in pins}


def missing_files(card: Card, sittings: Iterable[str] = ()) -> list[str]:
    """The published paths that are not on this machine; contents are not looked at."""
    return absent(card, read_manifest(card, sittings))


def absent(card: Card, paths: Iterable[str]) -> list[str]:
    """Those of the published paths that are not on this machine; contents are not looked at."""
    return [path for path in paths if not _here(card, path)]


def local_sittings(card: Card) -> list[str]:
    """The sittings of which every file is on this machine (never of a Hub dataset)."""
    if card.hub:
        return []
    return [sitting for sitting in card.published if not missing_files(card, [sitting])]


def is_local(card: Card) -> bool:
    """Whether every sitting is on this machine."""
    return len(local_sittings(card)) == len(card.published)


def cache_folder() -> Path:
    return Path(os.environ.get("JMED_CACHE") or platformdirs.user_cache_dir("jmed"))


def _mirror() -> str:
    return os.environ.get("JMED_MIRROR", "")


def shown_mirror() -> str:
    """JMED_MIRROR as it may be printed: an address without user and token."""
    return shown(_mirror()) if "://" in _mirror() else _mirror()


def is_address(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))


def _folder(card: Card) -> str:
    """<owner>/<repo>/<commit>"""
    return card.source.replace("@", "/")


def _here(card: Card, path: str) -> Path | None:
    if card.source in LOCAL:
        return card.folder / path
    places = [cache_folder()]
    if _mirror() and not is_address(_mirror()):
        places.insert(0, Path(_mirror()))
    files = (place.expanduser() / _folder(card) / path for place in places)
    return next((file for file in files if file.is_file()), None)


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def _absent(card: Card, missing: list[str], kind: str, why: str = "") -> str:
    place = f"{_folder(card)}/{missing[0]}"
    why = why or "downloads are off (HF_HUB_OFFLINE)"
    flag = "" if kind == FILES else f" --{kind}"
    if _mirror() and not is_address(_mirror()) and not Path(_mirror()).is_dir():
        why += f"; JMED_MIRROR={shown_mirror()} is no folder"
    return (
        f"{card.name}: {len(missing)} of its {kind} are not on this machine (the first: {place}): "
        f"{why}. Run `jmed fetch {card.name}{flag}` where the network is, copy the folder "
        f"{cache_folder()} here and set JMED_MIRROR to the copy."
    )


def _check(file: Path, pin: Pin) -> None:
    try:
        with open_regular(file) as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise JmedError(f"{file}: cannot be read: {error.strerror}") from None
    if pin.sha256 and found != pin.sha256:
        raise JmedError(
            f"{file}: not the published file: sha256 {found}; allowed: {pin.sha256}. "
            "Delete it and fetch it again (a private exam: run jmed new-exam again)."
        )


def _download(card: Card, pins: Mapping[str, Pin], kind: str) -> dict[str, Path]:
    pooch.get_logger().setLevel("WARNING")  # it logs a line for each file
    folder = cache_folder().expanduser() / _folder(card)
    base = _mirror() if is_address(_mirror()) else PUBLISHER
    store = pooch.create(
        path=folder,
        base_url=f"{base.rstrip('/')}/{_folder(card)}/",
        registry={
            path: f"sha256:{pin.sha256}" if pin.sha256 else None for path, pin in pins.items()
        },
        retry_if_failed=1,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # One process downloads, the others wait here and then find the files in place.
        with FileLock(folder / ".lock"):
            _remove_temporary(folder)
            os.umask(umask := os.umask(0o077))  # there is no other way to read it
            files = {}
            label = card.name if kind == FILES else f"{card.name} {kind}"
            for path in tqdm(pins, desc=f"fetch {label}", unit="file"):
                get = partial(_bounded, pins[path].size)
                files[path] = Path(store.fetch(path, downloader=get))
                files[path].chmod(0o666 & ~umask)  # pooch leaves 0600: no good in a shared cache
            return files
    except (requests.HTTPError, Refused) as error:
        raise JmedError(f"{card.name}: {error}") from None
    except requests.RequestException as error:
        why = f"download failed ({type(error).__name__} at {shown(base)})"
        raise JmedError(_absent(card, absent(card, pins), kind, why)) from None
    except ValueError as error:  # pooch: what came is not what was asked for
        raise JmedError(f"{card.name}: wrong file from {shown(base)}: {error}") from None
    except OSError as error:
        raise JmedError(f"{folder}: cannot be written: {error.strerror or error}") from None


def _bounded(size: int, url: str, output_file: str, pooch: object) -> None:
    """Download one file of at most `size` bytes; pooch calls it so."""
    del pooch
    download(url, Path(output_file), size)


def _remove_temporary(folder: Path) -> None:
    """Remove what killed downloads left; the lock is held, so none of them is running."""
    for file in folder.rglob("tmp*"):
        if TEMPORARY.fullmatch(file.name) and file.is_file():
            file.unlink()
