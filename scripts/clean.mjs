import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
for (const name of ["api", "client", "tribune"])
  rmSync(join(root, "packages", name, "dist"), { recursive: true, force: true });
