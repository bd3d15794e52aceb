"""Responses as chat models write them: letters that are stated, not letters that occur."""

import pytest

from lm_eval_tasks.answers.reading import published_prediction, read_letters, read_number

STATED = [
    ("b\n\na: 不正解\nb: 正解\nc: 不正解\nd: 不正解\ne: 不正解", 1, "b"),
    ("答え：b\n\n各選択肢の解説\na: 不正解\nb: 正解\nc: 不正解", 1, "b"),
    ("正解：e\n\n不正解：a, b, c, d", 1, "e"),
    ("c\n不正解：a", 1, "c"),
    ("### 解答\n\na: 誤り\nb: 正しい", 1, ""),
    ("答え：**a**, **c**", 2, "ac"),
    ("正解は **a** と **c** です。", 2, "ac"),
    ("**a** および **c**", 2, "ac"),
    ("答え：a（頭痛）とc（発熱）", 2, "ac"),
    ("答え：a: 頭痛, c: 発熱", 2, "ac"),
    ("答え：a. 頭痛\nc. 発熱", 2, "ac"),
    ("a: 頭痛\nc: 発熱", 2, "ac"),
    ("答え：\n- a\n- c", 2, "ac"),
    ("Answer: b, c, and e", 3, "bce"),
    ("Answer: b, and c", 2, "bc"),
    ("The correct answers are a and c.", 2, "ac"),
    ("Answers: b, c", 2, "bc"),
    ("**Answers:** b, c", 2, "bc"),
    ("### Answer\n\nc", 1, "c"),
    ("**Answer**\nc", 1, "c"),
    ("正解は、**c**です。", 1, "c"),
    ("解答は、c", 1, "c"),
    ("したがって、正しい選択肢はcです。", 1, "c"),
    ("正解は選択肢cです。", 1, "c"),
    ("答え：選択肢 c", 1, "c"),
    ("最も適切なのは **c: 肺炎** です。", 1, "c"),
    ("cが最も適切である。", 1, "c"),
    ("答えはcになります。", 1, "c"),
    ("正解はcなので", 1, "c"),
    ("答え：『c』", 1, "c"),
    ("【c】", 1, "c"),
    ("`c`", 1, "c"),
    ('"c"', 1, "c"),
    ("$c$", 1, "c"),
    ("\\(c\\)", 1, "c"),
    ("<answer>c</answer>", 1, "c"),
    ("Answer: option C", 1, "c"),
    ("The correct option is c.", 1, "c"),
    ("正解はcで、aではなく副腎が原因。", 1, "c"),
    ("答え：d\n（注）正解はeではありません。", 1, "d"),
    ("答え：c or d", 1, ""),
    ("cまたはd", 1, ""),
    ("答え：a〜e", 1, ""),
    ("答え：da", 2, "ad"),
    ("答え：ca", 2, "ac"),
    ("<thought>答え：a</thought>c", 1, "c"),
    ("<analysis>x</analysis>c", 1, "c"),
    ("<|START_THINKING|>答え：a<|END_THINKING|>c", 1, "c"),
    ("analysis患者は…答え：c", 1, ""),
    ("[BEGIN FINAL RESPONSE]c[END FINAL RESPONSE]", 1, "c"),
    ("答え：e\n\n問題：次はどれか\n答え：a", 1, "e"),
    ("考えると...。\n答え：a,d", 2, "ad"),
    ("c", 1, "c"),
    ("A patient with", 1, ""),
    ("bed", 3, "bde"),
    ("e. 肺炎\n\n理由：aは…", 1, "e"),
    ("答え：c. E型の感染", 1, "c"),
    ("The answer is (b) Hydrogen sulfide.", 1, "b"),
    ("Therefore, the answer is a.", 1, "a"),
    ("Answer: a Oxygen deficiency", 1, "a"),
    ("\\boxed{a, c}", 2, "ac"),
    ("答えはa、cである", 2, "ac"),
    ("答え: a と c", 2, "ac"),
    ("（c）", 1, "c"),
    ("答えは（c）です", 1, "c"),
]
NUMBERS = [
    ("答え：$27$", "27"),
    ("答え：x=27", "27"),
    ("BMIは27", "27"),
    ("Answer: ~27", "27"),
    ("答え：.4", ".4"),
    ("計算：100-75=25\n25", "25"),
    ("\\boxed{1{,}130}", "1130"),
    ("60 kg の患者で計算すると体重は\nよって27", "27"),
    ("約26", "26"),
    ("答え：約1,130 kcal", "1130"),
    ("22.5", "22.5"),
    ("26 mEq/L", "26"),
    ("答えは27%です", "27"),
]
PUBLISHED = [
    ("答え：b\n\n【正解】\nbの解説", "b"),
    ("c\n回答の理由：aは", "c"),
    ("**答え：e**", "e"),
    ("e", "e"),
    ("ａ，ｃ", "a,c"),
    ("考え\n答え：a, c", "a, c"),
]


@pytest.mark.parametrize(("response", "n_select", "letters"), STATED)
def test_letters_that_are_stated(response: str, n_select: int, letters: str) -> None:
    assert "".join(sorted(read_letters(response, n_select).letters)) == letters


@pytest.mark.parametrize(("response", "number"), NUMBERS)
def test_numbers_that_are_stated(response: str, number: str) -> None:
    assert read_number(response).number == number


@pytest.mark.parametrize(("response", "prediction"), PUBLISHED)
def test_what_the_publishers_rule_compares(response: str, prediction: str) -> None:
    assert published_prediction(response) == prediction
