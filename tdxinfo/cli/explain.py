"""`tdxinfo explain`: what a field, bit, register, status code, check or fact means."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import Settings, global_options, settings_of
from tdxinfo.cli.streams import input_bytes
from tdxinfo.cli.subject import examine, report_of

if TYPE_CHECKING:
    from tdxinfo.explain import Detail, Explanation

_MAX_TEXT = 1 << 20
"""Bytes of standard input that are read."""
_MAX_SECONDS = 10.0
"""Seconds after which no more lines of standard input are explained; each takes some hundredths."""

_WITH_SIGN = re.compile(r"-(?![hqv]+$)[A-Za-z0-9].+|-\d", re.DOTALL)
"""What begins with a minus sign and is not an option of this command: an errno as the kernel prints
it (-5, -ENODEV), an option of QEMU, and its messages (`-accel kvm: ...`)."""


class _Explain(click.Command):
    """A command whose words may begin with a minus sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Behind a blank a word is no option to click; the blank is removed again below.
        marked = [f" {word}" if _WITH_SIGN.fullmatch(word) else word for word in args]
        return super().parse_args(ctx, marked)


@click.command(cls=_Explain)
@click.argument("what", nargs=-1, metavar="WHAT...", shell_complete=completion.meanings)
@click.option("--counts", is_flag=True, help="Print how many names of each kind tdxinfo knows.")
@global_options
@click.pass_context
def explain(context: click.Context, what: tuple[str, ...], counts: bool) -> None:
    """Explain what WHAT means.

    WHAT is a metadata field, a bit, a bitmap with its value (`features0=0xfbf`), an MSR, a leaf or
    a status of SEAMCALL and TDCALL, by name or number; a module release, an MRSEAM or a security
    version; a processor, an errno, a term such as KeyID; a message of the kernel, QEMU, libvirt or
    the quote service; a setting of the firmware, the kernel, QEMU or libvirt; a file of sysfs; a
    leaf or a bit of CPUID; a sigstruct or module file; a check or a fact of `dump`. `-` reads lines
    from standard input, 1 MiB at most, and explains them for 10 s at most, first those that mention
    TDX. For a fact it shows what each source says on this host, for a check its outcome here.
    """
    what = tuple(word.removeprefix(" ") for word in what)
    settings = settings_of(context)
    if counts:
        _print_counts(settings)
        return
    if not what:
        raise click.UsageError("Say what to explain, for example 0xc000050500000000.")
    found, left_out = _found(settings, what)
    unknown = [query for query, meanings in found.items() if not meanings]
    if not any(found.values()):
        sentence = _no_meaning(unknown[0]) if unknown else _NO_CODE
        raise click.UsageError(f"{sentence} {left_out}".rstrip())
    problems = [*map(_no_meaning, unknown), *([left_out] if left_out else ())]
    if not settings.quiet:
        _print(settings, found, problems)
    if problems:
        from tdxinfo.render.safe import printable

        for sentence in problems:
            click.echo(printable(sentence), err=True)
        context.exit(2)


_NO_CODE = "Standard input holds nothing that tdxinfo knows."


def _found(
    settings: Settings, what: tuple[str, ...]
) -> tuple[dict[str, tuple[Explanation, ...]], str]:
    """The meanings of each query, with values of this host; of lines only those with a meaning.

    Also the sentence that says which lines were left out; empty where all were explained.
    """
    from tdxinfo.explain import explanations, queries

    def meanings_of(query: str, may_be_file: bool = True) -> tuple[Explanation, ...]:
        return tuple(
            _with_value(settings, query, meaning) for meaning in explanations(query, may_be_file)
        )

    found: dict[str, tuple[Explanation, ...]] = {}
    left_out = ""
    for query in queries(what):
        if query != "-":
            found[query] = meanings_of(query)
            continue
        lines, is_cut = _lines()
        end = time.monotonic() + _MAX_SECONDS
        of_lines: dict[str, tuple[Explanation, ...]] = {}
        for line in sorted(lines, key=lambda line: not _ABOUT_TDX.search(line)):
            if time.monotonic() > end:
                break
            of_lines[line] = meanings_of(line, may_be_file=False)
        found |= {line: of_lines[line] for line in lines if of_lines.get(line)}
        left_out = _left_out(len(lines), len(of_lines), is_cut)
    return found, left_out


_ABOUT_TDX = re.compile(r"tdx|seam|\btd|sgx|kvm|qemu|tme|quote|0x[89c]0000[0-9a-f]{11}\b", re.I)


def _left_out(lines: int, done: int, is_cut: bool) -> str:
    """The sentence about lines that were not explained; empty where there is none."""
    if done < lines:
        what = (
            f"Standard input has {lines} different lines: only {done} were explained within "
            f"{_MAX_SECONDS:g} s, first those that mention TDX."
        )
    elif is_cut:
        what = f"Standard input is longer than {_MAX_TEXT >> 20} MiB: the rest was not explained."
    else:
        return ""
    return f"{what} Give only the lines that you ask about."


