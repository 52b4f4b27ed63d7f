"""The XML, held against the schema by which CI servers read it."""

import pytest
from lxml import etree

from millrace.monitoring.eval_results import EvalResult
from millrace.monitoring.gate import compare
from millrace.monitoring.gate_junit import junit_xml
from millrace.monitoring.gate_result import GateConfig, GateResult
from tests.monitoring.test_gate import result, rows

# The elements that are used here, as the junit-10.xsd of Jenkins' xUnit plugin allows them, and no others.
XSD = b"""<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="seconds">
    <xs:restriction base="xs:string"><xs:pattern value="[0-9]{1,3}(\\.[0-9]*)?"/></xs:restriction>
  </xs:simpleType>
  <xs:complexType name="outcome" mixed="true">
    <xs:attribute name="type" type="xs:string"/>
    <xs:attribute name="message" type="xs:string"/>
  </xs:complexType>
  <xs:attributeGroup name="counts">
    <xs:attribute name="name" type="xs:string" use="required"/>
    <xs:attribute name="tests" type="xs:integer" use="required"/>
    <xs:attribute name="failures" type="xs:integer" use="required"/>
    <xs:attribute name="errors" type="xs:integer" use="required"/>
    <xs:attribute name="time" type="seconds"/>
  </xs:attributeGroup>
  <xs:complexType name="property">
    <xs:attribute name="name" type="xs:string" use="required"/>
    <xs:attribute name="value" type="xs:string" use="required"/>
  </xs:complexType>
  <xs:complexType name="testcase">
    <xs:choice minOccurs="0" maxOccurs="unbounded">
      <xs:element name="skipped" type="outcome"/>
      <xs:element name="failure" type="outcome"/>
      <xs:element name="system-out" type="xs:string"/>
    </xs:choice>
    <xs:attribute name="name" type="xs:string" use="required"/>
    <xs:attribute name="classname" type="xs:string" use="required"/>
    <xs:attribute name="time" type="seconds"/>
  </xs:complexType>
  <xs:complexType name="testsuite">
    <xs:choice minOccurs="0" maxOccurs="unbounded">
      <xs:element name="properties">
        <xs:complexType><xs:sequence>
          <xs:element name="property" type="property" maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType>
      </xs:element>
      <xs:element name="testcase" type="testcase"/>
    </xs:choice>
    <xs:attributeGroup ref="counts"/>
    <xs:attribute name="skipped" type="xs:integer"/>
  </xs:complexType>
  <xs:element name="testsuites">
    <xs:complexType>
      <xs:sequence><xs:element name="testsuite" type="testsuite" maxOccurs="unbounded"/></xs:sequence>
      <xs:attributeGroup ref="counts"/>
    </xs:complexType>
  </xs:element>
</xs:schema>"""


@pytest.fixture
def mixed() -> GateResult:
    """One metric of each verdict."""
    before = result(rows("falls", [0.8] * 40), rows("few", [0.8] * 3), rows("same", [0.8] * 40))
    after = result(rows("falls", [0.4] * 40), rows("few", [0.8] * 3), rows("same", [0.8] * 40), rows("new", [0.5]))
    return compare(before, after, GateConfig(n_flips=999))


def parsed(xml: bytes) -> etree._Element:
    root = etree.fromstring(xml)
    etree.XMLSchema(etree.fromstring(XSD)).assertValid(root)
    return root


def outcomes(root: etree._Element) -> dict[str, str | None]:
    found = {
        case.get("name"): [each.tag for each in case if each.tag != "system-out"] for case in root.iter("testcase")
    }
    return {name: tags[0] if tags else None for name, tags in found.items()}


def test_each_metric_is_a_test_case(mixed: GateResult) -> None:
    root = parsed(junit_xml(mixed, strict=False))
    assert outcomes(root) == {"falls": "failure", "few": "skipped", "same": None, "new": "skipped"}
    counts = root.find("testsuite").attrib
    assert (counts["tests"], counts["failures"], counts["skipped"], counts["errors"]) == ("4", "1", "2", "0")
    failure = root.find(".//failure")
    assert failure.get("type") == "dropped"
    assert "dropped by 50 %" in failure.get("message")
    assert "baseline 0.8000, candidate 0.4000, drop 50 %, 40 pairs" in root.find(".//system-out").text


def test_strictly_what_is_inconclusive_is_a_failure_and_what_is_new_is_not(mixed: GateResult) -> None:
    root = parsed(junit_xml(mixed, strict=True))
    assert outcomes(root) == {"falls": "failure", "few": "failure", "same": None, "new": "skipped"}
    assert root.get("failures") == "2"


def test_names_that_xml_cannot_hold_are_written_so_that_it_can() -> None:
    one = result(rows('a<b> & "c" \x00\x1b', [0.5] * 20))
    named = EvalResult("run \x08 & <1>", "rows", one.rows)
    root = parsed(junit_xml(compare(named, named, GateConfig(n_flips=999)), strict=False))
    assert root.find(".//testcase").get("name") == 'a<b> & "c" ��'
    assert root.find(".//property").get("value") == "run � & <1> (rows)"


def test_equal_results_give_equal_bytes(mixed: GateResult) -> None:
    assert junit_xml(mixed, strict=False) == junit_xml(mixed.model_copy(), strict=False)
