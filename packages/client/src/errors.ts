/** The agent answered with a status that is not success. */
export class ResponseError extends Error {
  override readonly name = "ResponseError";
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`Unexpected response code: ${status} (${body})`);
    this.status = status;
    this.body = body;
  }
}

/** No answer came: the message names the request and, where known, the reason in Go's words. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}
