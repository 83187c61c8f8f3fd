"""``pharos doctor``: what could keep Pharos from working here, and how to mend it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pharos.cli.exits import FAILED
from pharos.cli.options import AsJson, TokenFile, Url
from pharos.cli.output import clean, paint, put_json

if TYPE_CHECKING:
    from pharos.doctor.check import Check, Finding
    from pharos.target import Target
    from shared.errors import PharosError


def examine(as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """Check this machine, the control plane, and the stores.

    Each line that is not OK names a command that mends it. Exit code 1: something fails.
    """
    from pharos.doctor.check import run_checks

    checks = _checks(url, token_file)
    findings = run_checks(checks)
    if as_json:
        rows = [
            {"group": check.group, "name": check.name, **asdict(found)}
            for check, found in zip(checks, findings, strict=True)
        ]
        put_json(rows)
    else:
        _print(checks, findings)
    if any(found.grade == "FAIL" for found in findings):
        raise typer.Exit(FAILED)


def _checks(url: str | None, token_file: Path | None) -> list[Check]:
    from pharos.doctor.budget import budget_checks
    from pharos.doctor.machine import machine_checks
    from pharos.doctor.plane import plane_checks
    from pharos.doctor.stores import store_checks
    from shared.settings import EdgeSettings

    fields = EdgeSettings.model_fields
    work_dir = Path(os.environ.get("PHAROS_WORK_DIR") or fields["work_dir"].default)
    vectors = Path(os.environ.get("PHAROS_LANCEDB_PATH") or fields["lancedb_path"].default)
    keeps_vectors = os.environ.get("PHAROS_VECTOR_STORE", "lancedb") == "lancedb"
    target = _target(url, token_file)
    return [
        *machine_checks(work_dir=work_dir),
        *plane_checks(target),
        *budget_checks(target),
        *store_checks(os.environ, vectors=vectors if keeps_vectors else None),
    ]


def _target(url: str | None, token_file: Path | None) -> Target | PharosError:
    from pharos.target import find_target
    from shared.errors import PharosError

    try:
        return find_target(os.environ, url=url, token_file=token_file)
    except PharosError as error:
        return error


def _print(checks: list[Check], findings: list[Finding]) -> None:
    width = max(len(check.name) for check in checks)
    group = ""
    for check, found in zip(checks, findings, strict=True):
        if check.group != group:
            group = check.group
            print(group)
        print(f"  {paint(found.grade.ljust(4))}  {check.name:<{width}}  {clean(found.found)}")
        if found.grade != "OK" and found.fix:
            print(f"        {'':<{width}}  fix: {clean(found.fix)}")
