"""A chat server on the loopback address that looks at the images it is sent, and knows the key."""

import base64
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting.docs import docs_of
from lm_eval_tasks.prompting.images import Images
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.prompts import letters_vision
from lm_eval_tasks.prompting.selection import select_from
from tests.e2e.oracle import as_printed
from tests.e2e.servers import Loopback, PostHandler


@dataclass(frozen=True)
class Picture:
    """What came out of an image part: size in pixels, and a sha256 of them as RGB."""

    size: tuple[int, int]
    sha256: str


@dataclass(frozen=True)
class Asked:
    """The last turn of a request. text: of all its text parts; earlier: turns before it."""

    text: str
    pictures: tuple[Picture, ...]
    earlier: int


class VisionServer(Loopback):
    """Answers each chat completion by `answers`, text of the question -> answer.

    asked: every request; faults: what was wrong with one, in words.
    """

    def __init__(self, answers: Mapping[str, str]) -> None:
        super().__init__(_Handler)
        self.answers = answers
        self.asked: list[Asked] = []
        self.faults: list[str] = []


class _Handler(PostHandler):
    server: VisionServer

    def reply(self, body: dict[str, Any]) -> str:
        *earlier, last = body["messages"]
        for turn in earlier:
            if not isinstance(turn["content"], str):
                self.server.faults.append(f"parts in an earlier turn: {turn['role']}")
        content: Any = last["content"]
        plain = isinstance(content, str)
        parts: list[dict[str, Any]] = [{"type": "text", "text": content}] if plain else content
        kinds = [part["type"] for part in parts]
        if kinds != ["image_url"] * (len(kinds) - 1) + ["text"]:
            self.server.faults.append(f"parts of the question: {kinds}")
        text = parts[-1]["text"]
        pictures = [picture_of(part["image_url"]["url"]) for part in parts[:-1]]
        self.server.asked.append(Asked(text, tuple(pictures), len(earlier)))
        bare = text.replace("<image>", "").lstrip("\n")
        if bare not in self.server.answers:
            self.server.faults.append(f"a question that is not of the exam: {text[:40]!r}")
        return self.server.answers.get(bare, "?")


def picture_of(uri: str) -> Picture:
    """Decode a data URI, whose kind must be what its bytes are, without metadata."""
    kind, _, encoded = uri.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))
    assert kind == f"data:image/{str(image.format).lower()}"
    image.load()
    assert not set(image.info) - {"dpi"}, image.info
    return pixels_of(image)


def pixels_of(image: Image.Image) -> Picture:
    assert image.mode == "RGB", image.mode
    return Picture(image.size, hashlib.sha256(image.tobytes()).hexdigest())


def answers_of(exam: str) -> dict[str, str]:
    """Text of each question -> the answer as the exam's publisher printed it."""
    loaded = load_exam(exam)
    kept = select_from(loaded, Options(figures="blind"), choices_only=False).kept
    none = Images({}, withheld=True, max_pixels=0)
    docs = list(docs_of(loaded, kept, Options(figures="blind"), none))
    return {letters_vision(doc): as_printed(doc)["gold"] for doc in docs}  # type: ignore[arg-type]
