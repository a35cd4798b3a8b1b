/** @throws Error in Go's words: `open PATH: no such file or directory` */
export function looking<T>(operation: string, path: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    throw new Error(`${code === "EISDIR" ? "read" : operation} ${path}: ${FILE_REASONS[code] ?? message}`, { cause });
  }
}

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
};
