/**
 * Other programs that tests run against: the real other side, or the judge. `npm test` puts them in place
 * (scripts/install-peers.ts); a test whose peer is absent is skipped with the reason.
 *
 * @example test('restic reads it', { skip: missing('restic') }, async () => { await runOk(peer('restic'), ['version']) })
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** The name under which each peer is asked for, and the file names that it has on different systems. */
const fileNames = {
  restic: ['restic'],
  /** Debian 12's, the oldest that must read and write what we do. */
  'restic-0.14': ['restic'],
  'rest-server': ['restic-rest-server', 'rest-server'],
  rclone: ['rclone'],
  /** One that has `serve s3`, which Debian's leaves out. */
  'rclone-s3': ['rclone'],
  /** An S3 service for tests, from npm. */
  s3rver: ['s3rver'],
  borg: ['borg'],
  openssl: ['openssl'],
  strace: ['strace'],
  tar: ['tar'],
  unzip: ['unzip'],
  python3: ['python3'],
  /** The system's browser. */
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
} as const satisfies Record<string, readonly string[]>

export type PeerName = keyof typeof fileNames

/** The path of a peer's program. Throws when it is not on this machine: a test asks `missing` first. */
export function peer(name: PeerName): string {
  const path = find(name)
  if (path === undefined) throw new Error(`${name} is not on this machine.`)
  return path
}

/** For `node:test`'s `skip`: false when the peers are here, else the reason. */
export function missing(...names: readonly PeerName[]): string | false {
  const absent = names.filter((name) => find(name) === undefined)
  return absent.length > 0 && `not on this machine: ${absent.join(', ')}`
}

export { missing as skipWithout }

/** Where `npm test` puts the peers. The old restic has a folder of its own, because its file has the same name. */
export function peersFolder(of: 'current' | 'old' | 's3' | 's3rver'): string {
  const cache = join(homedir(), '.cache')
  if (of === 'old') return process.env['UNDERSTUDY_PEERS_OLD'] || join(cache, 'understudy-peers-014')
  if (of === 's3') return process.env['UNDERSTUDY_PEERS_S3'] || join(cache, 'understudy-peers-s3')
  if (of === 's3rver') return process.env['UNDERSTUDY_PEERS_S3RVER'] || join(cache, 'understudy-peers-s3rver')
  return process.env['UNDERSTUDY_PEERS'] || join(cache, 'understudy-peers')
}

// The peers that tests install come before the system's, which may be years older.
function find(name: PeerName): string | undefined {
  const onlyInstalled = name === 'restic-0.14' || name === 's3rver'
  const folders = [...installedFolders(name), ...(onlyInstalled ? [] : pathFolders())]
  return folders
    .flatMap((folder) => fileNames[name].map((file) => join(folder, file)))
    .find(name === 'rclone-s3' ? servesS3 : isProgram)
}

function installedFolders(name: PeerName): string[] {
  if (name === 's3rver') return [join(peersFolder('s3rver'), 'node_modules', '.bin')]
  const folder = peersFolder(name === 'restic-0.14' ? 'old' : name === 'rclone-s3' ? 's3' : 'current')
  return [join(folder, 'usr', 'bin'), folder]
}

function pathFolders(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
}

function servesS3(path: string): boolean {
  return (
    isProgram(path) && spawnSync(path, ['serve', 's3', '--help'], { encoding: 'utf8' }).stdout.includes('--auth-key')
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
