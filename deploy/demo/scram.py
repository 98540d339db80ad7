#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the SCRAM-SHA-256 verifier (RFC 5802; the form of pg_authid.rolpassword) of the password on standard input.
What is stored so can check a password and cannot log in with it."""
import base64
import hashlib
import hmac
import os
import sys

ITERATIONS = 4096


def main():
    password, salt = sys.stdin.read().strip().encode("ascii"), os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in
             (salt, hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256"))]
    print(f"SCRAM-SHA-256${ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}")


if __name__ == "__main__":
    main()
