/** Runs in the threads of `floor.ts`: primitives in a tight loop, and how long each kind of them took. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { serveThread, threadData } from '#base'
import { FloorPrimitives } from './floor-primitives.ts'
import type { FloorShared } from './floor-shared.ts'
import { field, largestBlob, packBytes, packRoom } from './floor-shared.ts'

/** A piece of a file, at most `largestPiece` long. */
export interface Piece {
  readonly path: string
  /** Number of the file. */
  readonly file: number
  readonly at: number
  readonly length: number
}

export type Parts = Record<string, number>

interface StoredBlob {
  readonly file: number
  readonly at: number
  readonly offset: number
  readonly length: number
  readonly plainLength: number
}

interface StoredPack {
  readonly path: string
  readonly length: number
  readonly blobs: readonly StoredBlob[]
}

const shared = await threadData<FloorShared>()
const state = new Int32Array(shared.state)
const buffers = shared.buffers.map((buffer) => Buffer.from(buffer))

/** What this thread has stored, for `fetch`. */
let stored: StoredPack[] = []
let parts: Parts = {}

function timed<Result>(part: string, run: () => Result): Result {
  const start = performance.now()
  const result = run()
  parts[part] = (parts[part] ?? 0) + (performance.now() - start) / 1000
  return result
}

/** Gives numbers below `count`, each to one thread only. */
function* nextNumbers(count: number): Generator<number> {
  for (let i = Atomics.add(state, field.next, 1); i < count; i = Atomics.add(state, field.next, 1)) yield i
}

function readPiece({ path, at, length }: Piece, into: Buffer): Buffer {
  return timed('reading', () => {
    const file = openSync(path, 'r')
    try {
      fstatSync(file)
      return into.subarray(0, readSync(file, into, 0, length, at))
    } finally {
      closeSync(file)
    }
  })
}

/** Reading, SHA-256, zstd, AES, MAC; another thread writes the packs meanwhile. */
function store({ pieces, thread, folder }: { pieces: readonly Piece[]; thread: number; folder: string }): Parts {
  const primitives = new FloorPrimitives()
  const plain = Buffer.allocUnsafeSlow(largestPieceOf(pieces))
  const own = [thread * 2, thread * 2 + 1] as const
  let [turn, length, packs] = [0, 0, 0]
  let blobs: StoredBlob[] = []
  stored = []
  parts = {}
  const handOver = () => {
    const buffer = own[turn % 2] as number
    stored.push({ path: join(folder, `${buffer}-${packs >> 1}`), length, blobs })
    if (length > 0) fillBuffer(buffer, length)
    ;[turn, length, packs, blobs] = [turn + 1, 0, packs + 1, []]
    timed('waiting for the disk', () => awaitFree(own[turn % 2] as number))
  }
  for (const i of nextNumbers(pieces.length)) {
    const piece = pieces[i] as Piece
    const bytes = readPiece(piece, plain)
    for (let at = 0; at < bytes.length; at += largestBlob) {
      const blob = bytes.subarray(at, at + largestBlob)
      const sealed = sealBlob(primitives, blob, buffers[own[turn % 2] as number] as Buffer, length)
      blobs.push({ file: piece.file, at: piece.at + at, offset: length, length: sealed, plainLength: blob.length })
      length += sealed + 32
      if (length >= packBytes) handOver()
    }
  }
  handOver()
  for (const buffer of own) awaitFree(buffer)
  Atomics.add(state, field.finished, 1)
  ring()
  return parts
}

function sealBlob(primitives: FloorPrimitives, blob: Buffer, pack: Buffer, at: number): number {
  timed('SHA-256', () => primitives.sha256(blob))
  const room = pack.subarray(at + 16)
  const length = timed('zstd-3', () => primitives.compress(blob, room))
  const body = room.subarray(0, length)
  timed('AES-CTR', () => primitives.aes(body, body))
  timed('Poly1305', () => primitives.poly1305(body))
  return length
}

/** Reading packs, MAC, AES, unzstd, SHA-256 and, with a target, writing the files. */
function fetch({ target }: { target?: string }): Parts {
  const primitives = new FloorPrimitives()
  const [pack, opened, plain] = [packRoom, largestBlob * 2, largestBlob].map((n) => Buffer.allocUnsafeSlow(n)) as [
    Buffer,
    Buffer,
    Buffer,
  ]
  parts = {}
  for (const { path, length, blobs } of stored) {
    if (length === 0) continue
    readPiece({ path, file: 0, at: 0, length }, pack)
    using writer = target === undefined ? undefined : new FileWriter(target)
    for (const blob of blobs) {
      const sealed = pack.subarray(blob.offset + 16, blob.offset + 16 + blob.length)
      timed('Poly1305', () => primitives.poly1305(sealed))
      timed('AES-CTR', () => primitives.aes(sealed, opened))
      const body = opened.subarray(0, blob.length)
      const bytes = plain.subarray(0, blob.plainLength)
      timed('unzstd', () => primitives.decompress(body, bytes))
      timed('SHA-256', () => primitives.sha256(bytes))
      if (writer) timed('writing', () => writer.write(blob, bytes))
    }
  }
  return parts
}

