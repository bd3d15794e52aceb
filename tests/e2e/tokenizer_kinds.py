"""Tokenizers of other kinds than byte-level BPE, trained on the sample exam's prompts."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from demo.tiny_model import CHAT_TEMPLATE, LENGTH
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]


def texts() -> list[str]:
    docs = [to_doc(q) for q in load_exam("sample").questions if q.choices and not q.unusable]
    return [prompts.letters(doc) + prompts.paper(doc) + prompts.paper_target(doc) for doc in docs]


def sentencepiece_like(*, bos: bool) -> PreTrainedTokenizerFast:
    """Unigram over Metaspace: "▁" in front of the text; as Llama's, with BOS in front of that."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            # SentencePiece has no pieces across line ends
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(
        vocab_size=2000, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 1)]
        )
    return _wrap(tokenizer)


def wordpiece_like() -> PreTrainedTokenizerFast:
    """WordPiece as BERT's: words and "##" pieces, BOS in front and EOS behind every text."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>", max_input_chars_per_word=1000))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=2000, special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return _wrap(tokenizer)


def _wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        unk_token="<unk>", model_max_length=LENGTH, chat_template=CHAT_TEMPLATE,
    )  # fmt: skip
