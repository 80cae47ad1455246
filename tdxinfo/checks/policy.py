"""The checks that a policy adds, and what it changes of the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from tdxinfo.checks.engine import Accepted, Check, Terms, by_alias, declared, known
from tdxinfo.host import Host
from tdxinfo.model.values import ModuleVersion
from tdxinfo.model.verdict import Verdict, failed, passed, unknown

if TYPE_CHECKING:
    from tdxinfo.model.policy import Policy

Judge = Callable[["Policy", Host], Verdict]


def module_version(policy: Policy, host: Host) -> Verdict:
    version = known(host.module.version)
    wanted = policy.module.minimum.get(f"{version.major}.{version.minor}")
    if wanted is None:
        return failed(f"module {version} is of a line that the policy does not name")
    least = ModuleVersion.parse(wanted)
    if version.update is None or least.update is None:
        return unknown(f"of module {version} the update is not known; the policy asks for {wanted}")
    if version.update < least.update:
        return failed(f"the module is {version}; the policy asks for {wanted}")
    return passed(f"{version}, at least {wanted}")


def features(policy: Policy, host: Host) -> Verdict:
    there = known(host.module.features)
    missing = [name for name in policy.module.features if name not in there]
    return failed(f"missing: {', '.join(missing)}") if missing else passed("all are there")


RULES: dict[str, Judge] = {"policy.module_version": module_version, "policy.features": features}


def terms_of(policy: Policy, today: date) -> Terms:
    """The policy in the engine's words."""
    asked = {
        "policy.module_version": bool(policy.module.minimum),
        "policy.features": bool(policy.module.features),
    }
    added: list[Check] = [
        declared(check_id, partial(RULES[check_id], policy))
        for check_id, is_asked in asked.items()
        if is_asked
    ]
    former = by_alias()
    required = frozenset(former.get(name, name) for name in policy.checks.required)
    accepted = {former.get(e.check, e.check): Accepted(e.reason, e.until) for e in policy.exception}
    return Terms(tuple(added), required, accepted, today)
