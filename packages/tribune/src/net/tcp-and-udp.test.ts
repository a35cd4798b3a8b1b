import assert from "node:assert/strict";
import { test } from "node:test";
import type { Network } from "../lib/runtime.ts";
import { bindBoth } from "./tcp-and-udp.ts";

/** A system that gives out 1, 2, 3 and so on; `udp` says what it thinks of a UDP socket at one of them. */
function systemOf(udp: (port: number) => string | undefined) {
  const open = new Set<string>();
  let chosen = 0;
  const bound = (kind: string, host: string, port: number) => {
    const key = `${kind} ${port}`;
    open.add(key);
    return { address: { host, port }, close: async () => void open.delete(key) };
  };
  const network: Network = {
    listenTcp: async (host, port) => bound("tcp", host, port === 0 ? ++chosen : port),
    connectTcp: () => Promise.reject(new Error("nobody is there")),
    bindUdp: async (host, port) => {
      const code = udp(port);
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      return { ...bound("udp", host, port), send: () => {} };
    },
  };
  const bind = (port: number) =>
    bindBoth(
      network,
      { host: "h", port },
      () => {},
      () => {},
    );
  return { bind, open };
}

test("a port that is chosen is free for both", async () => {
  const { bind, open } = systemOf((port) => (port < 3 ? "EADDRINUSE" : undefined));
  const { tcp, udp } = await bind(0);
  assert.deepEqual([tcp.address, udp.address], Array(2).fill({ host: "h", port: 3 }));
  assert.deepEqual([...open], ["tcp 3", "udp 3"]);
});

test("what cannot be had leaves nothing open", async () => {
  for (const [code, port] of [
    ["EADDRINUSE", 8600],
    ["EACCES", 0],
    ["EADDRINUSE", 0],
  ] as const) {
    const { bind, open } = systemOf(() => code);
    await assert.rejects(bind(port), { code });
    assert.equal(open.size, 0);
  }
});
