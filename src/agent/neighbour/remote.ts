import { messageOf } from '#base'
import type { Cancellable, Clock } from '#base'

import { componentsOf } from './device.ts'
import type { NeighbourDevice } from './device.ts'
import { NeighbourError } from './errors.ts'
import { deviceFailure, entryFailure, isEntryReason } from './failures.ts'
import type { NeighbourReaderOptions } from './neighbour-reader.ts'
import { RcloneRefusal, remotes } from './rclone-service.ts'
import type { RcloneService } from './rclone-service.ts'
import { parseItem } from './remote-item.ts'
import type { RemoteItem } from './remote-item.ts'

/** The machine, asked with a limit. */
export class Remote {
  /** Not 0 when it can no longer be read; threads set it too. */
  readonly lost = new Int32Array(new SharedArrayBuffer(4))
  readonly device: NeighbourDevice
  readonly socket: string
  readonly patience: number
  readonly #service: RcloneService
  readonly #clock: Clock
  #gone: NeighbourError | undefined
  #hasAnswered = false

  constructor(
    device: NeighbourDevice,
    service: RcloneService,
    { patience, clock }: { patience: number; clock: Clock },
  ) {
    this.device = device
    this.socket = service.socket
    this.patience = patience
    this.#service = service
    this.#clock = clock
  }

  async list(path: string, options: Cancellable & { readonly followed?: boolean } = {}): Promise<readonly unknown[]> {
    const parameters = this.#parameters(path, options.followed ? 'followed' : 'plain')
    const { list } = (await this.#ask('operations/list', parameters, path, options)) as { readonly list?: unknown }
    if (Array.isArray(list)) return list
    if (list === null) return [] // an empty folder
    throw this.#unusable('a listing that is none')
  }

  async stat(path: string, options: Cancellable = {}): Promise<RemoteItem | undefined> {
    const answer = await this.#ask('operations/stat', this.#parameters(path), path, options)
    const { item } = answer as { readonly item?: unknown }
    return parseItem(item)
  }

  readerOptions(): NeighbourReaderOptions {
    const { socket, patience, lost, device } = this
    return { socket, patience, lost, device: device.name, fs: this.#fs() }
  }

  /** Why the machine can no longer be read; undefined while it can. */
  get gone(): NeighbourError | undefined {
    if (Atomics.load(this.lost, 0) === 0) return undefined
    return (this.#gone ??= this.#loss('it stopped answering while its files were read'))
  }

  #parameters(path: string, remote: keyof typeof remotes = 'plain') {
    return { fs: this.#fs(remote), remote: remoteOf(path), opt: { noMimeType: true } }
  }

  /** FTP and SFTP have a root; for SMB the shares are at the top. */
  #fs(remote: keyof typeof remotes = 'plain'): string {
    return `${remotes[remote]}:${this.device.kind === 'smb' ? '' : '/'}`
  }

  async #ask(method: string, parameters: unknown, path: string, { signal }: Cancellable): Promise<unknown> {
    if (this.gone) throw this.gone
    try {
      const answer = await this.#askOnce(method, parameters, signal)
      this.#hasAnswered = true
      return answer
    } catch (thrown) {
      signal?.throwIfAborted()
      if (!this.#hasAnswered) throw this.#explain(thrown, path)
      if (isAboutEntry(thrown) || (await this.#answers(signal))) throw entryFailureOf(path, thrown)
      this.#gone = this.#loss(messageOf(thrown), thrown)
      Atomics.store(this.lost, 0, 1)
      throw this.#gone
    }
  }

  async #askOnce(method: string, parameters: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const limit = new AbortController()
    const timer = new AbortController()
    // rclone itself tries twice, each time for as long as it is patient.
    this.#clock.sleep(2.5 * this.patience, { signal: timer.signal }).then(
      () => limit.abort(),
      () => undefined,
    )
    try {
      const signals = [limit.signal, ...(signal ? [signal] : [])]
      return await this.#service.call(method, parameters, { signal: AbortSignal.any(signals) })
    } catch (thrown) {
      if (limit.signal.aborted) throw this.#loss(`nothing came for ${this.patience / 1000} seconds`)
      throw thrown
    } finally {
      timer.abort()
    }
  }

  /** One entry may make the program that serves it fail; the rest is worth reading as long as the machine answers. */
  async #answers(signal: AbortSignal | undefined): Promise<boolean> {
    try {
      const [path = '/'] = this.device.paths
      await this.#askOnce('operations/list', this.#parameters(path), signal)
      return true
    } catch (thrown) {
      signal?.throwIfAborted()
      return isAboutEntry(thrown)
    }
  }

  #loss(reason: string, cause?: unknown): NeighbourError {
    return new NeighbourError('DEVICE_LOST', { device: this.device.name, reason, cause })
  }

  /** Why the machine cannot be read at all. */
  #explain(thrown: unknown, path: string): NeighbourError {
    const { name: device, user } = this.device
    if (thrown instanceof NeighbourError) {
      return new NeighbourError('DEVICE_UNREACHABLE', {
        device,
        reason: String(thrown.details['reason']),
        cause: thrown,
      })
    }
    if (thrown instanceof RcloneRefusal) return deviceFailure(thrown, { device, user }) ?? entryFailureOf(path, thrown)
    return new NeighbourError('RCLONE_FAILED', { device, reason: messageOf(thrown), cause: thrown })
  }

  #unusable(reason: string): NeighbourError {
    return new NeighbourError('DEVICE_ANSWER_UNUSABLE', { device: this.device.name, reason })
  }
}

/** A path as rclone wants it: no slash at its ends. */
export function remoteOf(path: string): string {
  return componentsOf(path).join('/')
}

/** What rclone says of one entry: that it is not there, or may not be read. */
function isAboutEntry(thrown: unknown): boolean {
  return thrown instanceof RcloneRefusal && isEntryReason(thrown.status, thrown.message)
}

function entryFailureOf(path: string, thrown: unknown): NeighbourError {
  return entryFailure(path, thrown instanceof RcloneRefusal ? thrown.status : 0, messageOf(thrown))
}
