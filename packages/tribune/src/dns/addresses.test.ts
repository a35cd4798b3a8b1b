import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE } from "../codec/dns-types.ts";
import { nodeAddress, serviceAddress, servicePort } from "./addresses.ts";
import { DEFAULT_DNS_OPTIONS } from "./options.ts";
import { nodeRow, serviceRow } from "./testing.test.support.ts";

const here = DEFAULT_DNS_OPTIONS;
const translating = { ...here, translateWanAddrs: true };
const dual = nodeRow("dual", "10.0.0.4", {
  Datacenter: "dc2",
  TaggedAddresses: {
    wan: "203.0.113.4",
    lan_ipv4: "10.0.0.4",
    lan_ipv6: "2001:db8::4",
    wan_ipv4: "203.0.113.4",
    wan_ipv6: "2001:db8:f::4",
  },
});

test("a node's tagged address of the wanted family; IPv6 where either will do", () => {
  assert.equal(nodeAddress(dual, TYPE.A, here), "10.0.0.4");
  assert.equal(nodeAddress(dual, TYPE.AAAA, here), "2001:db8::4");
  assert.equal(nodeAddress(dual, TYPE.ANY, here), "2001:db8::4");
  assert.equal(nodeAddress(nodeRow("plain", "10.0.0.5"), TYPE.AAAA, here), "10.0.0.5");
});

test("WAN addresses and ports for other datacenters, when translating", () => {
  assert.equal(nodeAddress(dual, TYPE.A, translating), "203.0.113.4");
  assert.equal(nodeAddress(dual, TYPE.AAAA, translating), "2001:db8:f::4");
  assert.equal(nodeAddress({ ...dual, Datacenter: "dc1" }, TYPE.A, translating), "10.0.0.4");
  const wan = { Address: "203.0.113.7", Port: 7777 };
  const row = serviceRow(dual, { Address: "10.9.0.7", Port: 7000, TaggedAddresses: { wan } });
  assert.equal(serviceAddress(row, "dc2", TYPE.A, translating), "203.0.113.7");
  assert.equal(servicePort(row, "dc2", translating), 7777);
  assert.equal(serviceAddress(row, "dc1", TYPE.A, translating), "10.9.0.7");
  assert.equal(servicePort(row, "dc1", translating), 7000);
});
