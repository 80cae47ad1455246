"""Releases of the module, and processors beside them, in a question."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo.decode import bits, releases
from tdxinfo.decode.releases import Release
from tdxinfo.explain import bits_in_words, loaders
from tdxinfo.explain.meaning import Explanation
from tdxinfo.explain.module_updates import during_a_build
from tdxinfo.explain.processors import named_in, processor
from tdxinfo.explain.versions import build_asked, of_release
from tdxinfo.explain.versions import release as module_release
from tdxinfo.model.values import ModuleVersion

_IN_WORDS = re.compile(
    r"(?<![A-Za-z0-9.])v?([12]\.[05]\.\d{1,2}(?:\.\d{1,2}\.\d{2,4})?)(?![\w.]*\d)"
)
_OF_MODULES = re.compile(
    r"\b(?:tdx|seam|p-seamldr|seamldr|module|modules|updat\w+|upgrad\w+|downgrad\w+|release|svn"
    r"|mr_?seam|vulnerab\w+|advisory|advisories|affect\w{0,3}|fix\w{0,3}|cves?|safe|loads?|runs?|linux|ok|supports?|supported|released|when|date|built"
    r"|good|secure|outdated|kvm|enough|have|has|features?|lacks?|missing)\b|->",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"(?<![\w.])(?:newest|latest|current|recommended|which|new|release|version)\b", re.I
)
"""What asks for releases where none is named."""
_MOST_WORDS = 24


def releases_in_words(query: str) -> Iterator[Explanation]:
    """Releases, and processors beside them, in a question.

    `does 1.5.16 load on Granite Rapids`, `1.5.05 -> 1.5.16`, `newest module for EMR`
    """
    if len(query.split()) > _MOST_WORDS:
        return
    loader = _LOADER.search(query)
    rest = query.replace(loader[0], " ") if loader else query
    named = [releases.release_named(text) for text in _IN_WORDS.findall(rest)]
    found = [one for one in dict.fromkeys(named) if one]
    on = named_in(query)
    is_meant = bool(on or len(found) > 1 or _OF_MODULES.search(query))
    if found and is_meant:
        update = _between(found[0], found[1], on) if len(found) == 2 else []
        if _MEANWHILE.search(query) and _BUILDS.search(query):
            update.append(("while a TD is built", during_a_build(found[0])))
        asked = _features_asked(query, found[0].features0)
        loads, *others = [[(f"on {name}", _loads(one, name)) for name in on] for one in found]
        loaded = [(f"with P-SEAMLDR {loader[1]}", _loaded(found[0], loader[1]))] if loader else []
        yield of_release(found[0], (*asked, *update, *loads, *loaded))
        yield from (of_release(one, rows) for one, rows in zip(found[1:], others, strict=True))
    elif not named and _UPDATES.search(query) and len(set(_LINE.findall(query))) == 2:
        yield from _between_lines(_LINE.findall(query))
    elif not named and loader and _OF_MODULES.search(rest):
        yield from loaders.loader(f"P-SEAMLDR {loader[1]}")
    elif not named and ": " not in query and _OF_MODULES.search(query) and _BUILD.search(query):
        yield from (one for text in _BUILD.findall(query) for one in build_asked(text))
    elif not named and on and _OF_PROCESSORS.search(query) and not _ASKED.search(query):
        for name in on:
            yield from processor(name)
    elif not named and _OF_MODULES.search(query) and _ASKED.search(query):
        yield from _newest(on, query)


_FEATURES = re.compile(r"\bfeatures\b", re.IGNORECASE)


def _features_asked(query: str, features0: int | None) -> list[tuple[str, str]]:
    """Whether a release has the feature that the query names, else all that it has, if asked."""
    asked = list(bits_in_words.asked("TDX_FEATURES0", query, features0))
    if not asked and features0 is not None and _FEATURES.search(query):
        asked = [("it has", " ".join(bits.names_of("TDX_FEATURES0", features0)))]
    return asked


_MEANWHILE = re.compile(r"\b(?:while|whilst|during|when|with)\b", re.IGNORECASE)
_BUILDS = re.compile(
    r"\b(?:build(?:s|ing)?|built|creat\w{2,4}|launch\w{0,3}|start(?:s|ing)?|boot(?:s|ing)?)\b", re.I
)
"""Words that speak of an update while a TD is being built."""
_UPDATES = re.compile(r"\b(?:up|down)(?:dat|grad)\w{1,3}\b|->|\bswitch\b|\bmove\b", re.I)
_LINE = re.compile(r"(?<![\w.])([12]\.[05])(?:\.x)?(?![\w.]*\d)", re.IGNORECASE)


def _between_lines(lines: list[str]) -> Iterator[Explanation]:
    """Two lines of modules, and that there is no update from one to the other while TDs run."""
    for name in dict.fromkeys(lines):
        for meaning in module_release(f"module {name}"):
            rows = [("the update", "not possible while TDs run: an update stays within its line")]
            yield meaning.with_first(rows)


def _newest(processors: list[str], query: str) -> Iterator[Explanation]:
    """The newest release for each processor; without one that of each line, or of the one named."""
    known = f"table of {releases.as_of()}"
    newest = releases.newest_by_processor()
    for name in processors:
        if name in newest:
            yield of_release(newest[name], [(f"newest known for {name}", known)])
    # `recommended` may ask for the value of a setting.
    is_current = _CURRENT.search(query) and _OF_RELEASES.search(query)
    if not processors and (_NEWEST.search(query) or is_current):
        lines = {one.line: one for one in releases.releases()}
        wanted = [line for line in lines if f"{line[0]}.{line[1]}" in query]
        for line in wanted or [line for line in lines if line >= (1, 5)]:
            yield of_release(lines[line], [("newest known of its line", known)])


_NEWEST = re.compile(r"(?<![\w.])(?:newest|latest)\b", re.IGNORECASE)
_CURRENT = re.compile(r"(?<![\w.])(?:current|recommended)\b", re.IGNORECASE)
_OF_RELEASES = re.compile(r"\b(?:modules?|releases?|versions?|seam)\b", re.IGNORECASE)
_OF_PROCESSORS = re.compile(
    r"\b(?:microcode|ucode|[12]\.[05](?:\.x)?|support\w*|have|has|run|runs|load|loads|use|for)\b",
    re.IGNORECASE,
)
"""What is asked of a processor where no release is named."""


def _loads(release: Release, processor: str) -> str:
    if release.loads_on(processor):
        return "it loads there"
    newest = releases.newest_by_processor().get(processor)
    if newest is None:
        return "it does not load there: no TDX module does"
    alike = [
        str(one.version)
        for one in releases.releases()
        if one.loads_on(processor) and one.tcb_svn == release.tcb_svn is not None
    ]
    rest = f"; of the same security version is {alike[0]}" if alike else ""
    return f"it does not load there: {newest.version} is the newest that does{rest}"


_LOADER = re.compile(
    r"(?:p-?)?seam[\s-]?(?:ldr|loader)(?:[\s_]version)?\s{0,3}(?:[=:]|is\b|says\b|shows\b)?\s{0,3}"
    r"v?(\d+\.\d+\.\d+)",
    re.IGNORECASE,
)
_BUILD = re.compile(
    r"\bbuild[\s_]?(?:num(?:ber)?|no\.?)?[\s:=#]{1,3}(0x[0-9a-f]{2,4}|\d{2,4})\b", re.I
)


def _loaded(release: Release, loader: str) -> str:
    """Whether a P-SEAMLDR loads the release: of its line, the oldest that does."""
    needed = " or ".join(release.min_seamldr)
    version = ModuleVersion.parse(loader)
    of_line = [
        one
        for one in map(ModuleVersion.parse, release.min_seamldr)
        if (one.major, one.minor) == (version.major, version.minor)
    ]
    if any(not releases.is_older(version, str(one)) for one in of_line):
        return "it loads"
    return f"it does not load: it needs P-SEAMLDR {needed} or later"


def _between(running: Release, target: Release, on: list[str]) -> list[tuple[str, str]]:
    """Whether an update from one release to another is possible, also on the named processors, and
    what the newer one adds.
    """
    added = " ".join(releases.added_features(running, target))
    is_newer = releases.is_older(running.version, str(target.version))
    adds = (f"{target.version} adds", added) if is_newer else ("adds", "")
    elsewhere = [name for name in on if not target.loads_on(name)]
    update = _update(running, target)
    if elsewhere:
        update += f"; {target.version} does not load on {', '.join(elsewhere)}"
    return [("the update", update), adds]


def _update(running: Release, target: Release) -> str:
    """Whether an update from one release to another can be made while TDs run."""
    if running.line != target.line:
        return "not possible: an update stays within its line"
    if releases.is_older(target.version, str(running.version)):
        return f"{target.version} is older than {running.version}"
    if not releases.takes_over(running, target):
        return f"possible only with a reboot: without one it needs {target.update_from} or later"
    return "possible while TDs run"
