"""The house rules: who may import whom, and what every module has.

A rule is read off the syntax tree, so an import inside a function counts as well.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "xmod"
MAX_LINES = 400

PURE = {
    f"xmod.{name}"
    for name in (
        *("config", "config_data", "config_errors", "config_section", "config_sources"),
        *("config_tasks", "config_training", "evaluated", "legal_values", "measured"),
        *("source_table", "source_dag", "strict_yaml", "text_dag", "text_counts"),
        *("config_distributed", "launch"),
        *("cells", "grid", "paths", "languages", "language_batches", "language_sets"),
        *("budgets", "jobs", "architecture", "checks", "dag", "model_dag", "task_dag", "task_jobs"),
        *("files", "manifest", "locks", "processes", "stages", "tries", "causes"),
        *("engines.environment",),
        *("planning", "planning.parameters", "planning.flops", "planning.costs"),
    )
}
"""What plans, names and describes: it starts at once, without numpy, pandas or torch."""

PURE_PACKAGES = {"pydantic", "yaml"}

ALLOWED = {
    # A figure, table or claim that is not declared must stop a run before anything has run, so
    # the plan reads the declarations. They are plain sections: no pandas, no matplotlib.
    ("xmod.dag", "xmod.analysis.catalogue"),
    ("xmod.checks", "xmod.analysis.claims.spec"),
}

HEAVY = ("torch", "pandas", "numpy", "matplotlib", "seaborn", "sentencepiece", "safetensors")

FORBIDDEN = {
    "xmod.model": ("xmod.data", "xmod.training", "xmod.tasks", "xmod.evaluation"),
    "xmod.data": ("xmod.model", "xmod.training", "xmod.tasks", "xmod.evaluation"),
    "xmod.tokenization": ("xmod.model", "xmod.training", "xmod.tasks", "xmod.evaluation"),
    "xmod.interop": (
        *("fairseq", "transformers", "tokenizers"),
        *("xmod.data", "xmod.training", "xmod.tasks", "xmod.evaluation"),
    ),
    "xmod.analysis": (
        *("torch", "safetensors", "sentencepiece"),
        *("xmod.model", "xmod.training", "xmod.data", "xmod.tokenization", "xmod.tasks"),
        "xmod.evaluation",
    ),
    "xmod.training": ("xmod.analysis", "xmod.evaluation", "xmod.tasks"),
    "xmod.evaluation": ("xmod.analysis", "xmod.training"),
    "xmod.engines": ("xmod.analysis", "xmod.evaluation"),
}
"""Room -> what none of its modules imports."""

SNAKEFILE_IMPORTS = {
    *("xmod.config", "xmod.config_errors", "xmod.dag", "xmod.jobs"),
    *("xmod.failures", "xmod.locks", "xmod.stages"),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    """Module -> its syntax tree."""
    return {
        module_name(path): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imports(module: str) -> Iterator[str]:
    """Every module that `module` imports, by its full name; another package's by its first part."""
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import hides where it comes from"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in trees() else str(node.module) for name in inside]
        else:
            continue
        for name in names:
            yield name if name.startswith("xmod") else name.partition(".")[0]


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def is_command(module: str) -> bool:
    """Whether it does something when it is run."""
    return any(
        isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
        for node in trees()[module].body
    )


COMMANDS = [module for module in trees() if is_command(module)]


def test_the_walk_sees_imports() -> None:
    """Lest a rule holds because nothing was looked at."""
    assert len(trees()) > 50
    assert set(trees()) >= PURE
    assert {"torch", "xmod.config_training", "xmod.training.checkpoint"} <= set(
        imports("xmod.training.loop")
    )
    assert "xmod.jobs" in set(imports("xmod.dag"))
    assert "xmod.training.loop" in set(imports("xmod.command")), "inside a function"


@pytest.mark.parametrize("module", sorted(PURE))
def test_what_plans_imports_nothing_heavy(module: str) -> None:
    for name in imports(module):
        if (module, name) in ALLOWED:
            continue
        if name.startswith("xmod"):
            assert name in PURE, f"{module} imports {name}"
        else:
            is_standard = name in sys.stdlib_module_names
            assert is_standard or name in PURE_PACKAGES, f"{module} imports {name}"


def test_every_exception_is_needed() -> None:
    for module, name in ALLOWED:
        assert name in set(imports(module))


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_go_one_way(room: str) -> None:
    modules = [module for module in trees() if is_in(module, room)]
    assert modules
    for module in modules:
        for name in imports(module):
            for forbidden in FORBIDDEN[room]:
                assert not is_in(name, forbidden), f"{module} imports {name}"


