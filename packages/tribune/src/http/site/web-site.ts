import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { HttpRequest, HttpResponse } from "../exchange.ts";
import { PROVIDERS_PATH, providerScript } from "./provider-files.ts";
import { SIMPLE_PAGE, SIMPLE_PAGE_SECURITY } from "./simple-page.ts";
import { builtInFiles, etagOf, ownFiles, type SiteFile, type SiteFiles } from "./site-files.ts";

export interface SiteOptions {
  /** Where it is served (`ui_config.content_path`), with slashes at both ends. */
  readonly path: string;
  /** Its files. */
  readonly directory: string;
  /** They are the operator's (`ui_config.dir`): they may change, and what they need is not known. */
  readonly isOwn: boolean;
  /** What its index is told of the configuration, as JSON that may stand in a script element. */
  readonly settings?: string;
  /** Paths of the operator's metrics providers, which are scripts for the page. */
  readonly providerFiles?: readonly string[];
}

/**
 * Everything comes from here: no inline script or style, no other host, no frame around it. Images may be data of the
 * page (icons in style sheets).
 */
const CONTENT_SECURITY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** Vite's folder of files whose names have a hash of their content. */
const HASHED = "assets/";
const FOREVER = "public, max-age=31536000, immutable";
/** Kept, but asked for every time: with its ETag that costs an empty answer. */
const REVALIDATED = "no-cache";
/**
 * What may stand in `index.html`, as in the index of Consul's own site: the way from the page up to the site, the
 * settings, and an element for each script of the operator's.
 */
const BASE_MARK = "{{.ContentPath}}";
const SETTINGS_MARK = /\{\{\s*jsonEncode \.\s*\}\}/g;
const SCRIPTS_MARK = /\{\{\s*range \.ExtraScripts\s*\}\}(.*?)\{\{\s*end\s*\}\}/gs;
const INDEX_CONTENT_TYPE = "text/html; charset=utf-8";
/** Pages kept by their depth. Deeper ones are made each time. */
const PAGES_MAX = 16;
const GZIP_BYTES_MIN = 1_400;
const gzipAsync = promisify(gzip);

/** The web interface: its files, and its index for every other path below it. */
export class WebSite {
  readonly #options: SiteOptions;
  readonly #files: Promise<SiteFiles | undefined>;
  readonly #pages = new Map<string, SiteFile>();

  constructor(options: SiteOptions) {
    this.#options = options;
    this.#files = options.isOwn ? Promise.resolve(ownFiles(options.directory)) : builtInFiles(options.directory);
    this.#files.catch(() => {}); // whoever asks for a page is told
  }

