import type { Node } from '#restorer'
import { parseTime, permissionsOf } from '#repository/format'

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

/** Throws TIME_INVALID. */
export function plainMetadata(node: Node): PlainMetadata {
  const attributes = node.extendedAttributes
  const mtime = parseTime(node.mtime)
  return {
    mode: permissionsOf(node.mode),
    uid: node.uid,
    gid: node.gid,
    mtime,
    atime: node.atime === node.mtime ? mtime : parseTime(node.atime),
    attributes: attributes?.length
      ? attributes.map(({ name, value }) => [name, value === null ? '' : value.toString('latin1')] as const)
      : noAttributes,
  }
}
