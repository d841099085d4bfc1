from pathlib import Path

from services.cli.logfiles import KEPT, last_line, rotate


def test_a_full_file_is_copied_aside_and_its_writer_goes_on_at_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "token.log"
    with log.open("a") as writer:
        for number in range(KEPT + 3):
            writer.write(f"{number} {'x' * 100}\n")
            writer.flush()
            rotate(tmp_path, full=100)
        writer.write("after\n")
    assert log.read_text() == "after\n"
    assert len(list(tmp_path.iterdir())) == KEPT
    assert [path.read_text()[0] for path in sorted(tmp_path.glob("*.log.*"))] == ["7", "6", "5", "4"]


def test_a_reason_said_plainly_goes_before_the_lines_flushed_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text('limen: LIMEN_X is wrong\n{"event":"stopping"}\n')
    assert last_line(tmp_path / "a.log") == "LIMEN_X is wrong"
    (tmp_path / "b.log").write_text('{"event":"stopping"}\n')
    assert last_line(tmp_path / "b.log") == '{"event":"stopping"}'


def test_the_last_line_is_the_last_that_says_something(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("x" * 10_000 + "\nbroken\n\n")
    assert last_line(tmp_path / "a.log") == "broken"
    assert last_line(tmp_path / "none.log") == "nothing was logged"