/** Keeps a file open for as long as its pieces follow each other. */
class FileWriter implements Disposable {
  readonly #target: string
  #file = -1
  #open = -1

  constructor(target: string) {
    this.#target = target
  }

  write({ file, at }: StoredBlob, bytes: Buffer): void {
    if (file !== this.#file) {
      this[Symbol.dispose]()
      this.#open = openSync(join(this.#target, `${file % 256}`, `${file}`), constants.O_WRONLY | constants.O_CREAT)
      this.#file = file
    }
    writeSync(this.#open, bytes, 0, bytes.length, at)
  }

  [Symbol.dispose](): void {
    if (this.#open >= 0) closeSync(this.#open)
    this.#open = -1
  }
}

/** Reading and SHA-256 only. */
function digest({ pieces }: { pieces: readonly Piece[] }): Parts {
  const primitives = new FloorPrimitives()
  const plain = Buffer.allocUnsafeSlow(largestPieceOf(pieces))
  parts = {}
  for (const i of nextNumbers(pieces.length)) {
    const bytes = readPiece(pieces[i] as Piece, plain)
    timed('SHA-256', () => primitives.sha256(bytes))
  }
  return parts
}

/** What moving sealed bytes from packs to packs costs: reading, MAC, AES, SHA-256, writing with sync. */
function move({ pieces, folder }: { pieces: readonly Piece[]; folder: string }): Parts {
  const primitives = new FloorPrimitives()
  const sealed = Buffer.allocUnsafeSlow(largestPieceOf(pieces))
  parts = {}
  for (const i of nextNumbers(pieces.length)) {
    const bytes = readPiece(pieces[i] as Piece, sealed)
    timed('Poly1305', () => primitives.poly1305(bytes))
    timed('AES-CTR', () => primitives.aes(bytes, bytes))
    timed('SHA-256', () => primitives.sha256(bytes))
    timed('writing with sync', () => writeDurably(join(folder, `moved-${i}`), bytes))
  }
  return parts
}

/** Listing folders, and one look at each entry. */
function look({ folders }: { folders: readonly string[] }): Parts {
  parts = {}
  for (const i of nextNumbers(folders.length)) {
    const folder = folders[i] as string
    const names = timed('listing', () => readdirSync(folder))
    timed('looking', () => {
      for (const name of names) lstatSync(join(folder, name))
    })
  }
  return parts
}

/** The thread that writes packs while the others fill the next ones. */
function write({ folder, threads }: { folder: string; threads: number }): Parts {
  const counts = buffers.map(() => 0)
  parts = {}
  for (;;) {
    const rung = Atomics.load(state, field.bell)
    const isLast = Atomics.load(state, field.finished) === threads
    let found = false
    for (const [buffer, bytes] of buffers.entries()) {
      const length = Atomics.load(state, field.lengths + buffer)
      if (length === 0) continue
      found = true
      const path = join(folder, `${buffer}-${counts[buffer] as number}`)
      counts[buffer] = (counts[buffer] as number) + 1
      timed('writing with sync', () => writeDurably(path, bytes.subarray(0, length)))
      Atomics.store(state, field.lengths + buffer, 0)
      Atomics.notify(state, field.lengths + buffer)
    }
    if (isLast) return parts
    if (!found) Atomics.wait(state, field.bell, rung)
  }
}

function fillBuffer(buffer: number, length: number): void {
  Atomics.store(state, field.lengths + buffer, length)
  ring()
}

function awaitFree(buffer: number): void {
  for (;;) {
    const length = Atomics.load(state, field.lengths + buffer)
    if (length === 0) return
    Atomics.wait(state, field.lengths + buffer, length)
  }
}

function ring(): void {
  Atomics.add(state, field.bell, 1)
  Atomics.notify(state, field.bell)
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w')
  try {
    writeSync(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function largestPieceOf(pieces: readonly Piece[]): number {
  return pieces.reduce((most, { length }) => Math.max(most, length), 1)
}

// A thread is loaded before the clock starts.
const ready = () => undefined

serveThread({ ready, store, fetch, digest, move, look, write })