  /**
   * Answers a request for something below the site's path.
   *
   * @param path as in the request, decoded.
   * @param commonHeaders sent with everything (`http_config.response_headers`); these win over the site's own.
   */
  async serve(
    path: string,
    commonHeaders: readonly string[],
    request: HttpRequest,
    response: HttpResponse,
  ): Promise<void> {
    const files = await this.#files;
    const name = path.slice(this.#options.path.length);
    const send = (status: number, headers: readonly string[], body: Uint8Array | string): void =>
      sendSite(status, [...commonHeaders, ...without(headers, commonHeaders)], body, request, response);
    if (files === undefined) {
      const headers = ["Content-Type", INDEX_CONTENT_TYPE, "Content-Security-Policy", SIMPLE_PAGE_SECURITY];
      return send(200, [...headers, ...HARDENING, "Cache-Control", REVALIDATED], SIMPLE_PAGE);
    }
    if (name === PROVIDERS_PATH && this.#options.providerFiles !== undefined) return await this.#sendProviders(send);
    const isPage = name === "" || name === "index.html";
    let file = isPage ? undefined : await files.get(name);
    const caching = file !== undefined && name.startsWith(HASHED) && !this.#options.isOwn ? FOREVER : REVALIDATED;
    // A missing script must not be answered by a page.
    if (file === undefined && !name.startsWith(HASHED)) file = await this.#page(files, wayUp(this.#options, request));
    if (file === undefined) return send(404, [], "");
    const security = this.#options.isOwn ? [] : ["Content-Security-Policy", CONTENT_SECURITY, ...HARDENING];
    const [encoding, body] = formFor(file, request);
    const headers = [
      ...["Content-Type", file.contentType, "Cache-Control", caching, "ETag", file.etag, "Vary", "Accept-Encoding"],
      ...security,
    ];
    if (matches(request, file.etag)) return send(304, headers, "");
    send(200, encoding === undefined ? headers : [...headers, "Content-Encoding", encoding], body);
  }

  async #sendProviders(send: (status: number, headers: readonly string[], body: string) => void): Promise<void> {
    const { providerFiles = [] } = this.#options;
    const plainText = ["Content-Type", "text/plain; charset=utf-8", ...HARDENING];
    if (providerFiles.length === 0) return send(404, plainText, "No provider JS files configured\n");
    const script = await providerScript(providerFiles);
    send(200, ["Content-Type", "application/javascript", "Cache-Control", REVALIDATED, ...HARDENING], script);
  }

  /** @param base the way from the page up to the site. */
  async #page(files: SiteFiles, base: string): Promise<SiteFile | undefined> {
    const known = this.#pages.get(base);
    if (known !== undefined) return known;
    const index = await files.get("index.html");
    if (index === undefined) return undefined;
    const { settings = "{}", providerFiles = [] } = this.#options;
    const text = index.plain
      .toString("utf8")
      .replaceAll(BASE_MARK, base)
      .replace(SETTINGS_MARK, () => settings)
      .replace(SCRIPTS_MARK, (_, element: string) =>
        providerFiles.length === 0 ? "" : element.replaceAll("{{.}}", () => base + PROVIDERS_PATH),
      );
    const plain = Buffer.from(text);
    const zipped = plain.length < GZIP_BYTES_MIN ? undefined : await gzipAsync(plain);
    const page = { contentType: INDEX_CONTENT_TYPE, etag: etagOf(plain), plain, gzip: zipped, brotli: undefined };
    if (!this.#options.isOwn && this.#pages.size < PAGES_MAX) this.#pages.set(base, page);
    return page;
  }
}

const HARDENING = ["X-Content-Type-Options", "nosniff", "Referrer-Policy", "no-referrer"];

/**
 * From the page asked for up to the site, in the browser's eyes: `./`, `../../` … A relative way holds behind any prefix
 * that a proxy puts in front.
 */
function wayUp({ path }: SiteOptions, request: HttpRequest): string {
  // As it was sent: an escaped slash is none to the browser.
  const raw = (request.url ?? "").replace(/[?#].*$/, "");
  const depth = raw.split("/").length - path.split("/").length;
  return depth <= 0 ? "./" : "../".repeat(depth);
}

function formFor(file: SiteFile, request: HttpRequest): readonly [encoding: string | undefined, body: Buffer] {
  const accepted = String(request.headers["accept-encoding"] ?? "");
  if (file.brotli !== undefined && /\bbr\b/.test(accepted)) return ["br", file.brotli];
  if (file.gzip !== undefined && /\bgzip\b/.test(accepted)) return ["gzip", file.gzip];
  return [undefined, file.plain];
}

function matches(request: HttpRequest, etag: string): boolean {
  const asked = request.headers["if-none-match"];
  return asked?.split(",").some((each) => each.trim().replace(/^W\//, "") === etag) === true;
}

/** Those headers whose names are not among `others`. */
function without(headers: readonly string[], others: readonly string[]): string[] {
  const taken = new Set(others.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
  const left: string[] = [];
  for (let at = 0; at < headers.length; at += 2)
    if (!taken.has(headers[at]!.toLowerCase())) left.push(headers[at]!, headers[at + 1]!);
  return left;
}

export function sendSite(
  status: number,
  headers: readonly string[],
  body: Uint8Array | string,
  request: HttpRequest,
  response: HttpResponse,
): void {
  request.resume();
  if (response.destroyed) return;
  const length = status === 304 ? [] : ["Content-Length", String(Buffer.byteLength(body))];
  response.writeHead(status, [...headers, ...length]);
  response.end(request.method === "HEAD" || status === 304 ? undefined : body);
}
