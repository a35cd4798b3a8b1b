/** Server-sent events out of a byte stream's text (the HTML standard, "Interpreting an event stream"). */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  /** The last id given so far; the empty string before the first. */
  readonly id: string;
}

export class EventReader {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id = "";
  /** The last piece ended with a carriage return, of which the line feed may come yet. */
  private halfEnded = false;

  /** The events that end in this piece of text. Comment lines, the heartbeats, give none. */
  feed(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    // A line of megabytes comes in many pieces: it is looked through when it is whole, not again with each.
    if (!this.halfEnded && !/[\r\n]/.test(text)) {
      this.rest += text;
      return events;
    }
    this.halfEnded = text.endsWith("\r");
    const lines = (this.rest + text).split(/\r\n|\n|\r(?=[\s\S])/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.data.length > 0) {
          events.push({ event: this.event || "message", data: this.data.join("\n"), id: this.id });
        }
        this.event = "";
        this.data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") this.event = value;
      else if (field === "data") this.data.push(value);
      else if (field === "id") this.id = value;
    }
    return events;
  }
}
