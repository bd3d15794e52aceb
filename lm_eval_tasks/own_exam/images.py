"""The images that a row of a private exam's sheet names: found beside it, opened, named anew.

A photo from a hospital may hold a patient's name in its EXIF data, in its text, or in the name of
its file. An exam's folder therefore gets a PNG of the pixels alone, named after those pixels.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from PIL.Image import Image

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.image import open_image, png_bytes
from lm_eval_tasks.own_exam.sheet import Fault, SheetRow

FOLDER = "images"
"""Of the images in an exam's folder."""
BETWEEN = re.compile(r"\s*[,，、;；\n]\s*")
ENDING = re.compile(r"\.[A-Za-z0-9]{2,5}")
"""Tells a file's name from yes and no."""
ALLOWED = "names of PNG or JPEG files beside the sheet, parted by commas"


@dataclass(frozen=True)
class OwnImage:
    """An image of a sheet. path: what the exam's folder calls it; source: the file named."""

    path: str
    source: Path

    def png(self) -> bytes:
        """The file that belongs into the exam's folder.

        Raises:
            JmedError: it cannot be read any more, or is another picture than was checked.
        """
        picture = open_image(self.source)
        if _path(picture) != self.path:
            raise JmedError(f"{self.source}: changed while the exam was written; run it again")
        return png_bytes(picture)


@dataclass(frozen=True)
class RowImages:
    """The images of a row in the order in which it names them."""

    images: Sequence[OwnImage] = ()
    faults: Sequence[Fault] = ()


@dataclass(frozen=True)
class ImageFolder:
    """Where a sheet's images lie; each file is opened once, however many rows name it."""

    folder: Path
    opened: dict[Path, OwnImage | JmedError] = field(default_factory=dict)

    def of_row(self, row: SheetRow) -> RowImages:
        """Find and open the images that the row names; what is wrong is a fault of its column."""
        column, names = named(row)
        if not names:
            return RowImages()
        images: list[OwnImage] = []
        for name in names:
            try:
                images.append(self._image(name))
            except JmedError as error:
                fault = row.fault(column, f"{ALLOWED}; {name!r}: {error}")
                return RowImages(faults=[fault])
        if len({image.path for image in images}) < len(images):
            return RowImages(faults=[row.fault(column, f"{ALLOWED}, each picture once")])
        return RowImages(images)

    def _image(self, name: str) -> OwnImage:
        file = self._located(name)
        if file not in self.opened:
            try:
                self.opened[file] = OwnImage(_path(open_image(file)), file)
            except JmedError as error:
                self.opened[file] = JmedError(str(error).removeprefix(f"{file}: "))
        found = self.opened[file]
        if isinstance(found, JmedError):
            raise found
        return found

    def _located(self, name: str) -> Path:
        """The file of that name, links followed.

        Raises:
            JmedError: there is none, or it lies outside the sheet's folder.
        """
        try:
            home = self.folder.resolve()
            files = [home / form for form in _forms(name)]
            found = next((file for file in files if file.is_symlink() or file.exists()), files[0])
            file = found.resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not found"
            raise JmedError(f"cannot be read: {reason}") from None
        if not file.is_relative_to(home):
            raise JmedError("lies outside the sheet's folder")
        return file


def named(row: SheetRow) -> tuple[str, list[str]]:
    """The column in which a row names images, and the names: images, or else figure."""
    for column in ("images", "figure"):
        text = row.values.get(column, "")
        names = [name for name in BETWEEN.split(text) if name]
        if names and (column == "images" or names_files(text)):
            return column, names
    return "", []


def names_files(text: str) -> bool:
    """Whether a cell of the column figure holds names of files, and not yes or no."""
    return any(ENDING.fullmatch(Path(name).suffix) for name in BETWEEN.split(text))


def sources(rows: Sequence[RowImages]) -> Mapping[str, OwnImage]:
    """What the exam's folder calls an image -> that image, each once."""
    return {image.path: image for row in rows for image in row.images}


def _forms(name: str) -> Iterator[str]:
    """The name as it is written, and as another system spells it: a\\b.png, か + ゛."""
    for form in (name, name.replace("\\", "/")):
        yield form
        yield normalize("NFC", form)
        yield normalize("NFD", form)


def _path(picture: Image) -> str:
    """Two files of the same pixels are one image; the name says nothing about their names."""
    content = f"{picture.width} {picture.height} ".encode() + picture.tobytes()
    return f"{FOLDER}/{hashlib.sha256(content).hexdigest()[:16]}.png"
