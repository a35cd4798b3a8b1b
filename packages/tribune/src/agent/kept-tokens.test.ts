import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { RuntimeConfig } from "../config/types.ts";
import { silentLogger } from "../lib/log.ts";
import { nodeRuntime } from "../net/node-runtime.ts";
import { readKeptTokens, withKeptTokens } from "./kept-tokens.ts";

const OWN = { master: "m", default: "configured", agent: "", agentMaster: "", replication: "r" };

async function read(file: string | undefined, enableTokenPersistence = true) {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-tokens-"));
  try {
    if (file !== undefined) writeFileSync(join(dataDir, "acl-tokens.json"), file);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
    const config = { dataDir, acl: { enableTokenPersistence, tokens: OWN } } as unknown as RuntimeConfig;
    const kept = await readKeptTokens(config, nodeRuntime().disk, logger);
    return { tokens: withKeptTokens(config, kept).acl.tokens, warnings };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

test("tokens that Consul kept go before those of the configuration, with a warning where there are both", async () => {
  const { tokens, warnings } = await read('{"agent_master":"am","default":"d","agent":"a"}');
  assert.deepEqual(tokens, { master: "m", default: "d", agent: "a", agentMaster: "am", replication: "r" });
  assert.deepEqual(warnings, [
    '"default" token present in both the configuration and persisted token store, using the persisted token',
  ]);
});

test("without the option, without a file, and with one that cannot be read the configuration's tokens stay", async () => {
  assert.deepEqual(await read('{"default":"d"}', false), { tokens: OWN, warnings: [] });
  assert.deepEqual(await read(undefined), { tokens: OWN, warnings: [] });
  for (const broken of ["", "{", "[]", "null", '{"agent":"a","default":1}'])
    assert.deepEqual(await read(broken), { tokens: OWN, warnings: ["unable to load persisted tokens"] }, broken);
});
