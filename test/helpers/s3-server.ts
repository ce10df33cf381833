import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missing, peer } from './peers.ts'
import { freePort, listening } from './rest-server.ts'
import type { S3rverOrder } from './s3rver-driver.ts'

export interface S3Server extends AsyncDisposable {
  readonly port: number
  /** The folder that holds the buckets. */
  readonly folder: string
  /** The variables with its keys. */
  readonly env: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string }
  /** Puts an object there without asking the service: `path` begins with the bucket. */
  plant(path: readonly string[], bytes: Uint8Array): Promise<void>
}

export interface S3ServerOptions {
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** More for rclone. */
  readonly flags?: readonly string[]
}

/** What a service is started with. */
interface Start extends S3ServerOptions {
  readonly base: string
  readonly folder: string
  readonly port: number
}

interface Service {
  readonly missing: () => string | false
  /** A program and its words. */
  readonly command: (start: Start) => readonly [string, ...string[]]
  /** The file in which an object lies. */
  readonly fileOf: (key: string) => string
}

const keys = { AWS_ACCESS_KEY_ID: 'understudy-test', AWS_SECRET_ACCESS_KEY: 'secret/of+the=test' }
const s3rverDriver = fileURLToPath(new URL('s3rver-driver.ts', import.meta.url))

const services = {
  /** `npm test` puts it in place. */
  s3rver: {
    missing: () => missing('s3rver'),
    command: ({ base, folder, port, tls }) => {
      const incoming = join(base, 'incoming')
      const order = {
        folder,
        incoming,
        port,
        tls,
        accessKey: keys.AWS_ACCESS_KEY_ID,
        secretKey: keys.AWS_SECRET_ACCESS_KEY,
      }
      return [process.execPath, s3rverDriver, JSON.stringify(order satisfies S3rverOrder)]
    },
    fileOf: (key) => `${key}._S3rver_object`,
  },
  /** `rclone serve s3`, which few builds have. An object is a file of its own name. */
  rclone: {
    missing: () => missing('rclone-s3'),
    command: ({ folder, port, tls, flags = [] }) => [
      peer('rclone-s3'),
      'serve',
      's3',
      `--addr=127.0.0.1:${port}`,
      `--auth-key=${Object.values(keys).join(',')}`,
      ...(tls ? ['--cert', tls.cert, '--key', tls.key] : []),
      ...flags,
      folder,
    ],
    fileOf: (key) => key,
  },
} satisfies Record<string, Service>

export type S3ServiceName = keyof typeof services

/** The services to test against: each that is here. Says which is not; without any, the one that `npm test` installs, to be skipped. */
export function s3Services(): readonly { readonly name: S3ServiceName; readonly skip: string | false }[] {
  const all = (Object.keys(services) as S3ServiceName[]).map((name) => ({ name, skip: services[name].missing() }))
  const here = all.filter(({ skip }) => skip === false)
  if (here.length === 0) return all.slice(0, 1)
  for (const { name, skip } of all) if (skip !== false) process.stdout.write(`not tested against ${name}: ${skip}\n`)
  return here
}

/** An S3 service on a free port of this machine, with a folder that goes when the server goes. */
export async function startS3Server(name: S3ServiceName, options: S3ServerOptions = {}): Promise<S3Server> {
  const { command, fileOf }: Service = services[name]
  const base = mkdtempSync(join(tmpdir(), 'understudy-s3-'))
  const folder = join(base, 'buckets')
  mkdirSync(folder)
  const port = await freePort()
  const [program, ...args] = command({ ...options, base, folder, port })
  const server = spawn(program, args, { stdio: 'ignore', env: { ...process.env, RCLONE_CONFIG: join(base, 'none') } })
  await listening(server, port)
  return {
    port,
    folder,
    env: keys,
    async plant(path, bytes) {
      const file = fileOf(join(folder, ...path))
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, bytes)
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      if (server.exitCode === null) {
        server.kill('SIGKILL')
        await ended
      }
      rmSync(base, { recursive: true, force: true })
    },
  }
}
