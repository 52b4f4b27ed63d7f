"""Opens the rule tables and models that stages take as settings: their content enters the key, not their path."""

from importlib.resources import files
from pathlib import Path

from millrace.answering.output_schema import OutputSchemas
from millrace.answering.routes import RoutingTable
from millrace.distillation.scoring_rules import ScoringRules, read_scoring_rules
from millrace.distillation.stream_mapping import StreamMapping, read_stream_mapping
from millrace.evaluation.metrics import CRITERIA, METRICS
from millrace.governance.retention import RetentionRules
from millrace.governance.roles import RoleTable
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.injection import InjectionRule
from millrace.methods.redaction import RedactionRule
from millrace.monitoring.alert_rules import AlertRules, read_alert_rules
from millrace.records.rules import read_record, read_rules
from millrace.replay.gate import GateConfig
from millrace.triage.confidence import TriageCalibration, read_calibration
from millrace.triage.rules import TriageRules, read_triage_rules
from tasks.sources import table_path


def triage_rules(name: str = "triage") -> TriageRules:
    """What counts as which failure."""
    return read_triage_rules(table_path(name))


def triage_calibration(name: str = "triage_confidence") -> TriageCalibration:
    """What the confidence of triage rests on."""
    return read_calibration(table_path(name))


def scoring_rules(name: str = "scoring") -> ScoringRules:
    """What becomes of which record."""
    return read_scoring_rules(table_path(name))


def stream_mapping(name: str) -> StreamMapping:
    """How the rows of a file become evidence: a mapping of ``configs/streams`` by name, or one's own by path."""
    return read_stream_mapping(table_path(name, "streams"))


def replay_gate(name: str = "replay_gate") -> GateConfig:
    """The bounds of a replay's gate, and the validation steps of every task."""
    return read_record(table_path(name), GateConfig)


def redaction_rules(name: str = "pii") -> list[RedactionRule]:
    """What counts as personal data."""
    return list(read_rules(table_path(name), RedactionRule))


def injection_rules(name: str = "injection") -> list[InjectionRule]:
    """What counts as an attempt to instruct the model."""
    return list(read_rules(table_path(name), InjectionRule))


def groundedness_model(name: str = "groundedness") -> GroundednessModel:
    """The scorer's coefficients."""
    return read_record(table_path(name), GroundednessModel)


def routing_table(name: str = "routes") -> RoutingTable:
    """Where questions can go."""
    return read_record(table_path(name), RoutingTable)


def output_schemas(name: str = "output_schemas") -> OutputSchemas:
    """The form of each route's output."""
    return read_record(table_path(name), OutputSchemas)


def role_table(name: str = "roles") -> RoleTable:
    """Who may do what."""
    return read_record(table_path(name), RoleTable)


def retention_rules(name: str = "retention") -> RetentionRules:
    """How many days what is kept."""
    return read_record(table_path(name), RetentionRules)


def alert_rules(name: str = "alerts") -> AlertRules:
    """Which figures of a day call for somebody."""
    return read_alert_rules(table_path(name), playbook_names(), {"metric": _is_metric})


def playbook_names() -> set[str]:
    """What alerts can send people to."""
    folder = Path(str(files("configs"))).parent / "docs" / "playbooks"
    return {path.stem for path in folder.glob("*.md")} - {"README"}


def _is_metric(name: str) -> bool:
    return name in METRICS or name.startswith(CRITERIA)
