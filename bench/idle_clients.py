# SPDX-License-Identifier: Apache-2.0
"""Many clients that log in and then do nothing: scale_bench.py starts this as a process of its own. Nothing but sockets and
TLS, because thousands of a driver's connections would be what is measured. Orders come on stdin, a line each; each is answered
by a line: login N, ask TEXT (each client sends it and reads the answer), quit."""

import concurrent.futures
import os
import resource
import ssl
import sys

import raw_client

THREADS = 4


def each(work, items):
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


def main():
    port, certificate = int(sys.argv[1]), sys.argv[2]
    token = os.environ["TOKEN"]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    context = ssl.create_default_context(cafile=certificate)
    clients = []
    for line in sys.stdin:
        order, _, rest = line.rstrip("\n").partition(" ")
        if order == "login":
            clients += each(lambda _: raw_client.Client(context, port, "alice", token), range(int(rest)))
        elif order == "ask":
            each(lambda client: client.ask(rest), clients)
        else:
            break
        print(len(clients), flush=True)


if __name__ == "__main__":
    main()
