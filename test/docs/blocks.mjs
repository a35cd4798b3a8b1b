// The fenced blocks of a Markdown page, and what their first line says the tests shall do with them (README.md here).

/** Languages whose blocks must say whether they are run: a reader will copy them. */
const EXECUTABLE = new Set(["sh", "ts", "py", "hcl", "json", "yaml", "ini", "conf"]);

/**
 * @typedef {object} Block
 * @property {string} language
 * @property {number} line where it begins, from 1
 * @property {string} text
 * @property {"run" | "background" | "until" | "file" | "shown" | "output" | "none"} use
 * @property {string | undefined} file where its text goes
 * @property {readonly string[]} needs programs and `python:MODULE`s without which it cannot be run
 * @property {string | undefined} output what it is to print
 */

/** @returns {Block[]} @throws on a block that says nothing, or nonsense, of how it is run */
export function blocksOf(page) {
  const blocks = [];
  const lines = page.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const fence = /^( *)(`{3,})(.*)$/.exec(lines[at]);
    const hidden = /^<!-- ((?:sh|text) .*)$/.exec(lines[at]);
    if (fence === null && hidden === null) continue;
    const line = at + 1;
    const [indent, end, info] = fence === null ? ["", "-->", hidden[1]] : fence.slice(1);
    const body = [];
    for (at++; at < lines.length && lines[at].trim() !== end; at++) body.push(lines[at].slice(indent.length));
    if (at === lines.length) throw new Error(`line ${line}: the block has no end`);
    const block = { ...marked(info.trim(), line), line, text: `${body.join("\n")}\n` };
    if (block.use !== "output") blocks.push(block);
    else if (!["run", "until", "background"].includes(blocks.at(-1)?.use) || blocks.at(-1).output !== undefined)
      throw new Error(`line ${line}: an output must follow what is run`);
    else blocks.at(-1).output = block.text;
  }
  return blocks;
}

function marked(info, line) {
  const [language = "", ...words] = info.split(/ +/);
  const value = (name) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const uses = ["run", "background", "until", "shown", "output"].filter((use) => words.includes(use));
  const file = value("file");
  if (file !== undefined) uses.push("file");
  const known = words.every((word) => uses.includes(word) || /^(file|needs)=./.test(word));
  if (uses.length > 1 || !known) throw new Error(`line ${line}: what is to be done with "${info}"?`);
  if (uses.length === 0 && EXECUTABLE.has(language))
    throw new Error(`line ${line}: a block of ${language} says run, background, until, file=… or shown`);
  const needs = value("needs")?.split(",") ?? [];
  return { language, use: uses[0] ?? "none", file, needs, output: undefined };
}

/**
 * Whether a text is the expected one. `…` stands for anything within a line, a line of nothing else for any lines.
 * @param {boolean} [within] the expected lines may lie anywhere in it, with others between them
 */
export function matches(expected, actual, within = false) {
  const lines = (text) => text.trimEnd().split("\n");
  const parts = lines(expected).map((line) => {
    if (line.trim() === "…") return ANY_LINES;
    return `${escaped(line.trimEnd()).replaceAll("…", "[^\\n]*")}[ \\t]*\\n`;
  });
  const pattern = within ? `${ANY_LINES}${parts.join(ANY_LINES)}${ANY_LINES}` : parts.join("");
  return new RegExp(`^${pattern}$`).test(`${lines(actual).join("\n")}\n`);
}

const ANY_LINES = "(?:[^\\n]*\\n)*?";
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
