import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peer } from './peers.ts'
import { freePort, listening } from './rest-server.ts'

export interface S3Server extends AsyncDisposable {
  readonly port: number
  /** The folder that holds the buckets. */
  readonly folder: string
  /** The variables with its keys. */
  readonly env: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string }
}

const keys = { AWS_ACCESS_KEY_ID: 'understudy-test', AWS_SECRET_ACCESS_KEY: 'secret/of+the=test' }

/** `rclone serve s3` on a free port of this machine, with a folder that goes when the server goes. */
export async function startS3Server({
  tls,
  flags = [],
}: {
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** More for rclone. */
  readonly flags?: readonly string[]
} = {}): Promise<S3Server> {
  const base = mkdtempSync(join(tmpdir(), 'understudy-s3-'))
  const folder = join(base, 'buckets')
  mkdirSync(folder)
  const port = await freePort()
  const secure = tls ? ['--cert', tls.cert, '--key', tls.key] : []
  const server = spawn(
    peer('rclone-s3'),
    [
      'serve',
      's3',
      '--addr',
      `127.0.0.1:${port}`,
      '--auth-key',
      Object.values(keys).join(','),
      ...secure,
      ...flags,
      folder,
    ],
    { stdio: 'ignore', env: { ...process.env, RCLONE_CONFIG: join(base, 'none') } },
  )
  await listening(server, port)
  return {
    port,
    folder,
    env: keys,
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
