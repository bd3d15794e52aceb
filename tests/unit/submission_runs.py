"""Invented runs in lm-eval's own file format, answered and scored by jmed's own functions."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.prompting.doc import Doc, Whole, to_doc
from lm_eval_tasks.prompting.orders import reorder
from lm_eval_tasks.protocols import PROTOCOLS
from lm_eval_tasks.scoring.metrics import letters, mc, paper

STAMP = "2026-01-02T03-04-05.678901"
DATE = 1767322800.5
Answer = Callable[[Doc], str]


def question(number: int, exam: str = "sample", sitting: str = "900", **more: Any) -> Question:
    """The key is a, b, c, a, … ; every third question is of the required part."""
    return Question(**{
        "id": f"{sitting}A{number}", "exam": exam, "language": "ja", "sitting": sitting,
        "section": "A", "stem": f"架空の問いで、答えが{number}番目に決まるのはどれか。",
        "choices": tuple(f"架空の選択肢その{letter}" for letter in "甲乙丙丁戊"),
        "accepted": (frozenset("abc"[number % 3]),), "n_select": 1, "points": 1,
        "has_figure": False, "required": number % 3 == 0, **more,
    })  # fmt: skip


def key(doc: Doc) -> str:
    return doc["gold"]


@dataclass(frozen=True)
class Run:
    """One task of one lm_eval process, to be written."""

    task: str = "jmed_sample_letters"
    questions: Sequence[Question] = tuple(question(n) for n in range(1, 9))
    answer: Answer = key
    marks: str = "sample"
    model_args: Mapping[str, object] = field(default_factory=dict)
    permute: int = 0
    asked: int = 0
    rule: str = "igakuqa"
    more: Mapping[str, Any] = field(default_factory=dict)

    def docs(self) -> list[Doc]:
        if self.permute:
            turned = [LETTERS[n:5] + LETTERS[:n] for n in range(self.permute)]
            return [
                to_doc(reorder(q, order), rule=self.rule, order=order, permutation=place)
                for q in self.questions
                for place, order in enumerate(turned)
            ]
        whole = Whole(self.marks, len(self.questions), 80, 79, 12 if self.marks == "sample" else 0)
        return [to_doc(q, rule=self.rule, whole=whole) for q in self.questions]

    def samples(self) -> list[dict[str, Any]]:
        """As they are after writing and reading."""
        samples: list[dict[str, Any]] = json.loads(json.dumps(self._samples()))
        return samples

    def _samples(self) -> list[dict[str, Any]]:
        return [
            {"doc_id": place, "doc": doc, "doc_hash": f"{place:064x}", "filter": "none",
             "resps": [[self.answer(doc)]], **self._scores(doc)}
            for place, doc in enumerate(self.docs())
        ]  # fmt: skip

    def _scores(self, doc: Doc) -> Mapping[str, Any]:
        if self.task.endswith("_mc"):
            given = self.answer(doc)
            return mc(doc, [(-1.0 if letter in given else -9.0, False) for letter in "abcde"])
        return (paper if self.task.endswith("_paper") else letters)(doc, [self.answer(doc)])

    def results(self) -> dict[str, Any]:
        samples = self.samples()
        metrics = [m for m in PROTOCOLS[self.task.rpartition("_")[2]].metrics if m in samples[0]]
        return {
            "results": {self.task: {
                f"{m},none": sum(s[m] for s in samples) / len(samples) for m in metrics
            }},
            "configs": {self.task: {
                "task": self.task, "num_fewshot": 3,
                "generation_kwargs": {"until": ["。"], "do_sample": False, "max_gen_toks": 64},
                "metadata": {
                    "version": 1.0, "protocol": "letters",
                    **({"jmed": {"permute": self.permute}} if self.permute else {}),
                    "questions": {
                        "source": "package", "published": 120, "asked": self.asked or len(samples),
                        "left_out": {"needs a figure": 4}, "marked": {}, "docs_sha256": "0" * 64,
                        "jmed_version": "0.1.0",
                    },
                },
            }},
            "versions": {self.task: 1.0},
            "config": {"model": "hf", "model_args": dict(self.model_args)},
            "model_source": "hf", "model_name": "model", "lm_eval_version": "0.4.13",
            "transformers_version": "5.23.0", "date": DATE, "git_hash": "abc1234",
            "chat_template_sha": None, "system_instruction_sha": None,
            **self.more,
        }  # fmt: skip


def write(folder: Path, run: Run, number: int = 0) -> Path:
    """As lm_eval --output_path --log_samples leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = STAMP.replace("05.", f"{number:02}.")
    return write_texts(folder, stamp, run.task, run.results(), run.samples())


def write_texts(
    folder: Path, stamp: str, task: str, results: object, samples: Sequence[object]
) -> Path:
    lines = [json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples]
    (folder / f"samples_{task}_{stamp}.jsonl").write_text("".join(lines), encoding="utf-8")
    text = json.dumps(results, ensure_ascii=False)
    (folder / f"results_{stamp}.json").write_text(text, encoding="utf-8")
    return folder


def record(**overlap: Any) -> dict[str, Any]:
    """run.json as the trainer writes it."""
    return {
        "state": "finished",
        "settings": {
            "recipe": {
                "model": {"model_name_or_path": "out/base", "dtype": "bfloat16"},
                "quantization": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
                "adapter": {"r": 64, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]},
                "data": {
                    "datasets": [
                        {"path": "out/train.jsonl", "exam": ""},
                        {"path": "", "exam": "igakuqa", "sittings": ["112", "113"]},
                        {"path": "acme/rows", "revision": "0123456789" * 4},
                        {"path": "acme/unpinned"},
                    ],
                    "protocol": "paper",
                },
                "train": {"learning_rate": 2.0e-4, "lr_scheduler_type": "cosine", "seed": 42},
                "train_batch_size": 8,
                "paper": "",
            },
            "train_data_sha256": "f" * 64,
        },
        "batch": "8 = 8 per device × 1 accumulation × 1 process",
        "data": {"rows_read": {"out/train.jsonl": 48, "exam igakuqa": 2}, "rows": {},
                 "train_examples": 40, "train_tokens": 5000, "train_tokens_learnt": 900,
                 "held_out_examples": 8, "train": {}},
        "environment": {"packages": {"torch": "2.13.0+cpu", "peft": "0.21.0"}},
        "overlap": {"found": {}, "compared": [], "not_here": [], **overlap},
        "trainable_parameters": 1234567,
        "result": {"steps": 10, "loss": 1.25, "eval_loss": 1.5},
    }  # fmt: skip


def write_adapter(folder: Path, run_json: object) -> str:
    """The run folder of a training, and what to give as `peft`."""
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run_json), encoding="utf-8")
    return str(folder)
