// A user's path with OCI's own TypeScript SDK.
//
//     node oci_dns.js BASE CONFIG PRIMARY_PORT SECRET

const assert = require("node:assert");
const common = require("oci-common");
const { DnsClient } = require("oci-dns");

const [base, file, port, secret] = process.argv.slice(2);
const ZONE = "node.example";

async function main() {
  const provider = new common.ConfigFileAuthenticationDetailsProvider(file, "DEFAULT");
  const dns = new DnsClient({ authenticationDetailsProvider: provider });
  dns.endpoint = base;
  const compartmentId = provider.getTenantId();

  const servers = await dns.listZoneTransferServers({ compartmentId });
  assert.strictEqual(servers.items[0].address, "127.0.0.1");
  const name = "node-transfer.example";
  const key = { algorithm: "hmac-sha256", name, compartmentId, secret };
  const { tsigKey } = await dns.createTsigKey({ createTsigKeyDetails: key });

  const masters = (tsigKeyId) => [{ address: "127.0.0.1", port: Number(port), tsigKeyId }];
  const { zone } = await dns.createZone({
    createZoneDetails: {
      migrationSource: "NONE",
      name: ZONE,
      compartmentId,
      zoneType: "SECONDARY",
      scope: "GLOBAL",
      externalMasters: masters(tsigKey.id),
    },
  });
  assert.strictEqual(zone.externalMasters[0].tsigKeyId, tsigKey.id);
  let seen;
  do {
    await new Promise((resolve) => setTimeout(resolve, 200));
    seen = (await dns.getZone({ zoneNameOrId: zone.id })).zone;
  } while (seen.lifecycleState !== "ACTIVE");
  assert.strictEqual(seen.serial, 7);

  const records = await dns.getZoneRecords({ zoneNameOrId: ZONE, limit: 1000 });
  assert.strictEqual(records.recordCollection.items.length, 309);
  const found = await dns.getDomainRecords({ zoneNameOrId: ZONE, domain: `*.wild.${ZONE}` });
  assert.deepStrictEqual(found.recordCollection.items.map((item) => item.rtype), ["TXT"]);
  const { items } = await dns.listZones({ compartmentId, nameContains: "node" });
  assert.deepStrictEqual(items.map((item) => item.name), [ZONE]);

  const updateZoneDetails = { freeformTags: { a: "b" } };
  const changed = await dns.updateZone({ zoneNameOrId: ZONE, updateZoneDetails });
  assert.deepStrictEqual(changed.zone.freeformTags, { a: "b" });
  assert.strictEqual(changed.zone.externalMasters.length, 1);

  await dns.deleteZone({ zoneNameOrId: ZONE });
  await assert.rejects(dns.getZone({ zoneNameOrId: ZONE }), (error) => error.statusCode === 404);
  await dns.deleteTsigKey({ tsigKeyId: tsigKey.id });
  console.log("done");
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
