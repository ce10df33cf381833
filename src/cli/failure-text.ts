import { messageOf, printable } from '#base'

/** A path and what is wrong with it, as one line: system errors without the words for programmers in them. */
export function describeFailure(path: Uint8Array, error: unknown): string {
  const place = printable(path, Infinity)
  const message = plainMessage(error)
  return message.includes(place) ? message : `${place}: ${message}`
}

/** `ENOENT: no such file or directory, lstat '/x'` → `no such file or directory (ENOENT)`. */
export function plainMessage(error: unknown): string {
  const message = messageOf(error)
  const [, code, text] = /^(E[A-Z0-9]+): (.*?)(?:, [a-z]+(?: '.*')?)?$/s.exec(message) ?? []
  return code === undefined ? printable(message, 4096) : printable(`${text} (${code})`, 4096)
}
