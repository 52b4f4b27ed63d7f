"""Whether an answer says that it has none.

The rules are English. On the 507 reference answers of MTRAG-UN they find 90 of 97 that were written for unanswerable
questions, and call none of the 410 others an abstention; they were written with those answers in view.
"""

import re

from millrace.methods.text import each_sentence, normalise

_REACH = 90  # characters into a sentence at which a disclaimer may begin
_NOT = r"(?:(?:do|does|did|is|was|are|can|could)(?:[ ]not|n't)|cannot)"
_DISCLAIMERS = (
    # somebody who has no answer
    rf"""\b(?:i|we)\b(?:\ \w+)?\ (?:{_NOT}|am[ ]not|am[ ]unable|are[ ]unable|neither)\b.{{0,40}}?
        \b(?:know|aware|answer|say|tell|find|have(?![ ]to)|confirm|advise|assist|explain|sure|certain|help)\b""",
    r"\b(?:i|we)\ (?:know\ nothing|have\ no\b.{0,30}?\ (?:information|knowledge|details?|answer))\b",
    r"\b(?:i|we)\b(?:\ have)?\ (?:found|find)\ (?:nothing|no)\b",
    # sources that do not say
    rf"""\b(?:documents?|contexts?|passages?|sources?|texts?|articles?|documentation|guide|knowledge\ base)\b.{{0,30}}?
        \ (?:{_NOT}|no|nothing)\b.{{0,40}}?
        \b(?:information|mention|contain|provide|include|specify|state|address|say|answer|details?)\b""",
    # information that is not there
    r"""\bthere\ (?:is\ no|is\ not\ any|isn't\ any|are\ no|is\ not\ enough|is\ insufficient)\b.{0,30}?
        \b(?:information|mention|details?|knowledge)\b""",
    rf"""\b(?:information|details?|answer)\b.{{0,60}}?\ {_NOT}\ (?:\w+\ )?
        \b(?:available|provided|given|found|mentioned|specified|included|stated)\b""",
    r"\bno\b.{0,30}?\b(?:information|details?|answer)\b.{0,60}?\b(?:available|provided|given|found)\b",
)
_ABSTAINING = re.compile(rf".{{0,{_REACH}}}?(?:{'|'.join(_DISCLAIMERS)})", re.VERBOSE)
_COURTESY = re.compile(
    r"(?:please|could you|can you|would you|do you|is there|what|which|how|let me know|feel free|if you|sorry|"
    r"i(?: a|')m sorry|i apologi[sz]e|i (?:would )?(?:recommend|suggest)|you (?:may|might|can|could) want)\b"
)
_APOLOGY = re.compile(r"\b(?:sorry|apologi[sz]e)\b.{0,40}?\bbut\b")
_CONTRAST = re.compile(r"\b(?:but|however|although|though|nevertheless|instead|generally|typically|that said)\b")


def is_abstention(answer: str) -> bool:
    """Whether an answer only says that it has none: every sentence disclaims knowledge or is a courtesy.

    An answer that disclaims and then tells something all the same is no abstention. False for a blank text.
    """
    disclaims = False
    for sentence in each_sentence(answer):
        kind = _abstaining_kind(normalise(sentence))
        if kind == "tells":  # as most answers do at once
            return False
        disclaims = disclaims or kind == "disclaims"
    return disclaims


def _abstaining_kind(sentence: str) -> str:
    plain = _APOLOGY.sub("", sentence)
    if _ABSTAINING.match(plain) and not _CONTRAST.search(plain):
        return "disclaims"
    return "courtesy" if _COURTESY.match(sentence) else "tells"
