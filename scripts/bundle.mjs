// Joins the sources into a few files, `dist/bundle`: five hundred modules take longer to load than to run. Types are
// tsc's business; the sources hold nothing but TypeScript that can be erased, so that both emit the same code. What a
// client command does not need stays in chunks of its own.
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { copySite } from "./lib/copy-site.mjs";

const packages = join(dirname(fileURLToPath(import.meta.url)), "../packages");
const source = join(packages, "tribune/src");
const outdir = join(packages, "tribune/dist/bundle");
rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: [join(source, "main.ts"), join(source, "index.ts")],
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  alias: {
    "@tribune/api": join(packages, "api/src/index.ts"),
    "@tribune/client": join(packages, "client/src/index.ts"),
  },
  // Libraries are installed beside it, each under its own licence.
  external: ["re2js"],
  // Not minified: a stack trace shows names and lines that can be read even without the source maps.
  sourcemap: "linked",
  logLevel: "warning",
});

copySite(join(packages, "ui/dist"), join(packages, "tribune/dist/ui"));
