import { createHash } from 'node:crypto'
import { type Clock, hasCode } from '#base'
import { type FileRef, longestFile } from '#backend'
import { tooLarge } from './arrival.ts'
import type { Credential } from './credential.ts'
import { EndpointError } from './errors.ts'
import type { EndpointHooks, RefusalKind } from './hooks.ts'
import type { LockOwners } from './lock-owners.ts'
import type { Body, EndpointStorage, Incoming } from './storage.ts'
import type { Usage } from './usage.ts'

export interface UploadLimits {
  /** Bytes of the largest file. restic's packs have up to 128 MiB and a blob. */
  readonly largest: number
  /** Uploads at once, of all machines and of one. One takes up to some half MiB of memory, whatever its size. */
  readonly most: number
  readonly mostOfOne: number
}

export interface UploadsOptions {
  readonly storage: EndpointStorage
  readonly usage: Usage
  readonly lockOwners: LockOwners
  readonly onStored: EndpointHooks['onStored']
  readonly clock: Clock
  readonly limits: UploadLimits
}

export interface UploadRequest {
  readonly credential: Credential
  readonly file: FileRef
  readonly body: Body
  /** Bytes that the sender has announced. */
  readonly length: number | undefined
  /** Bytes that have been taken from the body. */
  readonly received: () => number
  readonly refuse: (kind: RefusalKind) => void
}

/** Locks have some 200 bytes. They may exceed the quota by a little: reading takes a lock, and restoring must go on. */
const longestLock = 64 << 10
const allowanceForLocks = 1 << 20

/** Takes uploads: each is stored whole, under a name that it hashes to, once. */
export class Uploads {
  readonly #options: UploadsOptions
  readonly #underWay = new Map<string, number>()
  #all = 0

  constructor(options: UploadsOptions) {
    this.#options = options
  }

  async take(request: UploadRequest): Promise<void> {
    const { credential, file, length = 0 } = request
    const longest = longestOf(file, this.#options.limits)
    if (length > longest) throw tooLarge({ file, longest })
    using _ = this.#enter(credential.machine)
    try {
      await this.#store(request, longest)
    } catch (thrown) {
      // What takes the last of the room may be sent again, too.
      if (!isForRoom(thrown) || request.received() > 0 || !(await this.#isThere(request))) throw thrown
      await this.#acceptSame(request, await hashOf(request.body, { file, longest }))
    }
  }

  async #store(request: UploadRequest, longest: number): Promise<void> {
    const { storage, usage, lockOwners } = this.#options
    const { credential, file, body, length } = request
    const { repository, machine } = credential
    using reservation = await usage.reserve(repository, allowedFor(file, credential))
    const grow = (bytes: number) => reservation.grow(bytes)
    await using incoming = await storage.receive({ repository, file, body, length, longest, grow })
    if (!isNameOf(file, incoming)) return await this.#refuseWrong(request)
    if (!(await incoming.store())) return await this.#acceptSame(request, incoming)
    reservation.commit()
    if (file.type === 'lock') await lockOwners.record(repository, file.name, machine)
    await this.#tell(request, incoming.size)
  }

  /** Bytes damaged on their way; or an attempt to replace a file, which the name alone prevents. */
  async #refuseWrong(request: UploadRequest): Promise<never> {
    const { file, refuse } = request
    if (!(await this.#isThere(request))) throw new EndpointError('ENDPOINT_NAME_WRONG', { ...file })
    refuse('overwrite')
    throw new EndpointError('ENDPOINT_FILE_TAKEN', { ...file })
  }

  async #isThere({ credential, file }: UploadRequest): Promise<boolean> {
    return (await this.#options.storage.size(credential.repository, file)) !== undefined
  }

  /** A reply was lost, or two send the same: a success if the bytes are those that are stored. */
  async #acceptSame(request: UploadRequest, arrived: Pick<Incoming, 'hash' | 'size'>): Promise<void> {
    const { credential, file } = request
    if (!isNameOf(file, arrived)) return this.#refuseWrong(request)
    if ((await this.#hashStored(credential.repository, file)) !== arrived.hash) {
      if (file.type !== 'config') throw new EndpointError('ENDPOINT_FILE_DAMAGED', { ...file })
      return this.#refuseWrong(request)
    }
    await this.#options.storage.confirm(credential.repository, file)
    if (file.type === 'snapshot') await this.#tell(request, arrived.size)
  }

  async #hashStored(repository: string, file: FileRef): Promise<string | undefined> {
    await using opened = await this.#options.storage.open(repository, file)
    if (!opened) throw new EndpointError('ENDPOINT_STORAGE_FAILED') // it has gone since we looked
    const hash = createHash('sha256')
    for await (const piece of opened.pieces({ offset: 0, length: opened.size })) hash.update(piece)
    return hash.digest('hex')
  }

  async #tell({ credential, file }: UploadRequest, size: number): Promise<void> {
    const { repository, machine } = credential
    try {
      await this.#options.onStored?.({ repository, machine, ...file, size, at: this.#options.clock.now() })
    } catch (cause) {
      throw new EndpointError('ENDPOINT_NOT_RECORDED', { ...file, cause })
    }
  }

  #enter(machine: string): Disposable {
    const { most, mostOfOne } = this.#options.limits
    const own = this.#underWay.get(machine) ?? 0
    const uploads = own >= mostOfOne ? own : this.#all
    if (own >= mostOfOne || this.#all >= most) throw new EndpointError('ENDPOINT_TOO_MANY_UPLOADS', { uploads })
    this.#all++
    this.#underWay.set(machine, own + 1)
    return {
      [Symbol.dispose]: () => {
        this.#all--
        const left = (this.#underWay.get(machine) ?? 1) - 1
        if (left > 0) this.#underWay.set(machine, left)
        else this.#underWay.delete(machine)
      },
    }
  }
}

function longestOf({ type }: FileRef, { largest }: UploadLimits): number {
  return type === 'lock' ? longestLock : Math.min(longestFile[type], largest)
}

function allowedFor({ type }: FileRef, { allowedBytes }: Credential): number | undefined {
  if (allowedBytes === undefined || type !== 'lock') return allowedBytes
  return allowedBytes + allowanceForLocks
}

/** A config has no hash for a name. */
function isNameOf({ type, name }: FileRef, { hash }: Pick<Incoming, 'hash'>): boolean {
  return type === 'config' || hash === name
}

const forRoom = ['ENDPOINT_QUOTA_REACHED', 'ENDPOINT_STORAGE_FULL', 'ENDPOINT_SPOOL_FULL']

function isForRoom(thrown: unknown): boolean {
  return forRoom.some((code) => hasCode(thrown, code))
}

async function hashOf(
  body: Body,
  { file, longest }: { readonly file: FileRef; readonly longest: number },
): Promise<Pick<Incoming, 'hash' | 'size'>> {
  const hash = createHash('sha256')
  let size = 0
  await body((bytes) => {
    size += bytes.length
    if (size > longest) throw tooLarge({ file, longest })
    hash.update(bytes)
    return undefined
  })
  return { hash: hash.digest('hex'), size }
}
