import { open, rename, rm } from "node:fs/promises";

/** Writes a file in one step: nobody sees half of it, and a crash leaves the old one. `mode` is less the umask. */
export async function writeFileAtomic(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.tmp.${process.pid}`;
  try {
    const file = await open(temporary, "w", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
