"""What a proof for any number of threads has seen of them, in a certificate.

Variables by name, values as the numbers that facts have too. Nothing here is believed when it is read: it must only be
something that can be an assumption about the abstraction at hand. Whether that is true is what the certificate proves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from zdcheck.base.diagnostics import ToolError
from zdcheck.ir.crowd import Company, LocalState, Seen, View
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import Variable


def spelled_seen(
    views: Sequence[View],
    variables: Sequence[Variable],
    seen: Seen,
    texts: Sequence[Iterable[str]],
) -> list[dict[str, Any]]:
    """For each family, what its threads were seen to be like; `texts` say it in the reader's words."""
    return [
        {
            "family": view.family,
            "threads": [
                {
                    "text": text,
                    "own": {
                        variables[v].name: value for v, value in zip(view.own, local, strict=False)
                    },
                    "owns": [
                        variables[v].name
                        for v, owns in zip(view.owners, local[len(view.own) :], strict=True)
                        if owns
                    ],
                    "company": {variables[v].name: sorted(company[v]) for v in view.around},
                }
                for (local, company), text in zip(locals_.items(), said, strict=True)
            ],
        }
        for view, locals_, said in zip(views, seen, texts, strict=True)
    ]


def families_of(plain: object) -> tuple[str, ...]:
    """The families that something in a file is about. Raises ToolError."""
    if not isinstance(plain, list) or not plain:
        _damaged("`seen` has no family")
    names = [part.get("family") if isinstance(part, dict) else None for part in plain]
    found = [name for name in names if isinstance(name, str)]
    if len(found) < len(names) or len(set(found)) < len(found):
        _damaged("`seen` has not one name for each family")
    return tuple(found)


def seen_of(plain: Sequence[Any], views: Sequence[View], variables: Sequence[Variable]) -> Seen:
    """An assumption about threads with these views. Raises ToolError if the file's is about others."""
    return tuple(
        _Reader(view, variables).locals(part) for view, part in zip(views, plain, strict=True)
    )


class _Reader:
    def __init__(self, view: View, variables: Sequence[Variable]) -> None:
        self.view = view
        self.variables = variables
        self.names = [variable.name for variable in variables]

    def locals(self, plain: Mapping[str, Any]) -> Mapping[LocalState, Company]:
        """The local states of one family, each with its company."""
        found: dict[LocalState, Company] = {}
        threads = plain.get("threads")
        if not isinstance(threads, list):
            _damaged(f"`seen` of `{self.view.family}` is no list")
        for thread in threads:
            if not isinstance(thread, dict):
                _damaged(f"`seen` of `{self.view.family}`")
            local = self._local(thread)
            if local in found:
                _damaged(f"a local state of `{self.view.family}` stands there twice")
            company = self._by_variable(thread.get("company"), self.view.around, "`company`")
            found[local] = {v: self._values(v, values) for v, values in company.items()}
        return found

    def _local(self, thread: Mapping[str, Any]) -> LocalState:
        own = self._by_variable(thread.get("own"), self.view.own, "`own`")
        values = [self._value(v, own[v]) for v in self.view.own]
        owns = thread.get("owns")
        owners = [self.names[v] for v in self.view.owners]
        if not isinstance(owns, list) or not all(name in owners for name in owns):
            _damaged(f"what a `{self.view.family}` thread owns")
        return (*values, *(int(name in owns) for name in owners))

    def _by_variable(self, plain: object, wanted: Iterable[VarId], what: str) -> dict[VarId, Any]:
        """Exactly the variables that are wanted, by their names."""
        if not isinstance(plain, dict):
            _damaged(f"{what} of a `{self.view.family}` thread")
        names = {self.names[v]: v for v in wanted}
        for name in plain:
            if name not in names:
                raise ToolError(
                    f"the proof has seen `{name}` with a `{self.view.family}` thread, "
                    f"which this check does not have there"
                )
        for name in names:
            if name not in plain:
                raise ToolError(
                    f"the proof does not say what was seen of `{name}` "
                    f"with a `{self.view.family}` thread"
                )
        return {v: plain[name] for name, v in names.items()}

    def _values(self, variable: VarId, plain: object) -> frozenset[int]:
        if not isinstance(plain, list):
            _damaged(f"values of `{self.names[variable]}`")
        return frozenset(self._value(variable, value) for value in plain)

    def _value(self, variable: VarId, value: object) -> int:
        type = self.variables[variable].type
        if not isinstance(value, int) or value not in type:
            _damaged(f"a value of `{self.names[variable]}`")
        return value


def _damaged(what: str) -> NoReturn:
    raise ToolError(f"the proof is damaged: {what}")
