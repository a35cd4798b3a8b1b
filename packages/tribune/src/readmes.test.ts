/** What the pages for readers of the code name is there: files, functions, and the sections that comments cite. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCE = join(PACKAGE, "src");
const ROOT = join(PACKAGE, "..", "..");

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).map((path) => path.split(sep).join("/"));
const pages = files.filter((path) => path.endsWith("README.md"));
const sources = files.filter((path) => path.endsWith(".ts"));
const textOf = (path: string): string => readFileSync(join(SOURCE, path), "utf8");

test("what ARCHITECTURE.md names is there", () => {
  const text = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");
  const named = codeOf(text).filter((word) => /^[\w.-]+(\/[\w.-]+)+$|\.ts$/.test(word) && !word.startsWith("dist/"));
  assert.ok(named.length > 30, `only ${named.length} names found`);
  const homes = [ROOT, PACKAGE, SOURCE, join(ROOT, "packages")];
  const isThere = (word: string): boolean =>
    homes.some((home) => existsSync(join(home, word)) || existsSync(join(home, `${word}.ts`))) ||
    sources.some((path) => path.endsWith(`/${word}`));
  assert.deepEqual(
    named.filter((word) => !isThere(word)),
    [],
  );
});

test("the files that rooms' pages name are there", () => {
  const missing = pages.flatMap((page) => {
    const folder = page.slice(0, -"/README.md".length);
    return namedFiles(textOf(page)).flatMap((word) => {
      const path = word.endsWith(".ts") ? word : `${word}.ts`;
      const isThere =
        existsSync(join(SOURCE, folder, path)) ||
        existsSync(join(SOURCE, folder, word)) ||
        sources.some((source) => source === path || (source.startsWith(`${folder}/`) && source.endsWith(`/${path}`)));
      return isThere ? [] : [`${page} names ${word}`];
    });
  });
  assert.deepEqual(missing, []);
});

test("the functions that the cores' pages name are there", () => {
  for (const room of ["raft", "gossip"]) {
    const named = codeOf(textOf(`${room}/README.md`)).flatMap((word) => /^(?:\w+\.)?(\w+)\(\)$/.exec(word)?.[1] ?? []);
    assert.ok(named.length > 10, `${room}: only ${named.length} names found`);
    const text = sources.flatMap((path) => (path.startsWith(`${room}/`) ? [textOf(path)] : [])).join("\n");
    const isThere = (name: string): boolean =>
      new RegExp(`^((export )?function |  #?(get )?)${name}\\b`, "m").test(text);
    assert.deepEqual(
      named.filter((name) => !isThere(name)),
      [],
      room,
    );
  }
});

test("the sheets that comments cite have the section", () => {
  const cited = [...sources, ...pages].flatMap((path) =>
    [...textOf(path).matchAll(/\bsheet ([a-z-]+) §(\d+)|\b([a-z-]+) sheet §(\d+)/g)].map(
      ([, before, of, after, section]) => ({ path, sheet: (before ?? after)!, section: (of ?? section)! }),
    ),
  );
  assert.ok(cited.length > 80, `only ${cited.length} citations found`);
  const sections = new Map<string, string>();
  const hasSection = (sheet: string, section: string): boolean => {
    const path = join(ROOT, "docs", "wire", `${sheet}.md`);
    if (!sections.has(sheet)) sections.set(sheet, existsSync(path) ? readFileSync(path, "utf8") : "");
    return new RegExp(`^## ${section}\\. `, "m").test(sections.get(sheet)!);
  };
  assert.deepEqual(
    cited.filter(({ sheet, section }) => !hasSection(sheet, section)),
    [],
  );
});

/** What stands in backticks. */
function codeOf(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
}

/** Names ending in `.ts`, and those of the first column under "File" or "Files". */
function namedFiles(text: string): string[] {
  const named = codeOf(text).filter((word) => /^[\w./-]+\.ts$/.test(word));
  for (const [table] of text.matchAll(/^\| *Files? +\|.*\n(?:\|.*\n)+/gm))
    for (const row of table.split("\n").slice(2))
      named.push(...codeOf(row.split("|")[1] ?? "").filter((word) => /^[\w./-]+$/.test(word)));
  return named;
}
