// Every example of the documentation is run; every link in it leads somewhere; its TypeScript compiles.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { blocksOf } from "./blocks.mjs";
import { root, runPage } from "./page.mjs";
import { pages, textOf } from "./pages.mjs";

/** Each page has a network, 127.NUMBER.x.x. */
const FIRST_NETWORK = 140;
const words = (process.env.DOCS_PAGES ?? "").split(",").filter((word) => word !== "");

const chosen = (page) => words.length === 0 || words.some((word) => page.includes(word));

// Pages wait more than they work.
describe("pages", { concurrency: 2 }, () => {
  for (const [at, page] of pages().entries()) {
    if (!chosen(page) || !hasExamples(page)) continue;
    test(`${page}: its examples do what it says`, async (t) => {
      const skipped = await runPage(textOf(page), FIRST_NETWORK + at);
      if (skipped.length > 0) t.skip(skipped.join("; "));
    });
  }
});

/** Also true of a page that cannot be read: its test will say why. */
function hasExamples(page) {
  try {
    return blocksOf(textOf(page)).some(({ use }) => use !== "none" && use !== "shown");
  } catch {
    return true;
  }
}

test("the TypeScript of all pages compiles, strictly", (t) => {
  mkdirSync(join(root, ".scratch"), { recursive: true });
  const directory = mkdtempSync(join(root, ".scratch/docs-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const page of pages().filter(chosen))
    for (const { language, use, file, line, text } of blocksOf(textOf(page)))
      if (language === "ts" && use !== "shown") {
        const target = join(directory, page, file ?? `line-${line}.ts`);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, text);
      }
  const options = { extends: "../../tsconfig.base.json", compilerOptions: CHECK_ONLY, include: ["**/*.ts"] };
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(options));
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(directory, "empty.ts"), "");
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  for (const project of [directory, join(root, "examples/filestorage")]) {
    const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", project], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  }
});

const CHECK_ONLY = { noEmit: true, composite: false, incremental: false, declaration: false, moduleDetection: "force" };

test("links lead to pages and headings that are there", () => {
  for (const page of [...pages(), "ARCHITECTURE.md", "CONTRIBUTING.md", "packages/client/README.md"].filter(chosen)) {
    const text = textOf(page).replace(/^ *```[\s\S]*?^ *```/gm, "");
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path, anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, target)), `${page}: ${link}`);
      if (anchor !== undefined) assert.ok(anchors(textOf(target)).has(anchor), `${page}: ${link}`);
    }
  }
});

test("every room has a README and a line in ARCHITECTURE.md", () => {
  const rooms = readdirSync(join(root, "packages/tribune/src"), { withFileTypes: true }).filter((at) =>
    at.isDirectory(),
  );
  assert.ok(rooms.length > 15);
  for (const { name } of rooms) {
    assert.ok(existsSync(join(root, "packages/tribune/src", name, "README.md")), `${name} has no README.md`);
    assert.match(
      textOf("ARCHITECTURE.md"),
      new RegExp(`^\\|.*\`${name}\`.*\\|`, "m"),
      `${name} is not in ARCHITECTURE.md`,
    );
  }
});

/** As GitHub makes them of headings. */
function anchors(text) {
  const headings = text.replace(/^ *```[\s\S]*?^ *```/gm, "").matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
