import { createWriteStream } from "node:fs";
import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { encodeTarHeader, TAR_END, tarPadding } from "../../codec/snapshot-tar.ts";

/** For the owner's eyes only: logs tell much. */
const MODE = 0o600;

/** Packs a folder into `file` (.tar.gz, on disk before it has its name) and removes the folder. */
export async function archiveFolder(folder: string, file: string, mtimeSeconds: number): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    await pipeline(
      members(folder, mtimeSeconds),
      createGzip(),
      createWriteStream(temporary, { mode: MODE, flush: true }),
    );
    await rename(temporary, file);
    const parent = await open(dirname(file), "r");
    await parent.sync(); // or a crash could take the new name back
    await parent.close();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rm(folder, { recursive: true });
}

async function* members(folder: string, mtimeSeconds: number): AsyncGenerator<Uint8Array> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  for (const path of files.sort()) {
    const bytes = await readFile(path);
    const name = join(basename(folder), path.slice(folder.length + 1));
    yield encodeTarHeader({ name, sizeBytes: bytes.length }, mtimeSeconds);
    yield bytes;
    yield new Uint8Array(tarPadding(bytes.length));
  }
  yield TAR_END;
}
