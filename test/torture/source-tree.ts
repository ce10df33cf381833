/**
 * The tree that is backed up, and how it changes: all kinds of entries, names of any bytes, holes, hard links, attributes.
 * Every change is by the random numbers it is given, so the same seed makes the same tree.
 */
import * as fs from 'node:fs'
import { cString, libcFunctions } from '../../src/filesystem/platform/libc.ts'
import { chance, pickWeighted } from './random.ts'
import type { Random } from './random.ts'

const libc = libcFunctions({
  lsetxattr: 'int lsetxattr(const void *path, const void *name, const void *value, unsigned long size, int flags)',
  utimensat: 'int utimensat(int folder, const void *path, const void *times, int flags)',
  mknod: 'int mknod(const void *path, unsigned int mode, uint64_t device)',
})

/** More entries or bytes than these, and changes rather remove. */
const mostEntries = 220
const mostBytes = 14 << 20

interface Entry {
  readonly path: Buffer
  readonly stat: fs.Stats
}

/** Makes `count` changes below `root`, a folder. */
export function changeTree(root: string, random: Random, count: number): void {
  for (let i = 0; i < count; i++) {
    const entries = listEntries(Buffer.from(root))
    const bytes = entries.reduce((sum, { stat }) => sum + (stat.isFile() ? stat.blocks * 512 : 0), 0)
    const isFull = entries.length > mostEntries || bytes > mostBytes
    const change = isFull ? removeOne : pickWeighted(random, changes).make
    change({ root: Buffer.from(root), entries, random })
  }
}

interface Scene {
  readonly root: Buffer
  readonly entries: readonly Entry[]
  readonly random: Random
}

const changes: readonly { readonly weight: number; readonly make: (scene: Scene) => void }[] = [
  { weight: 22, make: addFile },
  { weight: 8, make: addFolder },
  { weight: 4, make: addSymlink },
  { weight: 4, make: addHardLink },
  { weight: 2, make: addSpecial },
  { weight: 3, make: addSparse },
  { weight: 10, make: appendToFile },
  { weight: 6, make: truncateFile },
  { weight: 8, make: overwritePart },
  { weight: 4, make: rewriteBehindMtime },
  { weight: 7, make: renameOne },
  { weight: 6, make: removeOne },
  { weight: 3, make: replaceByOtherType },
  { weight: 4, make: setAttribute },
  { weight: 4, make: changeMode },
  { weight: 4, make: changeTimes },
]

function addFile(scene: Scene): void {
  const path = newPath(scene)
  if (path) fs.writeFileSync(path, content(scene.random, fileSize(scene.random)))
}

function addFolder(scene: Scene): void {
  const path = newPath(scene)
  if (!path) return
  fs.mkdirSync(path)
  const files = scene.random.below(6)
  for (let i = 0; i < files; i++) fs.writeFileSync(inside(path, Buffer.from(`f${i}`)), content(scene.random, 3000))
}

function addSymlink(scene: Scene): void {
  const path = newPath(scene)
  const targets = ['.', '..', '/', 'nowhere', 'loop/loop', '../../../../etc/passwd', 'x'.repeat(200)]
  const target = chance(scene.random, 0.3) ? scene.random.bytes(8) : Buffer.from(scene.random.pick(targets))
  if (path) fs.symlinkSync(withoutZeros(target), path)
}

/** Of a fifo or socket the format does not keep that its names are one. */
function addHardLink(scene: Scene): void {
  const victim = pickEntry(scene, (stat) => !stat.isDirectory() && !stat.isFIFO() && !stat.isSocket())
  const path = newPath(scene)
  if (victim && path) fs.linkSync(victim, path)
}

function addSpecial(scene: Scene): void {
  const path = newPath(scene)
  if (!path) return
  const isRoot = process.geteuid?.() === 0
  const [fifo, socket, character, block] = [0o010640, 0o140600, 0o020666, 0o060600]
  const mode = scene.random.pick(isRoot ? [fifo, socket, character, block] : [fifo, socket])
  libc().mknod(cString(path), mode, mode === character ? 0x103 : mode === block ? 0x700 : 0)
}

function addSparse(scene: Scene): void {
  const path = newPath(scene)
  if (!path) return
  const file = fs.openSync(path, 'w')
  const size = 1 + scene.random.below(8 << 20)
  fs.ftruncateSync(file, size)
  for (let i = scene.random.below(4); i > 0; i--) {
    const bytes = scene.random.bytes(1 + scene.random.below(20_000))
    fs.writeSync(file, bytes, 0, bytes.length, scene.random.below(size))
  }
  fs.closeSync(file)
}

function appendToFile(scene: Scene): void {
  const file = pickFile(scene)
  if (file) fs.appendFileSync(file, content(scene.random, fileSize(scene.random)))
}

function truncateFile(scene: Scene): void {
  const file = pickFile(scene)
  if (file) fs.truncateSync(file, Math.floor(fs.statSync(file).size * scene.random.next()))
}

function overwritePart(scene: Scene): void {
  const file = pickFile(scene)
  if (!file) return
  const size = fs.statSync(file).size
  const bytes = content(scene.random, Math.min(size, 1 + scene.random.below(100_000)))
  const opened = fs.openSync(file, 'r+')
  fs.writeSync(opened, bytes, 0, bytes.length, scene.random.below(size - bytes.length + 1))
  fs.closeSync(opened)
}

