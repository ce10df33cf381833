import { readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { hasCode, systemClock } from '#base'
import type { Cancellable } from '#base'
import { fileError } from './file-errors.ts'
import type { Location } from './location.ts'
import { Refused, S3Connection } from './s3-connection.ts'
import type { S3Location } from './s3-location.ts'

export interface ListFoldersOptions extends Cancellable {
  readonly env?: NodeJS.ProcessEnv | undefined
}

/**
 * Names of the folders just below a location, where repositories may lie side by side; undefined where that kind of storage
 * cannot be asked. Throws `BackendError`s.
 */
export async function listFolders(
  location: Location,
  { env = process.env, signal }: ListFoldersOptions = {},
): Promise<string[] | undefined> {
  if (location.scheme === 'local') return await listLocal(resolve(location.path))
  return location.scheme === 's3' ? await listS3(location, { env, signal }) : undefined
}

async function listLocal(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return []
    throw fileError(thrown, { location: path })
  }
}

async function listS3(place: S3Location, { env, signal }: { readonly env: NodeJS.ProcessEnv } & Cancellable) {
  using connection = new S3Connection({ place, connections: 1, env, clock: systemClock })
  const prefix = place.prefix === '' ? '' : `${place.prefix}/`
  const names: string[] = []
  const seen = new Set<string | undefined>()
  let from: string | undefined
  try {
    do {
      seen.add(from)
      const asked = {
        Bucket: place.bucket,
        Prefix: prefix,
        Delimiter: '/',
        ...(from !== undefined && { ContinuationToken: from }),
      }
      const page = await connection.call((client, call) => client.listObjectsV2(asked, call), { signal })
      for (const { Prefix = '' } of page.CommonPrefixes ?? []) names.push(Prefix.slice(prefix.length, -1))
      from = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (from !== undefined && !seen.has(from))
  } catch (thrown) {
    throw thrown instanceof Refused ? thrown.error : thrown
  }
  return names
}
