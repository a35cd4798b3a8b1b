import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";

/** Where pages, Consul's own among them, look for the scripts of `ui_config.metrics_provider_files`, below the site. */
export const PROVIDERS_PATH = "assets/compiled-metrics-providers.js";

/** All of these scripts together. */
const PROVIDER_BYTES_MAX = 4 << 20;

/** The operator's scripts that fetch metrics, one behind the other; read anew each time, for they may change. */
export async function providerScript(files: readonly string[]): Promise<string> {
  let text = "";
  for (const file of files) {
    const { size } = await stat(file);
    if (text.length + size > PROVIDER_BYTES_MAX)
      throw new Error(`${file}: metrics providers may have ${PROVIDER_BYTES_MAX} bytes`);
    text += `// ${basename(file)}\n\n${await readFile(file, "utf8")}\n\n`;
  }
  return text;
}
