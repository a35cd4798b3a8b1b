/** The errors of npm's client: told apart by their marks, as programs written for it do. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** An answer as callers of npm's client see it. */
export interface Response extends Pick<IncomingMessage, "statusCode"> {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export class ConsulError extends Error {
  isConsul?: true;
  isPapi?: true;
  isValidation?: true;
  isResponse?: true;
  isAbort?: true;
  isTimeout?: true;
  isCodec?: true;
  response?: Response;
  statusCode?: number;
}

type Mark = "isValidation" | "isResponse" | "isAbort" | "isTimeout" | "isCodec";

const marked = (message: string, origin: "isConsul" | "isPapi", mark?: Mark, cause?: unknown): ConsulError =>
  Object.assign(new ConsulError(message, cause === undefined ? undefined : { cause }), {
    [origin]: true,
    ...(mark === undefined ? {} : { [mark]: true }),
  });

/** What the caller gave cannot be asked. */
export const invalid = (method: string, message: string): ConsulError =>
  marked(`consul: ${method}: ${message}`, "isConsul", "isValidation");
export const plain = (message: string, validation = false): ConsulError =>
  marked(message, "isConsul", validation ? "isValidation" : undefined);
export const aborted = (): ConsulError => marked("request aborted", "isPapi", "isAbort");
export const timedOut = (timeoutMs: number): ConsulError =>
  marked(`request timed out (${timeoutMs}ms)`, "isPapi", "isTimeout");
export const undecodable = (cause: unknown): ConsulError =>
  marked(`decode (application/json) failed: ${(cause as Error).message}`, "isPapi", "isCodec", cause);
export const unencodable = (method: string, cause: unknown): ConsulError =>
  marked(`consul: ${method}: encode (text/plain) failed: ${(cause as Error).message}`, "isPapi", "isCodec", cause);
export const refused = (message: string, response: Response): ConsulError => {
  const error = marked(message, "isPapi", "isResponse");
  error.response = response;
  if (response.statusCode !== undefined) error.statusCode = response.statusCode;
  return error;
};
