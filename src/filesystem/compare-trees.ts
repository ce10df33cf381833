/**
 * Compares two trees on disk byte for byte, with all metadata. It reads with Node's `fs` and `lgetxattr` only, so that it
 * does not share a mistake with what it judges.
 *
 * @example assert.deepEqual(compareTrees(original, restored), [])
 */
import * as fs from 'node:fs'

import { cString, hasLibc, libcFunctions } from './platform/libc.ts'

export interface CompareOptions {
  /** Parts that are not compared. `root`: the metadata of the two roots themselves. */
  readonly ignore?: readonly ('owner' | 'mode' | 'times' | 'xattrs' | 'links' | 'holes' | 'root')[]
  /** Ends after so many differences. Default 50. */
  readonly most?: number
}

const libc = libcFunctions({
  llistxattr: 'long llistxattr(const void *path, void *into, unsigned long size)',
  lgetxattr: 'long lgetxattr(const void *path, const void *name, void *into, unsigned long size)',
})

/** Every difference as a sentence; none when the trees are equal. The metadata of the two roots is compared too. */
export function compareTrees(expected: string, actual: string, options: CompareOptions = {}): string[] {
  const comparison = new Comparison(expected, actual, options)
  comparison.run()
  return comparison.differences
}

class Comparison {
  readonly differences: string[] = []
  readonly #expected: Buffer
  readonly #actual: Buffer
  readonly #ignored: ReadonlySet<string>
  readonly #most: number
  /** Inode of the expected tree → inode of the actual one, and back: hard links must join the same names. */
  readonly #inodes = new Map<string, string>()

  constructor(expected: string, actual: string, { ignore = [], most = 50 }: CompareOptions) {
    this.#expected = Buffer.from(expected)
    this.#actual = Buffer.from(actual)
    this.#ignored = new Set<string>(ignore)
    this.#most = most
  }

