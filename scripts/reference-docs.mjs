// Writes docs/reference from what it describes (built): the keys of the configuration, the commands, the texts of
// refusals. With --check it only tells whether the pages are current.
import { generatedPage } from "./lib/generated-page.mjs";
import { cliPage } from "./lib/reference-cli.mjs";
import { configurationPage } from "./lib/reference-configuration.mjs";
import { errorsPage } from "./lib/reference-errors.mjs";

const pages = { "configuration.md": configurationPage(), "cli.md": await cliPage(), "errors.md": errorsPage() };
for (const [name, lines] of Object.entries(pages))
  generatedPage(`docs/reference/${name}`, `${lines.join("\n")}\n`, { source: "sources", script: "reference-docs.mjs" });
