"""Judges requests and answers by Azure's own definitions of its types."""

import re

from schema_table import READ_ONLY, REQUIRED

KINDS = {
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "choice": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "object": lambda value: isinstance(value, dict),
    "variants": lambda value: isinstance(value, dict),
}


def complaints(node, value, of_answer, at=""):
    """Returns everything that is wrong: a code of ARM, the place, and what it is.

    Of a request, what only Azure sets is wrong, and what is missing. Of an answer it is what the definition does not have
    and what is of another kind. Null is the same as nothing.
    """
    if value is None or node.kind == "any":
        return
    if not KINDS[node.kind](value):
        yield "InvalidRequestContent", at, f"expected {node.kind}, found {type(value).__name__}"
        return
    if node.kind in ("integer", "number"):
        yield from limits(node, value, at)
    elif node.kind == "text":
        yield from limits(node, len(value), at)
        if node.pattern and not of_answer and not matches(node.pattern, value):
            yield "InvalidParameter", at, f"'{value}' does not match '{node.pattern}'"
    elif node.kind == "choice":
        if not node.open and value.lower() not in [choice.lower() for choice in node.values]:
            yield "InvalidParameter", at, f"'{value}' is none of {', '.join(node.values)}"
    elif node.kind == "list":
        yield from limits(node, len(value), at)
        for index, item in enumerate(value):
            yield from complaints(node.item, item, of_answer, f"{at}[{index}]")
    elif node.kind == "map":
        for key, item in value.items():
            yield from complaints(node.item, item, of_answer, f"{at}.{key}")
    elif node.kind in ("object", "variants"):
        yield from of_object(node, value, of_answer, at)


def of_object(node, value, of_answer, at):
    properties = node.all_properties(value)
    if node.kind == "variants":
        said = value.get(node.discriminator)
        if said not in node.variants:
            yield "InvalidParameter", f"{at}.{node.discriminator}", f"'{said}' is none of {', '.join(node.variants)}"
            return
        properties = {**properties}
    for key, item in value.items():
        place = f"{at}.{key}".lstrip(".")
        found = properties.get(key)
        if found is None:
            if node.kind == "object" and node.item is not None:
                yield from complaints(node.item, item, of_answer, place)
            elif not (node.kind == "variants" and key == node.discriminator):
                yield "InvalidRequestContent", place, f"could not find member '{key}'"
        elif found.flags & READ_ONLY and not of_answer:
            yield "ReadOnlyPropertySet", place, f"'{key}' is read-only"
        else:
            yield from complaints(found.node, item, of_answer, place)
    if not of_answer:
        for key, found in properties.items():
            if found.flags & REQUIRED and not found.flags & READ_ONLY and value.get(key) is None:
                yield "MissingRequiredProperty", f"{at}.{key}".lstrip("."), f"'{key}' is missing"


def limits(node, number, at):
    if node.minimum is not None and number < node.minimum or node.maximum is not None and number > node.maximum:
        yield "InvalidParameter", at, f"{number} is not between {node.minimum} and {node.maximum}"


def matches(pattern, value):
    try:
        return re.search(pattern, value) is not None
    except re.error:  # a pattern of JavaScript that Python does not know
        return True
