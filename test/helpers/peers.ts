/**
 * The other programs that tests run against: current restic, the oldest restic that we serve, rest-server, rclone.
 * `npm test` puts them in place (scripts/install-peers.ts); a test whose peer is absent is skipped with the reason.
 *
 * @example test('restic reads it', { skip: missing('restic') }, async () => { await runOk(peer('restic'), ['version']) })
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export type PeerName = 'restic' | 'restic-0.14' | 'rest-server' | 'rclone'

/** Where the peers lie. The old restic has a folder beside it, because its file has the same name. */
export function peersFolder(): string {
  return process.env['UNDERSTUDY_PEERS'] ?? join(homedir(), '.cache', 'understudy-peers')
}

/** The path of a peer's program, whether it is there or not. */
export function peer(name: PeerName): string {
  const folder = peersFolder()
  if (name === 'restic-0.14') return join(`${folder}-014`, 'usr', 'bin', 'restic')
  return join(folder, 'usr', 'bin', name === 'rest-server' ? 'restic-rest-server' : name)
}

/** For `skip`: false when every peer is there, else the reason. */
export function missing(...names: readonly PeerName[]): string | false {
  const absent = names.filter((name) => !existsSync(peer(name)))
  return absent.length > 0 && `missing: ${absent.join(', ')} (npm test installs it on Debian as root)`
}
