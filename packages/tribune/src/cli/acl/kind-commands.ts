/** Commands that every kind of ACL object has in the same form. */
import { goQuote } from "../../lib/go-quote.ts";
import { list, type Shape } from "../../lib/go-struct.ts";
import type { Command, CommandContext } from "../command.ts";
import type { FlagSpec } from "../flags.ts";
import { failing, formatFlag, metaFlag, print, read, remove, step } from "./request.ts";

/** `list`: all of a kind, as `-format` and `-meta` say. */
export function listCommand<T>(given: {
  readonly description: string;
  /** As in `Failed to retrieve the WHAT list`. */
  readonly what: string;
  readonly path: (context: CommandContext) => string;
  readonly shape: Shape;
  readonly pretty: (all: readonly T[], meta: boolean) => string;
  readonly flags?: readonly FlagSpec[];
}): Command {
  const { description, what, path, shape, pretty, flags = [] } = given;
  return {
    usage: "[options]",
    description,
    http: "namespace",
    flags: [...flags, metaFlag, formatFlag],
    run: failing(async (context) => {
      const all = await step(`Failed to retrieve the ${what} list`, () =>
        read<readonly T[]>(context.client(), path(context)),
      );
      print(context, all, list(shape), pretty);
    }),
  };
}

/** `delete`: one, by what `target` finds it by. */
export function deleteCommand(given: {
  readonly description: string;
  /** `policy`, `auth method`: how it is called in a sentence. */
  readonly what: string;
  readonly flags: readonly FlagSpec[];
  /** Its id or name. @throws CommandFailure where the flags name none */
  readonly target: (context: CommandContext) => Promise<string> | string;
  readonly path: (target: string) => string;
}): Command {
  const { description, what, flags, target, path } = given;
  return {
    usage: "[options]",
    description,
    http: "namespace",
    flags,
    run: failing(async (context) => {
      const found = await target(context);
      await step(`Error deleting ${what} ${goQuote(found)}`, () => remove(context.client(), path(found)));
      context.out(`${what.charAt(0).toUpperCase()}${what.slice(1)} ${goQuote(found)} deleted successfully`);
    }),
  };
}
