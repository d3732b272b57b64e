"""Reads a packed table of types: the second reader of that format, beside the one in sdk/konductor-schema-table.

Everything is read once, into plain Python objects.
"""

import dataclasses
import struct

REQUIRED, READ_ONLY, WRITE_ONLY, CREATE_ONLY, IDENTIFIER, SENSITIVE = 1, 2, 4, 8, 16, 32


@dataclasses.dataclass
class Property:
    flags: int
    node: "Node"


@dataclasses.dataclass
class Node:
    kind: str
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    sensitive: bool = False
    values: list = dataclasses.field(default_factory=list)
    open: bool = False
    item: "Node | None" = None
    properties: dict = dataclasses.field(default_factory=dict)
    discriminator: str | None = None
    variants: dict = dataclasses.field(default_factory=dict)

    def all_properties(self, value):
        """The properties of an object; of one with several forms, those of the form that `value` says."""
        if self.kind != "variants":
            return self.properties
        variant = self.variants.get(value.get(self.discriminator)) if isinstance(value, dict) else None
        return {**self.item.properties, **(variant.properties if variant else {})}


@dataclasses.dataclass
class Type:
    name: str
    version: str
    body: Node
    facts: dict


class Cursor:
    def __init__(self, data, offset):
        self.data, self.offset = data, offset

    def byte(self):
        self.offset += 1
        return self.data[self.offset - 1]

    def number(self):
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def optional(self):
        return self.number() if self.byte() else None

    def signed(self):
        folded = self.optional()
        return None if folded is None else (folded >> 1) ^ -(folded & 1)


class Table:
    """All types of a table: `versions` has them by name in lower case and by version."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:4] != b"KST1":
            raise ValueError(f"{path} is no schema table")
        self.strings, self.nodes, self.places, self.entries, self.ends, _ = struct.unpack_from("<6I", self.data, 4)
        self.read = [Node("any") for _ in range((self.entries - self.places) // 4)]
        for index, node in enumerate(self.read):
            self.fill(node, Cursor(self.data, self.nodes + self.place(self.places, index)))
        self.versions = {}
        for index in range((len(self.data) - self.ends) // 4):
            cursor = Cursor(self.data, self.entries + self.place(self.ends, index))
            name, version = self.string(cursor.number()).split("@")
            body = self.read[cursor.number()]
            facts = {self.string(cursor.number()): self.string(cursor.number()) for _ in range(cursor.number())}
            self.versions.setdefault(name.lower(), {})[version] = Type(name, version, body, facts)

    def place(self, places, index):
        return struct.unpack_from("<I", self.data, places + 4 * index)[0]

    def string(self, offset):
        cursor = Cursor(self.data, self.strings + offset)
        length = cursor.number()
        return self.data[cursor.offset : cursor.offset + length].decode()

    def optional_string(self, cursor):
        offset = cursor.optional()
        return None if offset is None else self.string(offset)

    def fill(self, node, cursor):
        tag = cursor.byte()
        node.kind = ["any", "boolean", "integer", "number", "text", "choice", "list", "map", "object", "variants"][tag]
        if node.kind == "integer":
            node.minimum, node.maximum = cursor.signed(), cursor.signed()
        elif node.kind == "text":
            node.sensitive = cursor.byte() != 0
            node.minimum, node.maximum = cursor.optional(), cursor.optional()
            node.pattern = self.optional_string(cursor)
            self.optional_string(cursor)
        elif node.kind == "choice":
            node.open = cursor.byte() != 0
            node.values = [self.string(cursor.number()) for _ in range(cursor.number())]
        elif node.kind == "list":
            node.item = self.read[cursor.number()]
            node.minimum, node.maximum = cursor.optional(), cursor.optional()
        elif node.kind == "map":
            node.item = self.read[cursor.number()]
        elif node.kind == "object":
            additional = cursor.optional()
            node.item = None if additional is None else self.read[additional]
            for _ in range(cursor.number()):
                name = self.string(cursor.number())
                flags = cursor.number()
                node.properties[name] = Property(flags, self.read[cursor.number()])
        elif node.kind == "variants":
            node.discriminator = self.string(cursor.number())
            node.item = self.read[cursor.number()]
            for _ in range(cursor.number()):
                name = self.string(cursor.number())
                node.variants[name] = self.read[cursor.number()]
