import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.prompting.options import Options, parse_options

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_absent_keys_keep_their_default() -> None:
    assert parse_options({}) == Options(sittings=(), context="case", figures="skip")


def test_all_options_are_read() -> None:
    given = {"sittings": ["116", "112"], "context": "published", "figures": "keep"}
    assert parse_options(given) == Options(("116", "112"), "published", "keep")


@pytest.mark.parametrize(
    ("given", "found", "nearest"),
    [
        ({"siting": ["116"]}, "unknown key 'siting'", "did you mean 'sittings'?"),
        ({"Figures": "keep"}, "unknown key 'Figures'", "did you mean 'figures'?"),
        ({"context": "case", "figure": "keep"}, "unknown key 'figure'", "did you mean 'figures'?"),
        (
            {"figures": "keeep"},
            "figures of a task that shows no images: 'keeep' is not known",
            "did you mean 'keep'?",
        ),
        ({"context": "publish"}, "context: 'publish' is not known", "did you mean 'published'?"),
    ],
)
def test_a_misspelling_is_refused_with_the_nearest_allowed(
    given: object, found: str, nearest: str
) -> None:
    with pytest.raises(JmedError) as error:
        parse_options(given)
    assert found in str(error.value)
    assert nearest in str(error.value)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"zzz": 1}, "(allowed: context, figures, max_pixels, permute, seed, sittings)"),
        ({1: 1}, "(allowed: context, figures, max_pixels, permute, seed, sittings)"),
        ({"context": None}, "(allowed: case, published)"),
        ({"context": ["case"]}, "(allowed: case, published)"),
        ({"figures": True}, "(allowed: keep, skip)"),
        ({"figures": ""}, "(allowed: keep, skip)"),
        ({"sittings": "116"}, 'allowed: strings, ["115", "116"]'),
        ({"sittings": 116}, 'allowed: strings, ["115", "116"]'),
        ({"sittings": [116]}, 'allowed: strings, ["115", "116"]'),
        ({"sittings": None}, 'allowed: strings, ["115", "116"]'),
        ({"sittings": {"116": 1}}, 'allowed: strings, ["115", "116"]'),
        ([], "allowed: an object"),
        ("sittings", "allowed: an object"),
        (None, "allowed: an object"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(given: object, allowed: str) -> None:
    with pytest.raises(JmedError) as error:
        parse_options(given)
    assert str(error.value).startswith("--metadata key 'jmed'")
    assert allowed in str(error.value)


def test_a_task_that_shows_images_has_its_own_figures() -> None:
    assert parse_options({}, vision=True) == Options(figures="show")
    assert parse_options({"figures": "blind"}, vision=True) == Options(figures="blind")
    shown = parse_options({"max_pixels": 1_000_000}, vision=True)
    assert shown == Options(figures="show", max_pixels=1_000_000)
    assert [shown.vision, Options().vision] == [True, False]


@pytest.mark.parametrize(
    ("given", "vision", "said"),
    [
        ({"figures": "blind"}, False, "'blind' is not known (allowed: keep, skip)"),
        ({"figures": "keep"}, True, "'keep' is not known (allowed: blind, show)"),
        ({"figures": "skip"}, True, "a task that shows images: 'skip' is not known"),
        ({"max_pixels": 1000}, False, "max_pixels: has no effect where no images are shown"),
        ({"max_pixels": 1000, "figures": "blind"}, True, "has no effect"),
        ({"max_pixels": 100}, True, "found 100; allowed: 0, as published, or 784 to 100000000"),
        ({"max_pixels": -1}, True, "found -1"),
        ({"max_pixels": 1e6}, True, "found 1000000.0"),
        ({"max_pixels": True}, True, "found True"),
    ],
)
def test_options_of_images_are_refused_where_they_mean_nothing(
    given: object, vision: bool, said: str
) -> None:
    with pytest.raises(JmedError) as error:
        parse_options(given, vision=vision)
    assert said in str(error.value)


def refusal(given: object) -> str | None:
    try:
        parse_options(given)
    except JmedError as error:
        return str(error)
    return None


@given(JSON | st.dictionaries(st.sampled_from(["sittings", "context", "figures"]), JSON))
def test_any_json_is_read_or_refused_by_name(given: object) -> None:
    if refused := refusal(given):
        assert refused.startswith("--metadata key 'jmed'")
    else:
        options = parse_options(given)
        assert options.context in ("case", "published")
        assert options.figures in ("skip", "keep")
        assert all(isinstance(sitting, str) for sitting in options.sittings)
