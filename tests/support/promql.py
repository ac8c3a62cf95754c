"""As much of Prometheus' query language as our alert rules use; whatever else is an error.

Selectors with ``=``, ``!=``, ``=~``, ``increase(…[1h])``, ``sum|min|max by (…)``, ``/``,
``<``, ``>``, ``and``, numbers. Vectors are matched on all their labels, as without ``on``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

Labels: TypeAlias = frozenset[tuple[str, str]]
Vector: TypeAlias = dict[Labels, float]
Figures: TypeAlias = dict[str, Vector]

_TOKEN = re.compile(
    r'\s*(?:(\d+(?:\.\d+)?(?:e\d+)?)|([A-Za-z_:]\w*)|("(?:[^"\\]|\\.)*")|(\[\w+\])|(=~|!=|[(){},=<>/]))'
)
_AGGREGATES: Mapping[str, Callable[[list[float]], float]] = {"sum": sum, "min": min, "max": max}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
}


def read_figures(exposition: str, instance: str) -> Figures:
    """What a scrape of an appliance gives."""
    figures: Figures = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            labels = frozenset({**sample.labels, "instance": instance}.items())
            figures.setdefault(sample.name, {})[labels] = sample.value
    return figures


def evaluate(expression: str, now: Figures, before: Figures) -> Vector:
    """The vector of an expression; ``before`` are the figures at the beginning of each range."""
    parser = _Parser(_tokens(expression), now, before)
    result = parser.both()
    assert not parser.tokens, f"not understood: {parser.tokens}"
    assert isinstance(result, dict)
    return result


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        assert match, f"not understood: {text[position:]}"
        found.append(match.group().strip())
        position = match.end()
    return found


@dataclass
class _Parser:
    tokens: list[str]
    now: Figures
    before: Figures

    def take(self, *wanted: str) -> str:
        token = self.tokens.pop(0)
        assert not wanted or token in wanted, f"{wanted} expected, not {token}"
        return token

    def next_is(self, *wanted: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in wanted

    def both(self) -> Vector | float:
        left = self.comparison()
        while self.next_is("and"):
            self.take()
            right = self.comparison()
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            left = {labels: value for labels, value in left.items() if labels in right}
        return left

    def comparison(self) -> Vector | float:
        left = self.quotient()
        if not self.next_is(*_COMPARE):
            return left
        holds, right = _COMPARE[self.take()], self.quotient()
        assert isinstance(left, dict)
        assert isinstance(right, float)
        return {labels: value for labels, value in left.items() if holds(value, right)}

    def quotient(self) -> Vector | float:
        left = self.operand()
        while self.next_is("/"):
            self.take()
            right = self.operand()
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            left = {
                labels: value / right[labels]
                for labels, value in left.items()
                if right.get(labels)  # by nothing: NaN, which no comparison keeps
            }
        return left

    def operand(self) -> Vector | float:
        token = self.take()
        if token == "(":
            inner = self.both()
            self.take(")")
            return inner
        if token[0].isdigit():
            return float(token)
        if token in _AGGREGATES:
            return self.aggregate(_AGGREGATES[token])
        if token == "increase":
            self.take("(")
            name = self.take()
            chosen, earlier = self.selected(name, self.now, self.before)
            assert self.take().startswith("[")
            self.take(")")
            return {
                labels: value - earlier[labels]
                for labels, value in chosen.items()
                if labels in earlier
            }
        return self.selected(token, self.now, self.before)[0]

    def aggregate(self, combine: Callable[[list[float]], float]) -> Vector:
        self.take("by")
        names = self.listed()
        self.take("(")
        inner = self.both()
        self.take(")")
        assert isinstance(inner, dict)
        groups: dict[Labels, list[float]] = {}
        for labels, value in inner.items():
            groups.setdefault(frozenset(p for p in labels if p[0] in names), []).append(value)
        return {labels: combine(values) for labels, values in groups.items()}

    def listed(self) -> list[str]:
        self.take("(")
        names = [self.take()]
        while self.take(",", ")") == ",":
            names.append(self.take())
        return names

    def selected(self, name: str, *of: Figures) -> list[Vector]:
        matchers: list[tuple[str, str, str]] = []
        if self.next_is("{"):
            self.take()
            while not self.next_is("}"):
                matchers.append((self.take(), self.take("=", "!=", "=~"), self.take()[1:-1]))
                if self.next_is(","):
                    self.take()
            self.take("}")
        return [
            {
                labels: value
                for labels, value in figures.get(name, {}).items()
                if all(_matches(dict(labels).get(n, ""), how, w) for n, how, w in matchers)
            }
            for figures in of
        ]


def _matches(value: str, how: str, wanted: str) -> bool:
    if how == "=~":
        return re.fullmatch(wanted, value) is not None
    return (value == wanted) is (how == "=")