def test_nothing_imports_a_command() -> None:
    for module in trees():
        for name in imports(module):
            assert name not in COMMANDS, f"{module} imports the command {name}"


def test_the_snakefile_imports_the_plan_only() -> None:
    files = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]
    assert len(files) > 3
    found = set()
    for file in files:
        text = file.read_text(encoding="utf-8")
        found |= set(re.findall(r"^\s*(?:from|import)\s+(xmod[\w.]*)", text, re.MULTILINE))
        names = re.findall(r"^\s*from\s+xmod\.jobs\s+import\s+(.*)$", text, re.MULTILINE)
        assert names in ([], ["code_digest"])
    assert "xmod.dag" in found
    assert found <= SNAKEFILE_IMPORTS


def shells() -> dict[str, list[str]]:
    """File of rules -> the text of each of its shell commands."""
    pattern = re.compile(r"^( +)shell:\n((?:\1 +.*\n)+)", re.MULTILINE)
    files = sorted((ROOT / "workflow").rglob("*.smk"))
    return {
        file.name: [found[1] for found in pattern.findall(file.read_text(encoding="utf-8"))]
        for file in files
    }


def test_shell_commands_name_what_their_rule_has() -> None:
    """Snakemake reads them again in each job, where the names of a loop have their last values."""
    found = [shell for texts in shells().values() for shell in texts]
    assert len(found) > 25
    assert [shell for shell in found if re.search(r"""\bf["']|\.format\(""", shell)] == []
    names = {name for shell in found for name in re.findall(r"\{(\w+)", shell)}
    assert names <= {"input", "output", "params", "resources", "threads", "log", "wildcards"}


def test_the_plan_starts_without_tensors_or_tables() -> None:
    """Snakemake imports it at every start, and in every job."""
    code = f"import sys, {', '.join(sorted(PURE))}; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_file_is_long() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_every_module_says_what_it_is() -> None:
    assert [module for module, tree in trees().items() if not ast.get_docstring(tree)] == []


def test_commands_are_files_of_their_own() -> None:
    assert len(COMMANDS) > 10
    for command in COMMANDS:
        assert command.count(".") == 1, f"{command} lies in a room"
    with_main = [
        module
        for module, tree in trees().items()
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
    ]
    assert with_main == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_fails_honestly(command: str) -> None:
    """Through `xmod.command.run`: one line for what was foreseen, and exit code 1."""
    guard = trees()[command].body[-1]
    assert isinstance(guard, ast.If)
    assert [ast.unparse(line) for line in guard.body] == ["run(main)"]
    assert "sys.exit" not in ast.unparse(trees()[command])


@pytest.mark.parametrize("command", ["xmod.timings", "xmod.count_corpora"])
def test_a_command_explains_itself(command: str) -> None:
    """Two that start at once stand for all; the others differ in what they import."""
    assert command in COMMANDS
    done = subprocess.run(
        [sys.executable, "-m", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: python -m {command} ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_itself(command: str) -> None:
    assert f"'python -m {command}'" in ast.unparse(trees()[command]), "as a person would call it"


def digests() -> dict[str, set[str]]:
    """Command -> the modules whose code its rule watches, of rules that name a command."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("workflow/rules/*.smk"))
    watched = {}
    for call in re.findall(r"code_digest\(([^)]*)\)", text):
        command, *others = re.findall(r'"([^"]+)"', call)
        names = {"xmod." + name.removesuffix(".py").replace("/", ".") for name in others}
        module = f"xmod.{command.removesuffix('.py')}"
        watched[module] = {one for one in trees() if any(is_in(one, name) for name in names)}
    return watched


def reached(module: str, room: str) -> set[str]:
    """What a module imports from a room, and what that imports from there."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for name in imports(waiting.pop()):
            if is_in(name, room) and name not in found:
                found.add(name)
                waiting.append(name)
    return found


@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if one in digests() and reached(one, "xmod.analysis")]
)
def test_what_is_cheap_runs_again_when_its_code_changes(command: str) -> None:
    """A rule watches all that its command imports from the analysis."""
    assert reached(command, "xmod.analysis") <= digests()[command]


def test_a_figures_look_makes_no_table_again() -> None:
    watching = {
        one for one, modules in digests().items() if "xmod.analysis.figures.style" in modules
    }
    assert watching == {"xmod.draw_figure", "xmod.draw_architecture"}