/** New content of the same size, with the old mtime: only the ctime tells (E12). */
function rewriteBehindMtime(scene: Scene): void {
  const file = pickFile(scene)
  if (!file) return
  const { size, mtimeNs } = fs.statSync(file, { bigint: true })
  const opened = fs.openSync(file, 'r+')
  fs.writeSync(opened, content(scene.random, Number(size)))
  fs.closeSync(opened)
  setTime(file, mtimeNs)
}

function renameOne(scene: Scene): void {
  const victim = pickEntry(scene, () => true)
  const path = newPath(scene)
  if (!victim || !path || path.subarray(0, victim.length).equals(victim)) return
  fs.renameSync(victim, path)
}

function removeOne(scene: Scene): void {
  const victim = pickEntry(scene, () => true)
  if (victim) fs.rmSync(victim, { recursive: true, force: true })
}

/** A file where a folder was, and so on. */
function replaceByOtherType(scene: Scene): void {
  const victim = pickEntry(scene, () => true)
  if (!victim) return
  const wasFolder = fs.lstatSync(victim).isDirectory()
  fs.rmSync(victim, { recursive: true })
  if (chance(scene.random, 0.3)) fs.symlinkSync('..', victim)
  else if (wasFolder) fs.writeFileSync(victim, content(scene.random, fileSize(scene.random)))
  else fs.mkdirSync(victim)
}

function setAttribute(scene: Scene): void {
  const path = pickEntry(scene, (stat) => stat.isFile() || stat.isDirectory())
  if (!path) return
  const name = scene.random.pick(['user.a', 'user.b', 'user.größe', 'trusted.t'])
  const value = scene.random.bytes(scene.random.pick([0, 1, 20, 900]))
  libc().lsetxattr(cString(path), cString(Buffer.from(name)), value, value.length, 0) // a file system without them has none
}

function changeMode(scene: Scene): void {
  const path = pickEntry(scene, (stat) => !stat.isSymbolicLink())
  if (!path) return
  if (process.geteuid?.() === 0) fs.lchownSync(path, scene.random.below(70_000), scene.random.below(70_000))
  const isOwner = process.geteuid?.() === 0 ? 0 : 0o700
  fs.chmodSync(path, scene.random.below(0o10000) | isOwner)
}

function changeTimes(scene: Scene): void {
  const path = pickEntry(scene, () => true)
  const seconds = BigInt(scene.random.below(2 ** 31)) * (chance(scene.random, 0.1) ? -1n : 1n)
  if (path) setTime(path, seconds * 1_000_000_000n + BigInt(scene.random.below(1_000_000_000)))
}

function setTime(path: Buffer, time: bigint): void {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const spec = Buffer.alloc(32)
  for (const at of [0, 16]) {
    spec.writeBigInt64LE((time - nanoseconds) / 1_000_000_000n, at)
    spec.writeBigInt64LE(nanoseconds, at + 8)
  }
  libc().utimensat(-100, cString(path), spec, 0x100)
}

function fileSize(random: Random): number {
  const kind = random.next()
  if (kind < 0.1) return 0
  if (kind < 0.6) return random.below(5_000)
  if (kind < 0.92) return random.below(200_000)
  return random.below(3 << 20)
}

/** Random, repeating or zero bytes: what compresses differently. */
function content(random: Random, size: number): Buffer {
  const kind = random.below(4)
  if (kind === 0) return Buffer.alloc(size)
  if (kind === 1) return Buffer.alloc(size, random.bytes(1 + random.below(60)))
  return random.bytes(size)
}

/** A path that is free, in any of the folders; undefined when chance names one that is taken. */
function newPath({ root, entries, random }: Scene): Buffer | undefined {
  const folders = [root, ...entries.filter(({ stat }) => stat.isDirectory()).map(({ path }) => path)]
  const path = inside(random.pick(folders), newName(random))
  return path.length > 3000 || fs.lstatSync(path, { throwIfNoEntry: false }) ? undefined : path
}

const oddNames = ['-rf', '...', '..x', ' ', 'a\nb', '"\\', '*?[x]', '$(x)', 'é', 'é', '\u202e!', '\u{1f600}', '~', '#']

function newName(random: Random): Buffer {
  const kind = random.next()
  if (kind < 0.55) return Buffer.from(`entry ${random.below(1000)}`)
  if (kind < 0.75) return Buffer.from(`${random.pick(oddNames)}${random.below(100)}`)
  if (kind < 0.8) return Buffer.from('n'.repeat(255))
  return withoutZeros(random.bytes(1 + random.below(40)))
}

/** Bytes that may be a name, or the target of a link. */
function withoutZeros(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte)))
  return ['.', '..'].includes(changed.toString('latin1')) && bytes[0] !== 0x2e ? Buffer.from('_') : changed
}

function pickEntry({ entries, random }: Scene, fits: (stat: fs.Stats) => boolean): Buffer | undefined {
  const fitting = entries.filter(({ stat }) => fits(stat))
  return fitting.length === 0 ? undefined : random.pick(fitting).path
}

function pickFile(scene: Scene): Buffer | undefined {
  return pickEntry(scene, (stat) => stat.isFile())
}

/** Everything below a folder, in an order that only depends on the names. */
export function listEntries(folder: Buffer): Entry[] {
  return fs
    .readdirSync(folder, { encoding: 'buffer' })
    .toSorted((a, b) => a.compare(b))
    .flatMap((name) => {
      const path = inside(folder, name)
      const stat = fs.lstatSync(path)
      return stat.isDirectory() ? [{ path, stat }, ...listEntries(path)] : [{ path, stat }]
    })
}

export function inside(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name])
}
