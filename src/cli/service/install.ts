import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hasCode, messageOf } from '#base'
import { CliError } from '../errors.ts'
import { unitMark } from './units.ts'
import type { Unit } from './units.ts'

export interface InstallOptions {
  /** Where this machine's own units lie. */
  readonly units?: string
  /** Where users of services are declared (sysusers.d(5)). */
  readonly users?: string
  /** Runs a program. */
  readonly run?: (program: string, args: readonly string[]) => Promise<unknown>
}

/** Whether systemd runs this machine: sd_booted(3). */
export function isSystemdHere(): boolean {
  return existsSync('/run/systemd/system')
}

/**
 * Writes a unit, with its user, and has it started now and at each boot. A unit of this name that somebody else wrote stays
 * as it is. Returns the path. Throws `SERVICE_FOREIGN`, `OUTPUT_NOT_WRITTEN`, `SERVICE_NOT_STARTED`.
 */
export async function installUnit(
  { file, text, user }: Unit,
  { units = '/etc/systemd/system', users = '/etc/sysusers.d', run = promisify(execFile) }: InstallOptions = {},
): Promise<string> {
  const path = join(units, file)
  const there = readIfThere(path)
  if (there !== undefined && !there.startsWith(unitMark)) throw new CliError('SERVICE_FOREIGN', { path })
  const steps: (readonly [string, ...string[]])[] = []
  if (user !== undefined) {
    write(users, `${user}.conf`, `u ${user} - "Understudy control server"\n`)
    steps.push(['systemd-sysusers'])
  }
  write(units, file, text)
  steps.push(['systemctl', 'daemon-reload'], ['systemctl', 'enable', file], ['systemctl', 'restart', file])
  for (const [program, ...args] of steps) {
    await run(program, args).catch((cause: unknown) => {
      const command = [program, ...args].join(' ')
      throw new CliError('SERVICE_NOT_STARTED', { path, command, reason: messageOf(cause), file, cause })
    })
  }
  return path
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined
    throw new CliError('OUTPUT_NOT_WRITTEN', { path, reason: messageOf(thrown), cause: thrown })
  }
}

/** Whole, or not at all. */
function write(folder: string, name: string, text: string): void {
  const path = join(folder, name)
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${path}.new`, text, { mode: 0o644, flush: true })
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new CliError('OUTPUT_NOT_WRITTEN', { path, reason: messageOf(cause), cause })
  }
}
