# SPDX-License-Identifier: Apache-2.0
"""Checks a record against the OCSF schema as tests/ocsf has it; tests/support/ocsf.h is the same for unit tests."""
import ipaddress
import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "ocsf"
SCHEMA = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
CLASSES = {rules["class_uid"]: rules for rules in SCHEMA.values() if "class_uid" in rules}
OBJECTS = SCHEMA["objects"]["objects"]


def is_ip(value):
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


SCALARS = {
    "string": lambda value: isinstance(value, str) and value != "",
    "integer": is_number,
    "long": is_number,
    "timestamp": lambda value: is_number(value) and value >= 0,
    "port": lambda value: is_number(value) and 0 <= value <= 65535,
    "ip": lambda value: isinstance(value, str) and is_ip(value),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
}


def problems_of_value(value, kind, where):
    if kind.startswith("["):
        if not isinstance(value, list) or not value:
            return [f"{where} is not a filled array"]
        return [problem for element in value for problem in problems_of_value(element, kind[1:-1], where)]
    if kind in OBJECTS:
        return problems_of_object(value, OBJECTS[kind], where)
    return [] if SCALARS[kind](value) else [f"{where} is not a {kind}: {value!r}"]


def problems_of_object(value, rules, where):
    if not isinstance(value, dict):
        return [f"{where} is not an object"]
    found = [f"{where}.{name} is missing" for name in rules["required"] if name not in value]
    one_of = rules.get("at_least_one")
    if one_of and not any(name in value for name in one_of):
        found.append(f"{where} has none of {one_of}")
    for name, member in value.items():
        if name not in rules["attributes"]:
            found.append(f"{where}.{name} is not an attribute")
            continue
        found += problems_of_value(member, rules["attributes"][name], f"{where}.{name}")
        if name in rules["enums"] and member not in rules["enums"][name]:
            found.append(f"{where}.{name} is {member}, which the schema does not have")
    return found


def problems(record):
    """What is wrong with the record; an empty list when it is valid."""
    if record.get("class_uid") not in CLASSES:
        return [f"class_uid {record.get('class_uid')}"]
    own = CLASSES[record["class_uid"]]
    layers = [own, SCHEMA["base"]] + [SCHEMA[name] for name in record["metadata"].get("profiles", [])]
    rules = {"required": [name for layer in layers for name in layer["required"]], "at_least_one": own["at_least_one"],
             "attributes": {name: kind for layer in layers for name, kind in layer["attributes"].items()},
             "enums": {name: values for layer in layers for name, values in layer["enums"].items()}
             | {"activity_id": own["activity_id"]}}
    found = problems_of_object(record, rules, "record")
    if record["type_uid"] != own["class_uid"] * 100 + record["activity_id"]:
        found.append(f"type_uid {record['type_uid']}")
    if record["category_uid"] != own["category_uid"]:
        found.append(f"category_uid {record['category_uid']}")
    if record["metadata"].get("version") != "1.8.0" or record["metadata"].get("is_truncated"):
        found.append("metadata.version or is_truncated")
    return found
