/** Where something stands in the text: both count from 1, columns in characters. */
export interface HclPosition {
  readonly line: number;
  readonly column: number;
}

export interface HclLiteral {
  readonly kind: "literal";
  readonly value: string | number | boolean | null;
  readonly position: HclPosition;
}

export interface HclList {
  readonly kind: "list";
  readonly items: readonly HclNode[];
  readonly position: HclPosition;
}

export interface HclObject {
  readonly kind: "object";
  readonly items: readonly HclItem[];
  readonly position: HclPosition;
}

export type HclNode = HclLiteral | HclList | HclObject;

/** `key = value`, `key { … }`, or a labelled block `key "label" { … }` (several keys). */
export interface HclItem {
  readonly keys: readonly string[];
  readonly value: HclNode;
  readonly position: HclPosition;
}

/** A text that is not HCL1 or JSON, or is beyond a limit. The message starts `At LINE:COLUMN: `, as Consul's does. */
export class HclError extends Error {
  override readonly name = "HclError";
  readonly position: HclPosition;
  readonly reason: string;

  constructor(position: HclPosition, reason: string) {
    super(`At ${position.line}:${position.column}: ${reason}`);
    this.position = position;
    this.reason = reason;
  }
}

export interface HclLimits {
  /** UTF-16 code units of the text. */
  readonly lengthMax: number;
  /** Objects and lists inside one another. */
  readonly depthMax: number;
  readonly tokensMax: number;
}

/** Far above any real file: ten thousand service definitions are some 3 MB. */
export const HCL_LIMITS: HclLimits = { lengthMax: 64 << 20, depthMax: 200, tokensMax: 10_000_000 };