def _lines() -> tuple[list[str], bool]:
    """The lines of standard input, each once, and whether there are more than are read."""
    data = input_bytes(_MAX_TEXT + 1)
    is_cut = len(data) > _MAX_TEXT
    if is_cut:  # the last line may be a part of one
        data = data[: data.rfind(b"\n") + 1]
    text = data.decode("utf-8", "replace")
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())), is_cut


def _print(
    settings: Settings, found: dict[str, tuple[Explanation, ...]], problems: list[str]
) -> None:
    if settings.format == "json":
        from tdxinfo.explain import ExplainReport
        from tdxinfo.report import Problem, frame

        errors = tuple(Problem(message=sentence) for sentence in problems)
        click.echo(ExplainReport(**frame(errors=errors), explanations=found).model_dump_json())
        return
    from tdxinfo.render import meanings, theme

    meanings.print_meanings(theme.console(settings.color), found)


def _print_counts(settings: Settings) -> None:
    from tdxinfo.explain import counts

    if settings.format == "json":
        import json

        click.echo(json.dumps(counts(), indent=2))
        return
    for kind, count in counts().items():
        click.echo(f"{count:5}  {kind}")


def _with_value(settings: Settings, query: str, meaning: Explanation) -> Explanation:
    """A fact with what each of its sources has here, a check with its outcome here, a sigstruct
    with whether its module loads here.
    """
    from tdxinfo.explain import files

    if meaning.kind == "fact":
        given = (detail for detail in meaning.details if detail.name == "value")
        details = (*given, *_answers_here(settings, meaning.name))
    elif meaning.kind == "check":
        details = (*meaning.details, _outcome_here(settings, meaning.name))
    elif meaning.kind in files.KINDS:
        details = (*meaning.details, _loads_here(settings, query))
    else:
        return meaning
    return meaning.model_copy(update={"details": details})


def _outcome_here(settings: Settings, check_id: str) -> Detail:
    from tdxinfo.checks.engine import run_checks
    from tdxinfo.explain import Detail
    from tdxinfo.model.verdict import skipped

    results = run_checks(report_of(settings))
    found = [result.verdict for result in results if result.check.id == check_id]
    verdict = found[0] if found else skipped("only a policy requires this check")
    return Detail(name="here", text=f"{verdict.outcome.value}: {verdict.message}")


def _loads_here(settings: Settings, query: str) -> Detail:
    """Whether this host's processor is among those that a sigstruct lists."""
    from tdxinfo.decode import sigstruct
    from tdxinfo.explain import Detail, files

    platform = report_of(settings, _PROCESSOR).host.platform
    if platform.family is None or platform.model is None:
        return Detail(name="here", text="unknown: the processor of this host is unknown")
    loads = sigstruct.loads_on(files.processors_of(query), platform.family, platform.model)
    named = platform.codename or f"family {platform.family}, model {platform.model}"
    answer = "loads" if loads else "does not load"
    return Detail(name="here", text=f"the module {answer} on this host's processor ({named})")


_PROCESSOR = ("platform.family", "platform.model", "platform.codename")


def _answers_here(settings: Settings, name: str) -> Iterator[Detail]:
    """Each source of the fact and its answer; of a report the value that it holds."""
    from tdxinfo.explain import Detail
    from tdxinfo.machine import Machine
    from tdxinfo.render import words
    from tdxinfo.report import Report, SourceAnswer, observe_all_sources

    def with_all_sources(subject: Machine | Report) -> Report:
        return observe_all_sources(subject, [name]) if isinstance(subject, Machine) else subject

    report = examine(settings, with_all_sources)
    if report.all_sources is None or name not in report.all_sources:
        origin = report.origin_of(name)
        yield Detail(
            name="here", text=words.fact(report, name) + (f"  ({origin})" if origin else "")
        )
        return
    for answer in report.all_sources[name]:
        text = (
            words.of_plain(answer.value, name)
            if isinstance(answer, SourceAnswer)
            else answer.message
        )
        yield Detail(name=answer.origin, text=text)


def _no_meaning(query: str) -> str:
    from tdxinfo.explain import MAX_QUERY, files, nearest_to

    if len(query) > MAX_QUERY:
        return (
            f"The text that begins with {query[:40]!r} is too long to explain: "
            f"{MAX_QUERY} characters is the limit. Give only the part that you ask about."
        )
    reason, hint = files.missing(query), nearest_to(query)
    sentence = f"tdxinfo does not know {query[:100]!r}."
    if reason:
        sentence = f"{query[:100]!r} cannot be explained: {reason}."
    return f"{sentence}{' ' if hint else ''}{hint}"
