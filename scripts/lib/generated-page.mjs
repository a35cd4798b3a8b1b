import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Writes a page that is made from something else; with --check it only tells, by exit status 1, whether it is current.
 *
 * @param page its path in the repository.
 * @param text what it must be.
 * @param source what it is made from, in words.
 * @param script what makes it.
 */
export function generatedPage(page, text, { source, script }) {
  const path = fileURLToPath(new URL(`../../${page}`, import.meta.url));
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (written(path) !== text) {
    console.error(`${page} is not what the ${source} say; run: node scripts/${script}`);
    process.exitCode = 1;
  }
}

function written(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}
