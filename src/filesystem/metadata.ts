import type { Node } from '#repository'

/**
 * Metadata as plain values that cross to a thread cheaply: bytes are latin1 text, because a structured clone of a small
 * `Buffer` copies the whole pool that it is cut from.
 */
export interface PlainMetadata {
  /** Permission bits of `st_mode`, with setuid, setgid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Nanoseconds since 1970. */
  readonly mtime: bigint
  readonly atime: bigint
  /** Name and value, the value as latin1. */
  readonly attributes: readonly (readonly [name: string, value: string])[]
}

const noAttributes: PlainMetadata['attributes'] = []

export function plainMetadata(node: Node): PlainMetadata {
  const attributes = node.extendedAttributes
  const mtime = timestampOf(node.mtime)
  return {
    mode: permissionsOf(node.mode),
    uid: node.uid,
    gid: node.gid,
    mtime,
    atime: node.atime === node.mtime ? mtime : timestampOf(node.atime),
    attributes: attributes?.length
      ? attributes.map(({ name, value }) => [name, value === null ? '' : value.toString('latin1')] as const)
      : noAttributes,
  }
}

/** Permission bits of Go's `os.FileMode` as `st_mode` has them. */
export function permissionsOf(goMode: number): number {
  let mode = goMode & 0o777
  if (goMode & (1 << 23)) mode |= 0o4000
  if (goMode & (1 << 22)) mode |= 0o2000
  if (goMode & (1 << 20)) mode |= 0o1000
  return mode
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** Nanoseconds since 1970 of an RFC 3339 time; 0 for text that is none. */
export function timestampOf(text: string): bigint {
  const parts = rfc3339.exec(text)
  if (!parts) return 0n
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHours, offsetMinutes] = parts
  const date = new Date(0)
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hour), Number(minute), Number(second))
  const offset = sign ? (sign === '-' ? -1 : 1) * (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 : 0
  return BigInt(date.getTime() - offset) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}
