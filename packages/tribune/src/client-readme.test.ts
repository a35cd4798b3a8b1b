/** The examples of the client's README, as they stand there: they compile, and they run. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { againstAgents } from "./client-agents.test.support.ts";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");
const readme = readFileSync(join(root, "packages/client/README.md"), "utf8");
const AGENT = "http://127.0.0.1:8500";
const EXAMPLES = [...readme.matchAll(/^```ts run\n(.*?)^```/gms)].map(([, text = ""]) => text);

/** What an example takes for granted. Imports that it does not need are dropped. */
const BEFORE = `import { type Change, createClient, DELETE, type NamedService } from "@tribune/client";
const client = createClient({ url: "${AGENT}" });
`;
const AFTER = "client.close();\n";
const whole = (example: string): string =>
  /^import /m.test(example)
    ? example
    : `${BEFORE}void DELETE;\n${example}${AFTER}export type Used = [Change<unknown>, NamedService];\n`;

test("all code in it is run", () => {
  assert.ok(EXAMPLES.length >= 9);
  assert.deepEqual(readme.match(/^```(?!ts run$).+$/gm) ?? [], []);
});

test("the examples compile, strictly", async () => {
  const directory = temporary();
  try {
    for (const [place, example] of EXAMPLES.entries()) writeFileSync(join(directory, `${place}.ts`), whole(example));
    const compilerOptions = { noEmit: true, composite: false, incremental: false, moduleDetection: "force" };
    const extending = join(root, "tsconfig.base.json");
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ extends: extending, compilerOptions }));
    const { code, output } = await run([join(root, "node_modules/typescript/bin/tsc"), "-p", directory]);
    assert.equal(code, 0, output);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

againstAgents("the examples of the client's README run", async (agent, t) => {
  const directory = temporary();
  t.after(() => rmSync(directory, { recursive: true }));
  const { port } = new URL(agent.url);
  for (const [place, example] of EXAMPLES.entries()) {
    const { code } = await transform(whole(example), { loader: "ts", format: "esm" });
    const file = join(directory, `${place}.mjs`);
    writeFileSync(file, code.replaceAll(AGENT, agent.url).replaceAll("8500", port));
    const ended = await run([file]);
    assert.equal(ended.code, 0, `${example}\n${ended.output}`);
    assert.doesNotMatch(ended.output, /undefined|NaN/, example);
  }
});

/** Where `@tribune/client` is found. */
function temporary(): string {
  const parent = join(root, ".scratch");
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, "readme-"));
}

function run(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { timeout: 60_000 });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("close", (code) => resolve({ code, output }));
  });
}
