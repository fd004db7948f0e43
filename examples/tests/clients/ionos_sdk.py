"""A user's path with IONOS's own Python SDK: `make` up to served records, `remove` from there to nothing.

    python ionos_sdk.py make|remove BASE TOKEN
"""

import sys
import time

import ionoscloud_dns as ionos
from ionoscloud_dns.exceptions import ApiException
from ionoscloud_dns.models import SecondaryZone, SecondaryZoneCreate, SecondaryZoneEnsure

step, base, token = sys.argv[1:]
ZONE = "ionos.example"
zones = ionos.SecondaryZonesApi(ionos.ApiClient(ionos.Configuration(host=base, token=token)))


def refused(status, call, *arguments):
    try:
        call(*arguments)
    except ApiException as error:
        assert error.status == status, error
    else:
        raise AssertionError("not refused")


def properties(addresses):
    return SecondaryZone(zone_name=ZONE, description="by the SDK", primary_ips=addresses)


def waited_for(read, is_there):
    for _ in range(300):
        answer = read()
        if is_there(answer):
            return answer
        time.sleep(0.1)
    raise AssertionError(answer)


def make():
    made = zones.secondaryzones_post(SecondaryZoneCreate(properties=properties(["127.0.0.1"])))
    assert made.properties.zone_name == ZONE
    zone = waited_for(
        lambda: zones.secondaryzones_find_by_id(made.id),
        lambda zone: zone.metadata.state == "AVAILABLE",
    )
    assert zone.metadata.nameservers == ["ns1.example.net"]
    status = waited_for(
        lambda: zones.secondaryzones_axfr_get(zone.id),
        lambda status: status.items[0].status == "OK",
    )
    assert status.items[0].primary_ip == "127.0.0.1"
    # From the second on: the SOA, which stands first, is no type that the SDK knows.
    records = ionos.RecordsApi(zones.api_client).secondaryzones_records_get(zone.id, offset=1, limit=1000)
    assert len(records.items) == 308, len(records.items)
    zones.secondaryzones_axfr_put(zone.id)
    listed = zones.secondaryzones_get(filter_zone_name="ionos", filter_state="AVAILABLE")
    assert [item.id for item in listed.items] == [zone.id]
    ensure = SecondaryZoneEnsure(properties=properties(["127.0.0.1", "127.0.0.254"]))
    changed = zones.secondaryzones_put(zone.id, ensure)
    assert changed.properties.primary_ips == ["127.0.0.1", "127.0.0.254"]
    stranger = ionos.ApiClient(ionos.Configuration(host=base, token="another"))
    refused(401, ionos.SecondaryZonesApi(stranger).secondaryzones_get)
    again = SecondaryZoneCreate(properties=properties(["127.0.0.1"]))
    refused(409, zones.secondaryzones_post, again)


def remove():
    (zone,) = zones.secondaryzones_get(filter_zone_name=ZONE).items
    zones.secondaryzones_delete(zone.id)
    refused(404, zones.secondaryzones_find_by_id, zone.id)


{"make": make, "remove": remove}[step]()
print("done")
