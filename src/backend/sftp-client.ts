import type { Readable, Writable } from 'node:stream'
import { type Clock, printable, systemClock } from '#base'
import {
  type Attributes,
  encodePacket,
  type Field,
  MalformedPacket,
  modeFields,
  PacketReader,
  PacketSplitter,
  packetTypes,
  statuses,
} from './sftp-packets.ts'
import { FlightWindow } from './sftp-window.ts'

/** The server's refusal of one request. */
export class SftpStatus extends Error {
  override readonly name = 'SftpStatus'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** True when the server answered with this status. */
export function hasStatus(thrown: unknown, ...status: readonly (keyof typeof statuses)[]): boolean {
  return thrown instanceof SftpStatus && status.some((name) => statuses[name] === thrown.status)
}

/** The connection is of no use any more: it ended, or what came is not SFTP. */
export class SftpBroken extends Error {
  override readonly name = 'SftpBroken'
  /** The other side never spoke SFTP at all. */
  readonly isForeign: boolean

  constructor(message: string, { isForeign = false }: { readonly isForeign?: boolean } = {}) {
    super(message)
    this.isForeign = isForeign
  }
}

/** What the server gives for an open file or folder. */
export type Handle = Buffer

export interface FolderEntry {
  readonly name: string
  readonly attributes: Attributes
}

export interface FileSystemState {
  readonly freeBytes: number
  readonly freeFiles: number
  readonly files: number
  readonly isReadOnly: boolean
}

interface Reply {
  readonly type: number
  readonly reader: PacketReader
}

interface Pending {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

const version = 3
/** What the standard promises that every server takes at once. */
const usualPiece = 32 << 10
/** More at once brings nothing, and makes what comes behind it wait. */
const largestPiece = 128 << 10

/** Milliseconds in which the other side may say why it takes no more. */
const lastWords = 500

/** Speaks SFTP version 3 over two streams. Requests overlap freely; none can be called back. */
export class SftpClient {
  readonly window: FlightWindow
  readonly #output: Writable
  readonly #pending = new Map<number, Pending>()
  readonly #extensions = new Map<string, string>()
  readonly #splitter = new PacketSplitter()
  readonly #ready: Promise<void>
  #greet: Pending | undefined
  #broken: Error | undefined
  #lastId = 0
  /** Most bytes that one read or write may carry. */
  pieces: { readonly read: number; readonly write: number } = { read: usualPiece, write: usualPiece }

  private constructor(input: Readable, output: Writable, clock: Clock) {
    this.window = new FlightWindow(clock)
    this.#output = output
    this.#ready = new Promise<Reply>((resolve, reject) => (this.#greet = { resolve, reject })).then((reply) =>
      this.#readVersion(reply),
    )
    this.#ready.catch(() => undefined)
    input.on('data', (chunk: Buffer) => this.#receive(chunk))
    input.on('end', () => this.break(new SftpBroken('the connection ended')))
    input.on('error', (error) => this.break(new SftpBroken(error.message)))
    // What still comes says more of the reason than that nobody reads what we say.
    output.on('error', (error) => setTimeout(() => this.break(new SftpBroken(error.message)), lastWords).unref())
  }

  /** Greets the server and asks what it can do. Rejects with `SftpBroken` when it does not speak SFTP. */
  static async start(input: Readable, output: Writable, clock: Clock = systemClock): Promise<SftpClient> {
    const client = new SftpClient(input, output, clock)
    output.write(encodePacket(packetTypes.init, [version]))
    await client.#ready
    await client.#askLimits()
    return client
  }

  get isBroken(): boolean {
    return this.#broken !== undefined
  }

  /** True while an answer is awaited. */
  get isBusy(): boolean {
    return this.#pending.size > 0
  }

  offers(extension: string): boolean {
    return this.#extensions.has(extension)
  }

