import type { HclItem, HclLimits, HclList, HclLiteral, HclNode, HclObject } from "./hcl-ast.ts";
import { HclLexer, type HclToken } from "./hcl-lexer.ts";

/** Recursive descent over HCL1's grammar. One token of look-ahead. */
export class HclParser {
  readonly #lexer: HclLexer;
  readonly #depthMax: number;
  #token: HclToken;
  #depth = 0;

  constructor(text: string, limits: HclLimits) {
    this.#lexer = new HclLexer(text, limits);
    this.#depthMax = limits.depthMax;
    this.#token = this.#lexer.next();
  }

  parseFile(): HclObject {
    const items: HclItem[] = [];
    const position = this.#lexer.positionAt(0);
    while (this.#token.type !== "EOF") {
      const item = this.#item();
      if (item === undefined) break;
      items.push(item);
      if (this.#token.type === "COMMA") this.#advance();
    }
    return { kind: "object", items, position };
  }

  #advance(): HclToken {
    const token = this.#token;
    this.#token = this.#lexer.next();
    return token;
  }

  #atEnd(): boolean {
    return this.#token.type === "EOF";
  }

  #fail(reason: string, at: HclToken = this.#token): never {
    throw this.#lexer.error(at.offset, reason);
  }

  #positionOf(token: HclToken) {
    return this.#lexer.positionAt(token.offset);
  }

  /** @returns undefined for `key =` at the very end of the text, which Consul reads as if it were not there. */
  #item(): HclItem | undefined {
    const first = this.#token;
    const keys = this.#keys();
    const position = this.#positionOf(first);
    if (this.#token.type === "LBRACE") return { keys, value: this.#object(), position };
    if (this.#token.type !== "ASSIGN") {
      this.#fail(`key '${keys.join(" ")}' expected start of object ('{') or assignment ('=')`);
    }
    if (keys.length > 1) this.#fail("nested object expected: LBRACE got: ASSIGN");
    this.#advance();
    if (this.#atEnd() && this.#depth === 0) return undefined;
    return { keys, value: this.#value(), position };
  }

  #keys(): readonly string[] {
    const keys: string[] = [];
    while (this.#token.type === "IDENT" || this.#token.type === "STRING") keys.push(String(this.#advance().value));
    if (keys.length > 0) {
      const { type } = this.#token;
      if (type === "ASSIGN" || type === "LBRACE" || type === "EOF" || type === "RBRACE") return keys;
      this.#fail(`expected: IDENT | STRING | ASSIGN | LBRACE got: ${type}`);
    }
    if (this.#token.type === "ASSIGN") this.#fail("no object keys found!");
    if (this.#token.type === "LBRACE") this.#fail("expected: IDENT | STRING got: LBRACE");
    return this.#fail(`expected: IDENT | STRING | ASSIGN | LBRACE got: ${this.#token.type}`);
  }

  #value(): HclNode {
    switch (this.#token.type) {
      case "NUMBER":
      case "FLOAT":
      case "BOOL":
      case "STRING":
      case "HEREDOC":
        return this.#literal();
      case "LBRACE":
        return this.#object();
      case "LBRACK":
        return this.#list();
      default: {
        const { line, column } = this.#positionOf(this.#token);
        return this.#fail(`Unknown token: ${line}:${column} ${this.#token.type} ${this.#token.value}`.trimEnd());
      }
    }
  }

  #literal(): HclLiteral {
    const token = this.#advance();
    return { kind: "literal", value: token.value, position: this.#positionOf(token) };
  }

  #object(): HclObject {
    const open = this.#enter();
    const items: HclItem[] = [];
    while (this.#token.type !== "RBRACE" && this.#token.type !== "EOF") {
      const item = this.#item();
      if (item !== undefined) items.push(item);
      if (this.#token.type === "COMMA") this.#advance();
    }
    if (this.#token.type !== "RBRACE") this.#fail(`object expected closing RBRACE got: ${this.#token.type}`);
    this.#leave();
    return { kind: "object", items, position: this.#positionOf(open) };
  }

  #list(): HclList {
    const open = this.#enter();
    const items: HclNode[] = [];
    for (let needComma = false; this.#token.type !== "RBRACK"; ) {
      if (this.#token.type === "COMMA") {
        this.#advance();
        needComma = false;
        continue;
      }
      if (needComma) this.#fail(`error parsing list, expected comma or list end, got: ${this.#token.type}`);
      if (!VALUE_STARTS.has(this.#token.type)) this.#fail(`unexpected token while parsing list: ${this.#token.type}`);
      items.push(this.#value());
      needComma = true;
    }
    this.#leave();
    return { kind: "list", items, position: this.#positionOf(open) };
  }

  #enter(): HclToken {
    if (++this.#depth > this.#depthMax) this.#fail(`more than ${this.#depthMax} objects or lists inside one another`);
    return this.#advance();
  }

  #leave(): void {
    this.#depth--;
    this.#advance();
  }
}

const VALUE_STARTS: ReadonlySet<string> = new Set(["NUMBER", "FLOAT", "BOOL", "STRING", "HEREDOC", "LBRACE", "LBRACK"]);
