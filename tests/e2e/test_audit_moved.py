# SPDX-License-Identifier: Apache-2.0
"""The log's files taken away from under it, really: removed, renamed, replaced, cut, its directories moved. Statements stop
within seconds; when the operator puts back what was there all goes on, and until then rowgate says in one line why not."""
import os
import shutil
import time

import psycopg2
import pytest

import faults
import stack as stacks


def quiet(faulty):
    """All that was written is covered by a checkpoint, and nothing is under way."""
    def is_covered():
        return faulty.signed_size() == len(faulty.log().split(b"\n")) - 1
    stacks.wait_for(is_covered, "the checkpoint of everything", 10)


def set_up(faulty, **options):
    for name in ("moved", "copy"):
        path = faulty.directory / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    faulty.renew(**options)
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(30)
    quiet(faulty)
    return load


def wait_for_reason(faulty, words, tries=2):
    """The supervisor's next tries fail and say why."""
    def has_it():
        return any(word in event["reason"] for event in faulty.deaths()[tries - 1:] for word in words)
    stacks.wait_for(has_it, f"one line with {words}: {faulty.deaths()}", 20)
    assert all("\n" not in event["reason"] for event in faulty.deaths())


def stays_refused(faulty, seconds=2.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with pytest.raises(psycopg2.Error):
            faulty.query("select 1")
        time.sleep(0.2)


def move_segment(faulty):
    old = faulty.live_segment()
    old.rename(faulty.directory / "moved")
    return lambda: (faulty.directory / "moved").rename(old)


def replace_segment_by_nothing(faulty):
    old = faulty.live_segment()
    old.rename(faulty.directory / "moved")
    old.touch(mode=0o600)
    return lambda: os.replace(faulty.directory / "moved", old)


def replace_segment_by_zeros(faulty):
    old = faulty.live_segment()
    old.rename(faulty.directory / "moved")
    old.write_bytes(bytes(4 * 1024 * 1024))
    return lambda: os.replace(faulty.directory / "moved", old)


def replace_segment_by_an_earlier_copy(faulty):
    old = faulty.live_segment()
    lines = old.read_bytes().rstrip(b"\0").split(b"\n")
    old.rename(faulty.directory / "moved")
    old.write_bytes(b"\n".join(lines[:len(lines) // 2]) + b"\n")
    return lambda: os.replace(faulty.directory / "moved", old)


def truncate_segment(faulty):
    """Back from a copy, which lacks what was acknowledged until the auditor noticed."""
    old = faulty.live_segment()
    shutil.copy2(old, faulty.directory / "moved")
    os.truncate(old, 1000)
    return lambda: shutil.copyfile(faulty.directory / "moved", old)


def empty_segment(faulty):
    old = faulty.live_segment()
    shutil.copy2(old, faulty.directory / "moved")
    os.truncate(old, 0)
    return lambda: shutil.copyfile(faulty.directory / "moved", old)


def move_directory_of_segments(faulty):
    (faulty.audit / "seg").rename(faulty.directory / "moved")
    return lambda: (faulty.directory / "moved").rename(faulty.audit / "seg")


def rename_directory_of_segments(faulty):
    (faulty.audit / "seg").rename(faulty.audit / "seg.old")
    return lambda: (faulty.audit / "seg.old").rename(faulty.audit / "seg")


def empty_directory_of_segments(faulty):
    (faulty.audit / "seg").rename(faulty.directory / "moved")
    (faulty.audit / "seg").mkdir(mode=0o700)

    def put_back():
        shutil.rmtree(faulty.audit / "seg")
        (faulty.directory / "moved").rename(faulty.audit / "seg")
    return put_back


def move_log(faulty):
    faulty.audit.rename(faulty.directory / "moved")
    return lambda: (faulty.directory / "moved").rename(faulty.audit)


def empty_log(faulty):
    faulty.audit.rename(faulty.directory / "moved")
    faulty.audit.mkdir(mode=0o700)

    def put_back():
        shutil.rmtree(faulty.audit)
        (faulty.directory / "moved").rename(faulty.audit)
    return put_back


def log_of_another(faulty):
    """A whole log, its keys and all, but not ours."""
    faulty.audit.rename(faulty.directory / "moved")
    made = faulty.rowgate.make_keys()
    assert made.returncode == 0, made.stderr

    def put_back():
        shutil.rmtree(faulty.audit)
        (faulty.directory / "moved").rename(faulty.audit)
    return put_back


CASES = [
    (move_segment, ["rolled back or altered"]),
    (replace_segment_by_nothing, ["rolled back or altered"]),
    (replace_segment_by_zeros, ["rolled back or altered"]),
    (replace_segment_by_an_earlier_copy, ["rolled back or altered"]),
    (move_directory_of_segments, ["seg"]),
    (rename_directory_of_segments, ["seg"]),
    (empty_directory_of_segments, ["rolled back or altered"]),
    (move_log, ["does not exist"]),
    (empty_log, ["no signing keys"]),
]


@pytest.mark.parametrize("spoil,words", CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_what_was_taken_away_stops_statements_and_put_back_it_goes_on(faulty, spoil, words):
    load = set_up(faulty)
    gateway = faulty.rowgate.gateway
    put_back = spoil(faulty)
    assert faulty.wait_until_refused() < 4
    wait_for_reason(faulty, words)
    stays_refused(faulty)
    put_back()
    with faults.Writers(faulty, clients=2) as more:
        more.wait_for_more(20)
    assert faulty.rowgate.gateway == gateway
    faults.stop_and_check(faulty, load, more)


@pytest.mark.parametrize("remove", [lambda faulty: faulty.live_segment().unlink(), lambda faulty: shutil.rmtree(faulty.audit / "seg")],
                         ids=["the live segment", "all segments"])
def test_what_was_removed_stays_refused_and_one_line_says_why(faulty, remove):
    set_up(faulty)
    remove(faulty)
    assert faulty.wait_until_refused() < 4
    wait_for_reason(faulty, ["rolled back or altered", "seg"])
    stays_refused(faulty, 4)
    first = faulty.deaths()[0]["reason"]
    assert "deleted" in first or "moved" in first, first
    assert faulty.rowgate.stop() is not None
    assert "rowgate: " in faulty.try_start()
    assert faulty.audit_verify().returncode != 0


def test_another_log_in_its_place_is_not_taken_for_ours(faulty):
    """Statements stop. That an administrator swapped in a new log, with keys of its own, is for outsiders to find: they know
    the root key and the last checkpoint."""
    load = set_up(faulty)
    old = faulty.audit / "keys" / "root.vkey"
    root = old.read_text()
    put_back = log_of_another(faulty)
    assert faulty.wait_until_refused() < 4
    faulty.rowgate.stop()
    pinned = faulty.directory / "pinned.vkey"
    pinned.write_text(root)
    assert faulty.audit_verify(None, "--root", pinned).returncode != 0
    put_back()
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty, load)


def test_checkpoints_removed_while_it_runs_are_made_again(faulty):
    """They are not the records: a new one of all of them follows within seconds."""
    load = set_up(faulty)
    for path in [*(faulty.audit / "ckpt").glob("*.note"), faulty.audit / "head.note"]:
        path.unlink()
    with faults.Writers(faulty, clients=2) as more:
        more.wait_for_more(20)
        stacks.wait_for(lambda: faulty.signed_size() > 0, "a new checkpoint", 10)
        more.wait_for_more(20)
    assert more.errors == []
    faults.stop_and_check(faulty, load, more)


@pytest.mark.parametrize("directory", ["ckpt", "tile"])
def test_a_published_directory_moved_while_it_runs_stops_nothing_and_is_whole_after_it_is_back(faulty, directory):
    load = set_up(faulty)
    (faulty.audit / directory).rename(faulty.directory / "moved")
    with faults.Writers(faulty, clients=2) as more:
        more.wait_for_more(40)
        time.sleep(2)
        made = faulty.audit / directory
        if made.exists():  # it was made again: what came meanwhile goes to where the rest is
            shutil.copytree(made, faulty.directory / "moved", dirs_exist_ok=True)
            shutil.rmtree(made)
        (faulty.directory / "moved").rename(made)
        more.wait_for_more(10)
    assert more.errors == []
    faults.stop_and_check(faulty, load, more)


def test_without_the_checkpoints_of_an_epoch_that_ended_it_does_not_start(faulty):
    set_up(faulty, keys=["--epoch-seconds", "1"])
    stacks.wait_for(lambda: faulty.kinds().count("epoch.open") >= 2, "two epochs", 10)
    assert faulty.rowgate.stop() == 0
    shutil.copytree(faulty.audit, faulty.directory / "copy")
    for path in [*(faulty.audit / "ckpt").glob("*.note"), faulty.audit / "head.note"]:
        path.unlink()
    line = faulty.try_start()
    assert "rolled back or altered" in line and "epoch" in line, line
    shutil.rmtree(faulty.audit)
    (faulty.directory / "copy").rename(faulty.audit)
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty)


def test_tiles_removed_while_it_was_down_are_built_again_from_the_records(faulty):
    load = set_up(faulty)
    assert faulty.rowgate.stop() == 0
    shutil.rmtree(faulty.audit / "tile")
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty, load)


@pytest.mark.parametrize("spoil", [truncate_segment, empty_segment], ids=lambda value: value.__name__)
def test_a_copy_that_lacks_acknowledged_records_stays_refused(faulty, spoil):
    set_up(faulty)
    put_back = spoil(faulty)
    assert faulty.wait_until_refused() < 4
    wait_for_reason(faulty, ["record"])
    put_back()
    stays_refused(faulty)
    wait_for_reason(faulty, ["rolled back or altered", "acknowledged"])
