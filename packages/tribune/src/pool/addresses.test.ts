import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp } from "../codec/ip-address.ts";
import { allowList } from "./cidrs.ts";
import { cloudOf, endpointsOf, listErrors, parseJoinAddress } from "./join-address.ts";

test("addresses to join", () => {
  for (const [text, expected] of [
    ["10.0.0.1", { host: "10.0.0.1", port: 8301 }],
    ["10.0.0.1:99", { host: "10.0.0.1", port: 99 }],
    ["n1/10.0.0.1:99", { host: "10.0.0.1", port: 99 }],
    ["n1.dc1/host.example", { host: "host.example", port: 8301 }],
    ["::1", { host: "::1", port: 8301 }],
    ["[::1]:99", { host: "::1", port: 99 }],
    ["n1/[fd00::1]", { host: "fd00::1", port: 8301 }],
    ["/10.0.0.1", "empty node name provided"],
    ["", "address : not a host and port"],
    ["a:b", "address a:b: not a host and port"],
    ["a:1:2", "address a:1:2: not a host and port"],
    ["a:65536", "address a:65536: invalid port"],
  ] as const) {
    assert.deepEqual(parseJoinAddress(text, 8301), expected, text);
  }
});

test("a name is every address it has", async () => {
  const resolve = async (host: string): Promise<string[]> => (host === "both" ? ["10.0.0.1", "fd00::1", "x"] : []);
  assert.deepEqual(await endpointsOf("both:1", 8301, resolve), ["10.0.0.1:1", "[fd00::1]:1"]);
  await assert.rejects(endpointsOf("none", 8301, resolve), /lookup none: no such host/);
});

test("a cloud's expression is no host name, and is named without its credentials", async () => {
  const expression = "access_key_id=A secret_access_key=B provider=aws tag_key=x";
  assert.equal(cloudOf(expression), "provider=aws");
  assert.equal(cloudOf("provider.example"), undefined);
  await assert.rejects(
    endpointsOf(expression, 8301, () => Promise.resolve(["10.0.0.1"])),
    /retry_join and retry_join_wan only/,
  );
  const slip = "provider = aws secret_access_key = B";
  assert.equal(cloudOf(slip), "provider=aws");
  await assert.rejects(
    endpointsOf(slip, 8301, () => assert.fail("no resolver is asked for secrets")),
    { message: "neither an address nor provider=NAME with further key=value" },
  );
});

test("several failures are one text", () => {
  assert.equal(listErrors(["a"]), "1 error occurred:\n\t* a\n\n");
  assert.equal(listErrors(["a", "b"]), "2 errors occurred:\n\t* a\n\t* b\n\n");
});

test("blocks of addresses", () => {
  const allows = (blocks: string[], address: string): boolean => allowList(blocks)!(parseIp(address)!);
  for (const [block, inside, outside] of [
    ["10.0.0.0/8", "10.255.0.1", "11.0.0.1"],
    ["10.1.2.129/25", "10.1.2.128", "10.1.2.127"],
    ["10.1.2.3/32", "10.1.2.3", "10.1.2.2"],
    ["0.0.0.0/0", "1.2.3.4", "::1"],
    ["fd00::/8", "fdff::1", "fe00::1"],
    ["fd00::/9", "fd7f::1", "fd80::1"],
  ] as const) {
    assert.equal(allows([block], inside), true, `${inside} in ${block}`);
    assert.equal(allows([block], outside), false, `${outside} in ${block}`);
  }
  assert.equal(allows(["10.0.0.0/8", "11.0.0.0/8"], "11.1.1.1"), true);
  assert.equal(allowList([]), undefined);
  for (const bad of ["", "10.0.0.0", "10.0.0.0/33", "::/129", "host/8"]) {
    assert.throws(() => allowList([bad]), /invalid CIDR address/, bad);
  }
});
