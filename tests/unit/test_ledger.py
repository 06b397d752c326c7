"""An answer that was given once is there for good: after a kill, beside other writers, whatever was torn."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.ledger import Ledger, segments_in

MODEL = "org/teacher-1.5"

WRITER = """
import sys
from pathlib import Path
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.ledger import Ledger
folder, first, count, linger = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "linger"
ledger = Ledger.open(folder, "org/teacher-1.5")
for number in range(first, first + count):
    ledger.put(f"{number:064x}", Reply(f"answer {number}", "stop"))
print("written", flush=True)
if linger:
    sys.stdin.read()
ledger.close()
"""


def address(number: int) -> str:
    return f"{number:064x}"


def writer(folder: Path, first: int, count: int, then: str = "close") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(count), then]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def segments(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jsonl"))


def filled(folder: Path, count: int) -> Path:
    with Ledger.open(folder, MODEL) as ledger:
        for number in range(count):
            ledger.put(address(number), Reply(f"answer {number}", "stop"))
    return segments(folder)[-1]


def test_an_answer_comes_back_as_it_was_given(tmp_path: Path) -> None:
    replies = [
        Reply('日本語, "quotes", \u2028 and\nline\r\nends', "stop", False, 12, 34, 5, "teacher-1.5-2026"),
        Reply("I would rather not.", "stop", refused=True),
        Reply("cut o", "length"),
        Reply("", "stop"),
    ]
    with Ledger.open(tmp_path, MODEL) as ledger:
        for number, reply in enumerate(replies):
            ledger.put(address(number), reply)
        assert [ledger.get(address(number)) for number in range(4)] == replies
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert [ledger.get(address(number)) for number in range(5)] == [*replies, None]
        assert address(3) in ledger and address(4) not in ledger
        assert len(ledger) == 4


def test_an_answer_keeps_the_time_at_which_it_was_given(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, MODEL) as ledger:
        before = datetime.now(UTC).replace(microsecond=0)
        ledger.put(address(0), Reply("now", "stop"))
        ledger.put(address(1), Reply("last year", "stop", at="2025-11-20T23:59:58Z"))
    with Ledger.open(tmp_path, MODEL) as ledger:
        now, last_year = ledger.get(address(0)), ledger.get(address(1))
        assert now is not None and before <= datetime.fromisoformat(now.at) <= datetime.now(UTC)
        assert last_year is not None and last_year.at == "2025-11-20T23:59:58Z"


def test_an_answer_without_a_time_is_still_an_answer(tmp_path: Path) -> None:
    segment = filled(tmp_path, 1)
    row = json.loads(segment.read_text())
    del row["at"]
    segment.write_text(json.dumps(row, separators=(",", ":")) + "\n")
    with Ledger.open(tmp_path, MODEL) as ledger:
        found = ledger.get(address(0))
        assert found == Reply("answer 0", "stop") and found.at == ""


def test_rows_are_in_the_batch_format_under_the_models_own_folder(tmp_path: Path) -> None:
    segment = filled(tmp_path, 1)
    assert segment.parent == tmp_path / "org%2Fteacher-1.5"
    row = json.loads(segment.read_text())
    assert row["custom_id"] == address(0)
    assert row["response"]["status_code"] == 200
    assert row["response"]["body"]["choices"][0]["message"] == {"role": "assistant", "content": "answer 0"}


def test_answers_survive_kill_9_of_the_writer(tmp_path: Path) -> None:
    process = writer(tmp_path, 0, 100, "linger")
    assert process.stdout is not None and process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert [ledger.get(address(number)) for number in range(100)] == [
            Reply(f"answer {n}", "stop") for n in range(100)
        ]


def test_two_processes_write_at_once_without_harm(tmp_path: Path) -> None:
    # 200 + 200 rows, of which 100 to 199 are written by both: 300 addresses.
    processes = [writer(tmp_path, 0, 200), writer(tmp_path, 100, 200)]
    for process in processes:
        process.communicate()
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert len(segments(tmp_path)) == 2
        assert len(ledger) == 300
        assert all(ledger.get(address(number)) == Reply(f"answer {number}", "stop") for number in range(300))


def test_a_ledger_cut_at_every_byte_of_its_last_200_loses_no_whole_row_and_goes_on(tmp_path: Path) -> None:
    """Cut by 0, 1, ... 200 bytes: each whole row is there, the torn one is asked again, and then all are there."""
    whole = filled(tmp_path / "whole", 3).read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    assert len(ends) == 3
    for cut in range(201):
        home = tmp_path / str(cut) / "org%2Fteacher-1.5"
        home.mkdir(parents=True)
        torn = home / "20260101T000000.000000Z-host-1-aaaaaaaa.jsonl"
        torn.write_bytes(left := whole[: len(whole) - cut])
        kept = sum(end <= len(left) for end in ends)
        with Ledger.open(home.parent, MODEL) as ledger:
            assert [ledger.get(address(n)) is not None for n in range(3)] == [n < kept for n in range(3)]
            for number in range(kept, 3):
                ledger.put(address(number), Reply("asked again", "stop"))
        assert torn.read_bytes() == left
        with Ledger.open(home.parent, MODEL) as ledger:
            assert [ledger.get(address(n)) for n in range(3)] == [
                Reply(f"answer {n}" if n < kept else "asked again", "stop") for n in range(3)
            ]
        assert len(segments(home)) == (1 if kept == 3 else 2)


def test_a_torn_row_is_never_joined_with_the_next_answer(tmp_path: Path) -> None:
    segment = filled(tmp_path, 2)
    segment.write_bytes(segment.read_bytes()[:-30])
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert ledger.get(address(1)) is None
        ledger.put(address(1), Reply("asked again", "stop"))
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert ledger.get(address(0)) == Reply("answer 0", "stop")
        assert ledger.get(address(1)) == Reply("asked again", "stop")
        assert len(segments(tmp_path)) == 2


def damaged_in_its_first_row(segment: Path) -> None:
    data = bytearray(segment.read_bytes())
    data[100:110] = bytes(10)
    segment.write_bytes(data)


def test_a_row_damaged_in_its_middle_is_no_answer(tmp_path: Path) -> None:
    damaged_in_its_first_row(filled(tmp_path, 2))
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert ledger.get(address(0)) is None
        assert ledger.get(address(1)) == Reply("answer 1", "stop")


def test_a_damaged_row_that_was_asked_again_is_not_asked_a_third_time(tmp_path: Path) -> None:
    damaged_in_its_first_row(filled(tmp_path, 2))
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert ledger.get(address(0)) is None
        ledger.put(address(0), Reply("asked again", "stop"))
        assert ledger.get(address(0)) == Reply("asked again", "stop")
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert ledger.get(address(0)) == Reply("asked again", "stop")


def test_what_others_write_meanwhile_comes_in_whole_rows_only(tmp_path: Path) -> None:
    segment = filled(tmp_path, 1)
    row = segment.read_bytes()
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert ledger.refresh() == 0
        second = row.replace(address(0).encode(), address(1).encode())
        grow(segment, second[:100], ledger)
        assert ledger.refresh() == 0 and ledger.get(address(1)) is None
        grow(segment, second[100:], ledger)
        assert ledger.refresh() == 1 and ledger.get(address(1)) == Reply("answer 0", "stop")
        assert ledger.refresh() == 0 and len(ledger) == 2
        another = segment.with_name("29990101T000000.000000Z-host-1-aaaaaaaa.jsonl")  # a process that has just begun
        grow(another, row.replace(address(0).encode(), address(2).encode()), ledger)
        assert ledger.refresh() == 1 and ledger.get(address(2)) == Reply("answer 0", "stop")


def grow(segment: Path, by: bytes, ledger: Ledger) -> None:
    """Write as another process would, and let the time pass after which the ledger looks through its folder again."""
    with segment.open("ab") as out:
        out.write(by)
    ledger._look_again_at = 0.0


def test_own_answers_are_not_others_answers(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, MODEL) as ledger:
        ledger.put(address(0), Reply("mine", "stop"))
        assert ledger.refresh() == 0 and not ledger.shared


def test_a_segment_that_its_writer_removes_meanwhile_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 1)
    gone = (segments(tmp_path)[0].with_name("20260101T000000.000000Z-host-1-aaaaaaaa.jsonl"), 0)
    monkeypatch.setattr("janus_recipes.llm.ledger.segments_in", lambda folder: [gone, *segments_in(folder)])
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert len(ledger) == 1 and ledger.refresh() == 0


def test_more_segments_than_a_process_may_open_are_read(tmp_path: Path) -> None:
    for number in range(70):  # more than are held open at a time
        with Ledger.open(tmp_path, MODEL) as ledger:
            ledger.put(address(number), Reply(f"answer {number}", "stop"))
    with Ledger.open(tmp_path, MODEL) as ledger:
        for _ in range(2):
            assert all(ledger.get(address(number)) == Reply(f"answer {number}", "stop") for number in range(70))
        assert len(ledger._readers) == 64


def test_two_answers_to_one_question_always_give_the_older(tmp_path: Path) -> None:
    for text in ("first", "second"):
        process = Ledger.open(tmp_path, MODEL)
        process._places.clear()  # as if opened before the other had answered
        process.put(address(0), Reply(text, "stop"))
        process.close()
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert ledger.get(address(0)) == Reply("first", "stop")


def test_models_do_not_see_each_others_answers(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    for model in ("org_teacher-1.5", "..", "org"):
        with Ledger.open(tmp_path, model) as ledger:
            assert len(ledger) == 0
            assert ledger.folder.parent == tmp_path


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger", MODEL) as ledger:
        assert ledger.get(address(0)) is None
    assert not (tmp_path / "ledger").exists()
    with Ledger.open(tmp_path / "ledger", MODEL) as ledger:
        ledger.prepare()
    assert segments(tmp_path) == []


def test_a_ledger_that_cannot_be_made_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where the folder should be")
    with Ledger.open(tmp_path / "ledger", MODEL) as ledger, pytest.raises(StepError, match="cannot be kept here"):
        ledger.prepare()


READ_ONLY = """
import os, sys
from pathlib import Path
from janus_recipes.errors import StepError
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.ledger import Ledger
if os.geteuid() == 0:
    os.seteuid(65534)  # nobody: permissions mean nothing to root, whom a container's user often is
