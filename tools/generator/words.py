# SPDX-License-Identifier: MIT
"""What an operation and its words are, for a person: in comments and in the manual."""

from generator.model import GENERAL_ERRORS, PLAIN_TYPES, UNRANGED_TYPES, WORD_MAX


def range_text(word):
    """The limits as a person reads them, or an empty string."""
    text = "..".join(word.range) if word.range else ""
    if word.type == "priority" and not text:
        text = f"..{word.high.value}"
    return ", ".join(part for part in (text, f"a multiple of {word.align_text}" if word.align_text else "") if part)


def range_suffix(word):
    return f", {range_text(word)}" if range_text(word) else ""


def with_rights(rights):
    return f" with the right{'s' if len(rights) > 1 else ''} {', '.join(rights)}" if rights else ""


def type_text(word):
    """The type as a person reads it."""
    if word.type == "capability":
        kind = "a capability" if word.target == "any" else f"a capability to {word.target}"
        return kind + with_rights(word.rights) + (", given away" if word.give else "") + \
            (", or 0 for none" if word.optional else "")
    if word.type in ("enum", "flags"):
        return ("one of " if word.type == "enum" else "a set of ") + word.target
    return (PLAIN_TYPES[word.type][0] if word.type in PLAIN_TYPES else UNRANGED_TYPES[word.type])


def subject_text(operation):
    if operation.on == "any":
        return "any capability"
    return f"a capability to {operation.on}{with_rights(operation.needs)}"


def cost_text(operation):
    steps = f" a step; {operation.long}" if operation.long else ""
    source = "" if operation.source == "-" else f" Source: {operation.source}."
    return f"Bound: {operation.bound} instructions{steps}.{source}"


def all_errors(model, operation):
    """(status, description) of the operation's errors: its own, then the general ones that can happen to it."""
    own = [error.name for error in operation.errors]
    possible = {"bad_handle": True, "wrong_type": True, "revoked": True,
                "no_right": bool(operation.needs or any(word.rights for word in operation.ins)),
                "no_such_operation": False,
                "bad_argument": any(is_checked(word) for word in operation.ins)}
    if operation.on == "any" and not any(word.type == "capability" and word.target != "any" for word in operation.ins):
        possible["wrong_type"] = False
    abouts = {status.name: status.about for status in model.statuses}
    general = [(name, abouts[name]) for name in GENERAL_ERRORS if possible[name] and name not in own]
    return [(error.name, error.about) for error in operation.errors] + general


def is_checked(word):
    """Does the wrapper check the word's value?"""
    return (word.low.value > 0 or word.high.value < WORD_MAX or word.align.value > 1) and word.type != "capability"
