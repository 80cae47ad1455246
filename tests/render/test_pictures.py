"""Pages as HTML and as pictures: whole, inert, and in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.render import html, recorded, svg, theme
from tests.cli.command import ran
from tests.cli.test_hostile_text import STEERS
from tests.parts import one_in

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

READY = "example:linux-7.3-emulated"
PAGES: dict[str, tuple[str, ...]] = {
    "dump": ("dump", "-v", "--from", READY),
    "facts": ("dump", "memory", "td", "--from", READY),
    "map": ("dump", "memory", "--map", "--from", READY),
    "check": ("check", "-v", "--from", "example:module-never-loaded"),
    "steps": ("check", "--steps", "--from", "example:module-never-loaded"),
    "diff": ("diff", "example:mvp-features", READY),
    "fleet": ("fleet", READY, "example:module-never-loaded", "example:emr-five-cmrs", "/none"),
}
MARKUP = "</pre></title></style><script>alert(1)</script><img src=x onerror=alert(1)> & \"q\" 'r'"


class Document(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@cache
def page(name: str, form: str = "html") -> str:
    return ran(*PAGES[name], "--format", form).out


@pytest.mark.parametrize("name", one_in(2, PAGES))
def test_a_page_has_no_script_and_loads_nothing(name: str) -> None:
    document = Document(page(name))
    assert document.tags <= {
        *("html", "head", "meta", "link", "title", "style", "body", "main", "h1", "pre", "span"),
        *("footer", "table", "thead", "tbody", "tr", "th", "td"),
    }
    assert not [a for a in document.attributes if a[1].startswith("on") or a[1] in ("src", "style")]
    assert [a for a in document.attributes if a[1] == "href"] == [("link", "href", "data:,")]
    assert not re.search(r"url\(|@import|https?://", page(name))
    assert ("html", "lang", "en") in document.attributes


@pytest.mark.parametrize("layout", html.WIDTHS)
@pytest.mark.parametrize("name", one_in(2, PAGES))
def test_a_page_says_what_the_terminal_says(name: str, layout: str) -> None:
    """A terminal as wide; its lines do not end with blanks."""
    terminal = ran(*PAGES[name], columns=html.WIDTHS[layout]).out
    found = re.findall(rf'<pre class="{layout}">(.*?)</pre>', page(name), re.DOTALL)
    text = "".join(Document(found[0]).texts)
    assert [line.rstrip() for line in text.splitlines()] == terminal.splitlines()


def test_a_fleet_has_a_row_for_each_host_the_worst_first() -> None:
    rows = re.findall(r"<tr>(<td.*?)</tr>", page("fleet"))
    cells = [["".join(Document(cell).texts) for cell in row.split("<td")[1:]] for row in rows]
    found = [[cell.partition(">")[2] for cell in row] for row in cells]
    assert [(row[0], row[1]) for row in found] == [
        ("none", "not read"),
        ("example:module-never-loaded", "not ready"),
        (READY, "ready"),
        ("example:emr-five-cmrs", "undecided"),
    ]
    assert found[0][2] == "/none cannot be read: No such file or directory."
    assert found[1][2] == "module.loaded: Loading of the module"


def hostile(console: Any) -> None:
    from rich.text import Text

    from tdxinfo.render import layout

    layout.line(console, Text(MARKUP, "bad"))


def test_markup_in_what_was_read_stays_text() -> None:
    whole = html.page(MARKUP, hostile, 0.0, html.table([MARKUP], [[(MARKUP, "")]]))
    document = Document(whole)
    assert not document.tags & {"script", "img"}
    text = "".join(document.texts)
    assert text.count("alert(1)</script>") == text.count("</script>") == 7
    drawn = ET.fromstring(svg.page(MARKUP, hostile))
    assert {element.tag.rpartition("}")[2] for element in drawn.iter()} == {
        *("svg", "title", "style", "rect", "text", "tspan"),
    }
    assert MARKUP in "".join(drawn.itertext())


@pytest.mark.parametrize("name", ["dump", "facts", "map", "check", "steps"])
def test_a_picture_has_the_lines_of_the_page_and_no_link(name: str) -> None:
    drawn = page(name, "svg")
    assert not STEERS.search(drawn)
    root = ET.fromstring(drawn)
    lines = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    terminal = ran(*PAGES[name], columns=100).out.splitlines()
    shown = [re.sub(r"\s", "", line) for line in terminal if line.strip()]
    assert [re.sub(r"\s", "", line) for line in lines[1:]] == shown
    assert lines[0].startswith("$ tdxinfo --from example:")
    assert not re.search(r"url\(|@import|href|<script", drawn)
    assert drawn == page(name, "svg")


def test_each_style_of_the_terminal_has_a_colour_for_light_and_for_dark_screens() -> None:
    for style in theme.STYLES.values():
        for word in style.split():
            assert word == "bold" or word in recorded.PALETTE, word
    for name, colours in recorded.PALETTE.items():
        for colour, ground in zip(colours, recorded.PALETTE["background"], strict=True):
            assert name == "background" or contrast(colour, ground) >= 4.5, name


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_formats_of_pictures_go_with_pages_alone() -> None:
    for arguments in (
        ("dump", "module.version", "--raw", "--format", "html"),
        ("diff", READY, READY, "--format", "svg"),
        ("fleet", READY, "--format", "svg"),
        ("explain", "CMR", "--format", "html"),
    ):
        assert ran(*arguments).status == 2, arguments


def test_check_writes_a_page_to_a_file_too(tmp_path: Path) -> None:
    made = tmp_path / "check.html"
    done = ran(*PAGES["check"], "--format", "html", "--output", str(made))
    assert (done.status, done.out) == (1, "")
    assert made.read_text().startswith("<!doctype html>")


# --- in a browser ---------------------------------------------------------------------------------

MEASURE = """<!doctype html><iframe src="/page" style="border:0;width:{width}px;height:900px">
</iframe><pre id="found"></pre><script>
onload = () => {{
  const inside = document.querySelector("iframe").contentDocument;
  const shown = [...inside.querySelectorAll("pre")].filter(e => e.offsetParent);
  found.textContent = JSON.stringify({{
    wide: inside.documentElement.scrollWidth,
    scrolls: shown.some(e => e.scrollWidth > e.clientWidth),
    classes: shown.map(e => e.className),
    colour: getComputedStyle(inside.body).backgroundColor,
    text: inside.body.innerText,
  }});
}};
</script>"""


@contextmanager
def serving(files: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """A server of these files; gives its address and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            asked.append(self.path)
            body = files.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            kind = "image/svg+xml" if body.startswith(b"<svg") else "text/html; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def browsed(folder: Path, url: str) -> tuple[str, str]:
    """What a headless browser makes of the address: the document, and what it logs."""
    done = subprocess.run(
        [
            *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--enable-logging=stderr", "--log-level=0", f"--user-data-dir={folder / 'profile'}"),
            *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=1500,950"),
            url,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout, done.stderr


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(
    ("name", "width", "layout"),
    one_in(
        6,
        [
            pytest.param("check", 400, "narrow"),
            pytest.param("check", 1400, "wide"),
            pytest.param("map", 1400, "wide"),
            pytest.param("map", 400, "narrow"),
            pytest.param("fleet", 400, "narrow"),
            pytest.param("fleet", 1400, "wide"),
        ],
    ),
)
def test_a_browser_shows_the_page_without_a_complaint_or_a_request(
    tmp_path: Path, name: str, width: int, layout: str
) -> None:
    files = {"/page": page(name), "/": MEASURE.format(width=width)}
    with serving(files) as (address, asked):
        document, log = browsed(tmp_path, address + "/")
    assert [path for path in asked if path != "/favicon.ico"] == ["/", "/page"]
    assert "CONSOLE" not in log.replace("favicon", ""), log
    text = re.findall(r'<pre id="found">(.*?)</pre>', document, re.DOTALL)[0]
    found = json.loads("".join(Document(text).texts))
    assert found["wide"] <= width
    assert found["classes"] == [layout]
    assert not found["scrolls"]
    assert ran(*PAGES[name]).out.split()[0] in found["text"]


@needs_chromium
def test_a_browser_draws_the_picture(tmp_path: Path) -> None:
    with serving({"/": page("check", "svg")}) as (address, asked):
        document, log = browsed(tmp_path, address + "/")
    assert set(asked) <= {"/", "/favicon.ico"}
    assert "Not ready" in document
    assert "error" not in re.findall(r"CONSOLE.*", log)
