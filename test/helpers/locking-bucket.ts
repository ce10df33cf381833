import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { ScriptedS3Server } from './scripted-s3-server.ts'
import type { S3Request } from './scripted-s3-server.ts'

interface Version {
  readonly id: string
  readonly bytes: Buffer
  retainedUntil: number
}

/**
 * A bucket with object lock, in this process: none of the S3 services that run here has it. It keeps versions, hides what is
 * deleted without one, and refuses to delete a version before its date (Amazon S3 API: PutObject, PutObjectRetention,
 * GetObjectLockConfiguration, ListObjectVersions, DeleteObject).
 */
export class LockingBucket implements AsyncDisposable {
  readonly server: ScriptedS3Server
  readonly versions = new Map<string, Version[]>()
  /** Requests that would be refused by Amazon: uploads to a bucket with locks want a checksum. */
  readonly unsound: string[] = []
  #count = 0

  private constructor(server: ScriptedS3Server) {
    this.server = server
    server.misbehave = (request, response) => this.#answer(request, response)
  }

  static async start(): Promise<LockingBucket> {
    return new LockingBucket(await ScriptedS3Server.start())
  }

  /** The earliest date until which anything but locks is kept; undefined: something is not. */
  retainedUntil(): number | undefined {
    const files = [...this.versions].filter(([key]) => !key.includes('/locks/'))
    const dates = files.map(([, [version]]) => version?.retainedUntil ?? 0)
    return dates.includes(0) ? undefined : Math.min(...dates)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }

  #answer(request: S3Request, response: ServerResponse): boolean {
    const { method, key, query } = request
    if (query.has('object-lock')) return this.#send(response, lockConfiguration)
    if (query.has('versions')) return this.#list(query.get('prefix') ?? '', response)
    if (query.has('retention') && method === 'PUT') return this.#retain(request, response)
    if (method === 'PUT' && key !== '') return this.#put(request)
    if (method === 'DELETE' && query.has('versionId')) return this.#deleteVersion(request, response)
    return false
  }

  #send(response: ServerResponse, body: string): true {
    response.writeHead(200, { date: new Date().toUTCString() }).end(body)
    return true
  }

  #put({ key, headers, body }: S3Request): false {
    const until = headers['x-amz-object-lock-retain-until-date']
    const md5 = createHash('md5').update(body).digest('base64')
    if (until !== undefined && headers['content-md5'] !== md5) this.unsound.push(`${key}: no checksum`)
    if (until !== undefined && headers['x-amz-object-lock-mode'] !== 'COMPLIANCE') this.unsound.push(`${key}: no mode`)
    const retainedUntil = typeof until === 'string' ? Date.parse(until) : 0
    // What the server answers, that a file is there already, it finds out after this.
    if (headers['if-none-match'] === '*' && this.server.objects.has(key)) return false
    this.versions.set(key, [...(this.versions.get(key) ?? []), { id: `v${++this.#count}`, bytes: body, retainedUntil }])
    return false
  }

  #retain({ key, body }: S3Request, response: ServerResponse): true {
    const [, date = ''] = /<RetainUntilDate>([^<]+)</.exec(body.toString()) ?? []
    const version = this.versions.get(key)?.at(-1)
    if (!version) return this.server.refuse(response, 404, 'NoSuchKey')
    if (Date.parse(date) < version.retainedUntil) return this.server.refuse(response, 403, 'AccessDenied')
    version.retainedUntil = Date.parse(date)
    return this.#send(response, '')
  }

  #list(prefix: string, response: ServerResponse): true {
    const entries = [...this.versions].flatMap(([key, versions]) =>
      key.startsWith(prefix)
        ? versions.map(
            ({ id, bytes }) =>
              `<Version><Key>${key}</Key><VersionId>${id}</VersionId><Size>${bytes.length}</Size></Version>`,
          )
        : [],
    )
    return this.#send(
      response,
      `<ListVersionsResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListVersionsResult>`,
    )
  }

  #deleteVersion({ key, query }: S3Request, response: ServerResponse): true {
    const versions = this.versions.get(key) ?? []
    const version = versions.find(({ id }) => id === query.get('versionId'))
    if ((version?.retainedUntil ?? 0) > Date.now()) return this.server.refuse(response, 403, 'AccessDenied')
    this.versions.set(
      key,
      versions.filter((each) => each !== version),
    )
    response.writeHead(204).end()
    return true
  }
}

const lockConfiguration =
  '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>'
