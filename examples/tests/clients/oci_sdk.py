"""A user's path with OCI's own Python SDK: `make` up to served records, `remove` from there to nothing.

    python oci_sdk.py make|remove BASE CONFIG PRIMARY_PORT SECRET
"""

import datetime
import sys
import time

import oci
from oci.dns.models import (
    ChangeZoneCompartmentDetails,
    CreateTsigKeyDetails,
    CreateZoneDetails,
    ExternalMaster,
    UpdateTsigKeyDetails,
    UpdateZoneDetails,
)

step, base, file, port, secret = sys.argv[1:]
ZONE = "sdk.example"


def client(profile):
    config = oci.config.from_file(file, profile)
    return oci.dns.DnsClient(
        config, service_endpoint=base, retry_strategy=oci.retry.NoneRetryStrategy()
    )


def refused(status, code, call, *arguments, **more):
    try:
        answer = call(*arguments, **more)
    except oci.exceptions.ServiceError as error:
        assert (error.status, error.code) == (status, code), error
    else:
        raise AssertionError(f"not refused: {answer.data}")


dns = client("DEFAULT")
tenancy = oci.config.from_file(file)["tenancy"]


def make():
    servers = dns.list_zone_transfer_servers(tenancy).data
    assert [(s.address, s.is_transfer_destination) for s in servers] == [("127.0.0.1", True)]

    key = dns.create_tsig_key(
        CreateTsigKeyDetails(
            algorithm="hmac-sha256", name="transfer.example.", compartment_id=tenancy, secret=secret
        )
    ).data
    assert (key.name, key.secret, key.lifecycle_state) == ("transfer.example", secret, "ACTIVE")
    assert [k.id for k in dns.list_tsig_keys(tenancy).data] == [key.id]

    masters = [ExternalMaster(address="127.0.0.1", port=int(port), tsig_key_id=key.id)]
    details = CreateZoneDetails(
        name=ZONE, compartment_id=tenancy, zone_type="SECONDARY", scope="GLOBAL", external_masters=masters
    )
    made = oci.dns.DnsClientCompositeOperations(dns).create_zone_and_wait_for_state(
        details, wait_for_states=["ACTIVE"], waiter_kwargs={"max_interval_seconds": 1}
    )
    zone = made.data
    assert (zone.name, zone.serial, zone.lifecycle_state) == (ZONE, 7, "ACTIVE"), zone
    assert zone.external_masters[0].tsig_key_id == key.id
    time.sleep(1.1)  # within the second it would be the same signed request, octet by octet, and get the same answer
    refused(409, "NotAuthorizedOrResourceAlreadyExists", dns.create_zone, details)

    records = oci.pagination.list_call_get_all_results(dns.get_zone_records, ZONE, limit=100).data.items
    assert (records[0].rtype, len(records)) == ("SOA", 309), len(records)
    assert len({r.record_hash for r in records}) == 309
    descending = dns.get_zone_records(ZONE, sort_by="rtype", sort_order="DESC", limit=1).data.items
    assert descending[0].rtype != "A"
    (host,) = dns.get_rr_set(ZONE, f"host1.{ZONE}", "A").data.items
    assert (host.domain, host.rdata, host.ttl) == (f"host1.{ZONE}", "198.51.0.2", 300)
    (any_name,) = dns.get_domain_records(ZONE, f"*.wild.{ZONE}").data.items
    assert (any_name.rtype, any_name.rdata) == ("TXT", '"a; b" "\\"c\\""')
    content = dns.get_zone_content(ZONE).data.text
    assert len(content.splitlines()) == 309

    listed = dns.list_zones(tenancy, name_contains="SDK", zone_type="SECONDARY").data
    assert [z.id for z in listed] == [zone.id]
    assert not dns.list_zones(tenancy, time_created_less_than=zone.time_created).data
    since = zone.time_created
    assert dns.list_zones(tenancy, time_created_greater_than_or_equal_to=since).data

    update = UpdateZoneDetails(freeform_tags={"a": "b"})
    etag = dns.get_zone(ZONE).headers["etag"]
    changed = dns.update_zone(ZONE, update, if_match=etag)
    assert (changed.data.freeform_tags, changed.data.external_masters[0].port) == ({"a": "b"}, int(port))
    time.sleep(1.1)  # so that what is signed is not what was signed before
    refused(412, "NoEtagMatch", dns.update_zone, ZONE, update, if_match=etag)
    dns.update_tsig_key(key.id, UpdateTsigKeyDetails(freeform_tags={"c": "d"}))
    refused(409, "Conflict", dns.delete_tsig_key, key.id)
    missing = UpdateZoneDetails(
        external_masters=[ExternalMaster(address="127.0.0.1", tsig_key_id="ocid1.dns-tsig-key.oc1..none")]
    )
    refused(400, "RelatedResourceNotAuthorizedOrNotFound", dns.update_zone, ZONE, missing)
    refused(304, None, dns.get_zone, ZONE, if_none_match=dns.get_zone(ZONE).headers["etag"])

    # Nobody else gets anywhere.
    refused(401, "NotAuthenticated", client("FORGED").get_zone, ZONE)
    refused(404, "NotAuthorizedOrNotFound", client("FOREIGN").get_zone, ZONE)
    refused(404, "NotAuthorizedOrNotFound", client("FOREIGN").delete_zone, zone.id)
    assert not client("FOREIGN").list_zones(tenancy).data
    altered = client("DEFAULT")
    signer = altered.base_client.signer

    def alter(request):
        signer(request)
        body = request.body if isinstance(request.body, str) else request.body.decode()
        assert "altered.example" in body
        request.body = body.replace("altered.example", "alterex.example")
        return request

    altered.base_client.signer = alter
    details.name = "altered.example"
    refused(401, "NotAuthenticated", altered.create_zone, details)
    late = client("DEFAULT")
    signer_of_late = late.base_client.signer

    def an_hour_ago(request):
        date = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        request.headers["date"] = date.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return signer_of_late(request)

    late.base_client.signer = an_hour_ago
    refused(401, "NotAuthenticated", late.get_zone, ZONE)


def remove():
    zone = dns.get_zone(ZONE).data
    key = zone.external_masters[0].tsig_key_id
    assert (zone.lifecycle_state, zone.freeform_tags) == ("ACTIVE", {"a": "b"})
    move = ChangeZoneCompartmentDetails(compartment_id="ocid1.compartment.oc1..elsewhere")
    dns.change_zone_compartment(zone.id, move)
    assert dns.get_zone(ZONE).data.compartment_id == "ocid1.compartment.oc1..elsewhere"
    gone = dns.delete_zone(ZONE)
    work = oci.work_requests.WorkRequestClient(
        oci.config.from_file(file), service_endpoint=f"{base}/20160918"
    )
    request = work.get_work_request(gone.headers["opc-work-request-id"]).data
    assert (request.status, request.percent_complete) == ("SUCCEEDED", 100)
    refused(404, "NotAuthorizedOrNotFound", dns.get_zone, ZONE)
    dns.delete_tsig_key(key)
    refused(404, "NotAuthorizedOrNotFound", dns.get_tsig_key, key)


{"make": make, "remove": remove}[step]()
print("done")
