// Joins the sources into a few files, `dist/bundle`: five hundred modules take longer to load than to run. Types are
// tsc's business; the sources hold nothing but TypeScript that can be erased, so that both emit the same code.
//
// `main.cjs` is the program, one script with the code that V8 made of it beside it (`packages/tribune/bin/load.js`);
// `cli.cjs` is the same without the agent, for all other commands; `index.js` is the library.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { copySite } from "./lib/copy-site.mjs";
import { replaceFiles } from "./lib/replace-files.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "../packages");
const source = join(packages, "tribune/src");
const bundle = join(packages, "tribune/dist/bundle");
// Beside it, so that agents of this checkout can start meanwhile.
const outdir = `${bundle}.${process.pid}`;
process.on("exit", () => rmSync(outdir, { recursive: true, force: true }));
const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  alias: {
    "@tribune/api/duration": join(packages, "api/src/duration.ts"),
    "@tribune/api": join(packages, "api/src/index.ts"),
    "@tribune/client/node": join(packages, "client/src/node.ts"),
  },
  // Libraries are installed beside it, each under its own licence.
  external: ["re2js", "yaml"],
  // Not minified: a stack trace shows names and lines that can be read even without the source maps.
  sourcemap: "linked",
  logLevel: "warning",
};
/** Libraries that take as long to load as a tenth of a server's start, and that many servers never need. */
const LAZY = new Map([
  ["re2js", ["RE2JS"]],
  ["yaml", ["parse"]],
  ["node:http2", ["connect", "constants", "createServer"]],
]);
/** These are loaded when something of theirs is used first. */
const lazily = {
  name: "lazily",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(re2js|yaml|node:http2)$/ }, ({ path, namespace }) =>
      namespace === "lazy" ? { path, external: true } : { path, namespace: "lazy" },
    );
    onLoad({ filter: /./, namespace: "lazy" }, ({ path }) => ({
      contents: `module.exports = { ${LAZY.get(path)
        .map((name) => `get ${name}() { return require(${JSON.stringify(path)}).${name}; }`)
        .join(", ")} };`,
      loader: "js",
    }));
  },
};
const script = {
  ...common,
  plugins: [lazily],
  entryPoints: [join(source, "program.ts")],
  format: "cjs",
  // A script has no loader for `import()`; what is in here anyhow is only run when it is needed.
  supported: { "dynamic-import": false },
  // Nor does it know its own address otherwise; the web page lies beside it.
  banner: { js: 'const scriptUrl = require("node:url").pathToFileURL(__filename).href;' },
  define: { "import.meta.url": "scriptUrl" },
};
/** Where a command turns out to need the agent after all, as for `-h agent`, it comes from the whole program. */
const withoutAgent = {
  name: "without-agent",
  setup({ onLoad }) {
    const contents =
      'export const loadAgent = () => require("../../bin/load.js").load("main").exports.loadAgentCommand();';
    onLoad({ filter: /\/load-agent\.ts$/ }, () => ({ contents, loader: "js" }));
  },
};
const programs = [join(outdir, "main.cjs"), join(outdir, "cli.cjs")];
await build({ ...script, outfile: programs[0] });
await build({
  ...script,
  outfile: programs[1],
  plugins: [lazily, withoutAgent],
  external: [...common.external, "../../bin/load.js"],
});
await build({ ...common, entryPoints: [join(source, "index.ts")], outdir, format: "esm" });

// Only comments hold other characters; strings and patterns mean the same with escapes.
const escaped = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
for (const program of programs) writeFileSync(program, readFileSync(program, "utf8").replace(/[^\0-\x7f]/g, escaped));

try {
  execFileSync(process.execPath, [join(here, "lib/code-cache.cjs"), outdir], { stdio: ["ignore", "ignore", "pipe"] });
} catch (error) {
  console.warn(`no code cache was made, so that starts take longer: ${String(error.stderr ?? error).trim()}`);
}

// Code goes before its script is another one, and comes behind it: V8 would take it for that of any script as long.
const scripts = programs.map((path) => basename(path));
const codes = scripts.map((name) => `${name}.cache`);
for (const code of codes) rmSync(join(bundle, code), { force: true });
replaceFiles(outdir, bundle, [...scripts, ...codes]);

copySite(join(packages, "ui/dist"), join(packages, "tribune/dist/ui"));
