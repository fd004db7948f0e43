"""dnspython as a client that signs: python3 tsig.py PORT < cases

A case is one line `how zone algorithm key secret seconds`: `how` is udp, tcp (a query for the SOA) or axfr, and the
clock of this client goes wrong by `seconds`. What comes of it is one line on standard output: `NOERROR` and the number
of records of the answer, or the name of the exception that dnspython raises. dnspython checks each signature.
"""
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.xfr
import dns.zone

true_time = time.time
port = int(sys.argv[1])
for line in sys.stdin:
    how, zone, algorithm, name, secret, seconds = line.split()
    wrong = int(seconds)
    time.time = lambda: true_time() + wrong
    key = dns.tsig.Key(name, secret, algorithm)
    try:
        if how == "axfr":
            query = dns.message.make_query(zone, "AXFR")
            query.use_tsig(key)
            taken = dns.zone.Zone(zone, relativize=False)
            dns.query.inbound_xfr("127.0.0.1", taken, query, port=port, timeout=30)
            print("NOERROR", sum(len(rdataset) for _, rdataset in taken.iterate_rdatasets()))
        else:
            query = dns.message.make_query(zone, "SOA")
            query.use_tsig(key)
            ask = dns.query.udp if how == "udp" else dns.query.tcp
            answer = ask(query, "127.0.0.1", port=port, timeout=30)
            assert answer.had_tsig
            print(dns.rcode.to_text(answer.rcode()), sum(len(rrset) for rrset in answer.answer))
    except (dns.exception.DNSException, AssertionError) as error:
        print(type(error).__name__)
    sys.stdout.flush()
