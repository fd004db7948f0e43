#!/usr/bin/env python3
"""Writes servers.txt: transfers signed by BIND's named and dig, and by Knot's knotd and kdig, as they passed over TCP.

    python3 servers.py > servers.txt      # made with BIND 9.18.49 and Knot DNS 3.2.6; needs no rights, loopback only

The form is that of dnspython.py.
"""
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import time

SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
WHOLE = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
CUT = ["hmac-sha256-128", "hmac-sha384-192", "hmac-sha512-256"]
ZONE = """$ORIGIN example.org.
@ 3600 IN SOA ns hostmaster 1 3600 600 86400 300
@ 3600 IN NS ns
ns 3600 IN A 192.0.2.1
""" + "".join(f"t{n} 3600 IN TXT \"{'x' * 150}\"\n" for n in range(8))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def messages(octets):
    while octets:
        (length,) = struct.unpack("!H", octets[:2])
        yield octets[2 : 2 + length]
        octets = octets[2 + length :]


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on {port}")


def record(server_port, client):
    """Runs `client` through a proxy that notes what passes."""
    seen = {"asked": b"", "answered": b""}
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, target, word):
        while octets := source.recv(65536):
            seen[word] += octets
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)

    def proxy():
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", server_port))
        back = threading.Thread(target=pump, args=(far, near, "answered"), daemon=True)
        back.start()
        try:
            pump(near, far, "asked")
        except OSError:
            pass
        back.join(2)

    worker = threading.Thread(target=proxy, daemon=True)
    worker.start()
    output = subprocess.run(client(listener.getsockname()[1]), capture_output=True, text=True, check=True).stdout
    assert output.count("TXT") == 8, output
    worker.join(5)
    return seen


def print_case(name, algorithm, seen):
    (request,) = messages(seen["asked"])
    at = request.rindex(b"\x00\x00\xfa\x00\xff") + 1 + 10  # behind the owner's root: type, class, TTL, RDLENGTH
    at = request.index(b"\x00", at) + 1  # behind the algorithm's name
    now = int.from_bytes(request[at : at + 6], "big")
    print(f"case {name}, {algorithm}\nkey {algorithm}:transfer.example.:{SECRET}\nnow {now}\nrequest {request.hex()}")
    for answer in messages(seen["answered"]):
        print("signed" if b"\x00\xfa\x00\xff\x00\x00\x00\x00" in answer else "unsigned", answer.hex())
    print()


def run(folder, arguments, port, name, algorithms, client):
    server = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        time.sleep(1)
        for algorithm in algorithms:
            print_case(name, algorithm, record(port, lambda near: client(near, algorithm)))
    finally:
        server.terminate()
        server.wait()


def bind(folder, algorithm):
    port = free_port()
    (folder / "named.conf").write_text(f"""
options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; lock-file none; transfer-message-size 512; recursion no; dnssec-validation no; }};
controls {{ }};
key transfer.example. {{ algorithm {algorithm}; secret "{SECRET}"; }};
zone example.org {{ type primary; file "zone"; allow-transfer {{ key transfer.example.; }}; }};
""")
    run(folder, ["named", "-f", "-c", str(folder / "named.conf")], port, "named and dig", [algorithm], lambda near, algorithm: [
        "dig", "+tcp", "-p", str(near), "-y", f"{algorithm}:transfer.example.:{SECRET}", "@127.0.0.1", "example.org", "AXFR"])


def knot(folder, algorithm):
    port = free_port()
    (folder / "knot.conf").write_text(f"""
server:
    listen: 127.0.0.1@{port}
    rundir: {folder}
database:
    storage: {folder}
key:
  - id: transfer.example.
    algorithm: {algorithm}
    secret: {SECRET}
acl:
  - id: transfer
    key: transfer.example.
    action: transfer
zone:
  - domain: example.org
    storage: {folder}
    file: zone
    acl: transfer
""")
    run(folder, ["knotd", "-c", str(folder / "knot.conf")], port, "knotd and kdig", [algorithm], lambda near, algorithm: [
        "kdig", "+tcp", "-p", str(near), "-y", f"{algorithm}:transfer.example.:{SECRET}", "@127.0.0.1", "example.org", "AXFR"])


for serve, algorithms in [(bind, WHOLE + CUT), (knot, WHOLE)]:
    for algorithm in algorithms:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "zone").write_text(ZONE)
            serve(folder, algorithm)
