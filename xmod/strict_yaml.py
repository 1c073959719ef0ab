"""YAML in which a key that is given twice is an error: other readers drop all but the last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from xmod.config_errors import ConfigError


def read_yaml(path: Path) -> Any:
    """What a YAML file holds; raises ConfigError, with lines, for broken YAML and twin keys."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":  # is YAML too, but for tabs between its tokens
        text = text.expandtabs()
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        twins = [f"{path}:{line}: {message}" for line, message in _twins(node, "")]
        if twins:
            raise ConfigError("\n".join(twins))
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{path}{line}: is no YAML: {getattr(error, 'problem', error)}"
        ) from error
    finally:
        loader.dispose()


def _twins(node: yaml.Node, place: str) -> Iterator[tuple[int, str]]:
    """Line and message of every key that its section has already, in the order of the file.

    Keys are compared as they are written: 13 and "13" name one thing to the configuration.
    """
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twins(item, place)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        name, line = f"{place}{key.value}", key.start_mark.line + 1
        if name in first:
            yield line, f"{name} is given twice, in line {first[name]} already; keep one of them"
        first.setdefault(name, line)
        yield from _twins(value, f"{name}.")
