#!/usr/bin/env python3
"""Writes errors.txt: what BIND's named, Knot's knotd and NSD answer over UDP to requests whose TSIG is not good enough.

    python3 errors.py > errors.txt      # made with BIND 9.18.49, Knot DNS 3.2.6 and NSD 4.6.1; no rights, loopback only

The requests are signed by the few lines of `sign` below, which are RFC 8945 §4.3 and nobody's library. A case is:
`case NAME`, `key ALGORITHM:NAME:BASE64` (the client's), `server-key ALGORITHM:NAME:BASE64`, `signed-at SECONDS` (the
request's time), `request HEX`, `reply HEX`.
"""
import base64
import hashlib
import hmac
import pathlib
import socket
import struct
import subprocess
import tempfile
import time

SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER = "b3RoZXIgc2VjcmV0LCBvdGhlciBzZWNyZXQsIG90aGU="
ZONE = "$ORIGIN example.org.\n@ 3600 IN SOA ns hostmaster 1 3600 600 86400 300\n@ 3600 IN NS ns\nns 3600 IN A 192.0.2.1\n"
BIND = """
options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; lock-file none; recursion no; dnssec-validation no; }};
controls {{ }};
key transfer.example. {{ algorithm hmac-sha256; secret "{secret}"; }};
zone example.org {{ type primary; file "zone"; }};
"""
KNOT = """
server:
    listen: 127.0.0.1@{port}
    rundir: {folder}
database:
    storage: {folder}
key:
  - id: transfer.example.
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: transfer
    key: transfer.example.
    action: transfer
zone:
  - domain: example.org
    storage: {folder}
    file: zone
    acl: transfer
"""
NSD = """
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
key:
  name: "transfer.example."
  algorithm: hmac-sha256
  secret: "{secret}"
zone:
  name: "example.org"
  zonefile: "zone"
"""
SERVERS = {
    "named": (BIND, ["named", "-f", "-c"]),
    "knotd": (KNOT, ["knotd", "-c"]),
    "nsd": (NSD, ["nsd", "-d", "-c"]),
}


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.rstrip(".").split(".")) + b"\0"


def sign(message, owner, algorithm, secret, when, octets=None, fudge=300):
    digest = {"hmac-sha256": hashlib.sha256, "hmac-sha512": hashlib.sha512}[algorithm]
    times = struct.pack("!HIH", when >> 32, when & 0xFFFFFFFF, fudge)
    variables = name(owner) + struct.pack("!HI", 255, 0) + name(algorithm) + times + struct.pack("!HH", 0, 0)
    mac = hmac.new(base64.b64decode(secret), message + variables, digest).digest()[:octets]
    rdata = name(algorithm) + times + struct.pack("!H", len(mac)) + mac + message[:2] + struct.pack("!HH", 0, 0)
    count = struct.unpack("!H", message[10:12])[0] + 1
    record = name(owner) + struct.pack("!HHIH", 250, 255, 0, len(rdata)) + rdata
    return message[:10] + struct.pack("!H", count) + message[12:] + record


def cases(now):
    """Name, owner, algorithm, secret, time signed, octets of the MAC, fudge."""
    good = dict(owner="transfer.example.", algorithm="hmac-sha256", secret=SECRET, when=now)
    return {
        "unknown key": {**good, "owner": "unknown.example."},
        "another algorithm": {**good, "algorithm": "hmac-sha512"},
        "wrong secret": {**good, "secret": OTHER},
        "signed an hour ago": {**good, "when": now - 3600},
        "signed an hour ahead": {**good, "when": now + 3600},
        "signed an hour ago, fudge 600": {**good, "when": now - 3600, "fudge": 600},
        "16 octets of MAC": {**good, "octets": 16},
        "15 octets of MAC": {**good, "octets": 15},
        "no MAC": {**good, "octets": 0},
    }


def ask(port, request, patience):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(patience)
        s.connect(("127.0.0.1", port))
        s.send(request)
        return s.recv(65535)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(server, folder):
    configuration, command = SERVERS[server]
    port = free_port()
    (folder / "zone").write_text(ZONE)
    (folder / "conf").write_text(configuration.format(folder=folder, port=port, secret=SECRET))
    process = subprocess.Popen([*command, str(folder / "conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    question = name("example.org.") + struct.pack("!HH", 6, 1)
    try:
        for attempt in range(100):
            try:
                ask(port, struct.pack("!6H", 1, 0, 1, 0, 0, 0) + question, 0.5)
                break
            except OSError:
                time.sleep(0.1)
        for number, (title, how) in enumerate(cases(int(time.time())).items()):
            request = sign(struct.pack("!6H", 0x1000 + number, 0, 1, 0, 0, 0) + question, **how)
            print(f"case {server}: {title}")
            cut = "-128" if how.get("octets") == 16 else ""
            print(f"key {how['algorithm']}{cut}:{how['owner']}:{how['secret']}")
            print(f"server-key hmac-sha256:transfer.example.:{SECRET}")
            print(f"signed-at {how['when']}\nrequest {request.hex()}")
            print("reply", ask(port, request, 3).hex(), end="\n\n")
    finally:
        process.terminate()
        process.wait()


for server in SERVERS:
    with tempfile.TemporaryDirectory() as folder:
        run(server, pathlib.Path(folder))
