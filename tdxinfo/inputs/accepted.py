"""What `--from` takes, for the sentences that refuse other things."""

from __future__ import annotations

ACCEPTED = (
    "--from takes a kernel log (dmesg or journalctl in any of their formats, also compressed or "
    "in a mail), a capture, a JSON report of tdxinfo, a sosreport, a supportconfig, a crash dump, "
    "a dump of the TDX module's metadata, and what lscpu, rdmsr and Ubuntu's system-report print"
)
