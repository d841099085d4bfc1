"""What a stranger reads is true: the reference is fresh, links lead somewhere, commands that are named exist."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest

from services.cli.docs import __main__ as generator
from services.cli.docs import endpoints, events, metrics, schemas, security
from services.cli.main import VERBS
from services.gateway.routes.table import EXACT, route_of

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
README: Final = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", generator.PAGES)
def test_a_reference_page_says_what_the_code_says(name: str) -> None:
    assert not generator.is_stale(name), f"docs/reference/{name} is stale: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(FENCED.sub("", page.read_text()))
    local = [target.partition("#")[0] for target in targets if not target.startswith(("https://", "#"))]
    assert [target for target in local if not (page.parent / unquote(target)).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_the_readme_names_every_verb_and_no_other() -> None:
    named = set(re.findall(r"`limen ([a-z]+)", README))
    assert named == {name for name, verb in VERBS.items() if verb.is_shown}


def test_the_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)) <= targets


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page.suffix == ".md" and page not in reached and page.exists():
            reached.add(page)
            targets = (unquote(target.partition("#")[0]) for target in LINK.findall(page.read_text()))
            ahead += [page.parent / target for target in targets if not target.startswith("https:")]
    assert [page for page in PAGES if page.resolve() not in reached and page.name != "performance.md"] == []


def test_the_pages_of_decisions_are_listed() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert [each.name for each in (ROOT / "docs" / "decisions").glob("0*.md") if each.name not in index] == []


def test_lines_of_the_checklist_that_tests_name_exist() -> None:
    assert "lines are tested" in security.page()


def test_a_stale_page_is_named_and_is_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "REFERENCE", tmp_path)
    monkeypatch.setattr(generator, "PAGES", {"events.md": events.page})
    assert generator.main(["--check"]) == 1
    assert "docs/reference/events.md is stale" in capsys.readouterr().err
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0


def test_a_file_that_the_code_does_not_make_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "REFERENCE", tmp_path)
    monkeypatch.setattr(generator, "PAGES", schemas.pages())
    assert generator.main([]) == 0
    left = tmp_path / "schemas" / "auth.v1.client.renamed.json"
    left.write_text("{}")
    assert generator.main(["--check"]) == 1
    assert "docs/reference/schemas/auth.v1.client.renamed.json is stale" in capsys.readouterr().err
    assert generator.main([]) == 0
    assert not left.exists()
    assert generator.main(["--check"]) == 0


def test_no_page_of_another_day_is_left() -> None:
    assert generator.superfluous() == []


def test_the_gateway_leads_to_every_endpoint() -> None:
    for each in endpoints.endpoints():
        assert route_of(each.path.replace("{", "").replace("}", "")).service == each.service or each.path in EXACT


def test_every_metric_is_limens_and_says_what_it_counts() -> None:
    found = list(metrics.found())
    assert {"limen_follower_halted", "limen_gateway_requests_total"} <= {each.name for each in found}
    assert [each for each in found if not each.name.startswith("limen_") or not each.meaning.endswith(".")] == []


def test_every_verb_that_is_named_anywhere_exists() -> None:
    for page in PAGES:
        named = set(re.findall(r"\blimen ([a-z]+)\b", "".join(re.findall(r"`[^`]+`", page.read_text()))))
        assert named <= VERBS.keys(), page
