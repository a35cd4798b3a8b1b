/** The configuration cannot be used. The message is Consul's and says what to change. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Several errors as one text, in the form of Consul's lists. */
export function listOfErrors(texts: readonly string[]): string {
  const head = texts.length === 1 ? "1 error occurred:" : `${texts.length} errors occurred:`;
  return `${head}\n\t${texts.map((text) => `* ${text}`).join("\n\t")}\n\n`;
}

/** Collects, while a configuration is built, what does not stop the building. */
export class Problems {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];

  warn(text: string): void {
    this.warnings.push(text);
  }

  error(text: string): void {
    this.errors.push(text);
  }

  throwIfAny(): void {
    if (this.errors.length > 0) throw new ConfigError(listOfErrors(this.errors));
  }
}
