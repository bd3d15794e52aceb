"""A bounded download: no more than was pinned, not for ever, from nowhere but HTTP(S)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

CHUNK = 1 << 16
STALLED = 30.0
"""Seconds without a byte after which a download is given up."""
WINDOW = 60.0
"""Seconds in which at least `SLOWEST` bytes must come: one byte now and then is no progress."""
SLOWEST = 1 << 12
NO_COMPRESSION = {"Accept-Encoding": "identity"}
"""A compressed answer may unpack to any size; the pinned bytes are those of the file itself."""


class Refused(requests.RequestException):
    """The server sends something that cannot be the pinned file; the message says what."""


def shown(address: str) -> str:
    """An address as it may be printed: without user, password and query."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # no number: whatever stands there is not repeated
        port = ""
    return urlunsplit((parts.scheme, host + port, parts.path, "", ""))


def download(
    address: str, file: Path, size: int, clock: Callable[[], float] = time.monotonic
) -> None:
    """Write what `address` answers to `file`.

    Args:
        size: bytes that were pinned; one more ends the download.
        clock: seconds, for the time limit.

    Raises:
        Refused: a redirect to another scheme than HTTP(S) or from HTTPS to HTTP, a compressed
            answer, more bytes than pinned, or hardly any progress.
        requests.RequestException: no connection, an error status, or nothing for STALLED seconds.
        OSError: `file` cannot be written.
    """
    with requests.Session() as session:
        session.headers.update(NO_COMPRESSION)
        session.hooks["response"].append(_check_redirect)
        with session.get(address, stream=True, timeout=STALLED) as answer:
            if not answer.ok:
                reason = f"{answer.status_code} {answer.reason} for {shown(answer.url)}"
                raise requests.HTTPError(reason, response=answer)
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Refused(f"{shown(answer.url)}: answers compressed, which was not asked for")
            with file.open("wb") as out:
                try:
                    for chunk in _bounded(answer, size, clock):
                        out.write(chunk)
                except HTTPError as error:  # urllib3's own: cut off, or silent for too long
                    raise requests.ConnectionError(f"{shown(address)}: {error}") from None


def _bounded(answer: requests.Response, size: int, clock: Callable[[], float]) -> Iterator[bytes]:
    """The answer's bytes as they come, at most `size` of them."""
    came, since, before = 0, clock(), 0
    while chunk := answer.raw.read1(CHUNK):
        came += len(chunk)
        if came > size:
            raise Refused(f"{shown(answer.url)}: sends more than the {size:,} bytes of the file")
        yield chunk
        if clock() - since > WINDOW:
            if came - before < SLOWEST:
                raise Refused(
                    f"{shown(answer.url)}: {came - before} bytes in {WINDOW:.0f} s, "
                    f"fewer than {SLOWEST:,}"
                )
            since, before = clock(), came
    if came < int(answer.headers.get("Content-Length", came)):
        raise requests.ConnectionError(f"{shown(answer.url)}: ends after {came:,} bytes")


def _check_redirect(answer: requests.Response, **_: object) -> None:
    """Called for every answer, before a redirect in it is followed."""
    if not answer.is_redirect:
        return
    target = requests.compat.urljoin(answer.url, answer.headers["Location"])
    scheme = urlsplit(target).scheme
    if scheme not in ("http", "https") or (answer.url.startswith("https:") and scheme == "http"):
        raise Refused(
            f"{shown(answer.url)}: redirects to {scheme}:; allowed: https, or http to http"
        )
