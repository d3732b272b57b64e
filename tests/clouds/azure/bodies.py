"""What of a body is given, shown, referred to and changed."""

from schema_table import CREATE_ONLY, READ_ONLY, WRITE_ONLY


def plain(location):
    return location.replace(" ", "").lower()


def merge(before, change):
    """JSON merge patch."""
    if not isinstance(change, dict) or not isinstance(before, dict):
        return change
    merged = {**before}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(before.get(key), value)
    return merged


def given(node, value):
    """What of a value can be given."""
    if isinstance(value, list) and node.kind == "list":
        return [given(node.item, item) for item in value]
    if not isinstance(value, dict) or node.kind not in ("object", "variants"):
        return value
    properties = node.all_properties(value)
    return {
        key: given(properties[key].node, item) if key in properties else item
        for key, item in value.items()
        if key not in properties or not properties[key].flags & READ_ONLY
    }


def without_secrets(node, value):
    """What of a value is ever given back."""
    if isinstance(value, list) and node.kind == "list":
        return [without_secrets(node.item, item) for item in value]
    if not isinstance(value, dict) or node.kind not in ("object", "variants"):
        return value
    properties = node.all_properties(value)
    hidden = lambda found: found.flags & WRITE_ONLY or found.node.sensitive
    return {
        key: without_secrets(properties[key].node, item) if key in properties else item
        for key, item in value.items()
        if key not in properties or not hidden(properties[key])
    }


def references(value, at=""):
    """Every identifier that a value refers to, and where."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, f"{at}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "id" and isinstance(item, str) and item.lower().startswith("/subscriptions/"):
                yield f"{at}.{key}".lstrip("."), item
            else:
                yield from references(item, f"{at}.{key}")


def fixed_changes(node, old, new, at=""):
    """Every place at which something changes that cannot be changed. What is left out of a request stays."""
    if not isinstance(old, dict) or not isinstance(new, dict) or node.kind not in ("object", "variants"):
        return
    for key, found in node.all_properties(new).items():
        before, after = old.get(key), new.get(key)
        if key == "location" or before is None or after is None:
            continue
        place = f"{at}.{key}".lstrip(".")
        if found.flags & CREATE_ONLY and before != after:
            yield place
        else:
            yield from fixed_changes(found.node, before, after, place)
