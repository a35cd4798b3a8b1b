import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { declarationOf, METRICS, shownMetrics } from "./metric-names.ts";

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "src");
const REPOSITORY = join(SOURCE, "..", "..", "..");

interface Measured {
  readonly file: string;
  readonly kind: string;
  /** With `*` for what is known only at run time. */
  readonly name: string;
}

/** Names in the code that measures: `metrics.count("a.b")`, `` metrics.sample(`a.${x}`) ``, and serf's outbox. */
function measuredInCode(): { readonly calls: readonly Measured[]; readonly texts: string } {
  const calls: Measured[] = [];
  let texts = "";
  for (const file of readdirSync(SOURCE, { recursive: true, encoding: "utf8" })) {
    if (!/\.ts$/.test(file) || /\.test\.|metric-names/.test(file)) continue;
    const text = readFileSync(join(SOURCE, file), "utf8");
    texts += text;
    for (const [, kind, name] of text.matchAll(/etrics\.(count|gauge|sample)\(\s*["`]([^"`]+)["`]/g))
      calls.push({ file, kind: kind === "count" ? "counter" : kind!, name: starred(name!) });
    for (const [, kind, name] of text.matchAll(/outbox\.(count|sample)\(["`]([^"`]+)["`]/g))
      calls.push({ file, kind: kind === "count" ? "counter" : kind!, name: `serf.${starred(name!)}` });
  }
  return { calls, texts };
}

function starred(name: string): string {
  return name.replace(/\$\{[^}]*\}/g, "*");
}

/** Whether two names with `*` can stand for the same one. */
function overlaps(a: string, b: string): boolean {
  const pattern = (name: string) => new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", ".+")}$`);
  return pattern(a).test(b) || pattern(b).test(a);
}

test("what is measured is declared, with its kind", () => {
  const { calls } = measuredInCode();
  assert.ok(calls.length > 60, `only ${calls.length} measurements found`);
  const undeclared = calls.filter(
    ({ kind, name }) => !METRICS.some((metric) => metric.kind === kind && overlaps(metric.name, name)),
  );
  assert.deepEqual(undeclared, []);
});

test("what is declared is measured", () => {
  const { calls, texts } = measuredInCode();
  const unmeasured = METRICS.filter(({ name, kind }) => {
    if (calls.some((call) => call.kind === kind && overlaps(call.name, name))) return false;
    // Names that stand in tables, or that a part is put in front of or behind.
    const parts = [name, name.replace(/^consul\./, ""), name.replace(/\.\*$/, ""), name.replace(/^client\..*\./, "")];
    return !parts.some((part) => texts.includes(`"${part}"`) || texts.includes(`\`${part}\``));
  });
  assert.deepEqual(unmeasured, []);
});

test("a name is declared once", () => {
  const names = METRICS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

test("a measured name finds its declaration, with parts that only the run knows", () => {
  assert.equal(declarationOf("raft.apply")?.unit, "entries");
  assert.equal(declarationOf("http.GET.v1.kv._")?.name, "http.*");
  assert.equal(declarationOf("raft.replication.appendEntries.rpc.6f8f7a60")?.kind, "sample");
  assert.equal(declarationOf("raft.applying"), undefined);
});

test("a client agent shows nothing that only servers measure", () => {
  const names = shownMetrics("consul", { server: false }).map(({ name }) => name);
  assert.ok(names.includes("consul.client.rpc"));
  assert.ok(!names.includes("consul.raft.apply"));
  assert.ok(shownMetrics("", { server: true }).some(({ name }) => name === "raft.apply"));
});

test("the dashboard asks only for what is declared", () => {
  const dashboard = JSON.parse(readFileSync(join(REPOSITORY, "docs", "dashboards", "tribune.json"), "utf8")) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  };
  const exprs = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  assert.ok(exprs.length > 15);
  const asked = new Set(exprs.flatMap((expr) => expr.match(/\bconsul_\w+/g) ?? []));
  assert.ok(asked.size > 15);
  const known = METRICS.map(({ name, kind }) => ({
    kind,
    pattern: new RegExp(`^consul_${name.replace(/[.=\-/]/g, "_").replaceAll("*", "\\w+")}(_sum|_count)?$`),
  }));
  const unknown = [...asked].filter(
    (name) =>
      !known.some(({ kind, pattern }) => pattern.test(name) && (kind === "sample" || !/_(sum|count)$/.test(name))),
  );
  assert.deepEqual(unknown, []);
});

test("docs/metrics.md is what the declarations say", () => {
  const run = spawnSync(process.execPath, [join(REPOSITORY, "scripts", "metrics-docs.mjs"), "--check"]);
  assert.equal(run.status, 0, run.stderr.toString());
});
