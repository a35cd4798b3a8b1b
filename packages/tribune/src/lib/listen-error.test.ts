import assert from "node:assert/strict";
import { test } from "node:test";
import { listenError } from "./listen-error.ts";

test("what the system says of an address reads as Go says it, and keeps its code", () => {
  const system = (code: string): Error => Object.assign(new Error("listen"), { code });
  for (const [network, host, code, text] of [
    ["tcp", "127.0.0.1", "EADDRINUSE", "listen tcp 127.0.0.1:8500: bind: address already in use"],
    ["udp", "::1", "EADDRNOTAVAIL", "listen udp [::1]:8500: bind: cannot assign requested address"],
    ["tcp", "0.0.0.0", "EACCES", "listen tcp 0.0.0.0:8500: bind: permission denied"],
  ] as const) {
    const error = listenError(network, host, 8500, system(code));
    assert.equal(error.message, text);
    assert.equal((error as { readonly code?: string }).code, code);
  }
  const other = system("ESTRANGE");
  assert.equal(listenError("tcp", "127.0.0.1", 1, other), other);
});
