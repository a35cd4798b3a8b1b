/**
 * The XML of AWS' answers: elements with text, no attributes that matter, no entities but the five and numbers. Linear
 * in its length; a document type is refused, so nothing can grow.
 */
import { shown } from "./json.ts";

export interface XmlElement {
  readonly name: string;
  /** Of itself, without its children's. */
  text: string;
  readonly children: XmlElement[];
}

/** AWS' answers have a dozen. */
export const XML_DEPTH_MAX = 100;

/** @returns the outermost element. @throws Error */
export function parseXml(xml: string): XmlElement {
  const root: XmlElement = { name: "", text: "", children: [] };
  const open = [root];
  for (let at = 0; at < xml.length; ) {
    const start = xml.indexOf("<", at);
    const here = open.at(-1)!;
    here.text += unescapeXml(xml.slice(at, start === -1 ? undefined : start));
    if (start === -1) break;
    if (xml.startsWith("<?", start)) at = past(xml, "?>", start);
    else if (xml.startsWith("<!--", start)) at = past(xml, "-->", start + 4);
    else if (xml.startsWith("<!", start)) throw new Error("XML with a document type or CDATA is not read");
    else {
      at = past(xml, ">", start);
      const tag = xml.slice(start + 1, at - 1);
      if (tag.startsWith("/")) {
        if (open.length === 1 || tag.slice(1).trim() !== here.name) throw new Error(shown(`XML: unexpected <${tag}>`));
        open.pop();
        continue;
      }
      const name = /^[^\s/]+/.exec(tag)?.[0];
      if (name === undefined) throw new Error("XML: an element without a name");
      const element: XmlElement = { name, text: "", children: [] };
      here.children.push(element);
      if (tag.endsWith("/")) continue;
      open.push(element);
      if (open.length > XML_DEPTH_MAX) throw new Error("XML: nested too deeply");
    }
  }
  const [first] = root.children;
  if (open.length > 1) throw new Error(shown(`XML: <${open.at(-1)!.name}> has no end`));
  if (first === undefined) throw new Error("XML: nothing in it");
  return first;
}

function past(xml: string, end: string, from: number): number {
  const at = xml.indexOf(end, from);
  if (at === -1) throw new Error("XML: it breaks off");
  return at + end.length;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}));/g, (all, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name as string] ?? all;
    const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

/** Elements reached by the names, one level each. */
export function elementsAt(element: XmlElement, ...path: readonly string[]): readonly XmlElement[] {
  let found: readonly XmlElement[] = [element];
  for (const name of path) found = found.flatMap(({ children }) => children.filter((child) => child.name === name));
  return found;
}

/** The first one's text; undefined where there is none. */
export function xmlText(element: XmlElement, ...path: readonly string[]): string | undefined {
  const text = elementsAt(element, ...path)[0]?.text.trim();
  return text === "" ? undefined : text;
}
