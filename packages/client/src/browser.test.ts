import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import * as all from "./index.ts";

const here = dirname(fileURLToPath(import.meta.url));

test("a page can load the client: nothing of Node is imported, not even from afar", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(here, "browser.js")],
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    metafile: true,
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  assert.deepEqual(imports, []);
  const source = new TextDecoder().decode(outputFiles[0]?.contents);
  for (const name of ["Buffer", "process", "require", "setImmediate"])
    assert.doesNotMatch(source, new RegExp(`(?<![\\w.#"'\`])${name}[.(]`), name);
});

test("the helpers' names are no endpoint's", () => {
  const calls = all.contractClient();
  const helpers = ["kv", "watch", "register", "resolve", "resolver", "lock", "semaphore", "election", "close"];
  assert.deepEqual(
    helpers.filter((name) => name in calls),
    [],
  );
  assert.deepEqual(
    Object.keys(all.createClient()).filter((name) => !(name in calls)),
    helpers,
  );
});
