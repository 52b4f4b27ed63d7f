"""Opens the rule tables and models that stages take as settings: their content enters the key, not their path."""

import yaml

from millrace.methods.groundedness import GroundednessModel
from millrace.methods.injection import InjectionRule
from millrace.methods.redaction import RedactionRule
from millrace.records.rules import read_rules
from millrace.triage.rules import TriageRules, read_triage_rules
from tasks.sources import table_path


def triage_rules(name: str = "triage") -> TriageRules:
    """What counts as which failure."""
    return read_triage_rules(table_path(name))


def redaction_rules(name: str = "pii") -> list[RedactionRule]:
    """What counts as personal data."""
    return list(read_rules(table_path(name), RedactionRule))


def injection_rules(name: str = "injection") -> list[InjectionRule]:
    """What counts as an attempt to instruct the model."""
    return list(read_rules(table_path(name), InjectionRule))


def groundedness_model(name: str = "groundedness") -> GroundednessModel:
    """The scorer's coefficients."""
    return GroundednessModel.model_validate(yaml.safe_load(table_path(name).read_text(encoding="utf-8")))
