"""``millrace audit``: the log of who decided what: showing it, checking it, and anchoring its head elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.command import command
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from millrace.governance.audit_chain import AuditVerdict

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(
        help="The audit log: who decided, froze, deleted or held what. (The flow that checks a distillation is another "
        "thing of that name: `millrace run audit`.)",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    command(group)(show)
    command(group)(verify)
    command(group)(anchor)
    app.add_typer(group, name="audit")


def show(
    terminal: Terminal,
    after: Annotated[int, typer.Option(min=0, help="Only entries behind this sequence.")] = 0,
    action: Annotated[str | None, typer.Option(help="Only this action, such as release-frozen.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many; --after goes on.")] = 1_000,
) -> None:
    """Show the entries of the audit log, the oldest first."""
    from apps.cli.audit_entries import find_entries

    found = find_entries(terminal.existing_home(), after=after, action=action, subject=subject, limit=limit)
    rows = [(each.sequence, each.at, each.actor, each.action, each.subject, each.problem) for each in found.entries]
    more = [lines(f"more: --after {found.entries[-1].sequence}")] if found.more and found.entries else []
    terminal.show(found, table(["#", "time", "who", "action", "subject", ""], rows), *more)


def verify(
    terminal: Terminal,
    anchor: Annotated[
        list[Path] | None, typer.Option(help="File of anchors; again for more. MILLRACE_AUDIT_ANCHOR's is used anyway.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Public key that must have signed every line of --anchor.")] = None,
) -> int:
    """Find what was changed, cut out, put in, moved or cut off in the audit log; ends with 1 when anything was.

    That entries were made anew from some point to the end, or that the end is gone, shows only beside an anchor that
    lies where nobody could change it. This checks the log of decisions; `millrace run audit` checks a distillation.
    """
    from tasks.audit_verification import verify_audit_log

    home = terminal.existing_home()
    verifier = None
    if key is not None:
        from apps.cli.release_verification import read_public_key

        verifier = read_public_key(key)
    with terminal.working("hashing the audit log"):
        verdict = verify_audit_log(home, anchor or [], verifier)
    terminal.show(verdict, lines(*_verdict_lines(verdict)))
    return OK if verdict.verified else FINDING


def anchor(
    terminal: Terminal,
    out: Annotated[Path | None, typer.Option(help="Append to this file; by default it is printed.")] = None,
) -> None:
    """Write the log's present head, to be kept where nobody who can write the home can write.

    It is signed when there is a release signing key (`millrace release-key`). The log itself notes that it was done.
    """
    from apps.cli.audit_entries import take_anchor

    taken = take_anchor(terminal.existing_home(), out)
    said = lines(taken.line) if out is None else lines(f"entry {taken.sequence} anchored in {out}")
    terminal.show(taken, said)
    if not taken.signed:
        terminal.say("not signed: there is no release signing key; `millrace release-key` makes one")


def _verdict_lines(verdict: "AuditVerdict") -> list[str]:
    entries, witnesses = f"{verdict.n_entries} entries", f"{verdict.n_witnesses} witnesses"
    if verdict.verified:
        end = "" if verdict.head is None else f"; it stands at {verdict.head.sequence} {verdict.head.hash}"
        return [f"the audit log is whole: {entries}, {witnesses}{end}"]
    first = "" if verdict.first_bad is None else f", the first at {verdict.first_bad}"
    shown = [
        f"{each.problem}: {f'{each.witness}: ' if each.witness else ''}{each.message}"
        for each in verdict.findings[:_SHOWN]
    ]
    rest = verdict.n_findings - len(shown)
    more = [f"and {rest} more"] if rest else []
    return [f"{verdict.n_findings} findings in {entries} against {witnesses}{first}", *shown, *more]
