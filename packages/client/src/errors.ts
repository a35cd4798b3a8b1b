/** The agent answered with a status that is not success. */
export class ResponseError extends Error {
  override readonly name = "ResponseError";
  readonly status: number;
  readonly body: string;
  /** How long the agent, or a proxy before it, asked to be left alone. */
  readonly retryAfterMs: number | undefined;

  /** @param showsBody false where Consul's own client keeps the agent's text to itself: reading keys. */
  constructor(status: number, body: string, showsBody = true, retryAfterMs?: number) {
    super(`Unexpected response code: ${status}${showsBody ? ` (${body})` : ""}`);
    this.status = status;
    this.body = body;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer came: the message names the request and, where known, the reason in Go's words. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}

/** The answer is JSON, but not what the endpoint answers: another version's, or of somebody on the way. Asking again does not help. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}