with Ledger.open(Path(sys.argv[1]), "org/teacher-1.5") as ledger:
    print(ledger.get("0" * 64).text)
    try:
        ledger.prepare()
    except StepError as error:
        print(error)
"""


def test_a_read_only_ledger_gives_its_answers_and_is_told_before_anything_is_asked() -> None:
    with tempfile.TemporaryDirectory() as made:
        home = filled(Path(made), 1).parent
        for folder, mode in ((home, 0o555), (home.parent, 0o755)):
            folder.chmod(mode)
        done = subprocess.run([sys.executable, "-c", READ_ONLY, made], capture_output=True, text=True)
        home.chmod(0o755)
    assert done.returncode == 0, done.stderr
    answer, told = done.stdout.splitlines()
    assert answer == "answer 0"
    assert "cannot be kept here: Permission denied" in told and "Nothing more was asked" in told


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from janus_recipes.errors import StepError
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.ledger import Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
ledger = Ledger.open(Path(sys.argv[1]), "org/teacher-1.5")
for number in range(100):
    try:
        ledger.put(f"{number:064x}", Reply("x" * 100, "stop"))
    except StepError as error:
        print(number, error)
"""


def test_a_full_disk_is_told_and_tears_at_most_one_row(tmp_path: Path) -> None:
    # A file-size limit of 1,000 bytes stands for the full disk: a row is some 380 bytes, so two fit.
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, env=os.environ
    )
    assert done.stdout.startswith("2 ") and "run the same command again" in done.stdout, done.stderr
    assert len(done.stdout.splitlines()) == 98
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert len(ledger) == 2
        ledger.put(address(2), Reply("asked again", "stop"))
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert len(ledger) == 3
