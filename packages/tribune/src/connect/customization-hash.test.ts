import assert from "node:assert/strict";
import { test } from "node:test";
import { customizationHash } from "./customization-hash.ts";

test("hashes are those of mitchellh/hashstructure over Consul's struct", () => {
  const of = (mode: string, protocol: string, seconds: number): string =>
    customizationHash(
      { meshGateway: { Mode: mode }, protocol, connectTimeoutNs: seconds * 1e9 },
      { meshGateway: mode !== "", protocol: protocol !== "", connectTimeout: seconds > 0 },
    );
  assert.equal(of("", "", 0), "");
  assert.equal(of("local", "", 0), "c225dc1c");
  assert.equal(of("", "grpc", 0), "ef15b5b5");
  assert.equal(of("", "", 7), "8b1bc506");
  assert.equal(of("remote", "tcp", 33), "fcbe7ceb");
});
