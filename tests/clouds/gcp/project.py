"""The state of the simulated projects and what is common to all services: objects by their path, long operations that
take several polls, preconditions, references between objects, and failures on demand."""

import base64
import copy
import hashlib
import itertools
import json
import re
import threading
import time

import discovery


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def body(self):
        return {
            "error": {
                "code": self.status,
                "message": self.message,
                "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
            }
        }


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def fingerprint(value):
    """Returns what changes when the value does, as Google's fingerprints: bytes in base64."""
    text = json.dumps(value, sort_keys=True).encode()
    return base64.b64encode(hashlib.sha256(text).digest()[:8]).decode()


class Objects:
    """Everything that is in the simulated projects."""

    def __init__(self):
        self.lock = threading.RLock()
        self.documents = discovery.Documents()
        #: By path, without a slash at the beginning: the collection, and the object as it is answered.
        self.objects = {}
        self.operations = {}
        #: Operations by the key of the request that began them.
        self.requests = {}
        self.policies = {}
        self.numbers = itertools.count(1001)
        #: How often an operation is asked for before it is done.
        self.polls = 2
        #: How many objects a page of a list has at most.
        self.page = 500
        self.failures = []
        self.calls = {}

    # Failures on demand.

    def fail(self, wanted):
        self.failures.append({"times": 1, "late": False, "expire": False, **wanted})

    def demanded(self, verb, path, late=False, expire=False):
        """Returns the failure that was asked for, if any. It counts as had."""
        for failure in self.failures:
            is_kind = failure["late"] == late and failure["expire"] == expire
            if is_kind and failure["times"] > 0 and re.search(failure["match"], f"{verb} {path}"):
                failure["times"] -= 1
                return failure
        return None

    # Operations.

    def begin(self, path, verb, kind, target, effect, extra, undo=None):
        """Begins an operation that has its effect when it is done. `path` is where it can be asked for."""
        operation = {
            "path": path, "target": target, "kind": kind, "left": self.polls, "effect": effect, "undo": undo,
            "late": self.demanded(verb, f"/{target}", late=True), "extra": extra,
        }
        self.operations[path] = operation
        if operation["left"] == 0:
            self.end(operation)
        return operation

    def poll(self, operation):
        """Asks for an operation once more."""
        if operation["left"] == 0:
            return
        operation["left"] -= 1
        if operation["left"] == 0:
            self.end(operation)

    def end(self, operation):
        late = operation["late"]
        if not late:
            operation["effect"]()
            return
        operation["failed"] = {"code": late["reason"], "message": f"{late['reason']}: it failed in the end"}
        if operation["undo"]:
            operation["undo"]()

    # References.

    def users(self, link):
        """Returns the paths of objects that refer to a link."""
        found = []
        for path, (_, body) in self.objects.items():
            if any(text == link for text in texts(body) if text != body.get("selfLink")):
                found.append(path)
        return found

    def contents(self):
        """Returns all objects, by service and collection."""
        found = {}
        for path, (collection, body) in sorted(self.objects.items()):
            if not body.get("_hidden"):
                found.setdefault(collection, []).append(shown(body))
        return copy.deepcopy(found)


def shown(body):
    return {name: value for name, value in body.items() if not name.startswith("_")}


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not name.startswith("_"):
                yield from texts(item)


def merged(old, patch):
    """Applies a patch (RFC 7396)."""
    result = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result.get(name), value)
        else:
            result[name] = value
    return result
