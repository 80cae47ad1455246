"""The checks that only a policy has, and the policy's file."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from pydantic import ValidationError

from tdxinfo import tables
from tdxinfo.checks.engine import CHECKS, Check, ids_by_alias, known, new_check
from tdxinfo.checks.policy import Policy
from tdxinfo.decode import bits
from tdxinfo.decode.foreign import parse_toml
from tdxinfo.decode.userspace import version_tuple
from tdxinfo.errors import BadInput, Malformed, Unavailable
from tdxinfo.machine.bounded import read_file
from tdxinfo.model.base import first_message
from tdxinfo.model.values import ModuleVersion
from tdxinfo.model.verdict import Verdict, failed, passed, unknown
from tdxinfo.report import Report

_MAX_BYTES = 1 << 20


def module_version(policy: Policy, report: Report) -> Verdict:
    version = known(report.host.module.version)
    wanted = policy.module.minimum.get(f"{version.major}.{version.minor}")
    if wanted is None:
        return failed(f"module {version} belongs to a line that the policy does not name")
    minimum = ModuleVersion.parse(wanted)
    if version.update is None or minimum.update is None:
        return unknown(
            f"the update of module {version} is unknown, and the policy requires {wanted} or later"
        )
    if version.update < minimum.update:
        return failed(f"the module is {version}, and the policy requires {wanted} or later")
    return passed(
        f"the module is {version}, which the policy accepts: it requires {wanted} or later"
    )


def features(policy: Policy, report: Report) -> Verdict:
    present = known(report.host.module.features)
    missing = [name for name in policy.module.features if name not in present]
    return (
        failed(f"missing features: {', '.join(missing)}")
        if missing
        else passed("the module has all features that the policy requires")
    )


def floors(policy: Policy, report: Report) -> Verdict:
    too_low, undecided = [], []
    for name, floor in policy.floors.items():
        value = known(report.host.fact(name))
        is_below = _is_below(value, floor)
        if is_below is None:
            undecided.append(f"{name} is {value}: whether that is at least {floor} is unknown")
        elif is_below:
            too_low.append(f"{name} is {value}, and the policy requires at least {floor}")
    if too_low:
        return failed("; ".join(too_low))
    if undecided:
        return unknown("; ".join(undecided))
    return passed(f"{', '.join(policy.floors)}: at least what the policy requires")


def _is_below(value: int | str | ModuleVersion, floor: int | str) -> bool | None:
    """Whether the value is below the policy's floor; None where a part of it is unknown."""
    if isinstance(value, ModuleVersion):
        minimum = ModuleVersion.parse(str(floor))
        if (value.major, value.minor) != (minimum.major, minimum.minor):
            return True
        return None if value.update is None else value.update < (minimum.update or 0)
    if isinstance(value, str):
        return version_tuple(value) < version_tuple(str(floor))
    return value < int(floor)


_REMOVED = {
    "module.fits_processor": "the SEAM loader loads a module only on processors of its sigstruct",
}
"""Ids of checks that were removed, with the reason."""

POLICY_CHECKS: dict[str, Callable[[Policy, Report], Verdict]] = {
    "policy.module_version": module_version,
    "policy.features": features,
    "policy.floors": floors,
}


def checks_of(policy: Policy) -> list[Check]:
    """The checks that this policy adds."""
    is_needed = {
        "policy.module_version": bool(policy.module.minimum),
        "policy.features": bool(policy.module.features),
        "policy.floors": bool(policy.floors),
    }
    return [
        new_check(check_id, partial(function, policy))
        for check_id, function in POLICY_CHECKS.items()
        if is_needed[check_id]
    ]


def read_policy(path: str) -> Policy:
    """The policy in a TOML file. Raises BadInput."""
    from tdxinfo.machine.confined import run

    try:
        data = read_file(path, _MAX_BYTES)
    except Unavailable as error:
        raise BadInput(f"The policy cannot be read: {error.message}.") from None
    try:
        policy = Policy.model_validate(run(lambda: parse_toml(data), path))
    except Malformed as error:
        raise BadInput(f"The policy {path} cannot be read: {error}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"The policy {path} is not valid: {key}: {first_message(error)}.") from None
    if policy == Policy():
        raise BadInput(
            f"The policy {path} is empty: it requires nothing. `tdxinfo policy` on a ready host "
            "writes one that does."
        )
    _refuse_unknown_names(policy, path)
    return policy


def _refuse_unknown_names(policy: Policy, path: str) -> None:
    """Raises BadInput for a misspelled check, feature or fact, which would have no effect."""
    known_checks = {*CHECKS, *POLICY_CHECKS, *ids_by_alias()}
    for name in (*policy.checks.required, *(e.check for e in policy.exception)):
        if name in _REMOVED:
            raise BadInput(
                f"The policy {path} names {name}, which is no longer a check: {_REMOVED[name]}."
            )
        if name not in known_checks:
            raise BadInput(f"The policy {path} names a check that does not exist: {name:.80}.")
    for name in policy.module.features:
        if name not in bits.all_names("TDX_FEATURES0"):
            raise BadInput(f"The policy {path} names an unknown feature: {name:.80}.")
    kinds = {row["fact"]: row["kind"] for row in tables.load("policy")["floor"]}
    for name, floor in policy.floors.items():
        if name not in kinds:
            raise BadInput(
                f"The policy {path} has a floor for {name:.80}, which cannot have one. "
                f"Facts that can have a floor: {', '.join(kinds)}."
            )
        if not _is_of_kind(kinds[name], floor):
            what = f"a floor for {name} that is not a {kinds[name]}: {floor!s:.40}"
            raise BadInput(f"The policy {path} has {what}.")


def _is_of_kind(kind: str, floor: int | str) -> bool:
    """Whether the floor is a number, a version or a release, as its kind requires."""
    if kind == "number":
        return isinstance(floor, int) and floor >= 0
    return isinstance(floor, str) and re.fullmatch(_FORMS[kind], floor) is not None


_FORMS = {
    "version": r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}",
    "release": r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}(?:-[\w.+~-]{1,64})?",
}
"""The text of a floor, by its kind in `tables/policy.toml`."""