  run(): void {
    const stack: Buffer[] = [Buffer.alloc(0)]
    for (let path = stack.pop(); path !== undefined && this.differences.length < this.#most; path = stack.pop()) {
      const isFolder = this.#compareEntry(path)
      if (isFolder) stack.push(...this.#compareNames(path))
    }
  }

  #say(path: Buffer, what: string): void {
    if (this.differences.length < this.#most)
      this.differences.push(`${JSON.stringify(path.toString('latin1'))}: ${what}`)
  }

  /** Names on both sides. */
  #compareNames(path: Buffer): Buffer[] {
    const names = (root: Buffer) =>
      new Set(fs.readdirSync(join(root, path), { encoding: 'buffer' }).map((name) => name.toString('latin1')))
    const [expected, actual] = [names(this.#expected), names(this.#actual)]
    for (const name of expected) if (!actual.has(name)) this.#say(join(path, name), 'is missing')
    for (const name of actual) if (!expected.has(name)) this.#say(join(path, name), 'is there, and should not be')
    return [...expected].filter((name) => actual.has(name)).map((name) => join(path, name))
  }

  #compareEntry(path: Buffer): boolean {
    const [from, to] = [join(this.#expected, path), join(this.#actual, path)]
    const expected = fs.lstatSync(from, { bigint: true })
    const actual = fs.lstatSync(to, { bigint: true })
    const type = expected.mode & 0o170000n
    if (type !== (actual.mode & 0o170000n)) {
      this.#say(path, `is of type ${(actual.mode & 0o170000n).toString(8)}, not ${type.toString(8)}`)
      return false
    }
    if (path.length > 0 || !this.#ignored.has('root')) this.#compareMetadata(path, expected, actual)
    if (expected.isFile()) this.#compareContent(path, expected, actual)
    if (expected.isSymbolicLink() && !fs.readlinkSync(from, 'buffer').equals(fs.readlinkSync(to, 'buffer'))) {
      this.#say(path, 'leads elsewhere')
    }
    if ((expected.isBlockDevice() || expected.isCharacterDevice()) && expected.rdev !== actual.rdev) {
      this.#say(path, `is device ${actual.rdev}, not ${expected.rdev}`)
    }
    return expected.isDirectory()
  }

  #compareMetadata(path: Buffer, expected: fs.BigIntStats, actual: fs.BigIntStats): void {
    const check = (part: string, what: string, a: string | bigint, b: string | bigint) => {
      if (!this.#ignored.has(part) && a !== b) this.#say(path, `${what} is ${b}, not ${a}`)
    }
    check('mode', 'the mode', (expected.mode & 0o7777n).toString(8), (actual.mode & 0o7777n).toString(8))
    check('owner', 'the owner', `${expected.uid}:${expected.gid}`, `${actual.uid}:${actual.gid}`)
    check('times', 'the mtime', expected.mtimeNs, actual.mtimeNs)
    if (!this.#ignored.has('xattrs')) {
      check(
        'xattrs',
        'the set of attributes',
        attributes(join(this.#expected, path)),
        attributes(join(this.#actual, path)),
      )
    }
    if (expected.isDirectory()) return
    check('links', 'the number of links', expected.nlink, actual.nlink)
    if (!this.#ignored.has('links') && expected.nlink > 1n) this.#compareLinks(path, expected, actual)
  }

  #compareLinks(path: Buffer, expected: fs.BigIntStats, actual: fs.BigIntStats): void {
    const [a, b] = [`a${expected.dev}:${expected.ino}`, `b${actual.dev}:${actual.ino}`]
    if ((this.#inodes.get(a) ?? b) !== b || (this.#inodes.get(b) ?? a) !== a)
      this.#say(path, 'is linked to other names')
    this.#inodes.set(a, b)
    this.#inodes.set(b, a)
  }

  #compareContent(path: Buffer, expected: fs.BigIntStats, actual: fs.BigIntStats): void {
    if (expected.size !== actual.size) {
      this.#say(path, `has ${actual.size} bytes, not ${expected.size}`)
      return
    }
    // Some blocks of slack: file systems place extents and attributes as they like.
    if (!this.#ignored.has('holes') && actual.blocks > expected.blocks + 16n) {
      this.#say(path, `takes ${actual.blocks} blocks on disk, not ${expected.blocks}`)
    }
    const offset = firstDifference(join(this.#expected, path), join(this.#actual, path))
    if (offset >= 0) this.#say(path, `has other content from byte ${offset} on`)
  }
}

function firstDifference(expected: Buffer, actual: Buffer): number {
  const size = 1 << 20
  const [a, b] = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)]
  const [fileA, fileB] = [fs.openSync(expected, 'r'), fs.openSync(actual, 'r')]
  try {
    for (let offset = 0; ;) {
      const bytes = fs.readSync(fileA, a, 0, size, offset)
      const other = fs.readSync(fileB, b, 0, size, offset)
      const common = Math.min(bytes, other)
      if (a.compare(b, 0, common, 0, common) !== 0) {
        for (let at = 0; at < common; at++) if (a[at] !== b[at]) return offset + at
      }
      if (bytes !== other) return offset + common
      if (bytes === 0) return -1
      offset += bytes
    }
  } finally {
    fs.closeSync(fileA)
    fs.closeSync(fileB)
  }
}

const buffer = Buffer.alloc(65536)

/** Names and values as one text. POSIX ACLs are among them (`system.posix_acl_access`). */
function attributes(path: Buffer): string {
  if (!hasLibc) return '' // a target keeps none there
  const terminated = cString(path)
  const length = libc().llistxattr(terminated, buffer, buffer.length)
  if (length <= 0) return ''
  const names = buffer
    .toString('latin1', 0, length - 1)
    .split('\0')
    .sort()
  return names
    .map((name) => {
      const bytes = libc().lgetxattr(terminated, cString(Buffer.from(name, 'latin1')), buffer, buffer.length)
      return `${name}=${bytes < 0 ? 'unreadable' : buffer.toString('hex', 0, bytes)}`
    })
    .join(' ')
}

function join(folder: Buffer, name: Buffer | string): Buffer {
  const last = typeof name === 'string' ? Buffer.from(name, 'latin1') : name
  if (folder.length === 0) return last
  return last.length === 0 ? folder : Buffer.concat([folder, Buffer.from('/'), last])
}
