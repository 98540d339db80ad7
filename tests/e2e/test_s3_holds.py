# SPDX-License-Identifier: Apache-2.0
"""Holds reach the bucket of a real server: legal hold ON where a hold concerns what is stored and nowhere else, kept by the server
against its administrator, OFF when the hold is released, whatever happens in between."""
import contextlib
import json
import os
import random
import signal
import time

import pytest

import s3
import s3stack
import stack as stacks
from s3fixtures import bucket, one_stack, server, stack  # noqa: F401

pytestmark = pytest.mark.external


def place(stack, *options):
    done = stack.command("audit", "hold", "place", *options, "--reason", "case 17")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def release(stack, hold):
    done = stack.command("audit", "hold", "release", "--reason", "settled", hold)
    assert done.returncode == 0, done.stderr


def statuses(stack, under="logs/raw/"):
    """Of each stored object, a segment's by its first record and suffix: what the server says of its legal hold."""
    client = stack.storage.client()
    found = {}
    for version in stack.storage.versions(stack.bucket, under):
        told = client.head_object(Bucket=stack.bucket, Key=version["Key"], VersionId=version["VersionId"])
        name = version["Key"].rpartition("/")[2]
        part = (int(name[:16]), name[33:]) if "/raw/" in version["Key"] else (version["Key"], "")
        found[part] = told.get("ObjectLockLegalHoldStatus", "OFF")
    return found


def of_tenant(stack, tenant):
    return {first for first in stack.sealed() if f'"tenant":"{tenant}"'.encode() in (stack.audit / f"seg/{first:016}.jsonl").read_bytes()}


def newest_us(stack, first):
    """The time of a segment's last record."""
    lines = (stack.audit / f"seg/{first:016}.jsonl").read_bytes().splitlines()
    return json.loads(lines[-1])["unmapped"]["rg"]["hlc"]


def held(stack):
    return {part for part, status in statuses(stack).items() if status == "ON"}


def both(firsts):
    return {(first, suffix) for first in firsts for suffix in (".jsonl.gz", ".manifest")}


def wait_held(stack, firsts, seconds=90):
    wanted = both(firsts)
    try:
        stacks.wait_for(lambda: held(stack) == wanted, "the legal holds", seconds)
    finally:
        print("held", sorted(held(stack), key=str), "wanted", sorted(wanted), stack.status("holds"))


def write_two_tenants(stack):
    stack.work(90)
    stack.wait_stored()
    stack.work(90, tenant="globex")
    stack.wait_stored()
    acme, globex = of_tenant(stack, "acme"), of_tenant(stack, "globex")
    assert acme - globex and globex - acme
    return acme, globex


def test_a_hold_is_on_its_tenants_objects_until_it_is_released(stack, server, bucket):
    stack.renew(bucket)
    acme, globex = write_two_tenants(stack)
    assert held(stack) == set()
    hold = place(stack, "--tenant", "acme")
    wait_held(stack, acme)
    assert "ON" not in {status for part, status in statuses(stack, "logs/").items() if part[1] == ""}, "anchors and keys have none"
    other = place(stack, "--tenant", "globex")
    wait_held(stack, acme | globex)
    release(stack, hold)
    wait_held(stack, globex)
    release(stack, other)
    wait_held(stack, set())
    assert stack.verify().returncode == 0 and stack.verify(stack.audit).returncode == 0
    assert stack.status("holds")["works"]


def test_the_server_refuses_to_delete_what_is_held(stack, server, bucket):
    """Governance, and an administrator who may bypass it: the hold alone stands in the way."""
    stack.renew(bucket, object_lock="governance")
    acme, globex = write_two_tenants(stack)
    hold = place(stack, "--tenant", "acme")
    wait_held(stack, acme)
    client = server.client()
    versions = {int(version["Key"].rpartition("/")[2][:16]): version for version in server.versions(bucket, "logs/raw/")
                if version["Key"].endswith(".gz")}

    def remove(first):
        client.delete_object(Bucket=bucket, Key=versions[first]["Key"], VersionId=versions[first]["VersionId"], BypassGovernanceRetention=True)

    kept, free = min(acme), min(globex - acme)
    with pytest.raises(client.exceptions.ClientError) as refused:
        remove(kept)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 409), refused.value
    remove(free)
    left = {version["VersionId"] for version in server.versions(bucket, "logs/raw/")}
    assert versions[kept]["VersionId"] in left and versions[free]["VersionId"] not in left
    release(stack, hold)
    wait_held(stack, set())
    remove(kept)


