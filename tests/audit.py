"""Known vulnerabilities of the pinned requirements, by pip-audit, where its database can be reached.

``python -m tests.audit`` ends with 1 if there is a vulnerability without a recorded reason, and says so if the
database can't be reached: that is no finding, and no reason to stop work offline.
"""

from __future__ import annotations

import subprocess
import sys

_ACCEPTED: dict[str, str] = {}
"""Vulnerability id → why it does not matter here."""

_FOUND = 1
_TIMEOUT_S = 120


def main() -> int:
    """The exit status."""
    ignored = [f"--ignore-vuln={identifier}" for identifier in _ACCEPTED]
    audit = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", "requirements.txt"]
    try:
        done = subprocess.run(  # noqa: S603
            [*audit, *ignored], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        print("pip-audit: the database of vulnerabilities did not answer; nothing was checked")
        return 0
    if done.returncode == 0:
        print("pip-audit: no known vulnerabilities")
        return 0
    if done.returncode == _FOUND and "Found" in done.stderr:
        print(done.stdout + done.stderr)
        return 1
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    print(f"pip-audit: the database of vulnerabilities can't be reached; nothing was checked ({last[:120]})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
