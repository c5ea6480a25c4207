from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.profile.merge.variables import Variables, interpolate
from robenv.profile.yaml.parse_error import BadValue
from tests.support.projects.profiles import Project

ENVIRON = {"FULL": "value", "EMPTY": "", "N1": "one"}


def put_in(text: str) -> tuple[str, list[str]]:
    unset: list[str] = []
    return interpolate(text, ENVIRON.get, unset.append), unset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$FULL", "value"), ("${FULL}", "value"), ("a${FULL}b", "avalueb"), ("$FULL/x", "value/x"),
        ("$FULL$N1", "valueone"),
        ("$$FULL", "$FULL"), ("$$$FULL", "$value"), ("$$$$", "$$"), ("$${FULL}", "${FULL}"),
        ("$", "$"), ("a$ b", "a$ b"), ("$1", "$1"), ("$(date)", "$(date)"), ("5$", "5$"),
        ("${FULL:-x}", "value"), ("${EMPTY:-x}", "x"), ("${NONE:-x}", "x"), ("${NONE:-}", ""),
        ("${FULL-x}", "value"), ("${EMPTY-x}", ""), ("${NONE-x}", "x"),
        ("${FULL:+x}", "x"), ("${EMPTY:+x}", ""), ("${NONE:+x}", ""),
        ("${FULL+x}", "x"), ("${EMPTY+x}", "x"), ("${NONE+x}", ""),
        ("${FULL:?no}", "value"), ("${EMPTY?no}", ""),
        ("${NONE:-${FULL}}", "value"), ("${NONE:-a${NONE:-b${N1}c}d}", "abonecd"), ("${NONE:-$FULL}", "value"),
        ("${FULL:+${NONE:-y}}", "y"), ("${NONE:-$$x}", "$x"), ("${NONE:-a:-b}", "a:-b"), ("${NONE:-http://x/?a=b}", "http://x/?a=b"),
        ("${FULL:-${NONE:?unused branch}}", "value"),
    ],
)  # fmt: skip
def test_substitution(text: str, expected: str) -> None:
    assert put_in(text) == (expected, [])


def test_what_is_unset_without_a_default_is_told() -> None:
    assert put_in("a$NONE-${NONE}b") == ("a-b", ["NONE", "NONE"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${NONE:?give it}", "`NONE` is required and is not set: give it"),
        ("${EMPTY:?give it}", "`EMPTY` is required and is empty: give it"),
        ("${NONE?}", "`NONE` is required and is not set"),
        ("${NONE:-${NONE:?deep}}", "is not set: deep"),
        ("${}", "is not a variable"),
        ("${FULL", "is not a variable"),
        ("${1A}", "is not a variable"),
        ("${FULL!x}", "is not a variable"),
        ("${ FULL}", "is not a variable"),
        ("${NONE:-${FULL}", "is not a variable"),
        ("${FULL:x}", "is not a variable"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadValue) as caught:
        put_in(text)
    assert words in caught.value.message
    assert caught.value.hint


def test_nesting_is_bounded() -> None:
    with pytest.raises(BadValue, match="nested more than 20"):
        put_in("${A:-" * 1000 + "x" + "}" * 1000)


def test_the_result_is_bounded() -> None:
    begin = time.monotonic()
    with pytest.raises(BadValue, match="more than 1,048,576 characters"):
        interpolate("$A" * 400_000, {"A": "x" * 100_000}.get, lambda name: None)
    assert time.monotonic() - begin < 5


def test_the_environment_goes_before_dotenv_and_all_is_remembered() -> None:
    variables = Variables({"A": "1"}, {"A": "2", "B": "3"})
    assert [variables.lookup(name) for name in "ABC"] == ["1", "3", None]
    assert variables.seen == {"A": "1", "B": None, "C": None}


def test_a_value_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadValue, match="not UTF-8"):
        Variables({"A": b"\xff".decode("utf-8", "surrogateescape")}).lookup("A")


@given(st.text())
def test_text_with_its_dollars_doubled_stays_as_it_is(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), ENVIRON.get, lambda name: None) == text


@given(st.text(alphabet="${}:-?+ABab_1 "))
def test_anything_gives_text_or_a_bad_value(text: str) -> None:
    try:
        assert isinstance(put_in(text)[0], str)
    except BadValue as error:
        assert error.message


SCRIPT = "for i in 1 2; do echo $i ${i:-none} $$ ${CALIB}; done"


def test_a_scripts_dollars_are_its_shells(project: Project) -> None:
    step = f"{{name: a, run: '{SCRIPT}'}}"
    resolved = project.resolve(f"base: {{image: x}}\nsteps: [{step}]\nstages: {{b: {{steps: [{step}]}}}}\n")
    assert resolved.profile.steps[0].run == SCRIPT
    assert resolved.profile.stages["b"].steps[0].run == SCRIPT
    assert not resolved.warnings


def test_a_steps_name_is_no_script(project: Project) -> None:
    resolved = project.resolve("base: {image: x}\nsteps: [{name: '${NAME}', run: x}]\n", {"NAME": "calibrate"})
    assert resolved.profile.steps[0].name == "calibrate"
