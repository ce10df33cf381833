import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { hasCode, messageOf } from '#base'
import type { Cancellable } from '#base'

import { NeighbourError } from './errors.ts'

/** The oldest rclone with all that is used of it: SMB (1.60), and its remote control on a Unix socket (1.63). */
export const leastRclone = '1.63.0'

/**
 * The version of rclone on this machine. Throws RCLONE_NOT_FOUND, RCLONE_TOO_OLD, RCLONE_FAILED.
 * @param program name or path
 */
export async function checkRclone(program: string, { signal }: Cancellable = {}): Promise<string> {
  const version = /^rclone v(\d+\.\d+\.\d+)/.exec(await askVersion(program, signal))?.[1]
  if (version === undefined) {
    throw new NeighbourError('RCLONE_FAILED', {
      device: 'other machines',
      reason: `${program} does not tell its version`,
    })
  }
  if (isOlder(version, leastRclone)) throw new NeighbourError('RCLONE_TOO_OLD', { version, least: leastRclone })
  return version
}

async function askVersion(program: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    // An empty name: it would make a folder for its configuration otherwise.
    const { stdout } = await promisify(execFile)(program, ['version', '--config', ''], {
      env: bareEnvironment(),
      timeout: 30_000,
      signal,
    })
    return stdout
  } catch (cause) {
    signal?.throwIfAborted()
    if (hasCode(cause, 'ENOENT')) throw new NeighbourError('RCLONE_NOT_FOUND', { program, least: leastRclone, cause })
    throw new NeighbourError('RCLONE_FAILED', { device: 'other machines', reason: messageOf(cause), cause })
  }
}

/** Without the settings that the environment may hold for rclone, proxies and ssh agents. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: '/nonexistent' }
}

function isOlder(version: string, than: string): boolean {
  const [one, other] = [version, than].map((text) => text.split('.').map(Number))
  for (const [place, part] of (one as number[]).entries()) {
    const difference = part - (other?.[place] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}