def test_a_hold_by_time_and_what_is_stored_while_it_is_in_force(stack, bucket):
    stack.renew(bucket)
    stack.work(60)
    stack.wait_stored()
    time.sleep(1.1)
    moment = int(time.time())
    hold = place(stack, "--from", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)))
    stack.work(60)
    stack.wait_stored()
    after = {first for first in stack.sealed() if newest_us(stack, first) >= moment * 1000000}
    assert after and set(stack.sealed()) - after
    wait_held(stack, after)
    release(stack, hold)
    wait_held(stack, set())


def test_holds_that_come_and_go_while_the_exporter_is_killed(stack, bucket, server):
    chance = random.Random(23)
    with s3stack.Road(server.ports["https"]) as road:
        stack.renew(bucket, endpoint=road.endpoint)
        acme, globex = write_two_tenants(stack)
        road.delay = 0.01
        killed, holds = 0, []
        for number in range(10):
            if number % 2 == 0:
                holds.append(place(stack, "--tenant", ("acme", "globex")[number // 2 % 2]))
            elif number > 3:
                release(stack, holds.pop(0))
            time.sleep(chance.random() * 1.5)
            with contextlib.suppress(KeyError, ProcessLookupError):
                os.kill(stack.rowgate.children()["exporter"], signal.SIGKILL)
                killed += 1
        assert killed >= 3
        road.delay = 0
        while len(holds) > 1:
            release(stack, holds.pop(0))
        wait_held(stack, acme, 120)  # the last one's
        release(stack, holds.pop())
        wait_held(stack, set(), 60)
        stack.stop_rowgate()


def test_a_hold_that_comes_during_an_outage(stack, bucket, server):
    stack.renew(bucket)
    acme, globex = write_two_tenants(stack)
    server.stop()
    place(stack, "--tenant", "globex")
    stack.wait_failing(bucket, name="holds")
    assert stack.work(5) < 5, "statements go on"
    stack.rowgate.stop()
    stack.rowgate.start()
    server.start()
    wait_held(stack, of_tenant(stack, "globex"), 120)
    stacks.wait_for(lambda: stack.status("holds")["works"], "it works again", 60)


def test_a_bucket_whose_first_segments_went_verifies_by_the_base_of_the_rest(stack, bucket, server):
    """Local segments are pruned first; then a lifecycle takes the same from the bucket, where administrators stand for it."""
    stack.renew(bucket, object_lock="governance", retain="1d", more='[audit.retention]\nkeep = "2d"\nlocal = "60s"\n')
    write_two_tenants(stack)
    time.sleep(62)
    done = stack.command("audit", "prune", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["segments"] >= 3, (done.stdout, done.stderr)
    pruned = json.loads(done.stdout)["last_seq"] + 1
    stack.work(60)
    stack.wait_stored()
    stored = stack.stored()
    gone = [first for first in stored if first < pruned]
    bases = {int(key.rpartition("/")[2][:16]) for key in server.keys(bucket, "logs/pruned/")}
    assert set(gone[1:]) | {pruned} <= bases, "each segment's end that was pruned has its base"
    assert stack.verify().returncode == 0 and stack.verify(stack.audit).returncode == 0
    client = server.client()
    begin = gone[2]  # the bucket keeps longer than the disk

    def remove(below):
        for version in server.versions(bucket, "logs/raw/"):
            if int(version["Key"].rpartition("/")[2][:16]) < below:
                client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True)

    for begin in (begin, pruned):
        remove(begin)
        alone = stack.verify(options=["--json"])
        print(alone.stdout, alone.stderr)
        assert alone.returncode == 0 and json.loads(alone.stdout)["pruned_records"] == begin
        stack.rowgate.stop()  # and the uploader, when it begins anew, begins at what is here
        for path in (stack.audit / "export").glob("*.cursor"):
            path.unlink()
        stack.rowgate.start()
        stack.work(5)
        stack.wait_stored()
        assert stack.status()["works"] and stack.status("anchors")["works"]
    assert stack.verify(stack.audit).returncode == 0
    remove(next(first for first in stack.stored() if first > pruned))  # one more than was declared
    assert stack.verify().returncode == 4


def test_a_writer_who_may_not_hold_is_told_which_right_is_missing(stack, bucket, server):
    stack.renew(bucket, environment=server.environment(s3.UNHELD))
    acme, _ = write_two_tenants(stack)
    assert stack.status("holds")["works"]
    place(stack, "--tenant", "acme")
    stack.wait_failing("AccessDenied", "s3:PutObjectLegalHold", bucket, name="holds")
    stacks.wait_for(lambda: "audit.export.alert" in stack.rowgate.log_path.read_text(), "the alert", 20)
    assert held(stack) == set()
    stack.work(30)
    stack.wait_stored()  # the segments go on
    assert stack.status("holds")["works"] is False
