"""Writes what the tests need of a checkout of the Matrix specification into `data/`: one line for each operation, schema
and example, without prose.

Usage: python3 tests/spec/compact.py PATH-OF-matrix-spec   (needs PyYAML)
"""

import json
import sys
from pathlib import Path

import yaml

DATA = Path(sys.argv[1]).resolve() / "data"
OUT = Path(__file__).parent / "data"
METHODS = {"get", "put", "post", "delete"}
# Words for people, and hints for other programs.
PROSE = {"$schema", "deprecated", "description", "example", "examples", "externalDocs", "format", "readOnly", "title"}

definitions = {}
loaded = {}


def load(path):
    if path not in loaded:
        # What the identity service's API defines may be absent: anything will do there.
        loaded[path] = yaml.safe_load(path.read_text()) if "/identity/" not in str(path) else {}
    return loaded[path]


def target(ref, here):
    """The file and the pointer that a reference names."""
    file, _, pointer = ref.strip().partition("#")
    return ((here.parent / file).resolve() if file else here), pointer


def pick(document, pointer):
    for step in pointer.strip("/").split("/") if pointer else []:
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


def name_of(path, pointer):
    name = str(path.relative_to(DATA).with_suffix("")) + pointer
    return name.replace("/", ".").replace("$", "_")


def schema(node, here):
    """A schema without prose, whose references name an entry of `definitions`."""
    if isinstance(node, list):
        return [schema(one, here) for one in node]
    if not isinstance(node, dict):
        return node
    slim = {}
    for key, value in node.items():
        if key == "$ref":
            path, pointer = target(value, here)
            name = name_of(path, pointer)
            if name not in definitions:
                definitions[name] = None  # a schema may name itself
                definitions[name] = schema(pick(load(path), pointer), path)
            slim["$ref"] = f"#/$defs/{name}"
        elif key in ("properties", "patternProperties"):
            slim[key] = {name: schema(one, here) for name, one in value.items()}
        elif key in ("enum", "const", "required"):
            slim[key] = value
        elif key == "oneOf":
            # Alternatives of the specification overlap: any object is the content of some event.
            slim["anyOf"] = schema(value, here)
        elif key not in PROSE and not key.startswith("x-"):
            slim[key] = schema(value, here)
    return slim


def resolved(node, here):
    """An OpenAPI object (not a schema) with its own reference followed."""
    while isinstance(node, dict) and "$ref" in node:
        path, pointer = target(node["$ref"], here)
        node, here = pick(load(path), pointer), path
    return node, here


def body(node, here):
    """The JSON schema of a request's or response's body; None where it has none or is not JSON."""
    node, here = resolved(node, here)
    for kind, content in (node.get("content") or {}).items():
        if kind == "application/json":
            return schema(content.get("schema", {}), here)
    return None


def operations(folder):
    for path in sorted((DATA / "api" / folder).glob("*.yaml")):
        document = load(path)
        base = document.get("servers", [{}])[0].get("variables", {}).get("basePath", {}).get("default", "")
        for route, methods in document["paths"].items():
            for method, operation in methods.items():
                if method not in METHODS:
                    continue
                request, _ = resolved(operation.get("requestBody") or {}, path)
                yield {
                    "api": folder,
                    "name": f"{folder} {operation['operationId']}",
                    "method": method.upper(),
                    # Two operations at one path are told apart by a space.
                    "path": base + route.strip(),
                    "request": body(operation["requestBody"], path) if request else None,
                    "responses": {
                        str(status): body(answer, path)
                        for status, answer in operation["responses"].items()
                    },
                }


def example(path):
    """An example event with what it builds on."""
    return merged(load(path), path)


def merged(node, here):
    if isinstance(node, list):
        return [merged(one, here) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        path, _ = target(node["$ref"], here)
        below = merged(load(path), path)
        if len(node) == 1:
            return below
        above = {key: merged(value, here) for key, value in node.items() if key != "$ref"}
        return below | above
    return {key: merged(value, here) for key, value in node.items()}


def write(name, document):
    """Writes an object of lists or maps with one line for each entry, so that a change is a small difference."""
    parts = []
    for key, entries in document.items():
        compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        if isinstance(entries, dict):
            lines = [f"{json.dumps(entry)}:{compact(value)}" for entry, value in sorted(entries.items())]
            parts.append(f"{json.dumps(key)}:{{\n" + ",\n".join(lines) + "\n}")
        else:
            parts.append(f"{json.dumps(key)}:[\n" + ",\n".join(map(compact, entries)) + "\n]")
    (OUT / name).write_text("{" + ",\n".join(parts) + "}\n")


found = list(operations("client-server")) + list(operations("application-service"))
write("openapi.json", {"operations": found, "$defs": definitions})

definitions = {}
schemas = {
    path.stem: schema(load(path), path)
    for path in sorted((DATA / "event-schemas/schema").glob("*.yaml"))
}
examples = {path.stem: example(path) for path in sorted((DATA / "event-schemas/examples").glob("*.yaml"))}
write("events.json", {"schemas": schemas, "examples": examples, "$defs": definitions})
