# SPDX-License-Identifier: Apache-2.0
"""The constant tables of policy/ (catalogues, functions, types), read from the C sources themselves: they are compiled
into a shared object and asked through their public functions. expand() fills the templates for one tenant."""

import ctypes
import dataclasses
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ["catalog", "catalog_tenant", "catalog_builtin", "catalog_session", "functions", "functions_guards", "functions_types",
           "types"]
RULES = ["DENIED", "ALLOWED", "GUARDED", "CONSTANT"]


class _View(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("select", ctypes.c_char_p)]


class _Row(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("rule", ctypes.c_int), ("by_arity", ctypes.c_char_p * 4)]


class _Slice(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]


@dataclasses.dataclass
class Function:
    name: str
    rule: str
    by_arity: list


class Tables:
    """catalogs: name -> template; functions: name -> Function; types: list of names."""

    def __init__(self):
        with tempfile.TemporaryDirectory(prefix="policydata.") as directory:
            path = pathlib.Path(directory) / "policydata.so"
            subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-shared", "-fPIC", "-I", ROOT, "-o", path]
                           + [ROOT / "policy" / f"{name}.c" for name in SOURCES], check=True)
            library = ctypes.CDLL(str(path))
        library.catalog_view_count.restype = ctypes.c_size_t
        library.catalog_view_at.restype = ctypes.POINTER(_View)
        library.function_count.restype = ctypes.c_size_t
        library.function_at.restype = ctypes.POINTER(_Row)
        library.type_count.restype = ctypes.c_size_t
        library.type_at.restype = ctypes.c_char_p
        library.type_is_allowed.restype = ctypes.c_bool
        library.type_is_allowed.argtypes = [_Slice]
        library.type_oid_is_allowed.restype = ctypes.c_bool
        library.type_oid_is_allowed.argtypes = [ctypes.c_uint32]
        self.type_oid_is_allowed = library.type_oid_is_allowed
        self._library = library
        size = ctypes.c_size_t
        views = [library.catalog_view_at(size(i)).contents for i in range(library.catalog_view_count())]
        self.catalogs = {view.name.decode(): view.select.decode() for view in views}
        rows = [library.function_at(size(i)).contents for i in range(library.function_count())]
        self.functions = {
            row.name.decode(): Function(row.name.decode(), RULES[row.rule],
                                        [text and text.decode() for text in row.by_arity]) for row in rows}
        self.types = [library.type_at(size(i)).decode() for i in range(library.type_count())]

    def type_is_allowed(self, name):
        encoded = name.encode()
        return self._library.type_is_allowed(_Slice(encoded, len(encoded)))


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def text_array(values):
    return "ARRAY[" + ", ".join(quote(value) for value in values) + "]::pg_catalog.text[]"


@dataclasses.dataclass
class Identity:
    """What the rewriter would bind: physical schema -> logical name, relations 'schema.name', and so on."""

    schemas: dict
    relations: list = dataclasses.field(default_factory=list)
    relation_schemas: dict = dataclasses.field(default_factory=dict)
    path: list = dataclasses.field(default_factory=list)
    schema: str = "sales"
    database: str = "acme"
    user: str = "alice"
    pid: int = 4711

    def values(self):
        return {
            "rg_schemas": text_array(self.schemas), "rg_logical": text_array(self.schemas.values()),
            "rg_relations": text_array(self.relations), "rg_relation_schemas": text_array(self.relation_schemas),
            "rg_relation_logical": text_array(self.relation_schemas.values()), "rg_path": text_array(self.path),
            "rg_schema": quote(self.schema) + "::pg_catalog.text", "rg_database": quote(self.database) + "::pg_catalog.text",
            "rg_user": quote(self.user) + "::pg_catalog.text", "rg_pid": f"{self.pid}::pg_catalog.int4",
        }


def expand(template, identity, arguments=()):
    """The template with the identity's constants and the caller's argument texts in place."""
    values = identity.values()
    text = re.sub(r"(?<!:):(rg_[a-z_]+)", lambda match: values[match.group(1)], template)
    return re.sub(r"\$([1-3])", lambda match: arguments[int(match.group(1)) - 1], text)
