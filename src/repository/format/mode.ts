import type { NodeType } from './node.ts'

/** Nodes keep Go's `os.FileMode`: nine permission bits where POSIX has them, everything else in bits of Go's own. */

const goDir = 2 ** 31
const goSymlink = 1 << 27
const goDevice = 1 << 26
const goFifo = 1 << 25
const goSocket = 1 << 24
const goSetuid = 1 << 23
const goSetgid = 1 << 22
const goCharDevice = 1 << 21
const goSticky = 1 << 20
const goIrregular = 1 << 19

const setuid = 0o4000
const setgid = 0o2000
const sticky = 0o1000
const permissions = 0o777
const typeMask = 0o170000

interface Kind {
  readonly type: NodeType
  /** The type's bits in `st_mode`. */
  readonly posix: number
  /** The type's bits in Go's mode. */
  readonly go: number
}

const kinds: readonly Kind[] = [
  { type: 'file', posix: 0o100000, go: 0 },
  { type: 'dir', posix: 0o040000, go: goDir },
  { type: 'symlink', posix: 0o120000, go: goSymlink },
  { type: 'dev', posix: 0o060000, go: goDevice },
  { type: 'chardev', posix: 0o020000, go: goDevice | goCharDevice },
  { type: 'fifo', posix: 0o010000, go: goFifo },
  { type: 'socket', posix: 0o140000, go: goSocket },
]
const irregular: Kind = { type: 'irregular', posix: 0, go: goIrregular }

/** What kind of entry an `st_mode` names. */
export function typeOfMode(stMode: number): NodeType {
  return kindOfMode(stMode).type
}

/** Go's mode of an `st_mode`, as a node keeps it. */
export function goModeOf(stMode: number): number {
  let mode = (stMode & permissions) | kindOfMode(stMode).go
  if (stMode & setuid) mode |= goSetuid
  if (stMode & setgid) mode |= goSetgid
  if (stMode & sticky) mode |= goSticky
  return mode >>> 0
}

/** What `chmod` takes: permissions, setuid, setgid and sticky of Go's mode. */
export function permissionsOf(goMode: number): number {
  let mode = goMode & permissions
  if (goMode & goSetuid) mode |= setuid
  if (goMode & goSetgid) mode |= setgid
  if (goMode & goSticky) mode |= sticky
  return mode
}

/** The `st_mode` of a node: its type's bits and `permissionsOf` its mode. The type decides, whatever the mode says of it. */
export function stModeOf(type: NodeType, goMode: number): number {
  const kind = kinds.find((candidate) => candidate.type === type) ?? irregular
  return kind.posix | permissionsOf(goMode)
}

function kindOfMode(stMode: number): Kind {
  const bits = stMode & typeMask
  return kinds.find((kind) => kind.posix === bits) ?? irregular
}
