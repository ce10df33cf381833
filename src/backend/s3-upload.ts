import { hash } from 'node:crypto'
import type { CompletedPart, StorageClass } from '@aws-sdk/client-s3'
import type { BackendError } from './errors.ts'
import type { CallOptions } from './backend.ts'
import type { lockHeaders } from './s3-object-lock.ts'
import { Refused, type S3Connection } from './s3-connection.ts'

/** Uploads: one request for what is small, parts for what is large. */

export interface UploadOptions extends CallOptions {
  readonly bucket: string
  readonly key: string
  readonly storageClass?: string | undefined
  /** What locks the file for a time, if anything does. */
  readonly lock?: ReturnType<typeof lockHeaders> | undefined
  /** Refuse to replace what is there. Not every service knows this. */
  readonly onlyNew: boolean
  /** Bytes of a part; larger files are sent in such. */
  readonly partSize: number
}

/** From so many parts on, parts are worth their extra requests. */
const fewestParts = 2
/** A part that fails for a passing reason is sent again before the whole file is. */
const partTries = 3
/** Milliseconds for telling the service to forget the parts of an upload that failed. */
const abandonTime = 10_000

/** The tag that the service gave the content: its MD5, mostly. Rejects with `Refused` or a `BackendError`. */
export async function upload(connection: S3Connection, bytes: Uint8Array, options: UploadOptions): Promise<string> {
  if (bytes.length >= options.partSize * fewestParts) return uploadParts(connection, bytes, options)
  const { bucket, key, onlyNew } = options
  const { ETag } = await connection.call(
    (client, call) =>
      client.putObject(
        {
          Bucket: bucket,
          Key: key,
          Body: bytes,
          ContentLength: bytes.length,
          // Content-MD5 is what buckets with object lock demand, and what every service checks.
          ContentMD5: hash('md5', bytes, 'base64'),
          ...common(options),
          ...(onlyNew ? { IfNoneMatch: '*' } : {}),
        },
        call,
      ),
    options,
  )
  return plainTag(ETag)
}

export function plainTag(tag: string | undefined): string {
  return (tag ?? '').replace(/^W\//, '').replaceAll('"', '')
}

/** What is common to both ways of uploading. */
function common({ storageClass, lock }: UploadOptions) {
  return {
    ...lock,
    ContentType: 'application/octet-stream',
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as StorageClass }),
  }
}

async function uploadParts(connection: S3Connection, bytes: Uint8Array, options: UploadOptions): Promise<string> {
  const { bucket, key, onlyNew } = options
  const { UploadId } = await connection.call(
    (client, call) => client.createMultipartUpload({ Bucket: bucket, Key: key, ...common(options) }, call),
    options,
  )
  const target = { Bucket: bucket, Key: key, UploadId }
  try {
    const parts: CompletedPart[] = []
    // One after the other: other files are on their way at the same time.
    for (let at = 0; at < bytes.length; at += options.partSize) {
      parts.push(
        await uploadPart(connection, bytes.subarray(at, at + options.partSize), parts.length + 1, {
          ...options,
          target,
        }),
      )
    }
    const { ETag } = await connection.call(
      (client, call) =>
        client.completeMultipartUpload(
          { ...target, MultipartUpload: { Parts: parts }, ...(onlyNew ? { IfNoneMatch: '*' } : {}) },
          call,
        ),
      options,
    )
    return plainTag(ETag)
  } catch (thrown) {
    await abandon(connection, target)
    throw thrown
  }
}

interface Target {
  readonly Bucket: string
  readonly Key: string
  readonly UploadId: string | undefined
}

async function uploadPart(
  connection: S3Connection,
  part: Uint8Array,
  number: number,
  { target, ...options }: UploadOptions & { readonly target: Target },
): Promise<CompletedPart> {
  const md5 = hash('md5', part, 'base64')
  for (let attempt = 1; ; attempt++) {
    try {
      const { ETag } = await connection.call(
        (client, call) =>
          client.uploadPart(
            { ...target, PartNumber: number, Body: part, ContentLength: part.length, ContentMD5: md5 },
            call,
          ),
        options,
      )
      return { PartNumber: number, ETag }
    } catch (thrown) {
      options.signal?.throwIfAborted()
      const { transient } = thrown instanceof Refused ? thrown.error : (thrown as Partial<BackendError>)
      if (!transient || attempt === partTries) throw thrown
    }
  }
}

/** Parts that nobody completes would be paid for for ever. Even after Ctrl-C there is a moment for this. */
async function abandon(connection: S3Connection, target: Target): Promise<void> {
  const signal = AbortSignal.timeout(abandonTime)
  await connection.call((client, call) => client.abortMultipartUpload(target, call), { signal }).catch(() => undefined) // services forget abandoned uploads by a rule of the bucket; what failed is reported anyway
}
