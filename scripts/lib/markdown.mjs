/** @returns {string[]} the lines of a table */
export function table(heads, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)];
}

export const code = (text) => (text === "" ? "" : `\`${text}\``);
