// Puts new files in the place of old ones, each in one step: whoever starts the program meanwhile finds all that he needs.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const filesOf = (directory) =>
  readdirSync(directory, { recursive: true }).filter((name) => !statSync(join(directory, name)).isDirectory());

/**
 * @param from a directory on the same disk, which is gone afterwards.
 * @param to has the files of `from` afterwards, and no other.
 * @param last names of files that mean something only once the others are there, in their order.
 */
export function replaceFiles(from, to, last = []) {
  const fresh = filesOf(from);
  const old = existsSync(to) ? filesOf(to) : [];
  for (const name of [
    ...fresh.filter((each) => !last.includes(each)),
    ...last.filter((each) => fresh.includes(each)),
  ]) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    renameSync(join(from, name), join(to, name));
  }
  for (const name of old) if (!fresh.includes(name)) rmSync(join(to, name));
  rmSync(from, { recursive: true });
}
