"""The gate's result as JUnit XML, which CI servers show test by test."""

import re
from xml.etree import ElementTree

from millrace.monitoring.gate_result import GateResult, MetricVerdict, Verdict
from millrace.monitoring.gate_wording import percent

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SUITE = "millrace gate"


def junit_xml(result: GateResult, *, strict: bool) -> bytes:
    """One suite with a test case for each metric.

    What failed is a failure; what is inconclusive is skipped, or with ``strict`` a failure; what has no baseline is
    skipped. There are no times in it: equal results give equal bytes.
    """
    cases = [_case(each, strict=strict) for each in result.metrics]
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": 0,
    }
    n_skipped = sum(case.find("skipped") is not None for case in cases)
    numbers = {name: str(n) for name, n in counts.items()}
    root = ElementTree.Element("testsuites", {"name": _SUITE, **numbers})
    about = {"name": _SUITE, **numbers, "skipped": str(n_skipped), "time": "0"}  # Jenkins knows no skipped of the root
    suite = ElementTree.SubElement(root, "testsuite", about)
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _facts(result, strict=strict).items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    suite.extend(cases)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(found: MetricVerdict, *, strict: bool) -> ElementTree.Element:
    attributes = {"classname": "millrace.gate", "name": _clean(found.metric), "time": "0"}
    case = ElementTree.Element("testcase", attributes)
    if outcome := _outcome(found.verdict, strict=strict):
        what = {"message": _clean(f"{found.verdict}: {found.message}")}
        if outcome == "failure":
            what["type"] = found.reason
        ElementTree.SubElement(case, outcome, what)
    ElementTree.SubElement(case, "system-out").text = _clean("\n".join([_numbers(found), found.message, *found.notes]))
    return case


def _outcome(verdict: Verdict, *, strict: bool) -> str | None:
    if verdict == "fail" or (verdict == "inconclusive" and strict):
        return "failure"
    return None if verdict == "pass" else "skipped"


def _numbers(found: MetricVerdict) -> str:
    drop = "-" if found.drop is None else percent(found.drop)
    means = ["-" if value is None else f"{value:.4f}" for value in (found.baseline, found.candidate)]
    return f"baseline {means[0]}, candidate {means[1]}, drop {drop}, {found.n_pairs} pairs"


def _facts(result: GateResult, *, strict: bool) -> dict[str, str]:
    return {
        "baseline": f"{result.baseline} ({result.baseline_kind})",
        "candidate": f"{result.candidate} ({result.candidate_kind})",
        "max_drop": str(result.config.max_drop),
        "confidence": str(result.config.confidence),
        "strict": str(strict).lower(),
    }


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
