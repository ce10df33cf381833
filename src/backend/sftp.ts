import { posix } from 'node:path'
import { type Cancellable, type Clock, systemClock } from '#base'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { BackendError } from './errors.ts'
import { FolderSync } from './folder-sync.ts'
import { fileDetails, folders, layoutPath, longestFile } from './layout.ts'
import type { RateLimits } from './limit.ts'
import { checkRange } from './range.ts'
import { hasStatus, type SftpClient } from './sftp-client.ts'
import { type SftpAddress, sftpCommand } from './sftp-command.ts'
import { sftpError, type SftpErrorContext } from './sftp-errors.ts'
import { type FolderType, listFiles, regularFile, type SeenFile } from './sftp-list.ts'
import { isFolder, openFlags } from './sftp-packets.ts'
import { Sessions } from './sftp-sessions.ts'
import { readHead, readPieces } from './sftp-transfer.ts'
import { removeQuietly, syncFolder, syncStored, withHandle, writeThroughSftp } from './sftp-write.ts'

export interface SftpOptions {
  readonly address: SftpAddress
  /** The folder of the repository: absolute, or from where the server begins (the user's home, mostly). */
  readonly path: string
  /** For messages. */
  readonly location: string
  readonly connections?: number | undefined
  /** A program and its arguments in place of ssh. */
  readonly command?: readonly string[] | undefined
  /** More arguments for ssh. */
  readonly args?: readonly string[] | undefined
  readonly limits?: RateLimits | undefined
  /** Told once what cannot be promised with this server. */
  readonly onNotice?: ((sentence: string) => void) | undefined
  /** Seconds within which a connection must stand when nobody is asked for a password. Default: 60. */
  readonly connectSeconds?: number | undefined
  readonly clock?: Clock | undefined
}

/** As restic sets them: read-only files, so that nobody changes one by mistake. */
const privateModes = { folder: 0o700, file: 0o400 }
/** When the group may read the config, the owner wants the whole repository shared with the group. */
const groupModes = { folder: 0o770, file: 0o440 }

/** Programs that run at once, at most: one is rarely the narrow place, and servers count logins. */
const mostSessions = 3

/** Types whose removal must survive a power cut, too: an index that came back would name packs that are gone. */
const syncedDeletes = new Set<FileType>(['index', 'snapshot', 'key'])

/** No write takes a day; a younger temporary file may belong to a writer that is alive. */
const staleAfter = 24 * 60 * 60 * 1000

