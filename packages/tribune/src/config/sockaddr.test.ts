import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalIp, formatCidr, parseCidr } from "./ip.ts";
import type { InterfaceAddress } from "./ports.ts";
import { expandSockaddr } from "./sockaddr.ts";

const at = (name: string, address: string, prefix: number): InterfaceAddress => ({
  name,
  address,
  prefix,
  up: true,
  loopback: name === "lo",
  default: name === "eth0",
});
const MACHINE = [
  at("lo", "127.0.0.1", 8),
  at("lo", "::1", 128),
  at("eth1", "10.9.0.7", 16),
  at("eth1", "203.0.114.9", 24),
  at("eth0", "192.168.1.5", 24),
  at("eth0", "fe80::1", 64),
  at("eth0", "fd00::5", 64),
];

const CASES: readonly (readonly [template: string, result: string])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["{{ GetPrivateIP }}", "192.168.1.5"],
  ["{{GetPublicIP}}", "203.0.114.9"],
  ['{{ GetInterfaceIP "eth1" }}', "10.9.0.7"],
  ["{{ GetInterfaceIP `eth[0]` }}", "192.168.1.5"],
  ['{{ GetInterfaceIP "nope" }}', ""],
  ['{{ GetInterfaceIPs "eth0" }}', "192.168.1.5 fe80::1 fd00::5"],
  ['{{ GetPrivateInterfaces | include "network" "10.0.0.0/8" | attr "address" }}', "10.9.0.7"],
  [
    '{{ GetAllInterfaces | include "name" "^eth" | exclude "type" "IPv6" | sort "-address" | join "address" " " }}',
    "203.0.114.9 192.168.1.5 10.9.0.7",
  ],
  ['{{ GetAllInterfaces | include "flags" "loopback" | limit 1 | attr "string" }}', "127.0.0.1/8"],
  ['{{ . | include "rfc" "1918|4193" | sort "type,size" | offset 1 | join "name" "," }}', "eth0,eth0"],
  ['{{ GetDefaultInterfaces | unique "name" | attr "name" }}:8301', "eth0:8301"],
  ["{{ GetPrivateIP }} {{ GetPublicIP }}", "192.168.1.5 203.0.114.9"],
];

test("templates of addresses", async (t) => {
  for (const [template, result] of CASES) {
    await t.test(template, () =>
      assert.equal(
        expandSockaddr(template, () => MACHINE),
        result,
      ),
    );
  }
});

test("templates that cannot be read say so", () => {
  for (const bad of ["{{ Nope }}", "{{ GetPrivateIP", "{{}}", '{{ GetAllInterfaces | include "x" "y" }}', "{{ ( }}"]) {
    assert.throws(() => expandSockaddr(bad, () => MACHINE), { name: "SockaddrError" }, bad);
  }
});

test("IP addresses read and print as in Go", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["1.2.3.4", "1.2.3.4"],
    ["1.2.3", undefined],
    ["1.2.3.256", undefined],
    ["::", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["1::2::3", undefined],
    ["12345::", undefined],
    ["localhost", undefined],
    ["", undefined],
  ];
  for (const [text, result] of cases) assert.equal(canonicalIp(text), result, text);
  const block = parseCidr("10.1.2.3/8");
  assert.equal(block && formatCidr(block), "10.0.0.0/8");
  assert.equal(parseCidr("10.0.0.0/33"), undefined);
});