  async open(path: string, flags: number, mode?: number): Promise<Handle> {
    return handleOf(await this.#request(packetTypes.open, [path, flags, ...modeFields(mode)]))
  }

  async close(handle: Handle): Promise<void> {
    await this.#request(packetTypes.close, [handle])
  }

  /** Up to `length` bytes, as a view into what came; undefined at the end of the file. */
  async read(handle: Handle, offset: number, length: number): Promise<Buffer | undefined> {
    const reply = await this.#unlessEnd(this.#request(packetTypes.read, [handle, { long: offset }, length]))
    if (!reply) return undefined
    const bytes = expect(reply, packetTypes.data).bytes()
    if (bytes.length === 0 || bytes.length > length) throw new SftpBroken('it sent other bytes than were asked for')
    return bytes
  }

  /** `bytes` is copied before this returns. */
  async write(handle: Handle, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#request(packetTypes.write, [handle, { long: offset }, bytes])
  }

  async fstat(handle: Handle): Promise<Attributes> {
    return expect(await this.#request(packetTypes.fstat, [handle]), packetTypes.attrs).attributes()
  }

  async stat(path: string): Promise<Attributes> {
    return expect(await this.#request(packetTypes.stat, [path]), packetTypes.attrs).attributes()
  }

  async lstat(path: string): Promise<Attributes> {
    return expect(await this.#request(packetTypes.lstat, [path]), packetTypes.attrs).attributes()
  }

  async setMode(path: string, mode: number): Promise<void> {
    await this.#request(packetTypes.setstat, [path, ...modeFields(mode)])
  }

  async setModeOf(handle: Handle, mode: number): Promise<void> {
    await this.#request(packetTypes.fsetstat, [handle, ...modeFields(mode)])
  }

  async openFolder(path: string): Promise<Handle> {
    return handleOf(await this.#request(packetTypes.opendir, [path]))
  }

  /** Some entries of a folder; undefined when there are no more. */
  async readFolder(handle: Handle): Promise<FolderEntry[] | undefined> {
    const reply = await this.#unlessEnd(this.#request(packetTypes.readdir, [handle]))
    if (!reply) return undefined
    const reader = expect(reply, packetTypes.name)
    const entries: FolderEntry[] = []
    for (let count = reader.u32(); count > 0; count--) {
      const name = reader.text()
      reader.bytes() // the same as a line of `ls -l`, for people
      entries.push({ name, attributes: reader.attributes() })
    }
    return entries
  }

  async makeFolder(path: string, mode: number): Promise<void> {
    await this.#request(packetTypes.mkdir, [path, ...modeFields(mode)])
  }

  async remove(path: string): Promise<void> {
    await this.#request(packetTypes.remove, [path])
  }

  /** By the standard it fails when `to` is there; not all servers know that. */
  async rename(from: string, to: string): Promise<void> {
    await this.#request(packetTypes.rename, [from, to])
  }

  async link(path: string, to: string): Promise<void> {
    await this.#request(packetTypes.extended, ['hardlink@openssh.com', path, to])
  }

  async sync(handle: Handle): Promise<void> {
    await this.#request(packetTypes.extended, ['fsync@openssh.com', handle])
  }

  /** What the file system under `path` has left; undefined when the server cannot tell. */
  async fileSystemState(path: string): Promise<FileSystemState | undefined> {
    if (!this.offers('statvfs@openssh.com')) return undefined
    const reply = await this.#request(packetTypes.extended, ['statvfs@openssh.com', path])
    const reader = expect(reply, packetTypes.extendedReply)
    const next = () => reader.u64()
    const [, unit = 0, , , freeUnits = 0, files = 0, , freeFiles = 0, , flags = 0] = Array.from({ length: 10 }, next)
    return { freeBytes: unit * freeUnits, files, freeFiles, isReadOnly: flags % 2 === 1 }
  }

  /** Asks something that costs nothing, to see that the other side is there. */
  async ping(): Promise<void> {
    await this.#request(packetTypes.realpath, ['.'])
  }

  /** Every call under way, and every later one, fails with `error`. */
  break(error: Error): void {
    if (this.#broken) return
    this.#broken = error
    this.#greet?.reject(error)
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }

  #request(type: number, fields: readonly Field[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken)
      const id = (this.#lastId = (this.#lastId + 1) % 2 ** 32)
      this.#pending.set(id, { resolve, reject })
      this.#output.write(encodePacket(type, [id, ...fields]))
    })
  }

  async #unlessEnd(request: Promise<Reply>): Promise<Reply | undefined> {
    try {
      return await request
    } catch (thrown) {
      if (hasStatus(thrown, 'eof')) return undefined
      throw thrown
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#broken) return
    try {
      for (const packet of this.#splitter.push(chunk)) this.#take(packet)
    } catch (thrown) {
      if (!(thrown instanceof MalformedPacket)) throw thrown
      const start = thrown.start ? `: "${printable(thrown.start.toString('latin1').trim(), 80)}"` : ''
      this.break(new SftpBroken(`${thrown.message}${start}`, { isForeign: this.#greet !== undefined }))
    }
  }

  #take(packet: Buffer): void {
    const reader = new PacketReader(packet)
    const type = reader.u8()
    if (this.#greet) {
      this.#greet.resolve({ type, reader })
      this.#greet = undefined
      return
    }
    const id = reader.u32()
    const pending = this.#pending.get(id)
    if (!pending) throw new MalformedPacket('it answers what was not asked')
    this.#pending.delete(id)
    if (type !== packetTypes.status) return pending.resolve({ type, reader })
    const status = reader.u32()
    if (status === statuses.ok) pending.resolve({ type, reader })
    else pending.reject(new SftpStatus(status, reader.isAtEnd ? '' : reader.text()))
  }

  #readVersion({ type, reader }: Reply): void {
    try {
      if (type !== packetTypes.version || reader.u32() < version) throw notSftp()
      while (!reader.isAtEnd) this.#extensions.set(reader.text(), reader.text())
    } catch (thrown) {
      const error = thrown instanceof SftpBroken ? thrown : notSftp()
      this.break(error)
      throw error
    }
  }

  /** Servers that do not tell their limits keep the usual one. */
  async #askLimits(): Promise<void> {
    if (!this.offers('limits@openssh.com')) return
    const reader = expect(await this.#request(packetTypes.extended, ['limits@openssh.com']), packetTypes.extendedReply)
    reader.u64() // the longest packet: what follows says it better
    const [read, write] = [reader.u64(), reader.u64()]
    this.pieces = { read: pieceOf(read), write: pieceOf(write) }
  }
}

function notSftp(): SftpBroken {
  return new SftpBroken('its greeting is not that of SFTP 3', { isForeign: true })
}

/** 0 says "no limit that I know of": then the usual. */
function pieceOf(limit: number): number {
  return limit === 0 ? usualPiece : Math.max(1024, Math.min(largestPiece, limit))
}

function expect({ type, reader }: Reply, wanted: number): PacketReader {
  if (type !== wanted) throw new SftpBroken(`it answers with type ${type} instead of ${wanted}`)
  return reader
}

function handleOf(reply: Reply): Handle {
  return Buffer.from(expect(reply, packetTypes.handle).bytes())
}
