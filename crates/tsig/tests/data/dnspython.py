#!/usr/bin/env python3
"""Writes dnspython.txt: requests and answers signed by dnspython (made with 2.9.2), each file line `word value`.

    python3 -m venv venv && venv/bin/pip install dnspython && venv/bin/python dnspython.py > dnspython.txt

A case is: `case NAME`, `key ALGORITHM:NAME:BASE64`, `now SECONDS`, `request HEX`, then `signed HEX` or `unsigned HEX`
for each message of the answer. The request ID of the answers is the request's.
"""
import time

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring

NOW = 1_700_000_000
time.time = lambda: NOW
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
ALGORITHMS = [
    "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha256-128",
    "hmac-sha384", "hmac-sha384-192", "hmac-sha512", "hmac-sha512-256",
]


def case(name, algorithm, owner, pattern, fudge=300):
    """`pattern` has one letter for each message of the answer: s signed, u unsigned."""
    key = dns.tsig.Key(owner, SECRET, algorithm)
    print(f"case {name}\nkey {algorithm}:{owner}:{SECRET}\nnow {NOW}")
    query = dns.message.make_query("example.org.", "AXFR", id=4660)
    query.use_tsig(key, fudge=fudge)
    wire = query.to_wire()
    print("request", wire.hex())
    parsed = dns.message.from_wire(wire, keyring=key)
    context = None
    for number, letter in enumerate(pattern):
        answer = dns.message.make_response(parsed, tsig_error=0)
        answer.flags |= dns.flags.AA
        if number:
            answer.question = []
        answer.answer.append(dns.rrset.from_text(f"n{number}.example.org.", 3600, "IN", "A", f"192.0.2.{number % 256}"))
        if letter == "u":
            answer.tsig = None
            wire = answer.to_wire()
            context.update(wire)
            print("unsigned", wire.hex())
            continue
        answer.use_tsig(key, fudge=fudge)
        answer.request_mac = query.mac
        wire = answer.to_wire(multi=len(pattern) > 1, tsig_ctx=context)
        context = answer.tsig_ctx
        print("signed", wire.hex())
    print()


for algorithm in ALGORITHMS:
    case(f"{algorithm}, one message", algorithm, "transfer.example.", "s")
    case(f"{algorithm}, a stream", algorithm, "transfer.example.", "sss")
case("mixed-case key name", "hmac-sha256", "TransFer.EXAMPLE.", "ss")
case("runs of unsigned messages", "hmac-sha256", "transfer.example.", "susuus")
case("a run of 98 unsigned messages", "hmac-sha256", "transfer.example.", "s" + 98 * "u" + "s")
case("the longest run of unsigned messages", "hmac-sha512", "k.", "s" + 99 * "u" + "s")
case("compressed owner", "hmac-sha256", "key.example.org.", "ss")
case("a run too long", "hmac-sha256", "k.", "s" + 100 * "u" + "s")
