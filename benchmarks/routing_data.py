"""Questions with the route they should take: the labelled sets of the tests, and real ones with known intents."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from millrace.answering.draft import Draft
from millrace.answering.standalone import begin_drafts
from millrace.records.answer import Question
from millrace.records.trace import Turn

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared" / "data"
OUT_OF_SCOPE = "out_of_scope"

# Intents of clinc150 whose route the descriptions in configs/routes.yaml decide; assigned before any score was seen.
CLINC_INTENTS = {
    "api_lookup": "balance bill_due bill_balance transactions rewards_balance application_status confirm_reservation "
    "order_status calendar traffic flight_status exchange_rate weather date time pto_request_status pto_balance "
    "meeting_schedule credit_score",
    "direct_llm": "translate calculator measurement_conversion spelling who_made_you meaning_of_life do_you_have_pets "
    "what_are_your_hobbies what_is_your_name where_are_you_from goodbye thank_you greeting tell_joke are_you_a_bot "
    "how_old_are_you what_can_i_ask_you",
    "sql_structured_data": "spending_history",
    "rag_knowledge_base": "replacement_card_duration improve_credit_score international_fees international_visa "
    "vaccines carry_on plug_type oil_change_how jump_start tire_change rollover_401k direct_deposit order_checks",
    OUT_OF_SCOPE: "play_music next_song alarm timer reminder shopping_list_update todo_list_update smart_home "
    "change_volume change_speed whisper_mode make_call text find_phone uber",
}


# Intents of banking77 that ask for the state of one payment or card, or for a person: no help page settles them.
BANKING_NOT_DOCUMENTS = """
card_arrival card_delivery_estimate pending_cash_withdrawal pending_card_payment pending_top_up pending_transfer
transfer_not_received_by_recipient balance_not_updated_after_bank_transfer
balance_not_updated_after_cheque_or_cash_deposit Refund_not_showing_up request_refund compromised_card
lost_or_stolen_card lost_or_stolen_phone cash_withdrawal_not_recognised card_payment_not_recognised
direct_debit_payment_not_recognised terminate_account
"""
DEMO_TEXT_WORK = ("translate", "poem")


class Labelled(NamedTuple):
    """A draft as routing sees it, and the route it should take, or ``out_of_scope``."""

    draft: Draft
    label: str


def labelled_set(name: str) -> list[Labelled]:
    """``test`` or ``development``, from ``tests/answering/data``."""
    content = yaml.safe_load((REPOSITORY / "tests" / "answering" / "data" / f"routing_{name}.yaml").read_text("utf-8"))
    single = [(text, label) for label, texts in content["questions"].items() for text in texts]
    several = [(each["question"], each["route"], each["turns"]) for each in content["conversations"]]
    return [*labelled(single), *(_labelled(text, label, turns) for text, label, turns in several)]


def labelled(pairs: Sequence[tuple[str, str]]) -> list[Labelled]:
    """Questions without a conversation, with their labels."""
    return [_labelled(text, label, []) for text, label in pairs]


def banking77(part: str) -> list[Labelled]:
    """Questions of a bank's customers that its help pages answer; ``train`` is in alphabetical order of intents."""
    with (SHARED / "banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["category"] not in BANKING_NOT_DOCUMENTS.split()]
    return labelled([(row["text"], "rag_knowledge_base") for row in rows])


def clinc150(part: str) -> list[Labelled]:
    """A part of clinc150: the intents of ``CLINC_INTENTS``; or of an ``oos_`` part what has none of its 150 intents.

    The latter count as out of scope, although some belong to a route here ("how expensive is an apple share").
    """
    routes = {intent: route for route, intents in CLINC_INTENTS.items() for intent in intents.split()}
    routes["oos"] = OUT_OF_SCOPE
    rows = json.loads((SHARED / "clinc150" / "data_small.json").read_text(encoding="utf-8"))[part]
    return labelled([(text, routes[intent]) for text, intent in rows if intent in routes])


def demo_questions() -> list[Labelled]:
    """The demo's questions: for the documents, out of scope, or work on a text; what is blocked before routing too."""
    lines = (REPOSITORY / "configs" / "demo" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    turns = [[(turn["speaker"], turn["text"]) for turn in row.get("history", [])] for row in rows]
    return [
        _labelled(row["question"], _demo_label(row["question"]), each) for row, each in zip(rows, turns, strict=True)
    ]


def _demo_label(question: str) -> str:
    return "direct_llm" if any(word in question for word in DEMO_TEXT_WORK) else "rag_knowledge_base"


def _labelled(text: str, label: str, turns: Sequence[Any]) -> Labelled:
    history = [Turn(speaker=speaker, text=said) for speaker, said in turns]
    question = Question(
        question_id=text[:80],
        tenant_id="benchmark",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        question=text,
        history=history,
    )
    return Labelled(begin_drafts([question])[0], label)
