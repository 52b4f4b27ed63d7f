"""What the annotation screen has to read: its keys, the task in hand, the guidelines; as Markdown."""

from apps.cli.annotation.files import guidelines_text
from apps.cli.annotation.session import Visit
from apps.cli.annotation.text import visible

HELP = """\
# Keys

```
1 to 7         the verdict on the answer
a t b          what it should have done: answer, abstain, block
l p o          how much of the answer the passages support:
               all, part, none; the same key again: not judged
e              write the expected answer; with the verdict ok
               it begins as the answer that was given
n              write a note
up down        the next sentence, with the passage nearest to it
PgUp PgDn      scroll the passages
[ ]            scroll question and answer
enter, ctrl+s  store the answer and go on
s              skip the task, with a reason
u              back to the task before, to change it
g              the guidelines
q              stop; the task in hand is given back
```

Sentences: ✓ supported, ~ doubtful, ✗ unsupported by the passages, as the groundedness scorer estimates it. It can be
wrong: that is why you are asked. Whatever you type is redacted before it is stored.
"""


def about(visit: Visit) -> str:
    """The task's head in full, as Markdown; a code block takes everything literally."""
    asked = visit.asked
    facts = [
        f"task {asked.task_id}, trace {asked.trace_id}, tenant {asked.tenant_id}",
        f"asked because: {asked.why}",
        f"triage: {asked.failure_type or 'in order'}; {asked.triage_reason or ''}",
        f"group: {asked.group_label or 'none'}",
    ]
    text = "\n".join(visible(fact).replace("\n", " ") for fact in facts)
    return f"\n# This task\n\n~~~~~~\n{text}\n~~~~~~\n"


def guidelines() -> str:
    """What annotators should go by, as Markdown; says so when there is nothing."""
    return guidelines_text() or "# No guidelines\n\nThis installation has none. Press `?` for the keys."
