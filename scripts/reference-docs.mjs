// Writes docs/reference from what it describes (built): the keys of the configuration, the commands, the texts of
// refusals. With --check it only tells whether the pages are current.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cliPage } from "./lib/reference-cli.mjs";
import { configurationPage } from "./lib/reference-configuration.mjs";
import { errorsPage } from "./lib/reference-errors.mjs";

const pages = { "configuration.md": configurationPage(), "cli.md": await cliPage(), "errors.md": errorsPage() };
for (const [name, lines] of Object.entries(pages)) {
  const page = fileURLToPath(new URL(`../docs/reference/${name}`, import.meta.url));
  const current = `${lines.join("\n")}\n`;
  if (!process.argv.includes("--check")) writeFileSync(page, current);
  else if (written(page) !== current) {
    console.error(`docs/reference/${name} is not what the source says; run: node scripts/reference-docs.mjs`);
    process.exitCode = 1;
  }
}

function written(page) {
  try {
    return readFileSync(page, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}
