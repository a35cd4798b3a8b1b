import assert from "node:assert/strict";
import { test } from "node:test";
import { MsgpackWriter } from "./msgpack.ts";
import { decodeRaftConfiguration, encodeRaftConfiguration, encodeRaftPeers } from "./raft-configuration.ts";

// From a recorded InstallSnapshot between two servers.
const RECORDED =
  "81a7536572766572739283a741646472657373b03132372e302e31342e34313a38333030a24944da002433353038346337352d36313131" +
  "2d666537322d303666352d313330396165323062643066a853756666726167650083a741646472657373b03132372e302e31342e34323a" +
  "38333030a24944da002439616661376631332d346236642d653738342d336135332d376337623433633630656264a85375666672616765" +
  "00";
const RECORDED_PEERS = "92b03132372e302e31342e34313a38333030b03132372e302e31342e34323a38333030";

test("a recorded configuration is read, and written back to the same bytes", () => {
  const configuration = decodeRaftConfiguration(Buffer.from(RECORDED, "hex"));
  assert.deepEqual(configuration.servers[1], {
    id: "9afa7f13-4b6d-e784-3a53-7c7b43c60ebd",
    address: "127.0.14.42:8300",
    suffrage: "voter",
  });
  assert.equal(Buffer.from(encodeRaftConfiguration(configuration)).toString("hex"), RECORDED);
  assert.equal(Buffer.from(encodeRaftPeers(configuration)).toString("hex"), RECORDED_PEERS);
});

test("unknown fields are passed over, an unknown suffrage is not", () => {
  const odd = (suffrage: number): Uint8Array =>
    new MsgpackWriter()
      .mapHeader(2)
      .text("New")
      .arrayHeader(1)
      .nil()
      .text("Servers")
      .arrayHeader(1)
      .mapHeader(3)
      .text("ID")
      .text("a")
      .text("Zone")
      .bool(true)
      .text("Suffrage")
      .int(suffrage)
      .take();
  assert.deepEqual(decodeRaftConfiguration(odd(1)).servers, [{ id: "a", address: "", suffrage: "nonvoter" }]);
  assert.throws(() => decodeRaftConfiguration(odd(3)), /unknown suffrage of server a/);
  assert.deepEqual(decodeRaftConfiguration(Buffer.from("c0", "hex")).servers, []);
});