/** A repository in a folder of another machine, in restic's layout, reached by the system's ssh. */
export class SftpBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean = false
  readonly #root: string
  readonly #sessions: Sessions
  readonly #folders: FolderSync
  readonly #clock: Clock
  readonly #limits: RateLimits
  readonly #notice: ((sentence: string) => void) | undefined
  #modes: Promise<typeof privateModes> | undefined
  #noticed = false
  #writes = false
  readonly #stale = new Set<string>()
  /** Milliseconds by which the server's clock is ahead of ours, once we have seen it. */
  #clockAhead: number | undefined

  constructor({ address, path, location, connections = 5, command, args, limits = {}, ...options }: SftpOptions) {
    this.#root = path
    this.location = location
    this.connections = connections
    this.#clock = options.clock ?? systemClock
    this.#limits = limits
    this.#notice = options.onNotice
    this.#folders = new FolderSync((folder) => this.#sessions.use(undefined, (client) => syncFolder(client, folder)))
    this.#sessions = new Sessions({
      location,
      address,
      command: (how) => sftpCommand(address, { command, args }, how),
      most: Math.min(mostSessions, connections),
      connectSeconds: options.connectSeconds ?? 60,
      clock: this.#clock,
    })
  }

  /** Process ids of the connections that stand, for tests. */
  get pids(): number[] {
    return this.#sessions.pids
  }

  async create({ signal }: Cancellable = {}): Promise<void> {
    await this.#call({ signal }, {}, async (client) => {
      const { folder: mode } = await this.#readModes(client)
      await this.#makeFolders(client, this.#root, mode)
      const names = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))
      const make = (parts: readonly string[]) => this.#makeFolder(client, posix.join(this.#root, ...parts), mode)
      await Promise.all(Object.values(folders).map((name) => make([name])))
      await Promise.all(names.map((name) => make([folders.pack, name])))
      const parts = [posix.join(this.#root, folders.pack), this.#root, posix.join(this.#root, '..')]
      for (const folder of parts) await this.#folders.sync(folder)
    })
  }

  async *list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    const { signal } = options
    signal?.throwIfAborted()
    if (type === 'config') {
      const size = await this.size({ type, name: '' }, { signal })
      if (size !== undefined) yield { name: '', size }
      return
    }
    for (const file of await this.#call({ signal }, {}, (client) => this.#listType(client, type, options))) {
      yield { name: file.name, size: file.size, ...this.#ageOf(file) }
    }
  }

  async size(file: FileRef, { signal }: Cancellable = {}): Promise<number | undefined> {
    return this.#call({ signal }, {}, async (client) => (await regularFile(client, this.#path(file)))?.size)
  }

  async read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    return this.#call(options, { reading: file }, async (client) => {
      const handle = await client.open(this.#path(file), openFlags.read)
      return withHandle(client, handle, async () => {
        const transfer = { ...options, limit: this.#limits.download }
        // Asked for at once: what is small costs the way there and back only once.
        const [{ size = 0 }, head] = await Promise.all([client.fstat(handle), readHead(client, handle, transfer)])
        const range = options.range ?? { offset: 0, length: size }
        checkRange(range, size, { file, location: this.location })
        if (range.length > longestFile[file.type]) {
          throw new BackendError('FILE_TOO_LARGE', fileDetails(file, this.location))
        }
        const into = Buffer.allocUnsafeSlow(range.length)
        into.set(head.subarray(0, range.length))
        const rest = { into: into.subarray(head.length), offset: range.offset + head.length }
        if (await readPieces(client, handle, rest, transfer)) return into
        throw new BackendError('FILE_TOO_SHORT', fileDetails(file, this.location))
      })
    })
  }

  async write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    this.#writes = true
    const path = this.#path(file)
    const isNew = await this.#call(options, { writing: { path, bytes: bytes.length } }, async (client) => {
      this.#tellWhatIsMissing(client)
      void this.#removeStale(client)
      const stored = await this.#put(client, file, bytes, options)
      if (stored && file.type === 'lock') await this.#compareClocks(client, path)
      return stored
    })
    if (!isNew) await this.#acceptSame(file, bytes, options)
  }

  async delete(file: FileRef, { signal }: Cancellable = {}): Promise<void> {
    await this.#call({ signal }, {}, async (client) => {
      const path = this.#path(file)
      if ((await removeFile(client, path)) && syncedDeletes.has(file.type))
        await this.#folders.sync(posix.dirname(path))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions.close()
  }

  #path(file: FileRef): string {
    return posix.join(this.#root, ...layoutPath(file))
  }

  async #call<T>(
    { signal }: Cancellable,
    {
      reading,
      writing,
    }: { readonly reading?: FileRef; readonly writing?: { readonly path: string; readonly bytes: number } },
    work: (client: SftpClient) => Promise<T>,
  ): Promise<T> {
    return this.#sessions.use(signal, async (client) => {
      try {
        return await work(client)
      } catch (thrown) {
        const context: SftpErrorContext = {
          location: this.location,
          reading,
          writing: writing && { client, folder: posix.dirname(writing.path), bytes: writing.bytes },
        }
        throw await sftpError(thrown, context)
      }
    })
  }

  async #put(client: SftpClient, file: FileRef, bytes: Uint8Array, options: WriteOptions): Promise<boolean> {
    const { file: mode } = await this.#readModes(client)
    const how = { ...options, mode, folders: this.#folders, limit: this.#limits.upload }
    const write = () => writeThroughSftp(client, this.#path(file), bytes, how)
    return write().catch(async (thrown: unknown) => {
      if (!hasStatus(thrown, 'noSuchFile')) throw thrown
      await this.#makeFoldersFor(client, file)
      return write()
    })
  }

  /** A lost reply, or the same file from elsewhere: fine if the bytes are the same, and then made durable here. */
  async #acceptSame(file: FileRef, bytes: Uint8Array, { signal, progress, waited }: CallOptions): Promise<void> {
    const present = await this.read(file, { signal, progress, waited })
    if (!present.equals(bytes)) throw new BackendError('FILE_EXISTS', fileDetails(file, this.location))
    await this.#call({ signal }, {}, async (client) => {
      await syncStored(client, this.#path(file))
      await this.#folders.sync(posix.dirname(this.#path(file)))
    })
  }

  async #listType(client: SftpClient, type: FolderType, options: CallOptions): Promise<SeenFile[]> {
    const files = await listFiles(client, this.#root, type, options)
    if (!files) {
      // It holds nothing, unless there is a config: then a prune that took "no snapshots" for the truth would delete everything.
      const isFault = type !== 'lock' && (await regularFile(client, posix.join(this.#root, 'config'))) !== undefined
      if (!isFault) return []
      const reason = `its folder ${folders[type]} is missing`
      throw new BackendError('STORAGE_FAILED', { location: this.location, reason })
    }
    const now = this.#clock.now() + (this.#clockAhead ?? 0)
    const isStale = ({ modified }: SeenFile) => modified !== undefined && now - modified > staleAfter
    for (const file of files) if (file.isTemporary && isStale(file)) this.#stale.add(file.path)
    if (this.#writes) void this.#removeStale(client)
    return files.filter(({ isTemporary }) => !isTemporary)
  }

  /** What writers that crashed left behind, as listings show it. Never in the way of the call that comes by. */
  async #removeStale(client: SftpClient): Promise<void> {
    const paths = [...this.#stale]
    this.#stale.clear()
    for (const path of paths) await removeQuietly(client, path)
  }

  /** Makes the folders of a file, but never the repository's own: that may be a disk that is not mounted. */
  async #makeFoldersFor(client: SftpClient, file: FileRef): Promise<void> {
    const { folder: mode } = await this.#readModes(client)
    const parts = layoutPath(file).slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = posix.join(this.#root, ...parts.slice(0, depth))
      await this.#makeFolder(client, folder, mode)
      await this.#folders.sync(posix.dirname(folder))
    }
  }

  /** With those above it. */
  async #makeFolders(client: SftpClient, folder: string, mode: number): Promise<void> {
    const above = posix.dirname(folder)
    await this.#makeFolder(client, folder, mode).catch(async (thrown: unknown) => {
      if (!hasStatus(thrown, 'noSuchFile') || above === folder) throw thrown
      await this.#makeFolders(client, above, mode)
      await this.#makeFolder(client, folder, mode)
    })
  }

  async #makeFolder(client: SftpClient, folder: string, mode: number): Promise<void> {
    try {
      await client.makeFolder(folder, mode)
      if ((mode & 0o070) !== 0) await client.setMode(folder, mode)
    } catch (thrown) {
      const attributes = await client.stat(folder).catch(() => undefined)
      if (!attributes || !isFolder(attributes)) throw thrown
    }
  }

  #readModes(client: SftpClient): Promise<typeof privateModes> {
    this.#modes ??= client.stat(posix.join(this.#root, 'config')).then(
      ({ mode = 0 }) => ((mode & 0o040) !== 0 ? groupModes : privateModes),
      (thrown: unknown) => {
        if (!hasStatus(thrown, 'noSuchFile')) this.#modes = undefined
        return privateModes
      },
    )
    return this.#modes
  }

  /** A lock that we have just written shows the server's time; whoever judges locks by their age has written one. */
  async #compareClocks(client: SftpClient, path: string): Promise<void> {
    const { mtime } = (await regularFile(client, path)) ?? {}
    if (mtime !== undefined) this.#clockAhead = mtime * 1000 - this.#clock.now()
  }

  #ageOf({ modified }: SeenFile): { readonly age?: number } {
    if (this.#clockAhead === undefined || modified === undefined) return {}
    return { age: Math.max(0, this.#clock.now() + this.#clockAhead - modified) }
  }

  #tellWhatIsMissing(client: SftpClient): void {
    if (this.#noticed || client.offers('fsync@openssh.com')) return
    this.#noticed = true
    this.#notice?.(
      `The server at ${this.location} cannot be told to write to its disk at once (it has no fsync@openssh.com): after a power cut there, the last files may be missing.`,
    )
  }
}

/** False when it was gone already. On Windows a read-only file cannot be deleted. */
async function removeFile(client: SftpClient, path: string): Promise<boolean> {
  const remove = () =>
    client.remove(path).then(
      () => true,
      (thrown: unknown) => {
        if (hasStatus(thrown, 'noSuchFile')) return false
        throw thrown
      },
    )
  return remove().catch(async (thrown: unknown) => {
    if (!hasStatus(thrown, 'permissionDenied', 'failure')) throw thrown
    await client.setMode(path, 0o600).catch(() => undefined)
    return remove()
  })
}
