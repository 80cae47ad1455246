"""The policy file of `check --policy`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tdxinfo.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from tdxinfo.checks.engine import Terms
    from tdxinfo.model.policy import Policy

_MOST_BYTES = 1 << 20


def terms_of_file(path: str | None) -> Terms:
    """What the policy in the file changes; nothing without a file. Raises BadInput."""
    from tdxinfo.checks.engine import Terms

    if path is None:
        return Terms()
    from tdxinfo.checks.policy import terms_of

    policy = _policy(path)
    _refuse_unknown_names(policy, path)
    return terms_of(policy, date.today())


def _policy(path: str) -> Policy:
    import tomllib

    from pydantic import ValidationError

    from tdxinfo.machine.bounded import read_file
    from tdxinfo.model.policy import Policy

    try:
        table = tomllib.loads(read_file(path, _MOST_BYTES).decode("utf-8"))
        return Policy.model_validate(table)
    except Unavailable as error:
        raise BadInput(f"The policy cannot be read: {error.message}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"The policy {path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"The policy {path} is not valid: {where}: {first['msg']}.") from None


def _refuse_unknown_names(policy: Policy, path: str) -> None:
    """A name that means nothing would silently demand or excuse nothing."""
    from tdxinfo.checks.engine import CHECKS, by_alias
    from tdxinfo.checks.policy import RULES
    from tdxinfo.decode import bits

    checks = {*CHECKS, *RULES, *by_alias()}
    for name in (*policy.checks.required, *(e.check for e in policy.exception)):
        if name not in checks:
            raise BadInput(f"The policy {path} names a check that does not exist: {name:.80}.")
    for name in policy.module.features:
        if name not in bits.all_names("TDX_FEATURES0"):
            raise BadInput(f"The policy {path} names a feature that is not known: {name:.80}.")
