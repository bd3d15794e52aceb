"""An image file -> the pixels to be shown, and nothing else that the file holds.

PNG and JPEG alone, as the exams publish them: each further decoder of Pillow reads files that
somebody else wrote, and is one more that can be attacked.
"""

import base64
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.text_file import read_bytes

LARGEST = 64 << 20
"""Bytes of a file."""
MOST_PIXELS = 1 << 26
"""Pixels of an image, 8,192 by 8,192: decoded it takes 192 MiB, whatever few bytes the file has."""
LONGEST = 1 << 14
"""Pixels of a side: of a picture one pixel wide Pillow keeps a pointer for each."""
FORMATS = ("PNG", "JPEG")
FOUND = (*FORMATS, "MPO")
"""MPO: a JPEG as cameras write it, with a smaller copy behind the picture, which is not read."""
WHITE = (255, 255, 255)
QUALITY = 85
"""Of a thumbnail's JPEG."""


def open_image(file: Path, max_pixels: int = 0) -> Image.Image:
    """Return the picture as it is seen: RGB, upright, on white where it is transparent.

    Of what the file holds besides (EXIF, XMP, text, colour profile) nothing is left. A colour
    profile is not applied, as vision models' own processors do not apply it.

    Args:
        max_pixels: a larger picture is made smaller, its shape kept; 0 = as it is.

    Raises:
        JmedError: no PNG or JPEG, damaged, cut off, animated, or larger than LARGEST, or of
            more pixels than are allowed, which its header tells before anything is decoded.
    """
    content = read_bytes(file, LARGEST)
    try:
        with _refusing_cut_off_files():
            seen = _decoded(content)
    except JmedError as error:
        raise JmedError(f"{file}: {error}") from None
    except Exception as error:  # noqa: BLE001 (Pillow's readers raise what they meet)
        reason = str(error) or type(error).__name__
        raise JmedError(f"{file}: the image is damaged or cut off: {reason}") from None
    return _at_most(seen, max_pixels) if max_pixels else seen


def thumbnail_uri(file: Path, side: int) -> str:
    """Return the picture as a data URI for a web page, at most `side` pixels wide and high.

    Raises:
        JmedError: as `open_image`.
    """
    picture = open_image(file)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"


def png_bytes(picture: Image.Image) -> bytes:
    """Return a PNG of the picture that `open_image` gave: header, pixels, and no metadata."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=3)  # a quarter of the time for a tenth more bytes
    return out.getvalue()


@contextmanager
def _refusing_cut_off_files() -> Iterator[None]:
    """Pillow fills up a cut-off picture with grey if any package of the process asked it to."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _decoded(content: bytes) -> Image.Image:
    with _opened(content) as image:
        if image.format == "PNG":
            image.verify()  # the checksums of all parts, to the end; it closes the image
    with _opened(content) as image:
        return _rgb(ImageOps.exif_transpose(image))


def _opened(content: bytes) -> Image.Image:
    """Read the header.

    Raises:
        JmedError: another format, more than one picture, or too many pixels.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise JmedError(f"no image that can be read; allowed: {' and '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise JmedError(f"too many pixels; allowed: {MOST_PIXELS:,}") from None
    width, height = image.size
    if width * height > MOST_PIXELS or max(image.size) > LONGEST:
        raise JmedError(
            f"{width} x {height} pixels; allowed: {MOST_PIXELS:,} in all, {LONGEST:,} a side"
        )
    if image.format not in FOUND:
        raise JmedError(f"found {image.format}; allowed: {' and '.join(FORMATS)}")
    if image.format == "PNG" and getattr(image, "is_animated", False):
        raise JmedError("an animated PNG; allowed: one picture")
    return image


def _rgb(image: Image.Image) -> Image.Image:
    """A picture of its own, without what the file says besides."""
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    plain = Image.new("RGB", image.size, WHITE)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        plain.paste(image, mask=image.getchannel("A"))
    else:
        plain.paste(image.convert("RGB"))
    return plain


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey, which `convert` would cut off at 255, scaled to 8 bits."""
    values = np.asarray(image, dtype=np.int64)
    grey = np.rint(values / 257).astype(np.uint8)
    if (unseen := image.info.get("transparency")) is not None:
        grey[values == unseen] = 255
    return Image.fromarray(grey)


def _at_most(picture: Image.Image, pixels: int) -> Image.Image:
    width, height = picture.size
    if width * height <= pixels:
        return picture
    scale = math.sqrt(pixels / (width * height))
    width = max(1, min(int(width * scale), pixels))
    height = max(1, min(int(height * scale), pixels // width))
    width = min(width, pixels // height)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
