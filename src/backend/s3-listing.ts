import type { ListObjectsV2CommandOutput, S3 } from '@aws-sdk/client-s3'
import type { S3CallOptions } from './s3-connection.ts'

/** Listings of a bucket, page by page. */

/** One object under a prefix. */
export interface ListedObject {
  readonly key: string
  readonly size: number
  /** Milliseconds since it was written, by the service's clock. */
  readonly age: number | undefined
}

export interface Page {
  readonly objects: readonly ListedObject[]
  /** What to ask for next; undefined after the last page. */
  readonly next: string | undefined
}

export interface PageRequest {
  readonly bucket: string
  readonly prefix: string
  readonly from: string | undefined
}

/** Thrown when a listing is none; what it lacks may be files, so it is worth nothing. */
class MalformedPage extends Error {}

type Entries = ListObjectsV2CommandOutput['Contents']

export async function fetchPage(
  client: S3,
  { bucket, prefix, from }: PageRequest,
  options: S3CallOptions,
): Promise<Page> {
  const answer = await client.listObjectsV2(
    { Bucket: bucket, Prefix: prefix, EncodingType: 'url', ...(from === undefined ? {} : { ContinuationToken: from }) },
    options,
  )
  const objects = readEntries(answer.Contents, { encoding: answer.EncodingType, now: serverTime(options) })
  if (answer.IsTruncated !== true) return { objects, next: undefined }
  if (!answer.NextContinuationToken) throw new MalformedPage('it goes on, but does not say how')
  return { objects, next: answer.NextContinuationToken }
}

/** The older form of the call, for services that know no other: each page begins after the last key of the one before. */
export async function fetchPageV1(
  client: S3,
  { bucket, prefix, from }: PageRequest,
  options: S3CallOptions,
): Promise<Page> {
  const answer = await client.listObjects(
    { Bucket: bucket, Prefix: prefix, EncodingType: 'url', ...(from === undefined ? {} : { Marker: from }) },
    options,
  )
  const objects = readEntries(answer.Contents, { encoding: answer.EncodingType, now: serverTime(options) })
  if (answer.IsTruncated !== true) return { objects, next: undefined }
  const last = objects.at(-1)?.key
  if (last === undefined) throw new MalformedPage('it goes on, but shows nothing')
  return { objects, next: last }
}

function readEntries(
  entries: Entries,
  { encoding, now }: { readonly encoding: string | undefined; readonly now: number | undefined },
): ListedObject[] {
  return (entries ?? []).map(({ Key, Size, LastModified }) => {
    if (Key === undefined || Size === undefined || !(Size >= 0))
      throw new MalformedPage('an entry has no name or no size')
    const written = LastModified?.getTime()
    const age =
      now === undefined || written === undefined || Number.isNaN(written) ? undefined : Math.max(0, now - written)
    return { key: encoding === 'url' ? decoded(Key) : Key, size: Size, age }
  })
}

/** Foreign names may be escaped in ways of their own; they are passed over, whatever they look like. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}

function serverTime({ answer }: S3CallOptions): number | undefined {
  const time = Date.parse(answer.headers['date'] ?? '')
  return Number.isNaN(time) ? undefined : time
}
