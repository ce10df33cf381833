/**
 * Runs the S3 service `s3rver` as a process of its own. Its paths, ranges, listings, parts and words are its own; three things
 * it leaves out are put in front of it, and under it:
 * - it takes every signature of version 4 for good, and requests without any: here they are checked;
 * - it stores chunks with signatures as they come, which restic sends without TLS: here they are taken apart;
 * - it writes objects in place, so that a broken upload leaves half of one: here they appear whole, with the hashes they came with.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { hasCode } from '../../src/base/index.ts'
import { peer } from './peers.ts'
import { type Keys, signatureFault, withoutChunkSignatures } from './s3-signature.ts'

export interface S3rverOrder extends Keys {
  /** For the buckets. */
  readonly folder: string
  /** For uploads under way, on the same file system. */
  readonly incoming: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | undefined
}

/** What we use of s3rver's inside. */
interface S3rver {
  readonly store: Store
  readonly middleware: ((context: { readonly req: IncomingMessage }, next: () => Promise<void>) => Promise<void>)[]
  run(): Promise<unknown>
}

interface Store {
  getResourcePath(bucket: string, key: string | undefined, resource: 'object' | 'uploads'): string
  putMetadata(bucket: string, key: string, metadata: unknown, md5: string): Promise<void>
  putObject(object: StoredObject): Promise<Written>
  putPart(bucket: string, upload: string, part: string, content: Readable): Promise<Written>
}

interface StoredObject {
  readonly bucket: string
  readonly key: string
  readonly metadata: Record<string, unknown>
  readonly content: Readable
}

interface Written {
  readonly size: number
  readonly md5: string
}

type S3Error = new (code: string, message: string) => Error

async function main(order: S3rverOrder): Promise<void> {
  const { folder, incoming, port, tls, accessKey, secretKey } = order
  const load = createRequire(realpathSync(peer('s3rver')))
  const { DUMMY_ACCOUNT: account } = load('../lib/models/account.js')
  account.revokeAccessKey('S3RVER')
  account.createKeyPair(accessKey, secretKey)
  const secure = tls ? { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } : {}
  const options = { directory: folder, address: '127.0.0.1', port, silent: true, vhostBuckets: false, ...secure }
  const server = new (load('..'))(options) as S3rver
  const S3Error = load('../lib/models/error.js') as S3Error
  checkSignatures(server, order, S3Error)
  mkdirSync(incoming)
  storeWhole(server.store, incoming, S3Error)
  await server.run()
}

function checkSignatures(server: S3rver, keys: Keys, S3Error: S3Error): void {
  server.middleware.unshift(async ({ req }, next) => {
    const { method = '', url = '', headers } = req
    const fault = signatureFault({ method, url, headers }, keys)
    if (fault !== undefined) throw new S3Error(fault, 'The signature is refused.')
    await next()
  })
}

function storeWhole(store: Store, incoming: string, S3Error: S3Error): void {
  const write = (content: Readable, path: string) => writeWhole(content, { path, incoming, S3Error })
  store.putObject = async ({ bucket, key, metadata, content }) => {
    const { size, md5 } = await write(content, store.getResourcePath(bucket, key, 'object'))
    const { 'content-encoding': _, ...kept } = metadata // of the way here
    await store.putMetadata(bucket, key, kept, md5)
    return { size, md5 }
  }
  store.putPart = async (bucket, upload, part, content) => {
    const path = join(store.getResourcePath(bucket, undefined, 'uploads'), upload, part)
    const written = await write(content, path)
    await writeFile(`${path}.md5`, written.md5)
    return written
  }
}

interface WriteOptions {
  readonly path: string
  readonly incoming: string
  readonly S3Error: S3Error
}

/** Writes a body beside its place, checks the hashes that were sent with it, and moves it there. */
async function writeWhole(content: Readable, { path, incoming, S3Error }: WriteOptions): Promise<Written> {
  const headers = 'headers' in content ? (content as IncomingMessage).headers : {}
  const { 'x-amz-content-sha256': sha256Header, 'content-md5': sentMd5 } = headers
  const sentSha256 = String(sha256Header)
  const body = sentSha256.startsWith('STREAMING-') ? withoutChunkSignatures(content) : content
  const beside = join(incoming, randomUUID())
  const [md5, sha256] = [createHash('md5'), createHash('sha256')]
  let size = 0
  async function* hashed() {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      md5.update(chunk)
      sha256.update(chunk)
      size += chunk.length
      yield chunk
    }
  }
  try {
    await pipeline(hashed, createWriteStream(beside))
    const digest = md5.digest()
    if (sentMd5 !== undefined && sentMd5 !== digest.toString('base64'))
      throw new S3Error('BadDigest', 'The Content-MD5 does not fit.')
    if (/^[0-9a-f]{64}$/.test(sentSha256) && sentSha256 !== sha256.digest('hex'))
      throw new S3Error('XAmzContentSHA256Mismatch', 'The x-amz-content-sha256 does not fit.')
    await moveTo(path, beside)
    return { size, md5: digest.toString('hex') }
  } finally {
    await rm(beside, { force: true })
  }
}

/** Deleting removes folders that have become empty, maybe this one meanwhile. */
async function moveTo(path: string, from: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await mkdir(dirname(path), { recursive: true })
    try {
      return await rename(from, path)
    } catch (thrown) {
      if (!hasCode(thrown, 'ENOENT') || attempt === 10) throw thrown
    }
  }
}

await main(JSON.parse(process.argv[2] ?? '') as S3rverOrder)
