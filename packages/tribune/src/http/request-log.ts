import { formatGoDuration } from "../lib/duration.ts";
import type { Logger } from "../lib/log.ts";
import type { Clock } from "../lib/runtime.ts";
import { hostPort } from "../server/identity.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";

/** One line of the log when the answer is sent, or its client gone. */
export function logWhenDone(request: HttpRequest, response: HttpResponse, logger: Logger, clock: Clock): void {
  const startedMs = clock.nowMs();
  const asked = logged(request); // now: the socket's address is gone once it is closed
  response.on("close", () =>
    logger.debug("Request finished", {
      ...asked,
      latency: formatGoDuration(Math.round((clock.nowMs() - startedMs) * 1e6)),
    }),
  );
}

/** What the log says of a request. Node takes the socket from one whose body was not read to its end. */
export function logged({ method, url, socket }: HttpRequest): { readonly [name: string]: string | undefined } {
  return {
    method,
    url: withoutToken(url ?? "/"),
    from: hostPort(socket?.remoteAddress ?? "", socket?.remotePort ?? 0),
  };
}

const TOKEN_PARAMETER = /([?&]token=)[^&]*/g;

/** For the log: a token is a password. */
function withoutToken(url: string): string {
  return url.replace(TOKEN_PARAMETER, "$1<hidden>");
}
