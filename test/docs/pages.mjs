// The pages whose examples are run.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./page.mjs";

/** Paths from the root of the repository. */
export function pages() {
  const below = (directory) =>
    existsSync(join(root, directory))
      ? readdirSync(join(root, directory), { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith(".md") && !name.includes("node_modules"))
          .map((name) => relative(root, join(root, directory, name)))
      : [];
  return ["README.md", ...below("docs"), ...below("examples")].sort();
}

export const textOf = (page) => readFileSync(join(root, page), "utf8");
