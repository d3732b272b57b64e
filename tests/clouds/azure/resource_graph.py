"""Resource Graph: the queries that filter by identifier, type, group, location or tag. Anything else is refused."""

import re

TABLES = {"resources", "resourcecontainers"}
LITERAL = r"'(?:[^'\\]|\\.)*'"


class BadQuery(Exception):
    pass


def unquoted(literal):
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def condition(text):
    """Returns what one `where` says, as a function of a row."""
    found = re.fullmatch(rf"(\w+(?:\.\w+|\['[^']+'\])*)\s+(in~|in)\s*\(\s*({LITERAL}(?:\s*,\s*{LITERAL})*)\s*\)", text)
    if found:
        fold = str.lower if found[2] == "in~" else str
        wanted = {fold(unquoted(literal)) for literal in re.findall(LITERAL, found[3])}
        return lambda row: fold(str(column(row, found[1]))) in wanted
    found = re.fullmatch(rf"(\w+(?:\.\w+|\['[^']+'\])*)\s*(=~|==|!=|!~)\s*({LITERAL})", text)
    if not found:
        raise BadQuery(f"Syntax error near '{text}'")
    fold = str if found[2] in ("==", "!=") else str.lower
    wanted, negated = fold(unquoted(found[3])), found[2].startswith("!")
    return lambda row: (fold(str(column(row, found[1]))) == wanted) != negated


def column(row, path):
    for name in re.findall(r"\['([^']+)'\]|(\w+)", path):
        row = row.get(name[0] or name[1], "") if isinstance(row, dict) else ""
    return row


def run(query, rows_of):
    """Runs a query; `rows_of` gives the rows of a table."""
    stages = [stage.strip() for stage in re.split(rf"\|(?=(?:[^']*{LITERAL})*[^']*$)", query)]
    table = stages[0].lower()
    if table not in TABLES:
        raise BadQuery(f"Table '{stages[0]}' is unsupported")
    rows = list(rows_of(table))
    for stage in stages[1:]:
        word, _, rest = stage.partition(" ")
        if word == "where":
            wanted = [condition(part.strip()) for part in re.split(r"\s+and\s+", rest)]
            rows = [row for row in rows if all(fits(row) for fits in wanted)]
        elif word == "project":
            names = [name.strip() for name in rest.split(",")]
            rows = [{name: column(row, name) for name in names} for row in rows]
        elif word in ("limit", "take"):
            rows = rows[: int(rest)]
        elif word == "order":
            name = re.fullmatch(r"by\s+(\w+)(\s+asc)?", rest)
            if not name:
                raise BadQuery(f"Syntax error near '{stage}'")
            rows = sorted(rows, key=lambda row: str(column(row, name[1])))
        else:
            raise BadQuery(f"Operator '{word}' is unsupported")
    return rows
