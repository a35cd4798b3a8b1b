/** Words that a shell offers, and how it comes to ask for them: `complete -C`, as with Consul. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type CliIo, type CommandNode, isGroup, sharedFlags } from "./command.ts";

/** What could stand at the end of `line`; the first word is the program. */
export async function completions(tree: readonly CommandNode[], line: string): Promise<readonly string[]> {
  const words = line.trimStart().split(/\s+/).slice(1);
  const last = words.pop() ?? "";
  if (words.length === 0 && last.startsWith("-")) return OWN_FLAGS.filter((flag) => flag.startsWith(last));
  let nodes = tree;
  for (const [at, word] of words.entries()) {
    const node = nodes.find(({ name }) => name === word);
    // As in Consul, a word that is no command is passed over.
    if (node === undefined) continue;
    if (isGroup(node)) {
      nodes = node.commands;
      continue;
    }
    if (!last.startsWith("-") || words.slice(at + 1).includes("--")) return [];
    const command = await node.load();
    const flags = [...command.flags, ...sharedFlags(command.http)].map(({ name }) => `-${name}`);
    return flags.filter((flag) => flag.startsWith(last.replace(/^--/, "-"))).sort();
  }
  return named(nodes, last);
}

/** Of the program itself. */
const OWN_FLAGS = ["-autocomplete-install", "-autocomplete-uninstall", "-help", "-version"];

function named(nodes: readonly CommandNode[], beginning: string): readonly string[] {
  return nodes
    .map(({ name }) => name)
    .filter((name) => name.startsWith(beginning))
    .sort();
}

interface Shell {
  readonly name: string;
  /** Below the home directory. */
  readonly file: string;
  /** A file of our own, or lines in the shell's. */
  readonly own?: true;
  readonly text: (program: string, path: string) => string;
}

const SHELLS: readonly Shell[] = [
  { name: "bash", file: ".bashrc", text: (program, path) => `complete -C ${path} ${program}\n` },
  {
    name: "zsh",
    file: ".zshrc",
    text: (program, path) => `autoload -U +X bashcompinit && bashcompinit\ncomplete -o nospace -C ${path} ${program}\n`,
  },
  {
    name: "fish",
    file: ".config/fish/completions/PROGRAM.fish",
    own: true,
    text: (program, path) =>
      `function __complete_${program}\n` +
      "    set -lx COMP_LINE (commandline -cp)\n" +
      "    test -z (commandline -ct)\n" +
      '    and set COMP_LINE "$COMP_LINE "\n' +
      `    ${path}\nend\ncomplete -f -c ${program} -a "(__complete_${program})"\n`,
  },
];

/** Adds completion to the shells this user has. @throws Error when there is none, or all have it already */
export async function installCompletion(program: string, path: string, io: CliIo): Promise<void> {
  await forShells(program, io, async (shell, file, before) => {
    const text = shell.text(program, path);
    if (before?.includes(text) === true) throw new Error(`already installed in ${file}`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, shell.own === true ? text : ensureLineEnd(before ?? "") + text);
  });
}

export async function uninstallCompletion(program: string, path: string, io: CliIo): Promise<void> {
  await forShells(program, io, async (shell, file, before) => {
    const text = shell.text(program, path);
    if (before?.includes(text) !== true) throw new Error(`does not installed in ${file}`);
    if (shell.own === true) await rm(file);
    else await writeFile(file, before.replace(text, ""));
  });
}

const ensureLineEnd = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

/** Runs `change` for each shell whose files are there; fails only if nothing could be done anywhere. */
async function forShells(
  program: string,
  io: CliIo,
  change: (shell: Shell, file: string, before: string | undefined) => Promise<void>,
): Promise<void> {
  const home = io.env.HOME ?? "";
  if (home === "") throw new Error("Did not find any shells to install");
  const failures: string[] = [];
  let done = 0;
  for (const shell of SHELLS) {
    const file = join(home, shell.file.replace("PROGRAM", program));
    if ((await textOf(shell.own === true ? join(home, ".config/fish") : file)) === undefined) continue;
    try {
      await change(shell, file, await textOf(file));
      done++;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) throw new Error(failures.join("; "));
  if (done === 0) throw new Error("Did not find any shells to install");
}

/** A file's text, "" for a directory, undefined where there is neither. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EISDIR") return "";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
