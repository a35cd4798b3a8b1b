/** Colours for JSON, YAML and HCL: tokens, not meaning. Joined together the pieces are the text again. */
export type Language = "json" | "yaml" | "hcl" | "text";
export type PieceKind = "key" | "string" | "number" | "word" | "comment" | "plain";
export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
}

/** Longer texts stay plain: colouring is done anew with each letter typed. */
export const highlightLengthMax = 200_000;

const rules: Record<Exclude<Language, "text">, readonly (readonly [PieceKind, RegExp])[]> = {
  json: [
    ["key", /"(?:[^"\\\n]|\\.)*"(?=\s*:)/y],
    ["string", /"(?:[^"\\\n]|\\.)*"?/y],
    ["number", /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y],
    ["word", /\b(?:true|false|null)\b/y],
  ],
  yaml: [
    ["comment", /(?<=^|\s)#.*/my],
    ["key", /(?<=^[ \t]*(?:- +)*)(?:"[^"\n]*"|'[^'\n]*'|[\w./][\w./-]*(?: [\w./-]+)*)(?=:(?:\s|$))/my],
    ["string", /"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/y],
    ["word", /(?<![\w-])(?:true|false|null|yes|no|on|off|~)(?![\w-])/y],
    ["number", /(?<![\w.-])-?\d+(?:\.\d+)?(?![\w.-])/y],
    ["comment", /^---|^\.\.\./my],
  ],
  hcl: [
    ["comment", /#.*|\/\/.*|\/\*[\s\S]*?(?:\*\/|$)/y],
    ["key", /(?<![\w.])[A-Za-z_][\w-]*(?=\s*(?:=|\{|"))/y],
    ["string", /<<-?(\w+)[\s\S]*?(?:^\s*\1$|$(?![\s\S]))/my],
    ["string", /"(?:[^"\\\n]|\\.)*"?/y],
    ["number", /(?<![\w.])-?\d+(?:\.\d+)?/y],
    ["word", /\b(?:true|false)\b/y],
  ],
};

export function highlight(text: string, language: Language): Piece[] {
  if (language === "text" || text.length > highlightLengthMax) return [{ kind: "plain", text }];
  const pieces: Piece[] = [];
  let plainFrom = 0;
  let at = 0;
  next: while (at < text.length) {
    for (const [kind, rule] of rules[language]) {
      rule.lastIndex = at;
      const found = rule.exec(text)?.[0];
      if (!found) continue;
      if (plainFrom < at) pieces.push({ kind: "plain", text: text.slice(plainFrom, at) });
      pieces.push({ kind, text: found });
      at += found.length;
      plainFrom = at;
      continue next;
    }
    at++;
  }
  if (plainFrom < text.length) pieces.push({ kind: "plain", text: text.slice(plainFrom) });
  return pieces;
}

/** What a value seems to be: by the key's ending, else by its first letters. */
export function guessLanguage(key: string, text: string): Language {
  if (/\.json$/i.test(key)) return "json";
  if (/\.ya?ml$/i.test(key)) return "yaml";
  if (/\.(hcl|tf|nomad)$/i.test(key)) return "hcl";
  const start = text.trimStart();
  if (/^[{[]/.test(start)) return "json";
  if (/^---(\s|$)/.test(start) || (/^[\w-]+:(\s|$)/.test(start) && start.includes("\n"))) return "yaml";
  if (/^[\w-]+(\s+"[^"]*")*\s*[{=]/.test(start)) return "hcl";
  return "text";
}
