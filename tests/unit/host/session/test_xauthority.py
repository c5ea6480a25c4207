"""Cookies of X displays: the file as xauth writes it, and which entry a display takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.host.session.xauthority import (
    LOCAL,
    WILD,
    Cookie,
    DisplayAddress,
    cookies_for,
    format_cookies,
    parse_cookies,
    parse_display,
)

MIT = b"MIT-MAGIC-COOKIE-1"


@pytest.mark.parametrize(
    ("text", "display"),
    [
        (":0", DisplayAddress("", 0)),
        (":0.0", DisplayAddress("", 0, "0")),
        (":1234", DisplayAddress("", 1234)),
        ("unix:3", DisplayAddress("", 3)),
        ("machine/unix:3.1", DisplayAddress("", 3, "1")),
        ("localhost:10.0", DisplayAddress("localhost", 10, "0")),
        ("tcp/studio:1", DisplayAddress("studio", 1)),
        ("192.0.2.7:0", DisplayAddress("192.0.2.7", 0)),
        ("[2001:db8::7]:0", DisplayAddress("[2001:db8::7]", 0)),
    ],
)
def test_displays(text: str, display: DisplayAddress) -> None:
    assert parse_display(text) == display


@pytest.mark.parametrize(
    "text",
    [
        "",
        "banana",
        ":",
        ":x",
        "host",
        "host::0",
        ":0.",
        ":.0",
        ":-1",
        ":٣",
        ":123456",
        ":0\n",
        "a b:0",
        "/tmp/x:0",
        ":0.0.0",
    ],
)
def test_what_is_no_display(text: str) -> None:
    assert parse_display(text) is None


def test_a_name_for_inside_leaves_the_machines_out() -> None:
    names = [
        display.name for text in ("unix:0.1", "machine/unix:2", "localhost:10.0") if (display := parse_display(text))
    ]
    assert names == [":0.1", ":2", "localhost:10.0"]


@given(
    st.lists(st.builds(Cookie, st.integers(0, 65535), st.binary(), st.binary(), st.binary(), st.binary()), max_size=5),
    st.integers(0, 40),
)
def test_what_is_written_is_read_and_what_is_cut_off_is_left_out(cookies: list[Cookie], cut: int) -> None:
    data = format_cookies(cookies)
    assert parse_cookies(data) == cookies
    part = parse_cookies(data[: max(0, len(data) - cut)])
    assert part == cookies[: len(part)]


def test_a_file_of_xauths_own(tmp_path: Path) -> None:
    file = tmp_path / "Xauthority"
    for display, data in ((":5", "00ff" * 8), ("192.0.2.7:1", "0a0b" * 8)):
        subprocess.run(["xauth", "-q", "-f", file, "add", display, ".", data], check=True)
    mine, far = parse_cookies(file.read_bytes())
    assert (mine.family, mine.number, mine.protocol, mine.data) == (LOCAL, b"5", MIT, b"\x00\xff" * 8)
    assert (far.family, far.address) == (0, bytes([192, 0, 2, 7]))
    assert cookies_for([far, mine], DisplayAddress("192.0.2.7", 1), "machine")[0].data == far.data
    (ours,) = cookies_for([far, mine], DisplayAddress("", 5), "machine")
    file.write_bytes(format_cookies([ours]))
    listed = subprocess.run(["xauth", "-q", "-f", file, "nlist"], check=True, capture_output=True, text=True).stdout
    assert listed.startswith("ffff 0000  0001 35 0012")


def test_the_entry_that_fits_best_counts() -> None:
    here = Cookie(LOCAL, b"machine", b"0", MIT, b"here")
    before = Cookie(LOCAL, b"its-old-name", b"0", MIT, b"before")
    wild = Cookie(WILD, b"", b"0", MIT, b"wild")
    other = Cookie(LOCAL, b"machine", b"1", MIT, b"another display")
    display = DisplayAddress("", 0)

    def data(*cookies: Cookie) -> list[bytes]:
        return [cookie.data for cookie in cookies_for([*cookies], display, "machine")]

    assert data(before, wild, here, other) == [b"here"]
    assert data(before, wild) == [b"wild"]
    assert data(before) == [b"before"]
    assert data(other) == []
    assert data(here, here._replace(protocol=b"XDM-AUTHORIZATION-1", data=b"second")) == [b"here", b"second"]
    assert cookies_for([here], DisplayAddress("localhost", 0), "machine") == cookies_for([here], display, "machine")
    assert cookies_for([here], DisplayAddress("studio", 0), "machine") == []
