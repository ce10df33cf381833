import { hash } from 'node:crypto'
import { writeFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { hasCode, messageOf, systemClock } from '#base'
import type { Cancellable } from '#base'
import type { FileRef } from './backend.ts'
import { discard, HttpClient } from './http-client.ts'
import { folders, layoutPath } from './layout.ts'
import type { Location } from './location.ts'
import { openBackend } from './open.ts'
import type { OpenBackendOptions } from './open.ts'
import { Refused, S3Connection } from './s3-connection.ts'
import type { S3Location } from './s3-location.ts'

/** What came of an attempt to destroy a file. */
export interface Tampered {
  readonly what: 'delete' | 'overwrite' | 'delete all versions'
  /** True when what had been written is still there, whole, if only as an old version. */
  readonly refused: boolean
  /** What the storage said, if it said anything. */
  readonly said: string | null
}

export interface TamperOptions extends Cancellable {
  /** As the place is opened by whoever has its credentials. */
  readonly open: OpenBackendOptions
}

interface Target extends TamperOptions {
  readonly file: FileRef
  /** What was written. */
  readonly bytes: Uint8Array
}

const retryLimit = 5_000

/**
 * Tries what somebody would who has the credentials of a location and means harm: to overwrite a file that was written for this,
 * and to delete it, past every care that our own backends take. It looks afterwards what is there: what a storage answers is
 * not what counts. Throws when nobody can look.
 */
export async function tamperWith(
  location: Location,
  { file, bytes }: { readonly file: FileRef; readonly bytes: Uint8Array },
  options: TamperOptions,
): Promise<Tampered[]> {
  const target = { ...options, file, bytes }
  const done: Tampered[] = []
  const attempt = async (what: Tampered['what'], work: () => Promise<void>) => {
    const said = await saidBy(work)
    const isLeft = await isThere(location, target)
    const isKept = !isLeft && (await versionsOf(location, target)).length > 0
    done.push({ what, refused: isLeft || isKept, said: isKept ? 'it is there as an old version' : said })
  }
  // Over SFTP who may delete may write anew: one attempt says both.
  if (location.scheme !== 'sftp') await attempt('overwrite', async () => await overwrite(location, target))
  await attempt('delete', async () => {
    await using backend = openBackend(location, { ...options.open, retryLimit })
    await backend.delete(file, { signal: options.signal })
  })
  const versions = await versionsOf(location, target)
  if (location.scheme === 's3' && versions.length > 0) done.push(await deleteVersions(location, target, versions))
  return done
}

async function saidBy(attempt: () => Promise<void>): Promise<string | null> {
  try {
    await attempt()
    return null
  } catch (thrown) {
    if (thrown instanceof Refused) return messageOf(thrown.error)
    return messageOf(thrown)
  }
}

/** Whether the file is what was written. */
async function isThere(location: Location, { file, bytes, open, signal }: Target): Promise<boolean> {
  await using backend = openBackend(location, { ...open, retryLimit })
  try {
    return (await backend.read(file, { signal, fresh: true })).equals(bytes)
  } catch (thrown) {
    if (hasCode(thrown, 'FILE_NOT_FOUND') || hasCode(thrown, 'FILE_TOO_SHORT')) return false
    throw thrown
  }
}

async function overwrite(location: Exclude<Location, { scheme: 'sftp' }>, target: Target): Promise<void> {
  const other = Buffer.from('overwritten by a tamper test')
  if (location.scheme === 'local') await overwriteLocal(location.path, target, other)
  else if (location.scheme === 's3') {
    await callS3(location, target, async (connection, at) => {
      const body = { Body: other, ContentLength: other.length, ContentMD5: hash('md5', other, 'base64') }
      await connection.call((client, call) => client.putObject({ ...at, ...body }, call))
    })
  } else await overwriteRest(location, target, other)
}

async function overwriteLocal(root: string, { file }: Target, other: Uint8Array): Promise<void> {
  const path = join(resolve(root), ...layoutPath(file))
  const beside = `${path}-tamper`
  try {
    await writeFile(beside, other, { mode: 0o400 })
    await rename(beside, path)
  } finally {
    await rm(beside, { force: true })
  }
}

async function overwriteRest(
  { url, credentials, socketPath, display }: Extract<Location, { scheme: 'rest' }>,
  { file, open, signal }: Target,
  other: Uint8Array,
): Promise<void> {
  using client = new HttpClient({
    location: display,
    credentials,
    socketPath,
    connections: 1,
    tls: open.tls,
    env: open.env,
  })
  const at = new URL(file.type === 'config' ? 'config' : `${folders[file.type]}/${file.name}`, url)
  const response = await client.request({ method: 'POST', url: at, body: other, signal })
  await discard(response)
  if (response.status >= 300) throw new Error(`HTTP status ${response.status}`)
}

interface S3Object {
  readonly Bucket: string
  readonly Key: string
}

async function callS3<Result>(
  place: S3Location,
  { file, open }: Target,
  work: (connection: S3Connection, at: S3Object) => Promise<Result>,
): Promise<Result> {
  const { env = process.env, tls, s3 } = open
  using connection = new S3Connection({ ...s3, place, connections: 1, env, tls, clock: systemClock })
  const path = [...(place.prefix === '' ? [] : [place.prefix]), ...layoutPath(file)]
  return await work(connection, { Bucket: place.bucket, Key: path.join('/') })
}

/** Old versions of a file in a bucket that keeps such; none where nobody may list them. */
async function versionsOf(place: Location, target: Target): Promise<string[]> {
  if (place.scheme !== 's3') return []
  return await callS3(place, target, async (connection, at) => {
    try {
      const asked = { Bucket: at.Bucket, Prefix: at.Key }
      const { Versions = [] } = await connection.call((client, call) => client.listObjectVersions(asked, call))
      return Versions.flatMap(({ Key, VersionId, Size }) =>
        Key === at.Key && VersionId !== undefined && Size === target.bytes.length ? [VersionId] : [],
      )
    } catch (thrown) {
      if (thrown instanceof Refused) return []
      throw thrown
    }
  })
}

async function deleteVersions(place: S3Location, target: Target, versions: readonly string[]): Promise<Tampered> {
  const said = await saidBy(async () => {
    await callS3(place, target, async (connection, at) => {
      for (const VersionId of versions)
        await connection.call((client, call) => client.deleteObject({ ...at, VersionId }, call))
    })
  })
  return { what: 'delete all versions', refused: (await versionsOf(place, target)).length > 0, said }
}
