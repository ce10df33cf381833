import { randomBytes, timingSafeEqual } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { everyClient, localAccessFile, rights } from '#protocol'
import type { LocalAccessFile } from '#protocol'
import type { Caller } from '../app/caller.ts'
import { fingerprintOf } from '../certificate.ts'
import type { Certificate } from '../certificate.ts'
import type { ListenAddress } from '../listen-address.ts'
import { hashOf } from './tokens.ts'

/**
 * Commands on the server's own machine need no sign-in where they run as the server's user or as root: a secret lies in the
 * server's folder, for that user only. Whoever can read it can read the sealing key beside it and write the database, so it
 * gives nothing that they had not (docs/decisions/0013-commands-are-made-from-routes.md).
 */
export interface LocalAccess {
  readonly secret: string
  isSecret(token: string): boolean
}

/** Each start has a secret of its own: one that was copied with the folder opens nothing later. */
export function createLocalAccess(): LocalAccess {
  const secret = `usl_${randomBytes(32).toString('base64url')}`
  const expected = Buffer.from(hashOf(secret))
  return { secret, isSecret: (token) => timingSafeEqual(Buffer.from(hashOf(token)), expected) }
}

export interface LocalServer {
  readonly localAccess: LocalAccess
  readonly address: ListenAddress
  /** Where it speaks TLS. */
  readonly certificate: Certificate | undefined
  readonly origin: string
}

/** Writes how to reach the server, for its own user only; disposed of, the file is gone. */
export async function writeLocalAccess(
  folder: string,
  { localAccess, address, certificate, origin }: LocalServer,
): Promise<AsyncDisposable> {
  const path = join(folder, localAccessFile)
  const url = reachedAt(address, certificate !== undefined)
  const fingerprint = certificate && fingerprintOf(certificate.cert)
  const text: LocalAccessFile = { url, origin, secret: localAccess.secret, ...(fingerprint && { fingerprint }) }
  await writeFile(`${path}.new`, `${JSON.stringify(text)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
  return { [Symbol.asyncDispose]: async () => await rm(path, { force: true }) }
}

/** From this machine, whatever the name that others use. */
function reachedAt({ host, port }: ListenAddress, isSecure: boolean): string {
  const own = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `${isSecure ? 'https' : 'http'}://${isIP(own) === 6 ? `[${own}]` : own}:${port}`
}

/** All that an owner may do but opening what belongs to somebody: that asks for a name. */
export function localCaller(address: string): Caller {
  return {
    personId: 'local',
    actor: { who: 'local', fromWhere: address },
    grants: { roles: new Map([[everyClient, 'owner']]), atMost: new Set(rights.filter((right) => right !== 'read')) },
    signedInAt: undefined,
    isLocal: true,
  }
}
