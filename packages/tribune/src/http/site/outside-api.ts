import { isDeepStrictEqual } from "node:util";
import type { HttpRequest, HttpResponse } from "../exchange.ts";
import { type SiteOptions, sendSite, WebSite } from "./web-site.ts";

/** Everything that is not the API: the root, the web interface, or nothing. */
export class OutsideApi {
  #options: SiteOptions | undefined;
  #site: WebSite | undefined;

  constructor(options: SiteOptions | undefined) {
    this.#options = options;
  }

  /** Takes effect for the next request. */
  configure(options: SiteOptions | undefined): void {
    if (isDeepStrictEqual(this.#options, options)) return;
    this.#options = options;
    this.#site = undefined;
  }

  /**
   * @param path decoded.
   * @param fail answers what is thrown later, by a promise.
   */
  serve(
    path: string,
    commonHeaders: readonly string[],
    request: HttpRequest,
    response: HttpResponse,
    fail: (error: unknown) => void,
  ): void {
    const send = (status: number, headers: readonly string[], body: string): void =>
      sendSite(status, [...commonHeaders, ...headers], body, request, response);
    if (this.#options === undefined) {
      const isRoot = path === "/";
      return send(isRoot ? 200 : 404, isRoot ? ["Content-Type", PLAIN_TEXT] : [], isRoot ? ROOT : "");
    }
    const { path: sitePath } = this.#options;
    if (path === "/" && sitePath !== "/") {
      // As Go's `http.Redirect`: the little page is for GET and HEAD.
      if (request.method !== "GET" && request.method !== "HEAD") return send(301, ["Location", sitePath], "");
      const headers = ["Location", sitePath, "Content-Type", "text/html; charset=utf-8"];
      return send(301, headers, `<a href="${sitePath}">Moved Permanently</a>.\n\n`);
    }
    const isRobots = path === "/robots.txt";
    if (isRobots && this.#options.isOwn !== true) return send(200, ["Content-Type", PLAIN_TEXT], ROBOTS);
    if (path === sitePath.slice(0, -1)) return send(301, ["Location", sitePath], "");
    if (!isRobots && !path.startsWith(sitePath)) return send(404, [], "");
    this.#site ??= new WebSite(this.#options);
    this.#site.serve(isRobots ? `${sitePath}robots.txt` : path, commonHeaders, request, response).catch(fail);
  }
}

const PLAIN_TEXT = "text/plain; charset=utf-8";
const ROOT = "Consul Agent";
/** Nothing here is for a search engine. */
const ROBOTS = "User-agent: *\nDisallow: /\n";
