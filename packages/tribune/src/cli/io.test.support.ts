import type { CliIo } from "./command.ts";

/** Streams that remember, for tests. */
export interface TestIo extends CliIo {
  readonly out: () => string;
  readonly err: () => string;
}

export function testIo(options: { readonly env?: Record<string, string>; readonly stdin?: string } = {}): TestIo {
  const out: Buffer[] = [];
  const err: string[] = [];
  return {
    stdout: (text) => void out.push(Buffer.from(text)),
    stderr: (text) => void err.push(text),
    stdin: async () => Buffer.from(options.stdin ?? ""),
    env: options.env ?? {},
    onInterrupt: () => () => {},
    out: () => Buffer.concat(out).toString(),
    err: () => err.join(""),
  };
}
